package daemon

import "context"

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
