package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
)

// remove ends the old credential, and in an emergency whatever else the terms
// name: the point of no return, between two records.
func (k *Keeper) remove(s *sight) (verdict, error) {
	r := s.r
	old := r.Terms.Old.KeyID
	if r.Issued != nil && old == r.Issued.KeyID || slices.Contains(r.Terms.Kept, old) { // SAFETY F31
		return verdict{}, fmt.Errorf("refusing to withdraw %s: it is not the old credential of the approved terms", old)
	}
	if err := k.recallFormer(s); err != nil {
		return verdict{}, err
	}
	now := s.now()
	if s.err != nil {
		return verdict{}, s.err
	}
	sending, cancel := timed(s.ctx)
	defer cancel()
	if r.Consent.Used.IsZero() {
		r.Consent.Used = time.Now().UTC().Truncate(time.Millisecond)
	}
	r.Removed = now.UTC().Truncate(time.Millisecond)
	going := r.Terms.going()
	if err := k.save(s.ctx, r, one(k.progress(r, audit.Done, map[string]string{"intent": "withdraw", "key": old, "also": words(going)}))); err != nil {
		return verdict{}, err
	}
	if s.shows(r.Terms.Old) {
		if err := s.withdraw(sending, old); err != nil {
			return verdict{}, fmt.Errorf("cannot withdraw the old secret %s: %w", old, err)
		}
	}
	for _, w := range going {
		if err := s.sys.Issuer.(connector.Gatekeeper).Close(sending, r.Terms.Application, w.Way); err != nil {
			return verdict{}, fmt.Errorf("cannot remove %s: %w", w, err)
		}
	}
	r.Count, r.Clean = Count{}, 0
	evidence := noun(r.Terms.Old.Kind) + " " + old + " withdrawn"
	if r.Issued != nil {
		evidence += " after what the vault holds signed in 3 times"
	}
	if r.Unused != "" {
		evidence += "; " + r.Unused
	}
	if len(going) > 0 {
		evidence += "; removed as well: " + words(going)
	}
	return verdict{evidence: evidence}, nil
}

// withdraw ends a credential. A certificate is withdrawn with what the vault now
// holds as a proof, so that nothing is written over that others add meanwhile.
func (s *sight) withdraw(ctx context.Context, keyID string) error {
	p, ok := s.sys.Issuer.(connector.Proven)
	if !ok || s.r.Issued == nil || s.r.Issued.Kind != inventory.Certificate {
		return s.sys.Issuer.Withdraw(ctx, s.r.Terms.Application, keyID)
	}
	d, _ := s.entry()
	if s.err != nil {
		return s.err
	}
	return p.WithdrawProven(ctx, s.r.Terms.Application, keyID, d.Value)
}

// recallFormer keeps the value of a credential that is revoked, if the vault
// still has it, to prove at the end that it is refused.
func (k *Keeper) recallFormer(s *sight) error {
	r := s.r
	if r.Issued != nil || r.previous != "" || r.Terms.Place.Name == "" {
		return nil
	}
	d, there := s.entry()
	if s.err != nil {
		s.err = nil // revoking a leaked credential does not wait for a vault
		return nil
	}
	if there {
		k.keepFormer(s, d)
	}
	return nil
}

// repeat withdraws what is still shown: the request may have been lost (SAFETY F30).
func (k *Keeper) repeat(s *sight) (verdict, error) {
	r := s.r
	r.Clean = 0
	why := s.why
	if s.shows(r.Terms.Old) {
		if err := s.withdraw(s.ctx, r.Terms.Old.KeyID); err != nil && !errors.Is(err, connector.ErrLagging) {
			return verdict{}, fmt.Errorf("the old secret is still listed, and cannot be withdrawn: %w", err)
		}
	}
	for _, w := range r.Terms.going() {
		if err := s.sys.Issuer.(connector.Gatekeeper).Close(s.ctx, r.Terms.Application, w.Way); err != nil && !errors.Is(err, connector.ErrLagging) {
			return verdict{}, fmt.Errorf("%s is still listed, and cannot be removed: %w", w, err)
		}
	}
	return verdict{wait: pace(r), why: why}, nil
}

// evidence is what a step has seen that passes without an act.
func (s *sight) evidence() string {
	r := s.r
	switch r.Current().Name {
	case "verify":
		n, span := r.Count.Successes, time.Since(r.Count.Since)
		r.Count = Count{}
		return fmt.Sprintf("accepted %d times in a row over %s, each on a new connection", n, span.Round(time.Second))
	case "propagate":
		if len(r.Evidence) == 0 {
			return "no consumer is known"
		}
		var who []string
		for _, e := range r.Evidence {
			who = append(who, e.Consumer+" "+e.Proof)
		}
		return strings.Join(who, "; ")
	case "withdraw", "revoke":
		r.Removed = s.now().UTC()
		r.Count = Count{}
		return "the old secret was gone already"
	case "watch":
		return fmt.Sprintf("%s; watched for %s", s.proof, time.Duration(r.Terms.Timing.Watch))
	case "settle":
		return fmt.Sprintf("nothing of this rotation is left; watched for %s", time.Duration(r.Terms.Timing.Watch))
	}
	return s.proof
}
