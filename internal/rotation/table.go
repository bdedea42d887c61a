package rotation

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/store"
)

// Schema creates the package's tables. A holder has at most one open rotation
// (SAFETY F32); markers are kept for ever.
var Schema = store.Schema{Version: 50, SQL: `
CREATE TABLE rotation (
	tenant   TEXT NOT NULL,
	id       TEXT NOT NULL,
	holder   TEXT NOT NULL,
	state    TEXT NOT NULL,
	asked    BIGINT NOT NULL,
	due      BIGINT NOT NULL,
	version  BIGINT NOT NULL,
	body     TEXT NOT NULL,
	sealed   TEXT NOT NULL,
	previous TEXT NOT NULL,
	PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX rotation_one_per_holder ON rotation (tenant, holder) WHERE state = 'open';
CREATE INDEX rotation_due ON rotation (state, due);
CREATE INDEX rotation_asked ON rotation (tenant, asked, id);
CREATE TABLE rotation_attempt (
	tenant   TEXT NOT NULL,
	marker   TEXT NOT NULL,
	rotation TEXT NOT NULL,
	holder   TEXT NOT NULL,
	state    TEXT NOT NULL,
	key_id   TEXT NOT NULL,
	PRIMARY KEY (tenant, marker)
);
CREATE INDEX rotation_attempt_key ON rotation_attempt (tenant, key_id);
`}

// What a caller can branch on.
var (
	ErrNotFound = errors.New("no such rotation")
	ErrOpen     = errors.New("this application has an open rotation already")
)

func (k *Keeper) load(ctx context.Context, tenant, id string) (*Rotation, error) {
	var r *Rotation
	err := k.Store.View(ctx, func(tx *store.Tx) (err error) {
		r, err = scan(tx.QueryRow(`SELECT version, body, sealed, previous FROM rotation WHERE tenant = $1 AND id = $2`, tenant, id))
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("rotation %q: %w", id, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot load rotation %q: %w", id, err)
	}
	return r, nil
}

func scan(row interface{ Scan(...any) error }) (*Rotation, error) {
	var version int64
	var body, sealed, previous string
	if err := row.Scan(&version, &body, &sealed, &previous); err != nil {
		return nil, err
	}
	return decode(version, []byte(body), sealed, previous)
}

func decode(version int64, body []byte, sealed, previous string) (*Rotation, error) {
	r := &Rotation{version: version, body: body, sealed: sealed, previous: previous}
	if err := json.Unmarshal(body, r); err != nil {
		return nil, fmt.Errorf("the row is damaged: %w", err)
	}
	r.heard = r.over()
	r.kept = slices.Clone(r.Attempts)
	return r, nil
}

// reread is what load would return after a save.
func (r *Rotation) reread() (*Rotation, error) {
	return decode(r.version, r.body, r.sealed, r.previous)
}

// add writes a new rotation and its event.
func (k *Keeper) add(ctx context.Context, r *Rotation, events ...audit.Event) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("cannot encode rotation %s: %w", r.ID, err)
	}
	return k.journal.write(ctx, k.Store, k.Log, func(tx *store.Tx) error {
		var other string
		err := tx.QueryRow(`SELECT id FROM rotation WHERE tenant = $1 AND holder = $2 AND state = 'open'`,
			r.Terms.Application.Tenant, string(r.Terms.Application.ObjectID)).Scan(&other)
		if err == nil {
			return fmt.Errorf("%w: %s", ErrOpen, other)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("cannot look for an open rotation: %w", err)
		}
		_, err = tx.Exec(`INSERT INTO rotation (tenant, id, holder, state, asked, due, version, body, sealed, previous) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, '', '')`,
			r.Terms.Application.Tenant, r.ID, string(r.Terms.Application.ObjectID), string(r.State), millis(r.Asked), millis(r.Due), string(body))
		if err != nil {
			return fmt.Errorf("cannot write rotation %s: %w", r.ID, err)
		}
		r.version = 1
		return nil
	}, events)
}

// save writes r and the record of what changed it, together, if nobody has
// moved it on meanwhile. also may write more rows in the same transaction.
func (k *Keeper) save(ctx context.Context, r *Rotation, events []audit.Event, also ...func(*store.Tx) error) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("cannot encode rotation %s: %w", r.ID, err)
	}
	write := func(ctx context.Context) error {
		return k.journal.write(ctx, k.Store, k.Log, writer(r, body, also), events)
	}
	if k.Effect != nil {
		err = k.Effect(ctx, PointJournal, write)
	} else {
		err = write(ctx)
	}
	if err == nil {
		r.version, r.body, r.kept = r.version+1, body, slices.Clone(r.Attempts)
		k.hear(r)
	}
	return err
}

// over counts the steps that are.
func (r *Rotation) over() (n int) {
	for _, s := range r.Steps {
		if s.State == Passed {
			n++
		}
	}
	return n
}

// hear says which steps are over since it was last told.
func (k *Keeper) hear(r *Rotation) {
	n := 0
	for _, s := range r.Steps {
		if s.State != Passed {
			continue
		}
		if n++; n > r.heard && k.Passed != nil {
			k.Passed(r, s)
		}
	}
	r.heard = n
}

// writer writes what save is to commit.
func writer(r *Rotation, body []byte, also []func(*store.Tx) error) func(*store.Tx) error {
	tenant := r.Terms.Application.Tenant
	return func(tx *store.Tx) error {
		result, err := tx.Exec(`UPDATE rotation SET state = $3, due = $4, version = version + 1, body = $5, sealed = $6, previous = $7 WHERE tenant = $1 AND id = $2 AND version = $8`,
			tenant, r.ID, string(r.State), millis(r.Due), string(body), r.sealed, r.previous, r.version)
		if err != nil {
			return fmt.Errorf("cannot save rotation %s: %w", r.ID, err)
		}
		if n, err := result.RowsAffected(); err != nil || n != 1 {
			return errors.Join(fmt.Errorf("rotation %s: %w", r.ID, ErrOvertaken), err)
		}
		for i, a := range r.Attempts {
			if i < len(r.kept) && r.kept[i] == a {
				continue
			}
			_, err := tx.Exec(`INSERT INTO rotation_attempt (tenant, marker, rotation, holder, state, key_id) VALUES ($1, $2, $3, $4, $5, $6)
				ON CONFLICT (tenant, marker) DO UPDATE SET state = $5, key_id = $6`,
				tenant, a.Marker, r.ID, string(r.Terms.Application.ObjectID), string(a.State), a.KeyID)
			if err != nil {
				return fmt.Errorf("cannot save an attempt of rotation %s: %w", r.ID, err)
			}
		}
		for _, fn := range also {
			if err := fn(tx); err != nil {
				return err
			}
		}
		return nil
	}
}

// Ref points at a rotation that is due.
type Ref struct {
	Tenant, ID string
	Due        time.Time
}

// Due lists open rotations that are due now, the longest waiting first, and
// when the next one will be (zero if there is none). While rekey is held, none is.
func (k *Keeper) Due(ctx context.Context, limit int) (refs []Ref, next time.Time, err error) {
	if k.free() != nil {
		return nil, time.Time{}, nil
	}
	now := time.Now()
	err = k.Store.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT tenant, id, due FROM rotation WHERE state = 'open' ORDER BY due LIMIT $1`, limit+1)
		if err != nil {
			return fmt.Errorf("cannot list due rotations: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var ref Ref
			var due int64
			if err := rows.Scan(&ref.Tenant, &ref.ID, &due); err != nil {
				return fmt.Errorf("cannot list due rotations: %w", err)
			}
			ref.Due = time.UnixMilli(due)
			if ref.Due.After(now) || len(refs) == limit {
				next = ref.Due
				break
			}
			refs = append(refs, ref)
		}
		return rows.Err()
	})
	return refs, next, err
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
