package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

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

func (db *DB) migrate(ctx context.Context, schemas []Schema) error {
	dialect := database.DialectSQLite3
	if db.kind == postgres {
		dialect = database.DialectPostgres
	}
	var steps []*goose.Migration
	var latest int64
	for _, s := range schemas {
		latest = max(latest, s.Version)
		steps = append(steps, goose.NewGoMigration(s.Version, &goose.GoFunc{
			RunTx: func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, s.SQL)
				return err
			},
		}, nil))
	}
	if len(steps) == 0 {
		return nil
	}
	provider, err := goose.NewProvider(dialect, db.write, nil, goose.WithGoMigrations(steps...), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("cannot read the list of schema changes: %w", err)
	}
	now, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("cannot read the database's version: %w", explain(err))
	}
	if now > latest {
		return fmt.Errorf("database has schema %d, this program knows %d: %w", now, latest, ErrNewer)
	}
	if now == latest {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("cannot bring the tables up to date: %w", explain(err))
	}
	return nil
}
