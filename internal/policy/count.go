package policy

import (
	"context"
	"fmt"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// Count says how many findings of the actor's tenant are open.
func (p *Policy) Count(ctx context.Context, actor access.Actor) (n int, err error) {
	if err := actor.Check(access.ReadPolicy); err != nil {
		return 0, err
	}
	err = p.db.View(ctx, func(tx *store.Tx) error {
		if own, all, err := inventory.Own(tx, actor); err != nil {
			return err
		} else if !all {
			n, err = countOwn(tx, actor.Tenant, own)
			return err
		}
		return tx.QueryRow(`SELECT count(*) FROM policy_finding WHERE tenant = $1 AND state = $2`, actor.Tenant, string(Open)).Scan(&n)
	})
	if err != nil {
		return 0, fmt.Errorf("cannot count the findings: %w", err)
	}
	return n, nil
}

func countOwn(tx *store.Tx, tenant string, own map[inventory.ObjectID]bool) (n int, err error) {
	for object := range own {
		var some int
		err := tx.QueryRow(`SELECT count(*) FROM policy_finding WHERE tenant = $1 AND state = $2 AND application = $3`, tenant, string(Open), string(object)).Scan(&some)
		if err != nil {
			return 0, err
		}
		n += some
	}
	return n, nil
}
