package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
)

// ErrConflict means that the act does not fit where the rotation stands.
var ErrConflict = errors.New("the rotation is not in the state for that")

func conflict(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrConflict, fmt.Sprintf(format, a...))
}

// Approve records a person's consent to exactly the terms with that hash. The
// approver is never the person who proposed.
func (k *Keeper) Approve(ctx context.Context, by access.Actor, id, hash string) (*Rotation, error) {
	if err := k.free(); err != nil {
		return nil, err
	}
	r, err := k.open(ctx, by, access.ApproveRotation, id)
	if err != nil {
		return nil, err
	}
	if by.Same(r.By) && !r.brokenGlass() {
		return nil, k.deny(ctx, r, by, access.ApproveRotation, "who proposes does not approve; another administrator has to")
	}
	if r.Terms.Plan == "revoke" || r.Terms.Plan == "emergency" {
		if err := by.Afresh(access.ApproveRotation); err != nil { // it takes away at once, or in hours
			return nil, err
		}
	}
	note := ""
	if by.Entangled(r.By) {
		// Who owns the machine that holds the data can do anything there, and has
		// to make the first tokens; that is written down. Nobody else may.
		if !by.Local() && !r.By.Local() {
			return nil, k.deny(ctx, r, by, access.ApproveRotation, "one of the two tokens was made by the other person, who has seen it; somebody else has to approve")
		}
		note = "one of the two persons made the token of the other, on this machine"
	}
	if hash != r.Hash {
		return nil, k.deny(ctx, r, by, access.ApproveRotation, "the approval names other terms than the proposal has; show it again and approve that")
	}
	if r.Current().Name != "approve" {
		return nil, conflict("it was approved before and is at the step %s", r.Current().Name)
	}
	if time.Now().After(r.Terms.Expires) {
		return nil, conflict("the proposal ended %s; propose again", r.Terms.Expires.Format(time.RFC3339))
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	r.Consent = &Consent{By: by, At: now, Hash: hash, Expires: now.Add(k.patience())}
	r.consented(note)
	return r, k.save(ctx, r, one(k.event(r, by, access.ApproveRotation, audit.Done, map[string]string{"hash": hash, "note": note})))
}

// consented passes the step that waits for a person.
func (r *Rotation) consented(note string) {
	c := r.Consent
	r.Steps[r.At].State, r.Steps[r.At].Ended = Passed, c.At
	r.Steps[r.At].Evidence = fmt.Sprintf("approved by %s, terms %.12s", c.By.Name, c.Hash)
	if note != "" {
		r.Steps[r.At].Evidence += "; " + note
	}
	r.At++
	r.Due, r.Problem, r.Needs = c.At, "", ""
}

// Refuse ends a rotation that nobody has approved.
func (k *Keeper) Refuse(ctx context.Context, by access.Actor, id, reason string) (*Rotation, error) {
	r, err := k.open(ctx, by, access.RefuseRotation, id)
	if err != nil {
		return nil, err
	}
	if reason == "" {
		return nil, invalid("say why it is refused: --reason")
	}
	if r.Current().Name != "approve" {
		return nil, conflict("it was approved already; rekey cancel stops it")
	}
	r.State, r.Ended, r.Due, r.Needs = Refused, time.Now().UTC(), time.Time{}, ""
	r.Problem = "refused by " + by.Name + ": " + reason
	return r, k.save(ctx, r, one(k.event(r, by, access.RefuseRotation, audit.Done, map[string]string{"reason": reason})))
}

// Cancel stops a rotation as long as consumers have not seen the new value.
// What was issued is withdrawn again; the old credential is not touched.
func (k *Keeper) Cancel(ctx context.Context, by access.Actor, id, reason string) (*Rotation, error) {
	r, err := k.open(ctx, by, access.CancelRotation, id)
	if err != nil {
		return nil, err
	}
	if by.Role != access.Administrator && !by.Same(r.By) {
		return nil, k.deny(ctx, r, by, access.CancelRotation, "only who proposed it or an administrator")
	}
	if r.Course == "rollback" {
		return nil, conflict("it is being cancelled already")
	}
	s := &sight{k: k, ctx: ctx, r: r}
	if !r.Put.IsZero() { // then the vault is asked
		if s, err = k.look(ctx, r); err != nil {
			return nil, err
		}
	}
	if decide("cancel", s, "").then == deny {
		if r.Terms.Plan == "revoke" {
			return nil, conflict("the credential is withdrawn already, or about to be")
		}
		return nil, conflict("consumers may read the new secret already, and taking it away would be an outage; let it go on (the old one stays valid until the overlap is over), or propose another rotation afterwards")
	}
	e := k.event(r, by, access.CancelRotation, audit.Done, map[string]string{"reason": reason})
	why := "cancelled by " + by.Name
	if reason != "" {
		why += ": " + reason
	}
	if len(r.Attempts) == 0 {
		r.State, r.Ended, r.Due, r.Needs = Cancelled, time.Now().UTC(), time.Time{}, ""
		r.Problem = why
		return r, k.save(ctx, r, one(e))
	}
	r.rollback(Cancelled, why)
	r.Due, r.Problem, r.Needs = time.Now().UTC(), "", ""
	return r, k.save(ctx, r, one(e))
}

// Confirm records a person's word that a consumer now uses the new value.
func (k *Keeper) Confirm(ctx context.Context, by access.Actor, id, consumer, proof string) (*Rotation, error) {
	r, err := k.open(ctx, by, access.ProposeRotation, id)
	if err != nil {
		return nil, err
	}
	if proof == "" {
		return nil, invalid("say how it is known that %s uses the new secret: --proof", consumer)
	}
	known := false
	for i, e := range r.Evidence { // one consumer can have several references
		if e.Consumer != consumer || e.Follows {
			continue
		}
		known = true
		r.Evidence[i].Proof, r.Evidence[i].By, r.Evidence[i].At = proof, by.Name, time.Now().UTC()
	}
	if !known {
		return nil, invalid("rotation %s knows no consumer %q that could be confirmed now", id, consumer)
	}
	r.Due = time.Now().UTC()
	return r, k.save(ctx, r, one(k.event(r, by, access.ProposeRotation, audit.Done, map[string]string{"consumer": consumer, "proof": proof})))
}

// Nudge lets a rotation look again at once at what it waits for, because somebody
// knows that it has changed. A wait that has to be as long as it is stays so.
func (k *Keeper) Nudge(ctx context.Context, tenant, id string) error {
	r, err := k.load(ctx, tenant, id)
	if err != nil || r.State != Open || !r.Due.After(time.Now()) {
		return err
	}
	r.Due = time.Now().UTC()
	if err := k.save(ctx, r, nil); err != nil && !errors.Is(err, ErrOvertaken) { // whoever overtook is looking
		return err
	}
	return nil
}

// Permit records an administrator's written word that the old credential may go
// although its use is not ruled out. It passes that question only: the vault is
// proved all the same. Who proposed the rotation cannot say so alone.
func (k *Keeper) Permit(ctx context.Context, by access.Actor, id, reason string) (*Rotation, error) {
	r, err := k.open(ctx, by, access.PermitWithdraw, id)
	if err != nil {
		return nil, err
	}
	if reason == "" {
		return nil, invalid("say in writing why the old credential may go: --reason")
	}
	if by.Same(r.By) && !r.brokenGlass() {
		return nil, k.deny(ctx, r, by, access.PermitWithdraw, "who proposes does not say that the old credential may go although it may be in use; another administrator has to")
	}
	if r.Switched.IsZero() || r.Pivoted() {
		return nil, conflict("it is not between the switch and the withdrawal")
	}
	r.Override = &Override{By: by, At: time.Now().UTC().Truncate(time.Millisecond), Reason: reason}
	r.Due = time.Now().UTC()
	return r, k.save(ctx, r, one(k.event(r, by, access.PermitWithdraw, audit.Done, map[string]string{"reason": reason, "overrides": r.Problem})))
}

// open loads an open rotation for an act that the actor's role permits.
func (k *Keeper) open(ctx context.Context, by access.Actor, action access.Action, id string) (*Rotation, error) {
	if err := by.Check(action); err != nil {
		return nil, err
	}
	r, err := k.seen(ctx, by, id)
	if err != nil {
		return nil, err
	}
	if r.State != Open {
		return nil, conflict("it has ended: %s", r.State)
	}
	return r, nil
}

// deny records that somebody tried, and returns the error that says so.
func (k *Keeper) deny(ctx context.Context, r *Rotation, by access.Actor, action access.Action, why string) error {
	denied := &access.DeniedError{Actor: by, Action: action, Why: why}
	e := k.event(r, by, action, audit.Refused, map[string]string{"why": why})
	return errors.Join(denied, k.Store.Do(ctx, k.recorder(e)))
}
