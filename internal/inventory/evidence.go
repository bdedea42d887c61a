package inventory

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// Match finds out which credential each vault entry holds. The surest evidence
// wins: that a rotation put it there, the key id in a tag, a value seen before,
// a certificate's thumbprint; and last the first characters, if they leave one
// possibility only.
func (s *Syncer) Match(ctx context.Context, by access.Actor) error {
	if err := by.Check(access.SyncInventory); err != nil {
		return err
	}
	m := &matcher{tenant: by.Tenant, values: map[string]owned{}}
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		var err error
		if m.number, err = tenantNumber(tx, by.Tenant); err != nil {
			return err
		}
		m.tx = tx
		return WalkEntries(tx, by.Tenant, m.look)
	})
	if err == nil {
		err = s.Store.View(ctx, func(tx *store.Tx) error {
			m.tx = tx
			if err := m.sameValues(); err != nil {
				return err
			}
			return m.guess()
		})
	}
	if err == nil && len(m.changes) > 0 {
		err = s.Store.Do(ctx, m.write)
	}
	if err != nil {
		return fmt.Errorf("cannot match vaults and credentials: %w", err)
	}
	return nil
}

// owned is a credential by its numbers.
type owned struct {
	num   int64
	keyID string
}

type matcher struct {
	tenant  string
	number  int64
	tx      *store.Tx
	values  map[string]owned // fingerprints whose credential is known
	open    []Entry          // entries without evidence so far
	changes []finding
}

// finding is what was found out about one place.
type finding struct {
	entry Entry
	owned
	how   string
	value bool // the entry's value is surely the credential's: remember its fingerprint
}

// look judges one entry by itself.
func (m *matcher) look(e Entry) error {
	num, keyID, version, how, err := heldBy(m.tx, m.number, e.Place)
	if err != nil {
		return err
	}
	if how == ByRotation && (e.Place.Version == "" || version == "" || e.Place.Version == version) {
		if e.Fingerprint != "" {
			m.values[e.Fingerprint] = owned{num, keyID}
		}
		return nil
	}
	f, err := m.direct(&e)
	if err != nil {
		return err
	}
	if f == nil {
		m.open = append(m.open, e)
		return nil
	}
	if e.Fingerprint != "" {
		m.values[e.Fingerprint] = f.owned
	}
	m.keep(*f, num, keyID, version, how)
	return nil
}

// keep notes a finding unless it is what is known already.
func (m *matcher) keep(f finding, num int64, keyID, version, how string) {
	if f.num != num || f.keyID != keyID || f.entry.Place.Version != version || f.how != how || f.value {
		m.changes = append(m.changes, f)
	}
}

// direct finds evidence in the entry itself.
func (m *matcher) direct(e *Entry) (*finding, error) {
	if id := e.Tags[TagKeyID]; id != "" {
		list, err := byKey(m.tx, m.tenant, m.number, id)
		if err != nil {
			return nil, err
		}
		// A tag outlives the value it was written for: if the first characters
		// differ, it speaks of an older one.
		// The keys of resources have names that many share: key1 says nothing.
		shared := len(list) > 1 && list[0].Kind == AccessKey && list[1].gone == 0
		if len(list) > 0 && !shared && list[0].gone == 0 && (e.Hint == "" || list[0].Hint == "" || e.Hint == list[0].Hint) {
			c := list[0]
			return &finding{*e, owned{c.num, c.KeyID}, ByTag, e.Fingerprint != "" && c.fingerprint == "" && e.Hint != "" && e.Hint == c.Hint}, nil
		}
	}
	for _, by := range []struct{ how, value, query string }{
		{ByFingerprint, e.Fingerprint, `SELECT ` + credentialColumns + ` FROM inventory_credential WHERE tenant = $1 AND fingerprint = $2 AND fingerprint <> '' AND gone = 0`},
		{ByThumbprint, e.Thumbprint, `SELECT ` + credentialColumns + ` FROM inventory_credential WHERE tenant = $1 AND thumbprint = $2 AND thumbprint <> '' AND gone = 0 ORDER BY num, key_id`},
	} {
		if by.value == "" {
			continue
		}
		f := finder{tx: m.tx, tenant: m.tenant}
		list, err := f.read(by.query, m.number, by.value)
		if err != nil {
			return nil, err
		}
		if len(list) > 0 {
			return &finding{*e, owned{list[0].num, list[0].KeyID}, by.how, false}, nil
		}
	}
	return nil, nil
}

// sameValues recognises values that another place is known to hold.
func (m *matcher) sameValues() error {
	left := m.open[:0]
	for _, e := range m.open {
		o, ok := m.values[e.Fingerprint]
		if !ok || e.Fingerprint == "" {
			left = append(left, e)
			continue
		}
		num, keyID, version, how, err := heldBy(m.tx, m.number, e.Place)
		if err != nil {
			return err
		}
		m.keep(finding{e, o, ByFingerprint, false}, num, keyID, version, how)
	}
	m.open = left
	return nil
}

// guess looks for the one client secret whose first characters an entry has. It
// goes through all of them once, however many entries are open.
func (m *matcher) guess() error {
	fits := map[string][]credential{}
	for _, e := range m.open {
		if e.Hint != "" {
			fits[e.Hint] = nil
		}
	}
	if len(fits) > 0 {
		rows, err := m.tx.Query(`SELECT `+credentialColumns+` FROM inventory_credential WHERE tenant = $1 AND gone = 0 AND kind = $2 AND hint <> ''`, m.number, string(ClientSecret))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			c, err := scanCredential(rows, m.tenant, "")
			if err != nil {
				return err
			}
			if list, wanted := fits[c.Hint]; wanted {
				fits[c.Hint] = append(list, c)
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	for _, e := range m.open {
		num, keyID, version, how, err := heldBy(m.tx, m.number, e.Place)
		if err != nil {
			return err
		}
		c := only(&e, fits[e.Hint])
		switch {
		case c != nil:
			m.keep(finding{e, owned{c.num, c.KeyID}, ByHint, false}, num, keyID, version, how)
		case how != "":
			m.changes = append(m.changes, finding{entry: e}) // what was known is no longer true
		}
	}
	return nil
}

// only is the one credential that fits an entry: the only one with its first
// characters or, if there are several, the only one of these that ends when the
// entry does or began when it was written.
func only(e *Entry, fits []credential) *credential {
	if len(fits) <= 1 {
		if len(fits) == 1 {
			return &fits[0]
		}
		return nil
	}
	var found *credential
	for i := range fits {
		c := &fits[i]
		if !near(c.Expires, e.Expires, 24*time.Hour) && !near(c.Starts, e.Created, time.Hour) {
			continue
		}
		if found != nil {
			return nil
		}
		found = c
	}
	return found
}

func near(a, b time.Time, d time.Duration) bool {
	return !a.IsZero() && !b.IsZero() && a.Sub(b).Abs() <= d
}

func (m *matcher) write(tx *store.Tx) error {
	for _, f := range m.changes {
		if f.how == "" {
			if err := dropPlace(tx, m.number, f.entry.Place); err != nil {
				return err
			}
			continue
		}
		// A rotation may have written while we were looking: what it says stays,
		// unless it is of another version.
		_, _, version, how, err := heldBy(tx, m.number, f.entry.Place)
		if err != nil {
			return err
		}
		if how == ByRotation && (version == "" || strings.EqualFold(version, f.entry.Place.Version) || f.entry.Place.Version == "") {
			continue
		}
		if err := putDeposit(tx, m.number, f.num, f.keyID, f.entry.Place, f.how); err != nil {
			return err
		}
		if f.value {
			if _, err := tx.Exec(`UPDATE inventory_credential SET fingerprint = $4 WHERE tenant = $1 AND num = $2 AND key_id = $3 AND fingerprint = ''`,
				m.number, f.num, f.keyID, f.entry.Fingerprint); err != nil {
				return fmt.Errorf("cannot write a fingerprint: %w", err)
			}
		}
	}
	return nil
}
