package alert

import (
	"context"
	"fmt"

	"rekey.example/rekey/internal/store"
)

// held reports whether this installation may be a copy, or was restored. Then what
// it knows of who was told may be old: only what is about rekey itself is told.
func (k *Keeper) held() bool { return k.Held != nil && k.Held() != "" }

const heldName = "held"

// released marks what was held back, once that is over: the installation that this
// one was copied from may have told it already.
func (k *Keeper) released(ctx context.Context, tenant string) error {
	return k.Store.Do(ctx, func(tx *store.Tx) error {
		before, err := sightOf(tx, tenant, heldName)
		switch {
		case err != nil:
			return err
		case k.held():
			if before.heard == 1 {
				return nil
			}
			return setHeard(tx, tenant, heldName, 1)
		case before.heard != 1:
			return nil
		}
		for _, statement := range []string{
			`UPDATE alert_telling SET state = 'waiting', message = '', again = 1 WHERE tenant = $1 AND state = 'packed' AND message IN (SELECT id FROM alert_message WHERE tenant = $1 AND state = 'ready' AND essential = 0)`,
			`DELETE FROM alert_message WHERE tenant = $1 AND state = 'ready' AND essential = 0`,
			`UPDATE alert_telling SET again = 1 WHERE tenant = $1 AND state = 'waiting'`,
		} {
			if _, err := tx.Exec(statement, tenant); err != nil {
				return fmt.Errorf("cannot mark what was held back: %w", err)
			}
		}
		return setHeard(tx, tenant, heldName, 0)
	})
}
