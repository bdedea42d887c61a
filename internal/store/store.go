// Package store opens the database and runs transactions.
//
// It knows no table: each package above keeps its own schema and statements,
// written once in the SQL that SQLite and PostgreSQL share. On SQLite there is
// one writer and any number of readers, the log is written ahead and synced in
// full; whatever Do has returned nil for survives a crash.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "modernc.org/sqlite" // the sqlite driver
)

// Tx is a running transaction.
type Tx = sql.Tx

// DB is an open database.
type DB struct {
	write   *sql.DB // SQLite: a single connection
	read    *sql.DB
	kind    kind
	pool    *pgxpool.Pool   // PostgreSQL: what write takes its connections from
	readers *pgxpool.Pool   // PostgreSQL: the same for read
	guard   func(*Tx) error // asked first in every transaction that may write; may be nil

	// Committing and Committed, if set, are called around each commit. Crash
	// tests use them.
	Committing, Committed func()
}

type kind string

const (
	lite     kind = "sqlite"
	postgres kind = "postgres"
)

// ErrTooOld means that the SQLite library has the WAL-reset bug of releases
// before 3.53.4.
var ErrTooOld = errors.New("SQLite library is too old")

// Open opens the database at where, a file path or postgres://..., and brings
// its tables up to date. It refuses a database written by a newer rekey.
func Open(ctx context.Context, where string, schemas ...Schema) (*DB, error) {
	return opened(ctx, where, func(db *DB) error { return db.migrate(ctx, schemas) })
}

// OpenAsIs is Open for a process that may not change the tables. Its error is
// ErrOlder if they are not up to date.
func OpenAsIs(ctx context.Context, where string, schemas ...Schema) (*DB, error) {
	return opened(ctx, where, func(db *DB) error { return db.current(ctx, schemas) })
}

// OpenAny opens a database whatever its tables are, to look at it.
func OpenAny(ctx context.Context, where string) (*DB, error) { return open(ctx, where) }

func opened(ctx context.Context, where string, check func(*DB) error) (*DB, error) {
	db, err := open(ctx, where)
	if err != nil {
		return nil, err
	}
	if err := check(db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// IsPostgres reports whether an address is one of PostgreSQL rather than a file.
func IsPostgres(where string) bool {
	return strings.HasPrefix(where, "postgres://") || strings.HasPrefix(where, "postgresql://")
}

func open(ctx context.Context, where string) (*DB, error) {
	if IsPostgres(where) {
		return openPostgres(ctx, where)
	}
	return openSQLite(ctx, where)
}

func openSQLite(ctx context.Context, file string) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the data folder: %w", err)
	}
	if err := touch(file); err != nil {
		return nil, fmt.Errorf("cannot open database %s: %w", file, err)
	}
	write, err := sql.Open("sqlite", dsn(file, "_txlock=immediate&_pragma=cache_size(-12288)"))
	if err != nil {
		return nil, fmt.Errorf("cannot open database %s: %w", file, err)
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", dsn(file, "_pragma=query_only(1)"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open database %s: %w", file, err), write.Close())
	}
	read.SetMaxOpenConns(4)
	db := &DB{write: write, read: read, kind: lite}
	if err := db.check(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open database %s: %w", file, explain(err)), db.Close())
	}
	return db, nil
}

// touch makes the file with tight permissions before the driver can make it
// with loose ones.
func touch(file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func dsn(file, option string) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath()}
	u.RawQuery = "_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=temp_store(MEMORY)&_pragma=mmap_size(0)&" + option
	return u.String()
}

func (db *DB) check(ctx context.Context) error {
	var version string
	if err := db.write.QueryRowContext(ctx, `SELECT sqlite_version()`).Scan(&version); err != nil {
		return err
	}
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		return fmt.Errorf("cannot read SQLite version %q: %w", version, err)
	}
	if major*1_000_000+minor*1_000+patch < 3_053_004 {
		return fmt.Errorf("%w: %s, want 3.53.4 or newer", ErrTooOld, version)
	}
	return nil
}

// Do runs fn in one transaction that may write, and commits it if fn returns nil.
func (db *DB) Do(ctx context.Context, fn func(*Tx) error) error {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("cannot begin transaction: %w", explain(err))
	}
	defer tx.Rollback()
	if db.guard != nil {
		if err := db.guard(tx); err != nil {
			return explain(err)
		}
	}
	if err := fn(tx); err != nil {
		return explain(err)
	}
	if db.Committing != nil {
		db.Committing()
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("cannot commit: %w", explain(err))
	}
	if db.Committed != nil {
		db.Committed()
	}
	return nil
}

// View runs fn in one transaction that only reads a consistent state.
func (db *DB) View(ctx context.Context, fn func(*Tx) error) error {
	tx, err := db.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: db.kind == postgres, Isolation: db.snapshot()})
	if err != nil {
		return fmt.Errorf("cannot begin reading: %w", explain(err))
	}
	defer tx.Rollback()
	return explain(fn(tx))
}

func (db *DB) snapshot() sql.IsolationLevel {
	if db.kind == postgres {
		return sql.LevelRepeatableRead
	}
	return sql.LevelDefault
}

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.read.PingContext(ctx) }

// Guarded is the same database for a worker that may lose its right to write:
// check is called first in each transaction of Do, and its error ends it.
func (db *DB) Guarded(check func(*Tx) error) *DB {
	g := *db
	g.guard = check
	return &g
}

// Kind is "sqlite" or "postgres".
func (db *DB) Kind() string { return string(db.kind) }

// Close closes the database.
func (db *DB) Close() error {
	err := errors.Join(db.read.Close(), db.write.Close())
	for _, p := range []*pgxpool.Pool{db.readers, db.pool} {
		if p != nil {
			p.Close()
		}
	}
	return err
}
