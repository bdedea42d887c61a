package rotation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// Marked reports whether a credential bears a marker, be it ours or forged: only
// such can be strays.
func Marked(c inventory.Credential) bool {
	return (c.Kind == inventory.ClientSecret || c.Kind == inventory.Certificate) && markerOf(c.Label) != ""
}

// Strays withdraws what rotations that are over have left behind: credentials
// with a marker of theirs that were never adopted, such as those that the issuer
// made days after it was asked (SAFETY F5). seen is what a sync has just read;
// whatever bears no marker of ours is passed over, so it may be everything. What
// an open rotation made is its own to clear. The error joins those of the
// credentials that could not be withdrawn; the next sync meets them again.
func (k *Keeper) Strays(ctx context.Context, tenant string, seen []inventory.Credential) error {
	if k.free() != nil { // they stay until a person has looked
		return nil
	}
	var errs []error
	for _, c := range seen {
		if !Marked(c) {
			continue
		}
		r, err := k.origin(ctx, tenant, c)
		if err == nil && r != nil {
			err = k.clearAfter(ctx, r, c)
		}
		if err != nil && !errors.Is(err, ErrOvertaken) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// origin is the ended rotation that a stray comes from, or nil if it is none.
func (k *Keeper) origin(ctx context.Context, tenant string, c inventory.Credential) (*Rotation, error) {
	var id, state, adopted string
	err := k.Store.View(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT r.id, r.state, a.key_id FROM rotation_attempt AS a JOIN rotation AS r ON r.tenant = a.tenant AND r.id = a.rotation
			WHERE a.tenant = $1 AND a.marker = $2 AND a.holder = $3`,
			tenant, markerOf(c.Label), string(c.Holder)).Scan(&id, &state, &adopted)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil // forged, or of a journal that was lost: a person looks at it
	}
	if err != nil {
		return nil, fmt.Errorf("cannot look up the marker of secret %s: %w", c.KeyID, err)
	}
	if State(state) == Open || State(state) == Done && adopted == c.KeyID {
		return nil, nil
	}
	r, err := k.load(ctx, tenant, id)
	if err != nil || r.ours(c) == nil || r.leftInUse(c.KeyID) {
		return nil, err
	}
	return r, nil
}

// leftInUse reports whether a credential is the one that consumers may hold.
func (r *Rotation) leftInUse(keyID string) bool {
	return r.Issued != nil && r.Issued.KeyID == keyID && (r.State == Done || !r.Put.IsZero())
}

func (k *Keeper) clearAfter(ctx context.Context, r *Rotation, c inventory.Credential) error {
	sys, err := k.systems(r.Terms.Application)
	if err != nil {
		return err
	}
	err = k.clear(ctx, r, sys, r.ours(c), c.KeyID)
	if _, gone := errors.AsType[*held](err); gone { // the application itself
		return nil
	}
	return err
}
