package inventory

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rekey.example/rekey/internal/store"
)

// application is a row of inventory_application.
type application struct {
	Application
	num  int64
	hash string
	gone int64
}

const applicationColumns = `num, holder, object_id, client_id, name, audience, home, kind, sso, notes, enabled, created, owners, hash, gone`

type scanner interface{ Scan(...any) error }

func scanApplication(s scanner, tenant string) (a application, err error) {
	var owners string
	var created int64
	err = s.Scan(&a.num, &a.Holder, &a.ObjectID, &a.ClientID, &a.Name, &a.Audience, &a.Home, &a.Kind, &a.SSO, &a.Notes, &a.Enabled, &created, &owners, &a.hash, &a.gone)
	if err != nil {
		return a, err
	}
	a.Tenant, a.Created, a.Owners = tenant, fromMillis(created), readOwners(owners)
	return a, nil
}

func readOwners(text string) []Owner {
	owners := []Owner{}
	if text != "" {
		_ = json.Unmarshal([]byte(text), &owners) // our own writing
	}
	return owners
}

// writeOwners puts owners into the one form in which they are compared.
func writeOwners(owners []Owner) string {
	if len(owners) == 0 {
		return ""
	}
	slices.SortFunc(owners, func(a, b Owner) int { return strings.Compare(string(a.ObjectID), string(b.ObjectID)) })
	b, err := json.Marshal(owners)
	if err != nil {
		return "" // plain strings only; cannot happen
	}
	return string(b)
}

// fold is what names are searched by: lower case, its beginning only.
func fold(name string) string {
	const longest = 200
	s := strings.ToLower(name)
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "")
}

func loadApplication(tx *store.Tx, tenant string, number, num int64) (application, error) {
	a, err := scanApplication(tx.QueryRow(`SELECT `+applicationColumns+` FROM inventory_application WHERE tenant = $1 AND num = $2`, number, num), tenant)
	if err != nil {
		return a, fmt.Errorf("cannot read application %d: %w", num, err)
	}
	return a, nil
}

// known is what a row says of an object; its number is 0 if there is none.
type known struct {
	num  int64
	hash string
	gone int64
}

const selectKnown = `SELECT num, hash, gone FROM inventory_application WHERE tenant = $1 AND object_look = $2 AND object_id = $3`

// findKnown looks an object up.
func findKnown(tx *store.Tx, number int64, id ObjectID) (known, error) {
	return scanKnown(tx.QueryRow(selectKnown, number, look(string(id)), id), id)
}

func scanKnown(s scanner, id ObjectID) (k known, err error) {
	err = s.Scan(&k.num, &k.hash, &k.gone)
	if errors.Is(err, sql.ErrNoRows) {
		return known{}, nil
	}
	if err != nil {
		return known{}, fmt.Errorf("cannot look up object %s: %w", id, err)
	}
	return k, nil
}

const setApplication = `UPDATE inventory_application SET client_id = $3, client_look = $4, name = $5, fold = $6, audience = $7, home = $8, kind = $9, sso = $10,
	notes = $11, enabled = $12, created = $13, owners = $14, owned = $15, hash = $16, gone = $17 WHERE tenant = $1 AND num = $2`

func (a *application) update(tx *store.Tx, tenant int64) error {
	_, err := tx.Exec(setApplication, tenant, a.num, a.ClientID, look(string(a.ClientID)), a.Name, fold(a.Name), a.Audience, a.Home, a.Kind, a.SSO,
		a.Notes, flag(a.Enabled), millis(a.Created), writeOwners(a.Owners), int64(len(a.Owners)), a.hash, a.gone)
	if err != nil {
		return fmt.Errorf("cannot write application %s: %w", a.ObjectID, err)
	}
	return nil
}

// credential is a row of inventory_credential.
type credential struct {
	Credential
	num         int64
	fingerprint string
	unmanaged   int64
	gone        int64
}

const credentialColumns = `num, key_id, kind, label, hint, thumbprint, fingerprint, starts, expires, used, unmanaged, gone`

func scanCredential(s scanner, tenant string, holder ObjectID) (c credential, err error) {
	var starts, expires, used int64
	err = s.Scan(&c.num, &c.KeyID, &c.Kind, &c.Label, &c.Hint, &c.Thumbprint, &c.fingerprint, &starts, &expires, &used, &c.unmanaged, &c.gone)
	if err != nil {
		return c, err
	}
	c.Tenant, c.Holder = tenant, holder
	c.Starts, c.Expires, c.LastUsed = fromMillis(starts), fromEnd(expires), fromMillis(used)
	return c, nil
}

// loadCredentials are all that an object holds or held, the gone ones too.
func loadCredentials(tx *store.Tx, tenant string, number, num int64, holder ObjectID) (list []credential, err error) {
	rows, err := tx.Query(`SELECT `+credentialColumns+` FROM inventory_credential WHERE tenant = $1 AND num = $2 ORDER BY expires, key_id`, number, num)
	if err != nil {
		return nil, fmt.Errorf("cannot read the credentials of %s: %w", holder, err)
	}
	defer rows.Close()
	for rows.Next() {
		c, err := scanCredential(rows, tenant, holder)
		if err != nil {
			return nil, fmt.Errorf("cannot read the credentials of %s: %w", holder, err)
		}
		list = append(list, c)
	}
	return list, rows.Err()
}

const putCredential = `INSERT INTO inventory_credential (tenant, num, key_id, key_look, kind, label, hint, thumbprint, fingerprint, starts, expires, used, unmanaged, gone)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
	ON CONFLICT (tenant, num, key_id) DO UPDATE SET kind = excluded.kind, label = excluded.label, hint = excluded.hint, thumbprint = excluded.thumbprint,
	fingerprint = excluded.fingerprint, starts = excluded.starts, expires = excluded.expires, used = excluded.used, unmanaged = excluded.unmanaged, gone = excluded.gone`

func (c *credential) put(tx *store.Tx, tenant int64) error {
	_, err := tx.Exec(putCredential, tenant, c.num, c.KeyID, look(c.KeyID), c.Kind, c.Label, c.Hint, c.Thumbprint, c.fingerprint,
		millis(c.Starts), endMillis(c.Expires), millis(c.LastUsed), c.unmanaged, c.gone)
	if err != nil {
		return fmt.Errorf("cannot write credential %s: %w", c.KeyID, err)
	}
	return nil
}

// setOwners keeps the index from owners to what they own.
func setOwners(tx *store.Tx, number, num int64, before, now []Owner) error {
	for _, o := range before {
		if _, err := tx.Exec(`DELETE FROM inventory_owner WHERE tenant = $1 AND num = $2 AND owner = $3`, number, num, look(string(o.ObjectID))); err != nil {
			return fmt.Errorf("cannot write the owners: %w", err)
		}
	}
	for _, o := range now {
		if _, err := tx.Exec(`INSERT INTO inventory_owner (tenant, num, owner) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, number, num, look(string(o.ObjectID))); err != nil {
			return fmt.Errorf("cannot write the owners: %w", err)
		}
		if err := putPerson(tx, number, o); err != nil {
			return err
		}
	}
	return nil
}

func putPerson(tx *store.Tx, number int64, o Owner) error {
	_, err := tx.Exec(`INSERT INTO inventory_person (tenant, look, object_id, fold, mail) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant, look) DO UPDATE SET fold = excluded.fold, mail = excluded.mail`, number, look(string(o.ObjectID)), o.ObjectID, fold(o.Name), fold(o.Mail))
	if err != nil {
		return fmt.Errorf("cannot write an owner: %w", err)
	}
	return nil
}
