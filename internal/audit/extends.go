package audit

import (
	"context"

	"rekey.example/rekey/internal/store"
)

// Follows checks that the log in the database begins with what a checkpoint has
// seen. If not, its error is ErrTampered; size tells two cases apart: a log that is
// shorter than the checkpoint has lost its end, one that is not has another history.
func (l *Log) Follows(ctx context.Context, db *store.DB, earlier Checkpoint) (size int64, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		latest, err := l.latest(tx)
		if err != nil {
			return err
		}
		if size = latest.Size; earlier.Size == 0 {
			return nil
		}
		return extends(tx, latest, earlier)
	})
	return size, err
}
