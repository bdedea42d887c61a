package rotation

import (
	"context"
	"fmt"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// Tally counts a tenant's rotations and what their requests have left behind.
type Tally struct {
	States  map[State]int // open, done, refused, cancelled, void
	Watched int           // markers of requests whose outcome nobody knows, watched for what may turn up
	Strays  int           // credentials that turned up with such a marker and are not withdrawn yet; 0 in the long run
}

// Tally counts the rotations of the actor's tenant.
func (k *Keeper) Tally(ctx context.Context, by access.Actor) (t Tally, err error) {
	if err := by.Check(access.ReadRotations); err != nil {
		return t, err
	}
	t.States = map[State]int{Open: 0, Done: 0, Refused: 0, Cancelled: 0, Void: 0}
	err = k.Store.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT state, count(*) FROM rotation WHERE tenant = $1 GROUP BY state`, by.Tenant)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var s State
			var n int
			if err := rows.Scan(&s, &n); err != nil {
				return err
			}
			t.States[s] = n
		}
		if err := rows.Err(); err != nil {
			return err
		}
		return tx.QueryRow(`SELECT count(*), count(nullif(key_id, '')) FROM rotation_attempt WHERE tenant = $1 AND state = $2`,
			by.Tenant, string(Abandoned)).Scan(&t.Watched, &t.Strays)
	})
	if err != nil {
		return t, fmt.Errorf("cannot count the rotations: %w", err)
	}
	return t, nil
}
