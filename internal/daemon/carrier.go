package daemon

import (
	"context"
	"log/slog"

	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/store"
)

// carrier lets rotations go on when they are due. It decides when and where,
// never what: all of that is in the rotation's row, whose version lets one win
// if two should ever try. There are two: a poller of due rows in this process,
// on SQLite, and River between any number of processes, on PostgreSQL.
type carrier interface {
	// wake says that a rotation may be due sooner than was known. A call that is
	// lost, with its process, costs seconds: rows are looked at without it too.
	wake()
	// run carries until looking is done, and returns when nothing is being
	// carried any more. Steps that have begun are given acting's time.
	run(looking, acting context.Context)
}

func (d *Daemon) newCarrier() (carrier, error) {
	if d.store.Pool() == nil {
		return newPoller(d.rotations, d.logger), nil
	}
	return newRiver(d.store, d.rotations, d.others.member.Self.Run, d.logger)
}

// Carry carries a keeper's rotations without the rest of the daemon, as serve
// does on that database, until ctx is done. bench/engine measures it.
func Carry(ctx context.Context, db *store.DB, k *rotation.Keeper, holder string, l *slog.Logger) (wake func(), wait func(), err error) {
	var c carrier = newPoller(k, l)
	if db.Pool() != nil {
		if err := migrateRiver(ctx, db); err != nil {
			return nil, nil, err
		}
		if c, err = newRiver(db, k, holder, l); err != nil {
			return nil, nil, err
		}
	}
	ended := make(chan struct{})
	go func() { // ends with ctx; wait waits for it
		defer close(ended)
		c.run(ctx, context.WithoutCancel(ctx))
	}()
	return c.wake, func() { <-ended }, nil
}
