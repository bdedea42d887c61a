package alert

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// Tend does everything that is due now, once: it follows the log, lets the sources
// look, escalates, makes messages and sends them. One replica does it at a time;
// another one in the middle of it would do no harm.
func (k *Keeper) Tend(ctx context.Context, tenant string) error {
	if k.run == "" {
		k.run = rand.Text()
	}
	errs := []error{k.released(ctx, tenant), k.follow(ctx, tenant)}
	errs = append(errs, k.look(ctx, tenant), k.escalate(ctx, tenant), k.awake(ctx, tenant), k.pack(ctx, tenant))
	errs = append(errs, k.recover(ctx, tenant), k.send(ctx, tenant))
	if time.Since(k.pruned) > day {
		errs = append(errs, k.prune(ctx, tenant))
		k.pruned = time.Now()
	}
	return errors.Join(errs...)
}

func (k *Keeper) logger() *slog.Logger {
	if k.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return k.Logger
}

// escalate passes on what nobody has acknowledged in time.
func (k *Keeper) escalate(ctx context.Context, tenant string) error {
	return k.each(ctx, tenant, `SELECT `+columns+` FROM alert WHERE tenant = $1 AND state = 'open' AND due > 0 AND due <= $2 ORDER BY due, id LIMIT 250`, func(tx *store.Tx, a *Alert, at time.Time) error {
		a.Level = min(k.reached(a)+1, toTeam)
		a.Changed, a.Due = at, k.nextEscalation(a, at)
		if err := put(tx, a); err != nil {
			return err
		}
		return k.tell(tx, a, fmt.Sprintf("%d.%d+%d", a.round, a.Rung, a.Level), escalated, false)
	})
}

// awake brings back what was laid aside until now.
func (k *Keeper) awake(ctx context.Context, tenant string) error {
	return k.each(ctx, tenant, `SELECT `+columns+` FROM alert WHERE tenant = $1 AND state = 'snoozed' AND until <= $2 ORDER BY until, id LIMIT 250`, func(tx *store.Tx, a *Alert, at time.Time) error {
		why, until := a.Why, a.Until
		a.State, a.Opened, a.Changed, a.Until, a.Judge, a.Why = Open, at, at, time.Time{}, "", ""
		a.round++
		a.Due = k.nextEscalation(a, at)
		if err := put(tx, a); err != nil {
			return err
		}
		if err := k.tell(tx, a, fmt.Sprintf("%d.%d", a.round, a.Rung), raised, false); err != nil {
			return err
		}
		return k.Log.Record(tx, event(access.Rekey(tenant), evWoke, a, map[string]string{"until": until.Format(time.RFC3339), "why": why}))
	})
}

// each changes the alerts of a query, some at a time, until there are none left.
func (k *Keeper) each(ctx context.Context, tenant, query string, change func(*store.Tx, *Alert, time.Time) error) error {
	for {
		n := 0
		err := k.Store.Do(ctx, func(tx *store.Tx) error {
			at := now()
			list, err := selected(tx, tenant, query, millis(at))
			if err != nil {
				return err
			}
			n = len(list)
			for i := range list {
				// Read once more, locked: somebody may be acknowledging it.
				a, err := byID(tx, tenant, list[i].ID, true)
				if err != nil {
					return err
				}
				if a.State != list[i].State {
					continue
				}
				if err := change(tx, &a, at); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

// kept is how long what is over stays.
const kept = 180 * day

// prune forgets what is over for long. What was told stays in the audit log.
func (k *Keeper) prune(ctx context.Context, tenant string) error {
	before := millis(now().Add(-kept))
	return k.Store.Do(ctx, func(tx *store.Tx) error {
		for _, statement := range []string{
			`DELETE FROM alert_telling WHERE tenant = $1 AND alert IN (SELECT id FROM alert WHERE tenant = $1 AND state = 'settled' AND settled < $2)`,
			`DELETE FROM alert WHERE tenant = $1 AND state = 'settled' AND settled < $2`,
			`DELETE FROM alert_message WHERE tenant = $1 AND state IN ('sent', 'failed', 'unsure') AND ended < $2`,
			`DELETE FROM alert_seen WHERE tenant = $1 AND time < $2`,
		} {
			if _, err := tx.Exec(statement, tenant, before); err != nil {
				return fmt.Errorf("cannot forget what is over: %w", err)
			}
		}
		return nil
	})
}
