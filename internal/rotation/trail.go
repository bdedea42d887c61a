package rotation

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// ActOf finds the rotation that a credential in somebody else's records comes
// from: by its key id, or by the marker at the end of its name. how is "key id"
// or "marker". An empty holder is any. It is asked about old credentials too, which a rotation withdrew.
func ActOf(tx *store.Tx, tenant string, holder inventory.ObjectID, keyID, label string) (rotation, how string, found bool, err error) {
	for _, by := range []struct{ how, text, value string }{
		{"key id", `SELECT rotation FROM rotation_attempt WHERE tenant = $1 AND key_id = $2 AND (holder = $3 OR CAST($3 AS TEXT) = '') LIMIT 1`, keyID},
		{"marker", `SELECT rotation FROM rotation_attempt WHERE tenant = $1 AND marker = $2 AND (holder = $3 OR CAST($3 AS TEXT) = '') LIMIT 1`, markerOf(label)},
	} {
		if by.value == "" {
			continue
		}
		err := tx.QueryRow(by.text, tenant, by.value, string(holder)).Scan(&rotation)
		if err == nil {
			return rotation, by.how, true, nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return "", "", false, fmt.Errorf("cannot look up who made a credential: %w", err)
		}
	}
	return "", "", false, nil
}

// IsBeat reports whether a vault entry is one that installations of rekey tell a
// restored one from the one that counts with.
func IsBeat(name string) bool { return strings.HasPrefix(name, beatEntry) }

// Touched is what a rotation is about.
type Touched struct {
	Holder   inventory.ObjectID
	Old, New string // key ids
	Place    inventory.Place
	Entry    string // version that it wrote; empty: none yet
	Open     bool
}

// TouchedBy tells what a rotation is about; not found if there is none.
func TouchedBy(tx *store.Tx, tenant, id string) (t Touched, found bool, err error) {
	r, err := scan(tx.QueryRow(`SELECT version, body, sealed, previous FROM rotation WHERE tenant = $1 AND id = $2`, tenant, id))
	if errors.Is(err, sql.ErrNoRows) {
		return t, false, nil
	}
	if err != nil {
		return t, false, fmt.Errorf("cannot load rotation %q: %w", id, err)
	}
	t = Touched{Holder: r.Terms.Application.ObjectID, Old: r.Terms.Old.KeyID, Place: r.Terms.Place, Entry: r.Entry, Open: r.State == Open}
	if r.Issued != nil {
		t.New = r.Issued.KeyID
	} else if a := r.attempt(); a != nil {
		t.New = a.KeyID
	}
	return t, true, nil
}

// Made is a credential that the journal says was issued.
type Made struct {
	Rotation string
	Holder   inventory.ObjectID
	KeyID    string
	Sent     time.Time
}

// MadeBetween lists the credentials of the directory that were issued in a span,
// for the daily books: those whose request was sent then and whose key id is known.
// Keys of resources are in no directory's records.
func MadeBetween(tx *store.Tx, tenant string, from, to time.Time) ([]Made, error) {
	// A rotation is asked for before it issues, and ends at most weeks later.
	rows, err := tx.Query(`SELECT version, body, sealed, previous FROM rotation WHERE tenant = $1 AND asked >= $2 AND asked < $3 ORDER BY asked, id`,
		tenant, from.Add(-60*24*time.Hour).UnixMilli(), to.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("cannot list what was issued: %w", err)
	}
	defer rows.Close()
	var list []Made
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("cannot list what was issued: %w", err)
		}
		if r.Terms.Old.Kind == inventory.AccessKey {
			continue
		}
		for _, a := range r.Attempts {
			if a.KeyID != "" && !a.Sent.Before(from) && a.Sent.Before(to) {
				list = append(list, Made{r.ID, r.Terms.Application.ObjectID, a.KeyID, a.Sent})
			}
		}
	}
	return list, rows.Err()
}
