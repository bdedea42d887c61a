package replica

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/store"
)

// Lease is the right to do something alone.
type Lease struct {
	store        *store.DB // nil: nobody else could have it
	tenant, name string
	holder       string
	fence        int64
}

// ErrLost means that the lease went to another process.
var ErrLost = errors.New("another replica has taken this work over")

const renewal = 3 * time.Second // a third of the time that a lease lasts

// Hold waits for a lease, runs do with it, and gives it back. do's context ends
// when the lease is lost, or may be because the database does not answer; what
// do writes through lease.Store is refused from the moment somebody else has it.
// waits, if not nil, is told who has the lease now.
func (m *Member) Hold(ctx context.Context, tenant, name string, waits func(holder string), do func(context.Context, *Lease) error) error {
	if m.alone {
		return do(ctx, &Lease{})
	}
	l, err := m.wait(ctx, tenant, name, waits)
	if err != nil {
		return err
	}
	holding, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() { // ends with do, which this function waits for
		defer close(done)
		if err := l.keep(holding); err != nil {
			m.Logger.Warn("another replica does now what this one did", "what", name, "error", err.Error())
			cancel(err)
		}
	}()
	err = do(holding, l)
	lost := context.Cause(holding)
	cancel(nil)
	<-done
	if lost != nil && ctx.Err() == nil {
		return errors.Join(lost, err)
	}
	return errors.Join(err, l.release(context.WithoutCancel(ctx)))
}

func (m *Member) wait(ctx context.Context, tenant, name string, waits func(string)) (*Lease, error) {
	told := ""
	for {
		l, other, err := m.take(ctx, tenant, name)
		if err != nil && ctx.Err() == nil {
			m.Logger.Debug("cannot ask for a lease", "what", name, "error", err.Error())
		}
		if l != nil {
			return l, nil
		}
		if waits != nil && other != told {
			told = other
			waits(other)
		}
		select {
		case <-time.After(renewal / 3):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take gets the lease if it is free, or says who has it.
func (m *Member) take(ctx context.Context, tenant, name string) (l *Lease, other string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = m.Store.Do(ctx, func(tx *store.Tx) error {
		now, err := m.Store.Clock(tx)
		if err != nil {
			return err
		}
		next := Lease{store: m.Store, tenant: tenant, name: name, holder: m.Self.Run}
		err = tx.QueryRow(`INSERT INTO lease (tenant, name, holder, fence, until) VALUES ($1, $2, $3, 1, $4)
			ON CONFLICT (tenant, name) DO UPDATE SET holder = $3, fence = lease.fence + 1, until = $4 WHERE lease.until <= $5 RETURNING fence`,
			tenant, name, m.Self.Run, now.Add(silent).UnixMilli(), now.UnixMilli()).Scan(&next.fence)
		if errors.Is(err, sql.ErrNoRows) {
			other, err = holderOf(tx, tenant, name)
			return err
		}
		if err == nil {
			l = &next
		}
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("cannot take the lease %s: %w", name, err)
	}
	return l, other, nil
}

// holderOf is the host of who has a lease, for people to read.
func holderOf(tx *store.Tx, tenant, name string) (host string, err error) {
	err = tx.QueryRow(`SELECT coalesce((SELECT r.host FROM replica AS r WHERE r.run = l.holder), l.holder) FROM lease AS l WHERE l.tenant = $1 AND l.name = $2`, tenant, name).Scan(&host)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return host, err
}

// keep renews the lease until ctx is done. Its error means that it is lost, or
// could be: the database has not answered for nearly as long as it lasts.
func (l *Lease) keep(ctx context.Context) error {
	for sure := time.Now(); ; {
		select {
		case <-time.After(renewal):
		case <-ctx.Done():
			return nil
		}
		asked := time.Now()
		err := l.renew(ctx)
		switch {
		case err == nil:
			sure = asked
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrLost) || time.Since(sure) > silent-renewal:
			return err
		}
	}
}

func (l *Lease) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, renewal)
	defer cancel()
	return l.store.Do(ctx, func(tx *store.Tx) error {
		now, err := l.store.Clock(tx)
		if err != nil {
			return err
		}
		return l.set(tx, now.Add(silent).UnixMilli())
	})
}

func (l *Lease) set(tx *store.Tx, until int64) error {
	result, err := tx.Exec(`UPDATE lease SET until = $5 WHERE tenant = $1 AND name = $2 AND holder = $3 AND fence = $4`, l.tenant, l.name, l.holder, l.fence, until)
	if err != nil {
		return fmt.Errorf("cannot renew the lease %s: %w", l.name, err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(fmt.Errorf("%s: %w", l.name, ErrLost), err)
	}
	return nil
}

func (l *Lease) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return l.store.Do(ctx, func(tx *store.Tx) error { return l.set(tx, 0) })
}

// Store is db for what may only be written with the lease: each transaction
// begins by looking that it is still ours, and nobody can take it before the end.
func (l *Lease) Store(db *store.DB) *store.DB {
	if l.store == nil {
		return db
	}
	return db.Guarded(l.held)
}

// held locks the lease's row, so that a successor waits for this transaction.
func (l *Lease) held(tx *store.Tx) error {
	result, err := tx.Exec(`UPDATE lease SET fence = fence WHERE tenant = $1 AND name = $2 AND holder = $3 AND fence = $4`, l.tenant, l.name, l.holder, l.fence)
	if err != nil {
		return fmt.Errorf("cannot look at the lease %s: %w", l.name, err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(fmt.Errorf("%s: %w", l.name, ErrLost), err)
	}
	return nil
}
