package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
)

// withdraw ends the old credential: the point of no return. Everything it rests
// on is looked at again just before.
func (k *Keeper) withdraw(ctx context.Context, r *Rotation) (verdict, error) {
	sys, vault, err := k.place(r)
	if err != nil {
		return verdict{}, err
	}
	// A process that slept between the looks and the act would rest on a world
	// that is no more.
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	now, err := k.clock(ctx, sys)
	if err != nil {
		return verdict{}, err
	}
	list, err := k.credentials(ctx, r, sys)
	if err != nil {
		return verdict{}, err
	}
	if err := k.sweep(ctx, r, sys, list); err != nil {
		return verdict{}, err
	}
	if !slices.ContainsFunc(list, func(c inventory.Credential) bool { return c.KeyID == r.Issued.KeyID }) {
		return park("the directory does not show the new secret; withdrawing the old one could leave none", "an administrator, to look who removed it")
	}
	if v, ok, err := k.proveVault(ctx, r, sys, vault); err != nil || !ok {
		return v, err
	}
	if !slices.ContainsFunc(list, func(c inventory.Credential) bool { return c.KeyID == r.Terms.Old.KeyID }) && !r.pivoted() {
		r.Removed = now.UTC()
		return passed("the old secret was gone already")
	}
	return k.pivot(ctx, r, sys, now)
}

// proveVault makes sure that what the vault now holds is ours and signs in.
func (k *Keeper) proveVault(ctx context.Context, r *Rotation, sys Systems, vault connector.Vault) (verdict, bool, error) {
	held, err := k.served(ctx, r, vault)
	if err != nil {
		return verdict{}, false, err
	}
	defer held.Value.Zero()
	// A late second write of ours makes another version of the same value, which
	// is as good; anything else in its place is somebody's doing (SAFETY F18, F20).
	if k.Values.Fingerprint(held.Value) == r.Print {
		r.Entry = held.Version
	} else {
		v, err := park(fmt.Sprintf("%s now has version %s, not the one of this rotation; the old secret stays", r.Terms.Place, held.Version), "whoever wrote that version, to put version "+r.Entry+" back")
		return v, false, err
	}
	r.Count = Count{}
	err = k.signIn(ctx, r, sys, held.Value, 3)
	r.Count = Count{}
	if refused, ok := errors.AsType[*connector.RejectedError](err); ok {
		v, err := park(fmt.Sprintf("what %s holds does not sign in (%v); the old secret stays", r.Terms.Place, refused), "an administrator, to look who changed the application")
		return v, false, err
	}
	return verdict{}, err == nil, err
}

// pivoted reports whether the intention to withdraw was written down before.
func (r *Rotation) pivoted() bool { return !r.Removed.IsZero() }

// pivot withdraws the old credential between two records.
func (k *Keeper) pivot(ctx context.Context, r *Rotation, sys Systems, now time.Time) (verdict, error) {
	old := r.Terms.Old.KeyID
	if old == r.Issued.KeyID || slices.Contains(r.Terms.Kept, old) { // SAFETY F31
		return verdict{}, fmt.Errorf("refusing to withdraw %s: it is not the old credential of the approved terms", old)
	}
	sending, cancel := timed(ctx)
	defer cancel()
	r.Removed = now.UTC().Truncate(time.Millisecond)
	if err := k.save(ctx, r, one(k.progress(r, audit.Done, map[string]string{"intent": "withdraw", "key": old}))); err != nil {
		return verdict{}, err
	}
	if err := sys.Issuer.Withdraw(sending, r.Terms.Application, old); err != nil {
		return verdict{}, fmt.Errorf("cannot withdraw the old secret %s: %w", old, err)
	}
	return passed("secret " + old + " withdrawn after what the vault holds signed in 3 times")
}

// watch proves that the old value is really refused, and looks out for strays
// and late effects. Only here "removed" becomes a fact (SAFETY T10).
func (k *Keeper) watch(ctx context.Context, r *Rotation) (verdict, error) {
	sys, vault, err := k.place(r)
	if err != nil {
		return verdict{}, err
	}
	list, err := k.credentials(ctx, r, sys)
	if err != nil {
		return verdict{}, err
	}
	if slices.ContainsFunc(list, func(c inventory.Credential) bool { return c.KeyID == r.Terms.Old.KeyID }) { // SAFETY F30
		r.Clean = 0
		if err := sys.Issuer.Withdraw(ctx, r.Terms.Application, r.Terms.Old.KeyID); err != nil && !errors.Is(err, connector.ErrLagging) {
			return verdict{}, fmt.Errorf("the old secret is still listed, and cannot be withdrawn: %w", err)
		}
		return wait(pace(r), "the directory still shows the old secret")
	}
	if err := k.sweep(ctx, r, sys, list); err != nil {
		return verdict{}, err
	}
	if v, ok, err := k.stillServed(ctx, r, sys, vault); err != nil || !ok {
		return v, err
	}
	evidence := "the directory no longer shows the old secret (its value is not known here, so it could not be tried)"
	if r.previous != "" {
		text, v, err := k.proveRefused(ctx, r, sys)
		if err != nil || text == "" {
			return v, err
		}
		evidence = text
	}
	return k.untilQuiet(r, r.Removed, evidence)
}

// stillServed makes sure that what consumers read signs in, whoever put it
// there: nothing else would tell that somebody has brought the old value back
// after it was withdrawn (SAFETY F20).
func (k *Keeper) stillServed(ctx context.Context, r *Rotation, sys Systems, vault connector.Vault) (verdict, bool, error) {
	held, err := k.served(ctx, r, vault)
	if err != nil {
		return verdict{}, false, err
	}
	defer held.Value.Zero()
	times := 3
	if k.Values.Fingerprint(held.Value) == r.Print {
		times = 1
	}
	for range times {
		err := sys.Verifier.SignIn(ctx, r.Terms.Application, held.Value)
		if refused, ok := errors.AsType[*connector.RejectedError](err); ok {
			v, err := park(fmt.Sprintf("what %s holds (version %s) does not sign in (%v): its consumers are cut off", r.Terms.Place, held.Version, refused),
				"an administrator, to put a secret there that is accepted")
			return v, false, err
		}
		if err != nil {
			return verdict{}, false, fmt.Errorf("cannot try what %s holds: %w", r.Terms.Place, err)
		}
	}
	return verdict{}, true, nil
}

// proveRefused tries the old value until it was refused as often and as long as
// the new one had to be accepted. It returns the evidence, or what to wait for.
func (k *Keeper) proveRefused(ctx context.Context, r *Rotation, sys Systems) (string, verdict, error) {
	t := r.Terms.Timing
	v, err := k.Sealer.Open(sealLabel(r, "old"), r.previous)
	if err != nil {
		return "", verdict{}, err
	}
	defer v.Zero()
	code := ""
	for range (t.Successes + 2) / 3 {
		err := sys.Verifier.SignIn(ctx, r.Terms.Application, v)
		refused, ok := errors.AsType[*connector.RejectedError](err)
		switch {
		case err == nil:
			r.Count = Count{}
			v, err := wait(pace(r), "a token replica still accepts the old secret")
			return "", v, err
		case !ok:
			return "", verdict{}, fmt.Errorf("cannot try the old secret: %w", err)
		case !refused.Secret:
			v, err := park(fmt.Sprintf("the old secret is refused, but for another reason: %v", refused), "whoever looks after this application's sign-in")
			return "", v, err
		}
		code = refused.Which()
		if r.Count.Refusals == 0 {
			r.Count.Since = time.Now().UTC()
		}
		r.Count.Refusals++
	}
	span := time.Since(r.Count.Since)
	if r.Count.Refusals < t.Successes || span < time.Duration(t.Proof) {
		v, err := wait(time.Duration(t.Proof)/2+time.Millisecond, fmt.Sprintf("the old secret was refused %d times in a row", r.Count.Refusals))
		return "", v, err
	}
	return fmt.Sprintf("the old secret is refused (%s), %d times in a row over %s", code, r.Count.Refusals, span.Round(time.Second)), verdict{}, nil
}

// pace is how long to wait before looking again at something that lags.
func pace(r *Rotation) time.Duration {
	return min(max(time.Duration(r.Terms.Timing.Proof)/8, time.Second), time.Minute)
}
