package replica

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/store"
)

// Installation is what all replicas have in common.
type Installation struct {
	ID      string // never changes, also when the database is copied to another
	Made    time.Time
	Ring    string    // public key of the audit log, and so which keyring belongs to it
	Moved   string    // where this database was copied to, empty if it is the one in use
	MovedAt time.Time // when
}

// MovedError means that the installation lives in another database now.
type MovedError struct {
	To string
	At time.Time
}

func (e *MovedError) Error() string {
	return fmt.Sprintf("this database was copied to %s on %s and is no longer in use", e.To, e.At.Format(time.RFC3339))
}

// ErrOtherKeyring means that the data folder and the database do not belong together.
var ErrOtherKeyring = errors.New("the keyring is not the one of this database: bring keyring.json back that belongs to it")

// Open returns the installation that a database belongs to, which it makes if
// there is none. ring is the public key of the audit log. Its error is a
// *MovedError if the database is no longer in use.
func Open(ctx context.Context, db *store.DB, ring string) (i Installation, err error) {
	i, err = Read(ctx, db)
	if errors.Is(err, sql.ErrNoRows) {
		i, err = found(ctx, db, ring)
	}
	switch {
	case err != nil:
		return i, fmt.Errorf("cannot read which installation this is: %w", err)
	case i.Ring != ring:
		return i, ErrOtherKeyring
	case i.Moved != "":
		return i, &MovedError{To: i.Moved, At: i.MovedAt}
	}
	return i, nil
}

// Read returns the installation of a database; sql.ErrNoRows if it has none yet.
func Read(ctx context.Context, db *store.DB) (i Installation, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		var made, moved int64
		err := tx.QueryRow(`SELECT id, made, ring, moved, moved_at FROM installation WHERE one = 1`).Scan(&i.ID, &made, &i.Ring, &i.Moved, &moved)
		i.Made, i.MovedAt = moment(made), moment(moved)
		return err
	})
	return i, err
}

func found(ctx context.Context, db *store.DB, ring string) (Installation, error) {
	err := db.Do(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO installation (one, id, made, ring, moved, moved_at) VALUES (1, $1, $2, $3, '', 0) ON CONFLICT (one) DO NOTHING`,
			"i-"+strings.ToLower(rand.Text()[:20]), time.Now().UnixMilli(), ring)
		return err
	})
	if err != nil {
		return Installation{}, err
	}
	return Read(ctx, db)
}

// SetMoved marks a database as copied to another, or, with an empty address, as
// the one in use again.
func SetMoved(tx *store.Tx, to string) error {
	at := time.Now().UnixMilli()
	if to == "" {
		at = 0
	}
	if _, err := tx.Exec(`UPDATE installation SET moved = $1, moved_at = $2 WHERE one = 1`, to, at); err != nil {
		return fmt.Errorf("cannot mark the database as moved: %w", err)
	}
	return nil
}
