package daemon

import (
	"context"
	"errors"
	"time"

	"rekey.example/rekey/internal/audit"
)

// Work begins what rekey does by itself. All of it ends with Close.
//
//	rotations     when one is due, or approved just now
//	checkpoints   every hour, and at the end
func (d *Daemon) Work() {
	d.work.Do(func() {
		d.guests.admit(func() { d.carrier.run(d.looking, d.acting) })
		d.guests.admit(func() { every(d.looking, time.Hour, d.checkpoint) })
	})
}

// every calls do now and then again after each pause, until ctx is done.
func every(ctx context.Context, pause time.Duration, do func(context.Context)) {
	for {
		do(ctx)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

func (d *Daemon) checkpoint(ctx context.Context) {
	if _, err := d.log.Keep(ctx, d.store, d.checkpoints()); err != nil && ctx.Err() == nil {
		d.logger.Error("cannot keep a checkpoint of the audit log outside the database", "error", err.Error(), "tampered", errors.Is(err, audit.ErrTampered))
	}
}
