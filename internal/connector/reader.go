package connector

import (
	"context"
	"fmt"
)

// Reader is a consumer that reads a vault entry by its name. Nobody has to tell
// it anything: what it gets is the current version.
type Reader struct {
	Reference Reference
	Vault     func(name string) (Vault, error)
}

var _ Consumer = (*Reader)(nil)

// Tell does nothing.
func (r *Reader) Tell(context.Context, Change) error { return nil }

// Moved says yes when the entry's current version is the new one. A consumer
// with a pinned version has not moved, whatever the vault holds.
func (r *Reader) Moved(ctx context.Context, c Change) (Moved, error) {
	at := r.Reference.Place
	if r.Reference.Pinned() {
		if at.Version == c.Place.Version {
			return Moved{Yes: true, Proof: "reads version " + at.Version + ", which is the new one"}, nil
		}
		return Moved{Why: "it reads version " + at.Version + ", whatever the vault now holds", Person: "set the reference without a version, or with version " + c.Place.Version}, nil
	}
	vault, err := r.Vault(at.Vault)
	if err != nil {
		return Moved{}, fmt.Errorf("cannot open the vault of %s: %w", at, err)
	}
	held, err := vault.Get(ctx, at.Name)
	if err != nil {
		return Moved{}, fmt.Errorf("cannot look what %s reads: %w", c.Consumer, err)
	}
	held.Value.Zero()
	if held.Version != c.Place.Version {
		return Moved{Why: fmt.Sprintf("%s now has version %s, not %s", at, held.Version, c.Place.Version)}, nil
	}
	return Moved{Yes: true, Proof: "reads the entry by name, whose current version is the new one"}, nil
}
