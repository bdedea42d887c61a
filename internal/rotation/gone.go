package rotation

import (
	"cmp"
	"context"
	"errors"
	"time"

	"rekey.example/rekey/internal/connector"
)

// held is an error that already knows how the visit ends.
type held struct{ verdict }

func (h *held) Error() string { return h.why }

// gone is err, but if it says that the directory does not know the application
// (SAFETY F26), it holds the rotation, and ends it after a day: a deletion can be
// a mistake that is mended, and one replica may know less than the others.
func (r *Rotation) gone(err error) error {
	if !errors.Is(err, connector.ErrNotFound) {
		return err
	}
	if r.Missing.IsZero() {
		r.Missing = time.Now().UTC()
	}
	if left := quarantine - time.Since(r.Missing); left > 0 {
		return &held{verdict{
			wait: min(left, 30*time.Minute), why: "the directory does not know the application any more; if it stays so for a day, the rotation ends",
			needs: "whoever deleted the application, to restore it if that was a mistake",
		}}
	}
	return &held{verdict{end: cmp.Or(r.Ending, Void), why: "the application was deleted; its secrets went with it"}}
}

// timed limits how long one request may be under way. It is called before the
// intention is written down, not after it: a process that sleeps in between for
// longer wakes with no time left and sends nothing. Others have gone on without
// it by then (SAFETY F36).
func timed(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 30*time.Second)
}
