package daemon

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/replica"
	"rekey.example/rekey/internal/store"
)

// others are the processes that share this one's database, and its place among
// them. It joins them when it begins to work; a command that only looks does not.
type others struct {
	member       *replica.Member
	installation replica.Installation
	logger       *slog.Logger

	joining sync.Once
	refused error
	beating sync.WaitGroup
	alive   context.Context // while it is one of them
	end     func()

	mu   sync.Mutex
	gone []func(error) // called when another process has taken this one's place
	why  error
}

// among finds this process's place. Its error is a *replica.MovedError if the
// database is no longer in use.
func (d *Daemon) among(ctx context.Context) error {
	i, err := replica.Open(ctx, d.store, d.log.VerifierKey())
	if moved, ok := errors.AsType[*replica.MovedError](err); ok && d.config.Force {
		d.logger.Warn("the database is used again that was copied to another one", "copy", moved.To)
		err = d.store.Do(ctx, func(tx *store.Tx) error { return replica.SetMoved(tx, "") })
	}
	if err != nil {
		return err
	}
	id, err := replica.ID(d.config.Data)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	self := replica.Replica{ID: id, Host: host, Folder: d.config.Data, Process: os.Getpid(), Version: d.config.Version}
	o := &others{member: replica.New(d.store, self, d.logger), installation: i, logger: d.logger}
	o.member.Failover = d.failover
	o.alive, o.end = context.WithCancel(d.acting)
	d.others = o
	return nil
}

// join makes this process one of the replicas, once. Its error is a
// *replica.CloneError if the data folder is a copy of one that is in use.
func (o *others) join(ctx context.Context) error {
	o.joining.Do(func() {
		if o.refused = o.member.Join(ctx); o.refused != nil {
			return
		}
		if err := o.member.Look(ctx); err != nil {
			o.logger.Warn("cannot look which cluster the database is", "error", err.Error())
		}
		o.beating.Go(func() {
			if err := o.member.Run(o.alive); err != nil {
				o.logger.Error("this replica stops", "error", err.Error())
				o.replaced(err)
			}
		})
	})
	return o.refused
}

// leave ends this process's time among the others.
func (o *others) leave() {
	o.end()
	o.beating.Wait()
}

// whenReplaced has f called when another process has taken this one's place.
func (o *others) whenReplaced(f func(error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.why != nil {
		f(o.why)
		return
	}
	o.gone = append(o.gone, f)
}

func (o *others) replaced(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.why = err
	for _, f := range o.gone {
		f(err)
	}
}

// failover is told that the database is another cluster, or on another timeline.
func (d *Daemon) failover(before, now replica.Epoch) {
	d.logger.Error("the database had a failover, or was restored: what was acknowledged last may be gone",
		"system before", before.System, "timeline before", before.Timeline, "system now", now.System, "timeline now", now.Timeline)
	if d.guard != nil {
		d.beat(d.looking)
	}
}

// inTurn runs f on one replica at a time, until ctx is done. f begins anew where
// the last one left off; its context ends when another replica takes over.
func (d *Daemon) inTurn(ctx context.Context, name string, f func(context.Context)) {
	for ctx.Err() == nil {
		err := d.others.member.Hold(ctx, d.config.Tenant.ID, name, nil, func(ctx context.Context, _ *replica.Lease) error {
			f(ctx)
			return nil
		})
		if err != nil && ctx.Err() == nil {
			d.logger.Warn("cannot hold on to the work that one replica does for all", "work", name, "error", err.Error())
		}
	}
}

// replicas lists the processes that share the database, for people to see.
func (d *Daemon) replicas(ctx context.Context) ([]wire.Replica, error) {
	list, err := replica.List(ctx, d.store)
	if err != nil {
		return nil, err
	}
	out := make([]wire.Replica, len(list))
	for i, r := range list {
		out[i] = wire.Replica{ID: r.ID, Host: r.Host, Process: r.Process, Version: r.Version, Started: r.Started, Seen: r.Seen, Alive: r.Alive, Ours: r.Run == d.others.member.Self.Run}
	}
	return out, nil
}
