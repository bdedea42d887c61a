package rotation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

const (
	attemptsADay = 3              // SAFETY F34: a crash loop must not fill the directory
	unresolved   = 2              // SAFETY I6: attempts of which nobody knows
	quarantine   = 24 * time.Hour // after which an attempt that never showed counts as never made

	// A credential with a marker of ours that began outside of this span around
	// the request is not ours: somebody has copied the name. Wide, because one
	// end is the issuer's clock and the other ours, and because a request can be
	// held up for days.
	clockSlack = 24 * time.Hour
	lateness   = 7 * 24 * time.Hour

	lateKey = 15 * time.Minute // after which a lost request to make a resource's key anew is surely over
)

// order sends the request, between two records.
func (k *Keeper) order(s *sight) (verdict, error) {
	r := s.r
	prover, err := s.prover()
	if err != nil {
		return verdict{}, err
	}
	defer prover.Zero()
	// From here to the record of the answer a shutdown must not interrupt:
	// it would cost a credential that nobody knows the value of.
	sending, cancel := timed(context.WithoutCancel(s.ctx))
	defer cancel()
	a := k.nextAttempt(r)
	if r.Consent.Used.IsZero() {
		r.Consent.Used = a.Sent
	}
	if err := k.save(s.ctx, r, one(k.progress(r, audit.Done, map[string]string{"intent": "issue", "marker": a.Marker, "request": a.Request}))); err != nil {
		return verdict{}, err
	}
	c, v, err := s.sys.Issuer.Issue(sending, connector.Order{
		Holder: r.Terms.Application, Kind: r.Terms.Old.Kind, Old: r.Terms.Old, Label: r.Terms.Label, Marker: a.Marker, Request: a.Request,
		Expires: a.Sent.Add(time.Duration(r.Terms.Lifetime)).Truncate(time.Second), Prover: prover, Pairs: s.pairs(),
	})
	if errors.Is(err, connector.ErrPending) {
		a.State, a.Why = Pending, ""
		return verdict{wait: 10 * time.Second, why: "the issuer is still making the new one"}, nil
	}
	if errors.Is(err, connector.ErrNotApplied) {
		a.State, a.Why = Declined, err.Error()
		if errors.Is(err, connector.ErrNoSlot) {
			return verdict{
				wait: parked, why: "the application takes no further secret: " + err.Error(), needs: "an owner of the application, to remove a secret that nobody uses",
			}, nil
		}
		return verdict{}, fmt.Errorf("the issuer declined: %w", err)
	}
	if err == nil && (c.KeyID == r.Terms.Old.KeyID || r.approved(c.KeyID) && !r.Terms.unmarked()) {
		c.KeyID, err = "", errors.New("the answer names a credential that was there before")
	}
	if err == nil && (c.KeyID == "" || v.IsZero() || c.Hint != "" && c.Hint != v.Hint() && !secret.IsPair(v)) {
		a.KeyID, err = c.KeyID, errors.New("the answer lacks the key id or the value") // SAFETY F9
	}
	if err != nil {
		if err := k.giveUp(context.WithoutCancel(s.ctx), r, err.Error()); err != nil {
			return verdict{}, err
		}
		return verdict{wait: 5 * time.Second, why: "the issuer's answer is not known; looking whether it made the secret"}, nil
	}
	defer v.Zero()
	a.State, a.KeyID = Adopted, c.KeyID
	r.Issued, r.sealed, r.Print = &c, k.Sealer.Seal(sealLabel(r, "new"), v), s.print(v)
	if r.Terms.unmarked() {
		return verdict{evidence: fmt.Sprintf("%s made anew (%s...); value sealed", c.KeyID, c.Hint)}, nil
	}
	known := ""
	if c.Hint != "" {
		known = " (" + c.Hint + "...)"
	}
	return verdict{evidence: fmt.Sprintf("%s %s%s made, ends %s; value sealed", noun(c.Kind), c.KeyID, known, c.Expires.Format(time.DateOnly))}, nil
}

// prover is the old key pair, if the vault entry still holds it: with it a new
// certificate can be added without writing over what others add meanwhile.
func (s *sight) prover() (secret.Value, error) {
	if s.r.Terms.Old.Kind != inventory.Certificate {
		return secret.Value{}, nil
	}
	d, there := s.entry()
	if s.err != nil || !there || d.Version != s.r.Terms.Place.Version {
		return secret.Value{}, s.err
	}
	return secret.New(d.Value.Reveal()), nil
}

func (s *sight) pairs() connector.PairMaker {
	if s.sys.Pairs == nil || s.r.Terms.Old.Kind != inventory.Certificate {
		return nil
	}
	return s.sys.Pairs(s.r.Terms.Place)
}

// noun is what people call a kind of credential.
func noun(k inventory.Kind) string {
	switch k {
	case inventory.ClientSecret:
		return "secret"
	case inventory.AccessKey:
		return "key"
	case inventory.OwnerRight:
		return "owner"
	case inventory.Federated:
		return "federated credential"
	}
	return string(k)
}

func sealLabel(r *Rotation, which string) string {
	return "rotation/" + r.Terms.Application.Tenant + "/" + r.ID + "/" + which
}

// nextAttempt is the attempt to send now: the last one again if the issuer
// surely did nothing with it or is still at work, else a new one with a new marker.
func (k *Keeper) nextAttempt(r *Rotation) *Attempt {
	if a := r.attempt(); a == nil || a.State != Declined && a.State != Pending {
		r.Attempts = append(r.Attempts, Attempt{Marker: k.marker(r, len(r.Attempts)+1)})
	}
	a := r.attempt()
	a.State, a.Why = Intended, ""
	a.Request, a.Sent = requestID(), time.Now().UTC().Truncate(time.Millisecond)
	return a
}

// giveUp abandons the last attempt and writes that down.
func (k *Keeper) giveUp(ctx context.Context, r *Rotation, why string) error {
	a := r.attempt()
	a.State, a.Why, r.Clean = Abandoned, why, 0
	return k.save(ctx, r, one(k.progress(r, audit.Failed, map[string]string{"abandoned": a.Marker, "error": why})))
}

// clear withdraws a stray, between two records. The first is also the fence: if
// another process has moved the rotation on since this one read it, the stray may
// be what that one has adopted, and nothing is done (SAFETY F36).
func (k *Keeper) clear(ctx context.Context, r *Rotation, sys Systems, a *Attempt, keyID string) error {
	sending, cancel := timed(ctx)
	defer cancel()
	r.Clean = 0
	if err := k.save(ctx, r, one(k.progress(r, audit.Done, map[string]string{"intent": "retract", "key": keyID, "marker": a.Marker}))); err != nil {
		return err
	}
	if err := sys.Issuer.Withdraw(sending, r.Terms.Application, keyID); err != nil {
		return fmt.Errorf("cannot withdraw stray secret %s of attempt %s: %w", keyID, a.Marker, r.gone(err))
	}
	if a.State != Adopted {
		a.State, a.KeyID = Retracted, keyID
	}
	return k.save(context.WithoutCancel(ctx), r, one(k.progress(r, audit.Done, map[string]string{"retracted": keyID, "marker": a.Marker})))
}

// void ends a rotation whose terms no longer hold; what was issued goes first.
func (k *Keeper) void(r *Rotation, why string) (verdict, error) {
	if len(r.Attempts) == 0 {
		return verdict{end: Void, why: why}, nil
	}
	r.rollback(Void, why)
	return verdict{wait: time.Second, why: why}, nil
}

// rollback changes course: the steps ahead are skipped, and what was issued is
// withdrawn again.
func (r *Rotation) rollback(ending State, why string) {
	for i := r.At; i < len(r.Steps); i++ {
		r.Steps[i].State = Skipped
	}
	r.At = len(r.Steps)
	r.Course, r.Steps, r.Ending, r.Why = "rollback", append(r.Steps, steps("rollback")...), ending, why
	r.sealed = ""
	if a := r.attempt(); a.State == Intended || a.State == Pending {
		a.State, a.Why = Abandoned, "given up while the answer was out"
	}
}

// retract withdraws the credential that was adopted; from then on every one with
// a marker of ours is a stray. A resource's key that nobody uses may stay.
func (k *Keeper) retract(s *sight) (verdict, error) {
	r := s.r
	r.Issued = nil
	if r.Terms.unmarked() {
		return verdict{evidence: "nobody uses the key that was made anew"}, nil
	}
	if err := s.discardPairs(); err != nil {
		return verdict{}, err
	}
	var keys []string
	for _, a := range r.Attempts {
		if a.KeyID != "" {
			keys = append(keys, a.KeyID)
		}
	}
	if len(keys) == 0 {
		return verdict{evidence: "nothing is known that was issued"}, nil
	}
	sending, cancel := timed(s.ctx)
	defer cancel()
	if err := k.save(s.ctx, r, one(k.progress(r, audit.Done, map[string]string{"intent": "retract", "key": strings.Join(keys, ", ")}))); err != nil {
		return verdict{}, err
	}
	for _, key := range keys {
		if err := s.sys.Issuer.Withdraw(sending, r.Terms.Application, key); err != nil {
			return verdict{}, fmt.Errorf("cannot withdraw secret %s: %w", key, r.gone(err))
		}
	}
	return verdict{evidence: "what was issued is withdrawn"}, nil
}
