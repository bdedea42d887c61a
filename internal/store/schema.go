package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// Schema is one change of the tables, applied once, in the order of Version. A
// released one is never edited.
type Schema struct {
	Version int64 // unique in the whole program; the daemon's list shows them all
	SQL     string
}

// ErrNewer means that a newer rekey has written this database.
var ErrNewer = errors.New("the database was written by a newer rekey; install that version, or restore a backup made before the upgrade")

// ErrOlder means that the tables have to be brought up to date first.
var ErrOlder = errors.New("the tables are older than this program; run rekey db migrate, or start without --no-migrate")

// migrate brings the tables up to date. Of several processes that begin at
// once, one does it while the others wait.
func (db *DB) migrate(ctx context.Context, schemas []Schema) error {
	if len(schemas) == 0 {
		return nil
	}
	return db.Alone(ctx, "migrate", func() error {
		p, now, latest, err := db.steps(ctx, schemas)
		if err != nil || now == latest {
			return err
		}
		if _, err := p.Up(ctx); err != nil {
			return fmt.Errorf("cannot bring the tables up to date: %w", explain(err))
		}
		return nil
	})
}

// current checks that the tables are up to date.
func (db *DB) current(ctx context.Context, schemas []Schema) error {
	now, latest, err := db.Version(ctx, schemas...)
	if err == nil && now < latest {
		return fmt.Errorf("database has schema %d, this program wants %d: %w", now, latest, ErrOlder)
	}
	return err
}

// Version is the schema that the database has (0: no tables yet) and the newest
// of those that the program knows.
func (db *DB) Version(ctx context.Context, schemas ...Schema) (now, latest int64, err error) {
	tables, err := db.every(ctx)
	if err != nil {
		return 0, 0, err
	}
	if !slices.Contains(tables, goose.DefaultTablename) { // looking must not make the table
		for _, s := range schemas {
			latest = max(latest, s.Version)
		}
		return 0, latest, nil
	}
	_, now, latest, err = db.steps(ctx, schemas)
	return now, latest, err
}

// steps are the changes that the program knows, and where the database stands.
func (db *DB) steps(ctx context.Context, schemas []Schema) (p *goose.Provider, now, latest int64, err error) {
	dialect := database.DialectSQLite3
	if db.kind == postgres {
		dialect = database.DialectPostgres
	}
	var steps []*goose.Migration
	for _, s := range schemas {
		latest = max(latest, s.Version)
		steps = append(steps, goose.NewGoMigration(s.Version, &goose.GoFunc{
			RunTx: func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, s.SQL)
				return err
			},
		}, nil))
	}
	p, err = goose.NewProvider(dialect, db.write, nil, goose.WithGoMigrations(steps...), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, 0, 0, fmt.Errorf("cannot read the list of schema changes: %w", err)
	}
	if now, err = p.GetDBVersion(ctx); err != nil {
		return nil, 0, 0, fmt.Errorf("cannot read the database's version: %w", explain(err))
	}
	if now > latest {
		return nil, now, latest, fmt.Errorf("database has schema %d, this program knows %d: %w", now, latest, ErrNewer)
	}
	return p, now, latest, nil
}
