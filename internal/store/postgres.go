package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// Connections to the server, for each process.
const (
	writing = 10 // that run statements of Do
	beside  = 6  // more of them for whoever works on the pool itself, such as a listener
	reading = 8
)

func openPostgres(ctx context.Context, where string) (*DB, error) {
	pool, write, err := connect(ctx, where, writing, beside, prepareWriter)
	if err != nil {
		return nil, err
	}
	db := &DB{write: write, read: write, kind: postgres, pool: pool}
	if err := write.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot reach PostgreSQL: %w", err), db.Close())
	}
	if db.readers, db.read, err = connect(ctx, where, reading, 0, nil); err != nil {
		db.read = write
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func connect(ctx context.Context, where string, statements, more int, prepare func(context.Context, *pgx.Conn) error) (*pgxpool.Pool, *sql.DB, error) {
	c, err := pgxpool.ParseConfig(where)
	if err != nil {
		return nil, nil, errors.New("cannot open PostgreSQL: the address is not of the form postgres://user@host/database") // the driver's error may show the password
	}
	c.MaxConns = int32(statements + more)
	c.ConnConfig.ConnectTimeout = 10 * time.Second
	if c.ConnConfig.RuntimeParams["application_name"] == "" {
		c.ConnConfig.RuntimeParams["application_name"] = "rekey"
	}
	c.AfterConnect = prepare
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot open PostgreSQL: %w", err)
	}
	sqls := stdlib.OpenDBFromPool(pool)
	sqls.SetMaxOpenConns(statements)
	return pool, sqls, nil
}

// prepareWriter makes a commit mean what Do promises, whatever the server's
// default: it is on the server's disk, and on that of its synchronous standbys. A
// setting that waits for more than that stays. And it makes the server end a
// transaction in which nothing happens for five seconds: its process is asleep,
// or cut off, and holds locks that all others wait for (SAFETY F36).
func prepareWriter(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, `SELECT set_config('idle_in_transaction_session_timeout', '5s', false),
		CASE WHEN current_setting('synchronous_commit') IN ('off', 'local', 'remote_write') THEN set_config('synchronous_commit', 'on', false) END`)
	if err != nil {
		return fmt.Errorf("cannot prepare a connection to PostgreSQL: %w", err)
	}
	return nil
}

// Pool is the connections to PostgreSQL, for a library that brings its own
// tables; nil on SQLite.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Shared runs fn in one transaction of PostgreSQL that statements of
// database/sql, on the connection, and a library that wants a pgx.Tx write to
// together. It commits if fn returns nil.
func (db *DB) Shared(ctx context.Context, fn func(*sql.Conn, pgx.Tx) error) error {
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("cannot begin transaction: %w", err)
	}
	defer conn.Close()
	var raw *pgx.Conn
	if err := conn.Raw(func(driver any) error { raw = driver.(*stdlib.Conn).Conn(); return nil }); err != nil {
		return fmt.Errorf("cannot begin transaction: %w", err)
	}
	tx, err := raw.Begin(ctx)
	if err != nil {
		return fmt.Errorf("cannot begin transaction: %w", err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) // after a commit it does nothing
	if err := fn(conn, tx); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("cannot commit: %w", err)
	}
	return nil
}

// Alone runs fn while no other process runs one of that name on this database.
// On SQLite it just runs it: there one process has the file.
func (db *DB) Alone(ctx context.Context, name string, fn func() error) error {
	if db.kind != postgres {
		return fn()
	}
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("cannot wait for other processes: %w", err)
	}
	defer conn.Close()
	h := fnv.New64a()
	h.Write([]byte("rekey " + name))
	key := int64(h.Sum64())
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, key); err != nil {
		return fmt.Errorf("cannot wait for other processes: %w", err)
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, key) // ends with the connection at the latest
	return fn()
}

// Clock is the database's time: one clock for all processes that share it.
func (db *DB) Clock(tx *Tx) (time.Time, error) {
	if db.kind != postgres {
		return time.Now(), nil // the same machine
	}
	var ms int64
	if err := tx.QueryRow(`SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint`).Scan(&ms); err != nil {
		return time.Time{}, fmt.Errorf("cannot read the database's clock: %w", err)
	}
	return time.UnixMilli(ms), nil
}
