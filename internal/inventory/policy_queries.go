package inventory

import (
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"

	"rekey.example/rekey/internal/store"
)

// Holding is a directory object with the credentials it now has.
type Holding struct {
	Application
	Credentials []Held
}

// Held is a credential with what is known around it.
type Held struct {
	Credential
	Appeared time.Time // when it was first seen, if it appeared without us
	Places   []Kept    // where its value is kept
}

// Kept is an entry of a vault and the credential whose value it holds, if one is
// known. Of the entry it has what rules look at: no tags.
type Kept struct {
	Entry
	Holder     ObjectID // empty: no credential is known
	KeyID      string
	How        string    // see Deposit
	HolderName string    // of the application
	Ends       time.Time // the credential's end; zero: none is known
}

// Shared is one value or one certificate that is in several places.
type Shared struct {
	Fingerprint string // of a value, ...
	Thumbprint  string // ... or of a certificate
	Places      []Place
	Holders     []Application // id, client id, holder and name only
}

const policyPage = 500

// Holdings walks the objects of a tenant that are there, a page at a time. The
// pointer is good until the next one.
func Holdings(tx *store.Tx, tenant string) iter.Seq2[*Holding, error] {
	return func(yield func(*Holding, error) bool) {
		number, err := tenantNumber(tx, tenant)
		if err != nil || number == 0 {
			if err != nil {
				yield(nil, err)
			}
			return
		}
		for after := int64(0); ; {
			page, last, err := holdingsPage(tx, tenant, number, after)
			if err != nil {
				yield(nil, fmt.Errorf("cannot walk the applications: %w", err))
				return
			}
			for i := range page {
				if !yield(&page[i], nil) {
					return
				}
			}
			if len(page) < policyPage {
				return
			}
			after = last
		}
	}
}

func holdingsPage(tx *store.Tx, tenant string, number, after int64) (page []Holding, last int64, err error) {
	at := map[int64]int{} // from an object's number to its place in the page
	err = eachRow(tx, func(rows *sql.Rows) error {
		a, err := scanApplication(rows, tenant)
		if err != nil {
			return err
		}
		at[a.num], last = len(page), a.num
		page = append(page, Holding{Application: a.Application})
		return nil
	}, `SELECT `+applicationColumns+` FROM inventory_application WHERE tenant = $1 AND num > $2 AND gone = 0 ORDER BY num LIMIT $3`, number, after, policyPage)
	if err != nil || len(page) == 0 {
		return nil, 0, err
	}
	err = eachRow(tx, func(rows *sql.Rows) error {
		c, err := scanCredential(rows, tenant, "")
		if err != nil {
			return err
		}
		if i, ok := at[c.num]; ok {
			c.Holder = page[i].ObjectID
			page[i].Credentials = append(page[i].Credentials, Held{Credential: c.Credential, Appeared: fromMillis(c.unmanaged)})
		}
		return nil
	}, `SELECT `+credentialColumns+` FROM inventory_credential WHERE tenant = $1 AND num > $2 AND num <= $3 AND gone = 0 ORDER BY num, key_id`, number, after, last)
	if err != nil {
		return nil, 0, err
	}
	err = eachRow(tx, func(rows *sql.Rows) error {
		var num int64
		k, err := scanKept(rows, tenant, &num)
		if err != nil {
			return err
		}
		if i, ok := at[num]; ok {
			page[i].place(k)
		}
		return nil
	}, `SELECT d.num, d.vault, d.name, COALESCE(e.kind, ''), COALESCE(e.enabled, 1), COALESCE(e.expires, 0), COALESCE(e.created, 0), COALESCE(e.fingerprint, ''), d.key_id, d.how
		FROM inventory_deposit d LEFT JOIN inventory_entry e ON e.tenant = d.tenant AND e.vault = d.vault AND e.name = d.name AND e.gone = 0
		WHERE d.tenant = $1 AND d.num > $2 AND d.num <= $3 ORDER BY d.num, d.key_id, d.vault, d.name, e.kind`, number, after, last)
	return page, last, err
}

// place puts an entry beside its credential. A Key Vault shows a certificate as
// an entry of each kind, of the same name.
func (h *Holding) place(k Kept) {
	for i := range h.Credentials {
		c := &h.Credentials[i]
		if c.KeyID != k.KeyID {
			continue
		}
		if n := len(c.Places); n > 0 && c.Places[n-1].Place == k.Place {
			return
		}
		k.Holder, k.HolderName, k.Ends = h.ObjectID, h.Name, c.Expires
		c.Places = append(c.Places, k)
	}
}

func scanKept(s scanner, tenant string, num *int64) (k Kept, err error) {
	var enabled, expires, created int64
	k.Tenant = tenant
	err = s.Scan(num, &k.Place.Vault, &k.Place.Name, &k.Kind, &enabled, &expires, &created, &k.Fingerprint, &k.KeyID, &k.How)
	k.Enabled, k.Expires, k.Created = enabled != 0, fromEnd(expires), fromMillis(created)
	return k, err
}

// Vaulted walks the entries of a tenant's vaults that are there, a page at a
// time, each with the credential it holds.
func Vaulted(tx *store.Tx, tenant string) iter.Seq2[*Kept, error] {
	return func(yield func(*Kept, error) bool) {
		number, err := tenantNumber(tx, tenant)
		if err != nil || number == 0 {
			if err != nil {
				yield(nil, err)
			}
			return
		}
		var last Kept
		for {
			page, err := vaultedPage(tx, tenant, number, last)
			if err != nil {
				yield(nil, fmt.Errorf("cannot walk the vaults: %w", err))
				return
			}
			for i := range page {
				if !yield(&page[i], nil) {
					return
				}
			}
			if len(page) < policyPage {
				return
			}
			last = page[len(page)-1]
		}
	}
}

func vaultedPage(tx *store.Tx, tenant string, number int64, after Kept) (page []Kept, err error) {
	err = eachRow(tx, func(rows *sql.Rows) error {
		var k Kept
		var enabled, expires, created, ends int64
		err := rows.Scan(&k.Place.Vault, &k.Place.Name, &k.Kind, &enabled, &expires, &created, &k.Fingerprint, &k.KeyID, &k.How, &ends, &k.Holder, &k.HolderName)
		if err != nil {
			return err
		}
		k.Tenant, k.Enabled, k.Expires, k.Created, k.Ends = tenant, enabled != 0, fromEnd(expires), fromMillis(created), fromEnd(ends)
		if k.Holder == "" { // what it held is gone
			k.KeyID, k.How = "", ""
		}
		page = append(page, k)
		return nil
	}, `SELECT e.vault, e.name, e.kind, e.enabled, e.expires, e.created, e.fingerprint, COALESCE(d.key_id, ''), COALESCE(d.how, ''),
			COALESCE(c.expires, 0), COALESCE(a.object_id, ''), COALESCE(a.name, '')
		FROM inventory_entry e
		LEFT JOIN inventory_deposit d ON d.tenant = e.tenant AND d.vault = e.vault AND d.name = e.name
		LEFT JOIN inventory_credential c ON c.tenant = d.tenant AND c.num = d.num AND c.key_id = d.key_id AND c.gone = 0
		LEFT JOIN inventory_application a ON a.tenant = c.tenant AND a.num = c.num AND a.gone = 0
		WHERE e.tenant = $1 AND e.gone = 0 AND (e.vault, e.name, e.kind) > ($2, $3, $4)
		ORDER BY e.vault, e.name, e.kind LIMIT $5`, number, after.Place.Vault, after.Place.Name, after.Kind, policyPage)
	return page, err
}

// SharedValues walks the values that stand in more than one place of the vaults.
func SharedValues(tx *store.Tx, tenant string) iter.Seq2[*Shared, error] {
	return shared(tx, tenant, func(rows *sql.Rows) (s Shared, err error) {
		var p Place
		err = rows.Scan(&s.Fingerprint, &p.Vault, &p.Name)
		s.Places = []Place{p}
		return s, err
	}, `SELECT fingerprint, vault, name FROM inventory_entry
		WHERE tenant = $1 AND gone = 0 AND kind = 'secret' AND fingerprint <> '' AND fingerprint IN (
			SELECT fingerprint FROM inventory_entry WHERE tenant = $1 AND gone = 0 AND kind = 'secret' AND fingerprint <> '' GROUP BY fingerprint HAVING COUNT(*) > 1)
		ORDER BY fingerprint, vault, name`)
}

// SharedCertificates walks the certificates that more than one application
// accepts. An application and its own service principal are one.
func SharedCertificates(tx *store.Tx, tenant string) iter.Seq2[*Shared, error] {
	return shared(tx, tenant, func(rows *sql.Rows) (s Shared, err error) {
		a := Application{Tenant: tenant}
		err = rows.Scan(&s.Thumbprint, &a.ObjectID, &a.ClientID, &a.Holder, &a.Name)
		s.Holders = []Application{a}
		return s, err
	}, `SELECT c.thumbprint, a.object_id, a.client_id, a.holder, a.name
		FROM inventory_credential c JOIN inventory_application a ON a.tenant = c.tenant AND a.num = c.num AND a.gone = 0
		WHERE c.tenant = $1 AND c.gone = 0 AND c.thumbprint <> '' AND c.thumbprint IN (
			SELECT c.thumbprint FROM inventory_credential c JOIN inventory_application a ON a.tenant = c.tenant AND a.num = c.num AND a.gone = 0
			WHERE c.tenant = $1 AND c.gone = 0 AND c.thumbprint <> '' GROUP BY c.thumbprint HAVING COUNT(DISTINCT a.client_id) > 1)
		ORDER BY c.thumbprint, a.object_id`)
}

// shared puts the rows of one value together. They come sorted by it.
func shared(tx *store.Tx, tenant string, scan func(*sql.Rows) (Shared, error), query string) iter.Seq2[*Shared, error] {
	return func(yield func(*Shared, error) bool) {
		number, err := tenantNumber(tx, tenant)
		if err != nil || number == 0 {
			if err != nil {
				yield(nil, err)
			}
			return
		}
		var s *Shared
		stopped := false
		err = eachRow(tx, func(rows *sql.Rows) error {
			next, err := scan(rows)
			if err != nil {
				return err
			}
			if s != nil && s.Fingerprint == next.Fingerprint && s.Thumbprint == next.Thumbprint {
				s.Places, s.Holders = append(s.Places, next.Places...), append(s.Holders, next.Holders...)
				return nil
			}
			if s != nil && !yield(s, nil) {
				stopped = true
				return errStopped
			}
			s = &next
			return nil
		}, query, number)
		switch {
		case stopped:
		case err != nil:
			yield(nil, fmt.Errorf("cannot look for shared values: %w", err))
		case s != nil:
			yield(s, nil)
		}
	}
}

var errStopped = errors.New("the walk was stopped")

// eachRow calls f for every row of a query.
func eachRow(tx *store.Tx, f func(*sql.Rows) error, query string, args ...any) error {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
