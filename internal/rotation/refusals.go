package rotation

import (
	"fmt"

	"rekey.example/rekey/internal/store"
)

// Refusals are the key ids whose last rotation a person has refused. One that
// nobody approved in time is not among them.
func Refusals(tx *store.Tx, tenant string) (map[string]bool, error) {
	rows, err := tx.Query(`SELECT version, body, sealed, previous FROM rotation WHERE tenant = $1 AND state = 'refused' ORDER BY asked, id`, tenant)
	if err != nil {
		return nil, fmt.Errorf("cannot list refused rotations: %w", err)
	}
	defer rows.Close()
	keys := map[string]bool{}
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("cannot list refused rotations: %w", err)
		}
		keys[r.Terms.Old.KeyID] = !r.Terms.Expires.Before(r.Ended)
	}
	return keys, rows.Err()
}
