package rotation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/store"
)

// LeaseSchema creates the table of rotations that are called for or carried just
// now, where several machines share the work. It saves them from doing the same
// twice; what keeps a rotation safe is the version of its row. Times are
// milliseconds by the database's clock.
var LeaseSchema = store.Schema{Version: 171, SQL: `
CREATE TABLE rotation_lease (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	holder TEXT NOT NULL,
	fence  BIGINT NOT NULL,
	until  BIGINT NOT NULL,
	PRIMARY KEY (tenant, id)
);
`}

// Call is a wake-up for one rotation. It is good once: for as long as nobody
// else was called for the rotation.
type Call struct {
	Tenant string
	ID     string
	Fence  int64
}

// Conn is a connection with a running transaction.
type Conn interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

// calling is the holder of a rotation that somebody was called for and nobody
// has begun.
const calling = "called"

// callDue takes the limit, how long a call is good in milliseconds, the time by
// which rotations are due, and who holds those that are called for.
const callDue = `WITH clock AS (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now),
	waiting AS (SELECT count(*) AS n FROM rotation_lease, clock WHERE holder = $4 AND until > clock.now),
	due AS (SELECT r.tenant, r.id FROM rotation AS r, clock WHERE r.state = 'open' AND r.due <= $3
			AND NOT EXISTS (SELECT 1 FROM rotation_lease AS l WHERE l.tenant = r.tenant AND l.id = r.id AND l.until > clock.now)
			ORDER BY r.due LIMIT greatest($1::bigint - (SELECT n FROM waiting), 0))
	INSERT INTO rotation_lease (tenant, id, holder, fence, until) SELECT due.tenant, due.id, $4, 1, clock.now + $2::bigint FROM due, clock
	ON CONFLICT (tenant, id) DO UPDATE SET holder = excluded.holder, fence = rotation_lease.fence + 1, until = excluded.until WHERE rotation_lease.until <= excluded.until - $2::bigint
	RETURNING tenant, id, fence`

// CallDue returns calls for rotations that are due and that nobody is called
// for, the longest waiting first, so many that at most limit are out. It also
// returns when the next one will be due: zero if there is none, or if there are
// more now. Whoever does not answer within d has lost the call. Its statements
// are PostgreSQL's: two who look at once divide the rotations between them.
func CallDue(ctx context.Context, c Conn, limit int, d time.Duration) (calls []Call, next time.Time, err error) {
	rows, err := c.QueryContext(ctx, callDue, limit, d.Milliseconds(), time.Now().UnixMilli(), calling)
	if err != nil {
		return nil, next, fmt.Errorf("cannot call for due rotations: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var call Call
		if err := rows.Scan(&call.Tenant, &call.ID, &call.Fence); err != nil {
			return nil, next, fmt.Errorf("cannot call for due rotations: %w", err)
		}
		calls = append(calls, call)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, next, fmt.Errorf("cannot call for due rotations: %w", err)
	}
	next, err = nextDue(ctx, c)
	return calls, next, err
}

func nextDue(ctx context.Context, c Conn) (next time.Time, err error) {
	rows, err := c.QueryContext(ctx, `SELECT due FROM rotation WHERE state = 'open' AND due > $1 ORDER BY due LIMIT 1`, time.Now().UnixMilli())
	if err != nil {
		return next, fmt.Errorf("cannot look for the next due rotation: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		var due int64
		if err := rows.Scan(&due); err != nil {
			return next, fmt.Errorf("cannot look for the next due rotation: %w", err)
		}
		next = time.UnixMilli(due)
	}
	return next, rows.Err()
}

// Answer takes the lease that a call is good for. It returns false if the call
// is no longer good: somebody else was called meanwhile.
func (k *Keeper) Answer(ctx context.Context, c Call, holder string, d time.Duration) (bool, error) {
	return k.lease(ctx, c, calling, holder, d)
}

// Renew keeps a lease. It returns false if somebody else was called meanwhile.
func (k *Keeper) Renew(ctx context.Context, c Call, holder string, d time.Duration) (bool, error) {
	return k.lease(ctx, c, holder, holder, d)
}

// Release gives a rotation back, to be called for again when it is due.
func (k *Keeper) Release(ctx context.Context, c Call, holder string) error {
	return k.Store.Do(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(`DELETE FROM rotation_lease WHERE tenant = $1 AND id = $2 AND holder = $3 AND fence = $4`, c.Tenant, c.ID, holder, c.Fence); err != nil {
			return fmt.Errorf("cannot give back rotation %s: %w", c.ID, err)
		}
		return nil
	})
}

func (k *Keeper) lease(ctx context.Context, c Call, from, to string, d time.Duration) (mine bool, err error) {
	err = k.Store.Do(ctx, func(tx *store.Tx) error {
		now, err := k.Store.Clock(tx)
		if err != nil {
			return err
		}
		result, err := tx.Exec(`UPDATE rotation_lease SET holder = $5, until = $6 WHERE tenant = $1 AND id = $2 AND holder = $3 AND fence = $4 AND until > $7`,
			c.Tenant, c.ID, from, c.Fence, to, now.Add(d).UnixMilli(), now.UnixMilli())
		if err != nil {
			return fmt.Errorf("cannot take rotation %s: %w", c.ID, err)
		}
		n, err := result.RowsAffected()
		mine = n == 1
		return err
	})
	return mine, err
}
