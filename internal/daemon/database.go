package daemon

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"rekey.example/rekey/internal/replica"
	"rekey.example/rekey/internal/store"
)

// Database is what there is to know of an installation's database without
// starting it.
type Database struct {
	Kind         string            `json:"kind"`    // sqlite or postgres
	Address      string            `json:"address"` // without a password
	Schema       int64             `json:"schema"`  // what it has; 0: no tables yet
	Newest       int64             `json:"newest"`  // what this program has
	Bytes        int64             `json:"bytes"`
	Installation string            `json:"installation,omitempty"`
	Moved        string            `json:"moved,omitempty"` // where it was copied to
	MovedAt      time.Time         `json:"movedAt,omitzero"`
	System       string            `json:"system,omitempty"`   // identifier of the PostgreSQL cluster
	Timeline     string            `json:"timeline,omitempty"` // of its write-ahead log; grows with a failover
	Problems     []string          `json:"problems"`           // what could lose a commit
	Tables       []TableSize       `json:"tables"`
	Replicas     []replica.Replica `json:"replicas"`
}

// TableSize is how many rows a table has.
type TableSize struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
}

// ErrNoDatabase means that nothing has been started with this configuration yet.
var ErrNoDatabase = errors.New("there is no database yet; rekey db migrate, or any command that needs one, makes it")

// LookAtDatabase tells what there is to know of the database, and changes nothing.
func LookAtDatabase(ctx context.Context, c Config) (Database, error) {
	out := Database{Address: withoutPassword(c.DatabaseAddress()), Tables: []TableSize{}, Replicas: []replica.Replica{}, Problems: []string{}}
	db, free, err := openAlone(ctx, c)
	if err != nil {
		return out, err
	}
	defer free()
	out.Kind = db.Kind()
	if out.Schema, out.Newest, err = db.Version(ctx, schemas()...); err != nil && !errors.Is(err, store.ErrNewer) {
		return out, err
	}
	if out.Bytes, err = db.Size(ctx); err != nil {
		return out, err
	}
	d, err := db.Durability(ctx)
	if err != nil {
		return out, err
	}
	out.Problems = append(out.Problems, d.Problems()...)
	if out.System, out.Timeline, err = db.Epoch(ctx); err != nil {
		return out, err
	}
	if out.Tables, err = sizes(ctx, db); err != nil || out.Schema < replica.Schema.Version {
		return out, err
	}
	if out.Replicas, err = replica.List(ctx, db); err != nil {
		return out, err
	}
	i, err := replica.Read(ctx, db)
	if errors.Is(err, sql.ErrNoRows) {
		return out, nil
	}
	out.Installation, out.Moved, out.MovedAt = i.ID, withoutPassword(i.Moved), i.MovedAt
	return out, err
}

func sizes(ctx context.Context, db *store.DB) ([]TableSize, error) {
	tables, err := db.Tables(ctx)
	if err != nil {
		return nil, err
	}
	list := []TableSize{}
	err = db.View(ctx, func(tx *store.Tx) error {
		for _, t := range tables {
			n, err := store.Count(tx, t)
			if err != nil {
				return err
			}
			list = append(list, TableSize{Name: t.Name, Rows: n})
		}
		return nil
	})
	return list, err
}

// MigrateDatabase brings the tables up to date, and makes them if there are none.
// It returns the versions before and after.
func MigrateDatabase(ctx context.Context, c Config) (before, after int64, err error) {
	db, free, err := openAlone(ctx, c)
	if errors.Is(err, ErrNoDatabase) {
		err = nil
	} else if err == nil {
		before, _, err = db.Version(ctx, schemas()...)
		free()
	}
	if err != nil {
		return before, before, err
	}
	if !store.IsPostgres(c.DatabaseAddress()) {
		l, err := lockFolder(c.Data)
		if err != nil {
			return before, before, err
		}
		defer l.release()
	}
	c.NoMigrate = false
	if db, err = openStore(ctx, c); err != nil {
		return before, before, err
	}
	after, _, err = db.Version(ctx, schemas()...)
	return before, after, errors.Join(err, db.Close())
}

// openAlone opens the database as it is. A file belongs to one process at a
// time, so the folder is locked until free is called.
func openAlone(ctx context.Context, c Config) (db *store.DB, free func(), err error) {
	where := c.DatabaseAddress()
	if store.IsPostgres(where) {
		if db, err = store.OpenAny(ctx, where); err != nil {
			return nil, nil, err
		}
		return db, func() { db.Close() }, nil // nothing was written
	}
	if _, err := os.Stat(where); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s: %w", where, ErrNoDatabase)
	}
	l, err := lockFolder(filepath.Dir(where))
	if err != nil {
		return nil, nil, err
	}
	if db, err = store.OpenAny(ctx, where); err != nil {
		return nil, nil, errors.Join(err, l.release())
	}
	return db, func() { db.Close(); l.release() }, nil
}
