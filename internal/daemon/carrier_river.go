package daemon

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/store"
)

// rivers is the carrier of replicas that share a PostgreSQL. Each of them calls
// for what is due: it takes a lease on the rotation and puts a job into River's
// queue, in one transaction, so that no two call for the same. Whichever replica
// gets the job answers the call and carries the rotation, under the lease. A call
// that nobody answers and a lease that nobody renews lapse, and the rotation is
// called for again: that is all there is to taking over.
type rivers struct {
	store  *store.DB
	keeper *rotation.Keeper
	client *river.Client[pgx.Tx]
	holder string // of the leases: this process
	logger *slog.Logger
	nudge  chan struct{}
}

const (
	workers   = 64               // rotations at once, in each process
	callsOut  = 4 * workers      // calls that nobody has answered yet, in all processes together
	leaseTime = 8 * time.Second  // after which a silent process's rotations go to others
	leaseBeat = 2 * time.Second  // between two renewals
	lookEvery = 2 * time.Second  // another process may have changed a row, or died
	lookPause = time.Second / 20 // between two looks, however often it is woken
	jobLimit  = 10 * time.Minute // for one visit; every request in it has a limit of its own
)

// visit is a job: one wake-up for one rotation.
type visit struct {
	Tenant string `json:"tenant"`
	ID     string `json:"id"`
	Fence  int64  `json:"fence"`
}

// Kind is what River calls such a job.
func (visit) Kind() string { return "rotation" }

func newRiver(db *store.DB, k *rotation.Keeper, holder string, l *slog.Logger) (*rivers, error) {
	c := &rivers{store: db, keeper: k, holder: holder, logger: l, nudge: make(chan struct{}, 1)}
	crew := river.NewWorkers()
	river.AddWorker(crew, river.WorkFunc(c.work))
	client, err := river.NewClient(riverpgxv5.New(db.Pool()), &river.Config{
		ID: holder, Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers, FetchCooldown: lookPause}}, Workers: crew,
		Logger: slog.New(quieter{l.Handler()}),
		// A job that fails is not tried again: the rotation is called for anew.
		MaxAttempts: 1, JobTimeout: jobLimit, RescueStuckJobsAfter: jobLimit + 5*time.Minute,
		CompletedJobRetentionPeriod: 10 * time.Minute, CancelledJobRetentionPeriod: time.Hour, DiscardedJobRetentionPeriod: time.Hour,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot prepare the work of several machines: %w", err)
	}
	c.client = client
	return c, nil
}

// migrateRiver brings River's own tables up to date.
func migrateRiver(ctx context.Context, db *store.DB) error {
	if db.Pool() == nil {
		return nil
	}
	return db.Alone(ctx, "migrate river", func() error {
		m, err := rivermigrate.New(riverpgxv5.New(db.Pool()), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
		if err == nil {
			_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
		}
		if err != nil {
			return fmt.Errorf("cannot bring the tables of the queue up to date: %w", err)
		}
		return nil
	})
}

func (c *rivers) wake() {
	select {
	case c.nudge <- struct{}{}:
	default: // it will look anyway
	}
}

func (c *rivers) run(looking, acting context.Context) {
	if !c.start(looking, acting) {
		return
	}
	for looking.Err() == nil {
		next, err := c.call(looking)
		pause := lookEvery
		if err != nil && looking.Err() == nil {
			c.logger.Warn("cannot look for due rotations", "error", err.Error())
		} else if !next.IsZero() {
			pause = min(pause, max(time.Until(next), 0))
		}
		select {
		case <-time.After(pause):
		case <-c.nudge:
		case <-looking.Done():
		}
		select {
		case <-time.After(lookPause):
		case <-looking.Done():
		}
	}
	c.stop(acting)
}

// start begins to work on jobs, as soon as the database answers.
func (c *rivers) start(looking, acting context.Context) bool {
	for {
		err := c.client.Start(acting)
		if err == nil {
			return true
		}
		if looking.Err() != nil {
			return false
		}
		c.logger.Warn("cannot begin to carry rotations", "error", err.Error())
		select {
		case <-time.After(afterError):
		case <-looking.Done():
			return false
		}
	}
}

// stop lets the jobs that have begun finish, in acting's time.
func (c *rivers) stop(acting context.Context) {
	if c.client.Stop(acting) != nil {
		<-c.client.Stopped() // their context is acting, which is over
	}
}

// call puts jobs for what is due into the queue, and returns when more will be.
func (c *rivers) call(ctx context.Context) (next time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err = c.store.Shared(ctx, func(conn *sql.Conn, tx pgx.Tx) error {
		var calls []rotation.Call
		if calls, next, err = rotation.CallDue(ctx, conn, callsOut, leaseTime); err != nil || len(calls) == 0 {
			return err
		}
		jobs := make([]river.InsertManyParams, len(calls))
		for i, call := range calls {
			jobs[i].Args = visit(call)
		}
		if _, err := c.client.InsertManyTx(ctx, tx, jobs); err != nil {
			return fmt.Errorf("cannot call for due rotations: %w", err)
		}
		return nil
	})
	return next, err
}

// work answers a call. It has no error for River: what went wrong is in the
// rotation, or its lease lapses and it is called for again, some seconds later.
func (c *rivers) work(ctx context.Context, job *river.Job[visit]) error {
	call := rotation.Call(job.Args)
	mine, err := c.keeper.Answer(ctx, call, c.holder, leaseTime)
	if err != nil || !mine { // late: somebody else was called
		return nil
	}
	visiting, cancel := context.WithCancel(ctx)
	kept := make(chan struct{})
	go func() { // ends with the visit, which waits for it
		defer close(kept)
		c.keep(visiting, call, cancel)
	}()
	// False says that there was nothing to do by this machine's clock: then it runs
	// behind that of whoever called, and the lease is left as a pause.
	moved, err := c.keeper.AdvanceDue(visiting, call.Tenant, call.ID)
	cancel()
	<-kept
	if err != nil && ctx.Err() == nil {
		c.logger.Warn("cannot carry on a rotation", "rotation", call.ID, "error", err.Error())
	}
	if err != nil || !moved {
		return nil
	}
	if err := c.keeper.Release(context.WithoutCancel(ctx), call, c.holder); err != nil {
		c.logger.Warn("cannot give a rotation back", "rotation", call.ID, "error", err.Error())
	}
	c.wake()
	return nil
}

// keep renews a lease until the visit is over. If it is lost, or has not been
// renewed for as long as it lasts, the visit is broken off where that does no harm.
func (c *rivers) keep(ctx context.Context, call rotation.Call, lost func()) {
	for sure := time.Now(); ; {
		select {
		case <-time.After(leaseBeat):
		case <-ctx.Done():
			return
		}
		asked := time.Now()
		asking, cancel := context.WithTimeout(ctx, leaseBeat)
		mine, err := c.keeper.Renew(asking, call, c.holder, leaseTime)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && mine:
			sure = asked
		case err == nil || time.Since(sure) > leaseTime:
			c.logger.Warn("another replica carries this rotation now", "rotation", call.ID)
			lost()
			return
		}
	}
}

// quieter passes on what River finds worth a warning.
type quieter struct{ slog.Handler }

func (q quieter) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && q.Handler.Enabled(ctx, l)
}

func (q quieter) WithAttrs(a []slog.Attr) slog.Handler { return quieter{q.Handler.WithAttrs(a)} }
func (q quieter) WithGroup(name string) slog.Handler   { return quieter{q.Handler.WithGroup(name)} }
