package inventory

import (
	"database/sql"
	"fmt"
	"strings"

	"rekey.example/rekey/internal/store"
)

// search finds what somebody means who knows one thing of it: the credentials whose
// key id it is; or else those of applications and owners with it in their name, and
// those with it in their label.
func search(tx *store.Tx, number int64, text string) (map[int64]choice, error) {
	text = strings.TrimSpace(text)
	set := map[int64]choice{}
	one := func(rows *sql.Rows) error {
		var num int64
		var key string
		if err := rows.Scan(&num, &key); err != nil {
			return err
		}
		if keys, ok := set[num]; ok && keys == nil {
			return nil // all of them already
		}
		if set[num] == nil {
			set[num] = choice{}
		}
		set[num][key] = true
		return nil
	}
	id := strings.ToLower(text)
	err := eachRow(tx, one, `SELECT num, key_id FROM inventory_credential WHERE tenant = $1 AND key_look = $2 AND key_id = $3 AND gone = 0`, number, look(id), id)
	if err != nil {
		return nil, fmt.Errorf("cannot search: %w", err)
	}
	if len(set) > 0 {
		return set, nil
	}
	for _, match := range []func(*store.Tx, int64, string) (map[int64]choice, error){matchApplications, matchOwners} {
		found, err := match(tx, number, text)
		if err != nil {
			return nil, err
		}
		for num := range found {
			set[num] = nil
		}
	}
	err = eachRow(tx, one, `SELECT num, key_id FROM inventory_credential WHERE tenant = $1 AND gone = 0 AND LOWER(label) LIKE $2 ESCAPE '!'`, number, part(text))
	if err != nil {
		return nil, fmt.Errorf("cannot search: %w", err)
	}
	return set, nil
}

// stray are the credentials whose label ends in a marker that nobody adopted.
func (f *finder) stray() (map[int64]choice, error) {
	set := map[int64]choice{}
	if f.Strays == nil {
		return set, nil
	}
	marked, err := f.Strays(f.tx, f.tenant)
	if err != nil {
		return nil, fmt.Errorf("cannot look for strays: %w", err)
	}
	for _, m := range marked {
		k, err := findKnown(f.tx, f.number, m.Holder)
		if err != nil {
			return nil, err
		}
		if k.num == 0 {
			continue
		}
		held, err := loadCredentials(f.tx, f.tenant, f.number, k.num, m.Holder)
		if err != nil {
			return nil, err
		}
		for _, c := range held {
			if c.gone != 0 || !strings.HasSuffix(c.Label, m.Marker) {
				continue
			}
			if set[k.num] == nil {
				set[k.num] = choice{}
			}
			set[k.num][c.KeyID] = true
		}
	}
	return set, nil
}
