package custody

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// Schema creates the package's table. It has one row: the keyring is one thing,
// read and replaced whole. It is the installation's and not a tenant's.
var Schema = store.Schema{Version: 90, SQL: `
CREATE TABLE keyring (id BIGINT PRIMARY KEY, body TEXT NOT NULL);
`}

// Shelf keeps the keyring in the database, where all replicas see the same one.
// Every key in it is sealed under the master key, which never comes here.
type Shelf struct {
	Store *store.DB

	// First, if set, is a keyring that is taken over when the table has none: of
	// an installation that was on one machine until now.
	First secret.Shelf
}

// Load reads the row.
func (s Shelf) Load(ctx context.Context) ([]byte, error) {
	var body string
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT body FROM keyring WHERE id = 1`).Scan(&body)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return s.first(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the keyring in the database: %w", err)
	}
	return []byte(body), nil
}

func (s Shelf) first(ctx context.Context) ([]byte, error) {
	if s.First == nil {
		return nil, fs.ErrNotExist
	}
	raw, err := s.First.Load(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Swap(ctx, nil, raw); err != nil && !errors.Is(err, secret.ErrMoved) {
		return nil, err
	}
	return Shelf{Store: s.Store}.Load(ctx)
}

// Swap replaces the row.
func (s Shelf) Swap(ctx context.Context, old, next []byte) error {
	return s.Store.Do(ctx, func(tx *store.Tx) error {
		var result sql.Result
		var err error
		if old == nil {
			result, err = tx.Exec(`INSERT INTO keyring (id, body) VALUES (1, $1) ON CONFLICT (id) DO NOTHING`, string(next))
		} else {
			result, err = tx.Exec(`UPDATE keyring SET body = $2 WHERE id = 1 AND body = $1`, string(old), string(next))
		}
		if err != nil {
			return fmt.Errorf("cannot write the keyring to the database: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n != 1 {
			return errors.Join(secret.ErrMoved, err)
		}
		return nil
	})
}

// Shared is true.
func (s Shelf) Shared() bool { return true }
