package rotation

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// Get returns one rotation of the actor's tenant. Its error is ErrNotFound if
// there is none.
func (k *Keeper) Get(ctx context.Context, by access.Actor, id string) (*Rotation, error) {
	if err := by.Check(access.ReadRotations); err != nil {
		return nil, err
	}
	return k.seen(ctx, by, id)
}

// seen loads a rotation if the actor may know of its application.
func (k *Keeper) seen(ctx context.Context, by access.Actor, id string) (*Rotation, error) {
	r, err := k.load(ctx, by.Tenant, id)
	if err != nil || !by.OnlyOwn() {
		return r, err
	}
	var sees bool
	err = k.Store.View(ctx, func(tx *store.Tx) (err error) {
		sees, err = inventory.Sees(tx, by, r.Terms.Application.ObjectID)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !sees {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return r, nil
}

// mayKnow refuses an application that is not a user's own as one that is not there.
func (k *Keeper) mayKnow(ctx context.Context, by access.Actor, a inventory.Application) error {
	if !by.OnlyOwn() {
		return nil
	}
	return k.Store.View(ctx, func(tx *store.Tx) error {
		if sees, err := inventory.Sees(tx, by, a.ObjectID); err != nil || sees {
			return err
		}
		return inventory.ErrNotFound
	})
}

// Filter selects rotations. Zero fields select all.
type Filter struct {
	State       State
	Application inventory.ObjectID
	Before      Cursor // from the last one of the page before
	Limit       int    // 0 means 100, at most 1000
}

// Cursor is a place in the list of rotations, newest first.
type Cursor struct {
	Asked time.Time
	ID    string
}

// List returns rotations of the actor's tenant, newest first, and whether there are more.
func (k *Keeper) List(ctx context.Context, by access.Actor, f Filter) (list []*Rotation, more bool, err error) {
	if err := by.Check(access.ReadRotations); err != nil {
		return nil, false, err
	}
	limit := min(f.Limit, 1000)
	if limit <= 0 {
		limit = 100
	}
	list = []*Rotation{}
	before := f.Before
	if before.ID == "" {
		before = Cursor{time.Now().AddDate(1000, 0, 0), "~"}
	}
	err = k.Store.View(ctx, func(tx *store.Tx) error {
		own, all, err := inventory.Own(tx, by)
		if err != nil {
			return err
		}
		if all || f.Application != "" && own[f.Application] {
			list, err = selectRotations(tx, by.Tenant, f, before, limit+1)
			return err
		}
		if f.Application != "" {
			own = nil
		}
		for object := range own {
			f.Application = object
			some, err := selectRotations(tx, by.Tenant, f, before, limit+1)
			if err != nil {
				return err
			}
			list = append(list, some...)
		}
		slices.SortFunc(list, func(a, b *Rotation) int { return cmp.Or(b.Asked.Compare(a.Asked), strings.Compare(b.ID, a.ID)) })
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	if len(list) > limit {
		return list[:limit], true, nil
	}
	return list, false, nil
}

func selectRotations(tx *store.Tx, tenant string, f Filter, before Cursor, limit int) ([]*Rotation, error) {
	rows, err := tx.Query(`SELECT version, body, sealed, previous FROM rotation
		WHERE tenant = $1 AND (asked, id) < ($2, $3) AND ($4 = '' OR state = $4) AND ($5 = '' OR holder = $5)
		ORDER BY asked DESC, id DESC LIMIT $6`,
		tenant, before.Asked.UnixMilli(), before.ID, string(f.State), string(f.Application), limit)
	if err != nil {
		return nil, fmt.Errorf("cannot list rotations: %w", err)
	}
	defer rows.Close()
	list := []*Rotation{}
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("cannot list rotations: %w", err)
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// Version is the row's number; it grows with every change. The API's ETag.
func (r *Rotation) Version() int64 { return r.version }

// Ours reports whether a credential comes from a rotation: by its key id, or by
// a marker that the journal knows. The inventory asks before it calls a
// credential unmanaged.
func Ours(tx *store.Tx, tenant string, holder inventory.ObjectID, keyID, label string) (bool, error) {
	var n int
	err := tx.QueryRow(`SELECT 1 FROM rotation_attempt WHERE tenant = $1 AND holder = $2 AND (marker = $3 OR key_id = $4) LIMIT 1`,
		tenant, string(holder), markerOf(label), keyID).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot look up a marker: %w", err)
	}
	return true, nil
}

// UnderWay returns the objects of a tenant that have an open rotation.
func UnderWay(tx *store.Tx, tenant string) (map[inventory.ObjectID]bool, error) {
	rows, err := tx.Query(`SELECT holder FROM rotation WHERE tenant = $1 AND state = 'open'`, tenant)
	if err != nil {
		return nil, fmt.Errorf("cannot list open rotations: %w", err)
	}
	defer rows.Close()
	holders := map[inventory.ObjectID]bool{}
	for rows.Next() {
		var holder inventory.ObjectID
		if err := rows.Scan(&holder); err != nil {
			return nil, fmt.Errorf("cannot list open rotations: %w", err)
		}
		holders[holder] = true
	}
	return holders, rows.Err()
}

// Strays are the markers whose outcome nobody knows, or whose credential should be
// gone: a credential that carries one was made by a rotation and not adopted.
func Strays(tx *store.Tx, tenant string) ([]inventory.Marked, error) {
	rows, err := tx.Query(`SELECT holder, marker FROM rotation_attempt WHERE tenant = $1 AND state IN ('abandoned', 'retracted', 'declined')`, tenant)
	if err != nil {
		return nil, fmt.Errorf("cannot list markers: %w", err)
	}
	defer rows.Close()
	var list []inventory.Marked
	for rows.Next() {
		var m inventory.Marked
		if err := rows.Scan(&m.Holder, &m.Marker); err != nil {
			return nil, fmt.Errorf("cannot list markers: %w", err)
		}
		list = append(list, m)
	}
	return list, rows.Err()
}

// Stage says how far an open rotation is, in the words of a board: approval, making,
// moving, overlap, withdrawing, watching, undoing. It is empty for one that has ended.
func (r *Rotation) Stage() string {
	s := r.Current()
	if s == nil {
		return ""
	}
	return map[string]string{
		"approve": "approval", "issue": "making", "verify": "making", "deposit": "making", "propagate": "moving", "overlap": "overlap",
		"withdraw": "withdrawing", "revoke": "withdrawing", "watch": "watching", "retract": "undoing", "settle": "undoing",
	}[s.Name]
}
