package trail

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/store"
)

// Explain completes the findings that stand: with what the application can touch,
// which reach looks up, and with who did it, if a record has said so since.
func (t *Trail) Explain(ctx context.Context, tenant string, reach func(context.Context, inventory.ObjectID) (string, error)) error {
	var standing []policy.Finding
	stale := map[inventory.ObjectID]bool{}
	err := t.Store.View(ctx, func(tx *store.Tx) error {
		num, _, err := tenantNumber(tx, tenant)
		if err != nil {
			return err
		}
		if standing, err = policy.Standing(tx, tenant, OutOfBand); err != nil {
			return err
		}
		for _, f := range standing {
			if f.Application != "" {
				if stale[f.Application], err = oldReach(tx, num, f.Application); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cannot explain what was changed out of band: %w", err)
	}
	var failed []error
	for _, f := range standing {
		if f.Application == "" {
			continue
		}
		if stale[f.Application] {
			if err := t.lookUp(ctx, tenant, f.Application, reach); err != nil {
				failed = append(failed, err)
			}
			stale[f.Application] = false
		}
		if err := t.retell(ctx, tenant, f); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func oldReach(tx *store.Tx, num int64, object inventory.ObjectID) (bool, error) {
	var n int
	err := tx.QueryRow(`SELECT COUNT(*) FROM trail_reach WHERE tenant = $1 AND object = $2 AND looked > $3`, num, strings.ToLower(string(object)), now().Add(-reachLasts).UnixMilli()).Scan(&n)
	return n == 0, err
}

func (t *Trail) lookUp(ctx context.Context, tenant string, object inventory.ObjectID, reach func(context.Context, inventory.ObjectID) (string, error)) error {
	text, err := reach(ctx, object)
	if err != nil {
		return fmt.Errorf("cannot look up what %s can touch: %w", object, err)
	}
	return t.act(ctx, tenant, func(tx *store.Tx, num int64) error {
		_, err := tx.Exec(`INSERT INTO trail_reach (tenant, object, looked, reach) VALUES ($1, $2, $3, $4)
			ON CONFLICT (tenant, object) DO UPDATE SET looked = excluded.looked, reach = excluded.reach`, num, strings.ToLower(string(object)), time.Now().UnixMilli(), text)
		return err
	})
}

// retell reports a standing finding of a credential again, with what is known now.
func (t *Trail) retell(ctx context.Context, tenant string, f policy.Finding) error {
	return t.act(ctx, tenant, func(tx *store.Tx, num int64) error {
		k, err := t.keeper(tx, tenant)
		if err != nil {
			return err
		}
		defer k.close()
		list, err := selectEvents(tx, selectByCredential, num, credentialKey(f.KeyID), after{}, 50)
		if err != nil {
			return err
		}
		for _, wanted := range []func(e *Event) bool{
			func(e *Event) bool { return e.Sources[0].Source != OwnLog }, func(*Event) bool { return true },
		} {
			for i := range list {
				e := &list[i].Event
				if e.strange() && wanted(e) && strings.EqualFold(e.Object, string(f.Application)) && e.Action != connector.OwnerRemoved {
					return k.reportOne(e, f.KeyID)
				}
			}
		}
		return nil
	})
}
