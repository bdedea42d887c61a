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
