package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/custody"
	"rekey.example/rekey/internal/replica"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// DatabaseCopy is a whole installation that was copied to another database.
type DatabaseCopy struct {
	From   string         `json:"from"` // without passwords
	To     string         `json:"to"`
	Tables []store.Copied `json:"tables"`
	Events int64          `json:"events"` // of the audit log, verified in the copy
}

// What keeps a database from being copied.
var (
	ErrInUse    = errors.New("replicas work on this database; stop them all, wait ten seconds, and copy again")
	ErrNotEmpty = errors.New("the target has rows already; a copy goes into an empty database only")
)

// CopyDatabase copies the installation's database to another one, in one
// transaction there, compares both row by row, verifies the audit log in the
// copy, and marks the old one as no longer in use. Nothing else is changed in the
// old one. to is postgres://... or the name of a file.
func CopyDatabase(ctx context.Context, c Config, to string, tell func(table string, rows int64)) (out DatabaseCopy, err error) {
	c.NoMigrate = true // the source stays as it is
	d, err := Open(ctx, c)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	out.From, out.To = withoutPassword(c.DatabaseAddress()), withoutPassword(to)
	if err := d.operator().Check(access.CopyDatabase); err != nil {
		return out, err
	}
	if err := d.idle(ctx); err != nil {
		return out, err
	}
	kept, err := d.log.Kept(d.checkpoints())
	if err != nil {
		return out, err
	}
	if _, err := d.log.Verify(ctx, d.store, kept...); err != nil {
		return out, fmt.Errorf("cannot copy a database whose audit log is not whole: %w", err)
	}
	target, free, err := d.openTarget(ctx, to)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, free()) }()
	if err := empty(ctx, target); err != nil {
		return out, err
	}
	return d.copy(ctx, out, target, to, kept, tell)
}

func (d *Daemon) copy(ctx context.Context, out DatabaseCopy, target *store.DB, to string, kept []audit.Checkpoint, tell func(string, int64)) (DatabaseCopy, error) {
	e := audit.By(d.operator(), access.CopyDatabase, d.others.installation.ID, audit.Done)
	e.Detail = map[string]string{"from": out.From, "to": out.To, "schema": strconv.FormatInt(replica.Schema.Version, 10)}
	var err error
	out.Tables, err = store.Transfer{
		From: d.store, To: target, Leave: append([]string{"rotation_lease"}, replica.Passing...), Tell: tell,
		Also: func(tx *store.Tx) error { return d.log.Record(tx, e) },
	}.Run(ctx)
	if err != nil {
		return out, err
	}
	report, err := d.log.Verify(ctx, target, kept...)
	if err != nil {
		return out, fmt.Errorf("the copy is there, but its audit log is not whole; remove it, the old database is still the one in use: %w", err)
	}
	out.Events = report.Events
	if err := d.carryKeyring(ctx, target, to); err != nil {
		return out, fmt.Errorf("the copy is there, but not its keyring; remove it, the old database is still the one in use: %w", err)
	}
	if err := d.store.Do(ctx, func(tx *store.Tx) error { return replica.SetMoved(tx, withoutAnyPassword(to)) }); err != nil {
		return out, fmt.Errorf("the copy is whole, but the old database could not be marked; do not start rekey on it again: %w", err)
	}
	return out, nil
}

// carryKeyring puts the keyring where the copy looks for it: into PostgreSQL, or
// beside a file. It may have changed since it was last in the other place.
func (d *Daemon) carryKeyring(ctx context.Context, target *store.DB, to string) error {
	var from, at secret.Shelf = secret.FileShelf{Folder: d.config.Data}, secret.FileShelf{Folder: filepath.Dir(to)}
	if d.config.Database != "" {
		from = custody.Shelf{Store: d.store}
	}
	if store.IsPostgres(to) {
		at = custody.Shelf{Store: target}
	}
	raw, err := from.Load(ctx)
	if err != nil {
		return err
	}
	old, err := at.Load(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		old, err = nil, nil
	}
	if err != nil || bytes.Equal(old, raw) {
		return err
	}
	return at.Swap(ctx, old, raw)
}

// idle checks that nobody else works on the database.
func (d *Daemon) idle(ctx context.Context) error {
	list, err := replica.List(ctx, d.store)
	if err != nil {
		return err
	}
	for _, r := range list {
		if r.Alive {
			return fmt.Errorf("%s on %s: %w", r.ID, r.Host, ErrInUse)
		}
	}
	return nil
}

// openTarget opens the database to copy to and makes its tables.
func (d *Daemon) openTarget(ctx context.Context, to string) (db *store.DB, free func() error, err error) {
	c := Config{Data: d.config.Data, Database: to}
	if to == d.config.DatabaseAddress() {
		return nil, nil, errors.New("cannot copy a database onto itself")
	}
	held := func() error { return nil }
	if folder := filepath.Dir(to); !store.IsPostgres(to) && folder != filepath.Clean(d.config.Data) {
		l, err := lockFolder(folder)
		if err != nil {
			return nil, nil, err
		}
		held = l.release
	}
	if db, err = openStore(ctx, c); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("cannot open the target: %w", err), held())
	}
	return db, func() error { return errors.Join(db.Close(), held()) }, nil
}

// empty checks that a database has no more rows than a new one has.
func empty(ctx context.Context, db *store.DB) error {
	folder, err := os.MkdirTemp("", "rekey-new-")
	if err != nil {
		return fmt.Errorf("cannot look what a new database has: %w", err)
	}
	defer os.RemoveAll(folder)
	fresh, err := store.Open(ctx, filepath.Join(folder, "new.db"), schemas()...)
	if err != nil {
		return err
	}
	defer fresh.Close()
	want, err := sizes(ctx, fresh)
	if err != nil {
		return err
	}
	got, err := sizes(ctx, db)
	if err != nil {
		return err
	}
	known := map[string]int64{}
	for _, t := range want {
		known[t.Name] = t.Rows
	}
	for _, t := range got {
		if t.Rows > known[t.Name] {
			return fmt.Errorf("table %s has %d rows: %w", t.Name, t.Rows, ErrNotEmpty)
		}
	}
	return nil
}

// withoutAnyPassword is an address to keep: not even a mask stays.
func withoutAnyPassword(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return address
	}
	u.User = url.User(u.User.Username())
	return u.String()
}
