package rotation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// deposit puts the new value into the vault, reads it back and compares. Only
// then the sealed copy goes.
func (k *Keeper) deposit(ctx context.Context, r *Rotation) (verdict, error) {
	sys, vault, err := k.place(r)
	if err != nil {
		return verdict{}, err
	}
	v, err := k.Sealer.Open(sealLabel(r, "new"), r.sealed)
	if err != nil {
		return verdict{}, err
	}
	defer v.Zero()
	// What is looked at here is soon out of date; a process that sleeps sends nothing.
	ctx, cancelAll := context.WithTimeout(ctx, 2*time.Minute)
	defer cancelAll()
	// After a long wait for the vault the proof is stale: somebody may have
	// removed the new secret meanwhile.
	if time.Since(r.Steps[r.At-1].Ended) > time.Minute {
		err := k.signIn(ctx, r, sys, v, 3)
		r.Count = Count{}
		if refused, ok := errors.AsType[*connector.RejectedError](err); ok {
			return k.refused(ctx, r, sys, refused)
		}
		if err != nil {
			return verdict{}, fmt.Errorf("cannot sign in to prove the new secret again: %w", err)
		}
	}
	sending, cancel := timed(ctx)
	defer cancel()
	now, err := vault.Get(sending, r.Terms.Place.Name)
	if err != nil && !errors.Is(err, connector.ErrNotFound) {
		return verdict{}, fmt.Errorf("cannot read %s: %w", r.Terms.Place, err)
	}
	marker := r.attempt().Marker
	defer now.Value.Zero()
	if now.Value.Equal(v) {
		return k.deposited(ctx, r, sys, now.Version)
	}
	if now.Version == "" && r.Terms.Place.Version != "" {
		return park(fmt.Sprintf("%s is no longer in the vault; rekey does not make an entry that somebody has deleted", r.Terms.Place),
			"whoever deleted it, to recover it; or an administrator, to cancel this rotation")
	}
	if now.Version != r.Terms.Place.Version && now.Tags[inventory.TagAttempt] != marker { // SAFETY F19
		return park(fmt.Sprintf("%s was changed by somebody else after the proposal (version %s); rekey does not overwrite it", r.Terms.Place, now.Version),
			"whoever changed it, to put the former version back; or an administrator, to cancel this rotation")
	}
	if now.Version == r.Terms.Place.Version && now.Value.Hint() == r.Terms.Old.Hint && !now.Value.IsZero() {
		r.previous = k.Sealer.Seal(sealLabel(r, "old"), now.Value)
	}
	before := r.Put
	r.Put = time.Now().UTC()
	if err := k.save(ctx, r, one(k.progress(r, audit.Done, map[string]string{"intent": "deposit", "place": r.Terms.Place.String()}))); err != nil {
		return verdict{}, err
	}

	tags := maps.Clone(now.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	tags[inventory.TagKeyID], tags[inventory.TagRotation], tags[inventory.TagAttempt] = r.Issued.KeyID, r.ID, marker
	_, err = vault.Put(sending, r.Terms.Place.Name, connector.Deposit{Value: v, Expires: r.Issued.Expires, ContentType: now.ContentType, Tags: tags})
	if errors.Is(err, connector.ErrNotApplied) {
		r.Put = before
	}
	if err != nil {
		return verdict{}, fmt.Errorf("cannot put the new value into %s: %w", r.Terms.Place, err)
	}
	back, err := vault.Get(ctx, r.Terms.Place.Name)
	if err != nil {
		return verdict{}, fmt.Errorf("cannot read %s back: %w", r.Terms.Place, err)
	}
	if !back.Value.Equal(v) { // SAFETY F13, F22
		return verdict{}, fmt.Errorf("%s gives back something else than was put (version %s, %d bytes instead of %d)", r.Terms.Place, back.Version, back.Value.Len(), v.Len())
	}
	return k.deposited(ctx, r, sys, back.Version)
}

// deposited notes that consumers can read the new value from now on.
func (k *Keeper) deposited(ctx context.Context, r *Rotation, sys Systems, version string) (verdict, error) {
	at, err := k.clock(ctx, sys)
	if err != nil {
		return verdict{}, err
	}
	r.Entry, r.Switched, r.sealed = version, at.UTC().Truncate(time.Millisecond), ""
	return passed(fmt.Sprintf("%s version %s read back and compared; sealed copy erased", r.Terms.Place, version))
}

func (k *Keeper) place(r *Rotation) (Systems, connector.Vault, error) {
	sys, err := k.Systems(r.Terms.Application.Tenant)
	if err != nil {
		return sys, nil, err
	}
	vault, err := sys.Vault(r.Terms.Place.Vault)
	return sys, vault, err
}

// propagate collects evidence that each consumer gets the new value. One that
// does not read the vault entry needs a person's word.
func (k *Keeper) propagate(ctx context.Context, r *Rotation) (verdict, error) {
	if err := k.tidy(ctx, r); err != nil {
		return verdict{}, err
	}
	if r.Evidence == nil {
		r.Evidence = []Evidence{}
		for _, u := range r.Terms.Consumers {
			e := Evidence{Consumer: u.Consumer, Reference: u.Reference, Follows: follows(u, r.Terms.Place)}
			if e.Follows {
				e.Proof, e.By, e.At = "reads the entry by name, whose current version is the new one", "rekey", time.Now().UTC()
			}
			r.Evidence = append(r.Evidence, e)
		}
	}
	for _, e := range r.Evidence {
		if e.Proof == "" {
			return park(fmt.Sprintf("%s (%s) has not been moved to the new secret", e.Consumer, e.Reference),
				fmt.Sprintf("a person, to move it and say so: rekey confirm %s --consumer %q --proof TEXT", r.ID, e.Consumer))
		}
	}
	if len(r.Evidence) == 0 {
		return passed("no consumer is known")
	}
	var who []string
	for _, e := range r.Evidence {
		who = append(who, e.Consumer+" "+e.Proof)
	}
	return passed(strings.Join(who, "; "))
}

// overlap leaves both credentials valid until the longest known cache has passed,
// by the issuer's clock.
func (k *Keeper) overlap(ctx context.Context, r *Rotation) (verdict, error) {
	if err := k.tidy(ctx, r); err != nil {
		return verdict{}, err
	}
	sys, vault, err := k.place(r)
	if err != nil {
		return verdict{}, err
	}
	if v, ok, err := k.stillServed(ctx, r, sys, vault); err != nil || !ok {
		return v, err
	}
	now, err := k.clock(ctx, sys)
	if err != nil {
		return verdict{}, err
	}
	if left := r.Switched.Add(time.Duration(r.Terms.Timing.Overlap)).Sub(now); left > 0 {
		return wait(min(max(left, time.Second), 6*time.Hour), "both secrets work until "+now.Add(left).UTC().Format("2006-01-02 15:04 MST"))
	}
	return passed(fmt.Sprintf("both secrets worked for %s", now.Sub(r.Switched).Round(time.Second)))
}

// recorder is a transaction that only records.
func (k *Keeper) recorder(events ...audit.Event) func(*store.Tx) error {
	return func(tx *store.Tx) error { return k.Log.Record(tx, events...) }
}
