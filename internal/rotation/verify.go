package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/secret"
)

// verify signs in with the sealed value until it was accepted often enough, for
// long enough, without one refusal in between. A directory accepts a fresh
// secret replica by replica; consumers must not see it before all do.
func (k *Keeper) verify(ctx context.Context, r *Rotation) (verdict, error) {
	sys, err := k.Systems(r.Terms.Application.Tenant)
	if err != nil {
		return verdict{}, err
	}
	v, err := k.Sealer.Open(sealLabel(r, "new"), r.sealed)
	if err != nil {
		return verdict{}, err
	}
	defer v.Zero()
	t := r.Terms.Timing
	// Three visits, so that the row of successes really spans the time.
	each := (t.Successes + 2) / 3
	err = k.signIn(ctx, r, sys, v, each)
	if refused, ok := errors.AsType[*connector.RejectedError](err); ok {
		return k.refused(ctx, r, sys, refused)
	}
	if err != nil {
		return verdict{}, fmt.Errorf("cannot sign in to prove the new secret: %w", err)
	}
	span := time.Since(r.Count.Since)
	if r.Count.Successes >= t.Successes && span >= time.Duration(t.Proof) {
		n := r.Count.Successes
		r.Count = Count{}
		return passed(fmt.Sprintf("accepted %d times in a row over %s, each on a new connection", n, span.Round(time.Second)))
	}
	return wait(time.Duration(t.Proof)/2+time.Millisecond, fmt.Sprintf("accepted %d times in a row; a directory answers replica by replica", r.Count.Successes))
}

// signIn signs in n times and counts the successes in a row.
func (k *Keeper) signIn(ctx context.Context, r *Rotation, sys Systems, v secret.Value, n int) error {
	for range n {
		if err := sys.Verifier.SignIn(ctx, r.Terms.Application, v); err != nil {
			if _, ok := errors.AsType[*connector.RejectedError](err); ok {
				r.Count = Count{Refusals: r.Count.Refusals + 1, Since: r.Count.Since}
			}
			return err
		}
		if r.Count.Successes == 0 {
			r.Count = Count{Since: time.Now().UTC()}
		}
		r.Count.Successes++
	}
	return nil
}

// refused decides what a refusal of the new secret means: too young, or wrong.
func (k *Keeper) refused(ctx context.Context, r *Rotation, sys Systems, e *connector.RejectedError) (verdict, error) {
	age := time.Since(r.attempt().Sent)
	if e.Secret && age < 10*time.Minute {
		return wait(min(max(age/4, time.Second), 30*time.Second), "not yet accepted everywhere")
	}
	if !e.Secret {
		if _, err := k.credentials(ctx, r, sys); err != nil { // it may be gone altogether
			return verdict{}, err
		}
		return park(fmt.Sprintf("the sign-in is refused for another reason than the secret: %v", e), "whoever looks after this application's sign-in (Conditional Access, disabled principal)")
	}
	return park(fmt.Sprintf("the new secret is refused for %s: %v", age.Round(time.Minute), e), "an administrator: rekey cancel gives up and withdraws the new secret; the old one is untouched")
}
