package policy

import (
	"context"
	"fmt"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// Count says how many findings of the actor's tenant are open.
func (p *Policy) Count(ctx context.Context, actor access.Actor) (n int, err error) {
	if err := actor.Check(access.ReadPolicy); err != nil {
		return 0, err
	}
	err = p.db.View(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT count(*) FROM policy_finding WHERE tenant = $1 AND state = $2`, actor.Tenant, string(Open)).Scan(&n)
	})
	if err != nil {
		return 0, fmt.Errorf("cannot count the findings: %w", err)
	}
	return n, nil
}
