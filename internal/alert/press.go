package alert

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// ErrReplayed means that a request from outside was taken once already.
var ErrReplayed = errors.New("the request was taken already")

// Once notes that a signed request was taken, for as long as it could be sent
// again. Its error is ErrReplayed if it was before: also by another replica, and
// before a restart.
func (k *Keeper) Once(ctx context.Context, tenant, digest string) error {
	return k.Store.Do(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(`DELETE FROM alert_seen WHERE tenant = $1 AND time < $2`, tenant, now().Add(-day).UnixMilli()); err != nil {
			return fmt.Errorf("cannot forget old requests: %w", err)
		}
		result, err := tx.Exec(`INSERT INTO alert_seen (tenant, digest, time) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, tenant, digest, now().UnixMilli())
		if err != nil {
			return fmt.Errorf("cannot note a request: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n != 1 {
			return errors.Join(ErrReplayed, err)
		}
		return nil
	})
}

// Press does what a button in a chat asks for. The days are those of a snooze; 0
// acknowledges.
func (k *Keeper) Press(ctx context.Context, by access.Actor, id string, days int) (Alert, error) {
	if days == 0 {
		return k.Acknowledge(ctx, by, id, "in the chat")
	}
	until := now().Add(time.Duration(days) * day)
	a, _, err := k.Get(ctx, by, id)
	if err == nil && a.Ends.After(time.Now()) && until.After(a.Ends) {
		until = a.Ends // not longer than what it is about
	}
	return k.Snooze(ctx, by, id, until, fmt.Sprintf("laid aside for %d days in the chat", days))
}
