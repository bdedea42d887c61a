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
)

// approve waits for a person; Approve itself passes the step.
func (k *Keeper) approve(_ context.Context, r *Rotation) (verdict, error) {
	if left := time.Until(r.Terms.Expires); left > 0 {
		return verdict{wait: left, why: "waiting for approval", needs: needsApproval}, nil
	}
	return end(Refused, "nobody approved in time; propose again")
}

// issue asks for the new credential with one request. Whatever is not surely
// answered is abandoned: its marker is watched, and a new attempt gets a new one.
func (k *Keeper) issue(ctx context.Context, r *Rotation) (verdict, error) {
	sys, err := k.Systems(r.Terms.Application.Tenant)
	if err != nil {
		return verdict{}, err
	}
	if a := r.attempt(); a != nil && a.State == Intended { // SAFETY F3, F10: cannot be told from "sent"
		if err := k.giveUp(ctx, r, "stopped before the answer was written down"); err != nil {
			return verdict{}, err
		}
	}
	looked := time.Now()
	list, err := k.credentials(ctx, r, sys)
	if err != nil {
		return verdict{}, err
	}
	if err := k.sweep(ctx, r, sys, list); err != nil {
		return verdict{}, err
	}
	if time.Since(looked) > time.Minute { // asleep, or kept waiting: the list is of another time
		return wait(time.Second, "looking again at the application's credentials")
	}
	if why := drifted(r, list); why != "" {
		return k.void(r, why)
	}
	if v, ok := tooSoon(r); ok {
		return v, nil
	}
	return k.order(ctx, r, sys)
}

// order sends the request, between two records.
func (k *Keeper) order(ctx context.Context, r *Rotation, sys Systems) (verdict, error) {
	if r.Terms.Hash() != r.Consent.Hash || r.Consent.By.Same(r.By) { // SAFETY C7, I5
		return k.void(r, "the terms are not those that were approved")
	}
	if time.Now().After(r.Consent.Expires) {
		return k.void(r, "the approval ended before the new secret could be issued; propose again")
	}
	// From here to the record of the answer a shutdown must not interrupt:
	// it would cost a credential that nobody knows the value of.
	sending, cancel := timed(context.WithoutCancel(ctx))
	defer cancel()
	a := k.nextAttempt(r)
	if r.Consent.Used.IsZero() {
		r.Consent.Used = a.Sent
	}
	if err := k.save(ctx, r, one(k.progress(r, audit.Done, map[string]string{"intent": "issue", "marker": a.Marker, "request": a.Request}))); err != nil {
		return verdict{}, err
	}
	c, v, err := sys.Issuer.Issue(sending, connector.Order{
		Holder: r.Terms.Application, Label: r.Terms.Label, Marker: a.Marker, Request: a.Request,
		Expires: a.Sent.Add(time.Duration(r.Terms.Lifetime)).Truncate(time.Second),
	})
	if errors.Is(err, connector.ErrNotApplied) {
		a.State, a.Why = Declined, err.Error()
		if errors.Is(err, connector.ErrNoSlot) {
			return park("the application takes no further secret: "+err.Error(), "an owner of the application, to remove a secret that nobody uses")
		}
		return verdict{}, fmt.Errorf("the issuer declined: %w", err)
	}
	if err == nil && r.approved(c.KeyID) {
		c.KeyID, err = "", errors.New("the answer names a credential that was there before")
	}
	if err == nil && (c.KeyID == "" || v.IsZero() || c.Hint != "" && c.Hint != v.Hint()) {
		a.KeyID, err = c.KeyID, errors.New("the answer lacks the key id or the value") // SAFETY F9
	}
	if err != nil {
		if err := k.giveUp(context.WithoutCancel(ctx), r, err.Error()); err != nil {
			return verdict{}, err
		}
		return wait(5*time.Second, "the issuer's answer is not known; looking whether it made the secret")
	}
	defer v.Zero()
	a.State, a.KeyID = Adopted, c.KeyID
	r.Issued, r.sealed, r.Print = &c, k.Sealer.Seal(sealLabel(r, "new"), v), k.Values.Fingerprint(v)
	return passed(fmt.Sprintf("secret %s (%s...) made, ends %s; value sealed", c.KeyID, c.Hint, c.Expires.Format(time.DateOnly)))
}

func sealLabel(r *Rotation, which string) string {
	return "rotation/" + r.Terms.Application.Tenant + "/" + r.ID + "/" + which
}

// nextAttempt is the attempt to send now: the last one again if the issuer
// surely did nothing with it, else a new one with a new marker.
func (k *Keeper) nextAttempt(r *Rotation) *Attempt {
	if a := r.attempt(); a == nil || a.State != Declined {
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

// tooSoon holds a new attempt back: a lost one gets a while to show up, and a
// crash loop must not fill the directory (SAFETY 2.6, F34, I6).
func tooSoon(r *Rotation) (verdict, bool) {
	now := time.Now()
	today, open := 0, 0
	var first time.Time
	for _, a := range r.Attempts {
		if a.State == Declined || now.Sub(a.Sent) >= quarantine {
			continue
		}
		if today++; today == 1 {
			first = a.Sent
		}
		if a.State == Abandoned {
			open++
		}
	}
	if last := r.attempt(); last != nil && last.State == Abandoned {
		for _, look := range []time.Duration{5 * time.Second, 15 * time.Second, 45 * time.Second, 150 * time.Second} { // the last: no list lags longer
			if left := look - now.Sub(last.Sent); left > 0 {
				return verdict{wait: left, why: "the last answer was lost; looking whether the issuer made the secret"}, true
			}
		}
	}
	if today >= attemptsADay || open >= unresolved {
		return verdict{
			wait: min(max(quarantine-now.Sub(first), time.Minute), 6*time.Hour), why: fmt.Sprintf("%d attempts to issue were lost; rekey waits until none of them can turn up any more", today),
			needs: "somebody to find out why answers of Microsoft Graph get lost",
		}, true
	}
	return verdict{}, false
}

// drifted says how the application's credentials differ from those that were
// approved. Ours do not count.
func drifted(r *Rotation, list []inventory.Credential) string {
	old := false
	for _, c := range list {
		switch {
		case c.KeyID == r.Terms.Old.KeyID:
			old = c.Expires.Equal(r.Terms.Old.Expires)
		case r.ours(c) == nil && !slices.Contains(r.Terms.Kept, c.KeyID):
			return fmt.Sprintf("credential %s (%q) appeared after the proposal; look at it and propose again", c.KeyID, c.Label)
		}
	}
	if !old {
		return "the old credential is no longer as it was proposed; somebody has changed or removed it"
	}
	return ""
}

// ours is the attempt that made a credential, or nil.
func (r *Rotation) ours(c inventory.Credential) *Attempt {
	if r.approved(c.KeyID) {
		return nil
	}
	m := markerOf(c.Label)
	for i, a := range r.Attempts {
		born := c.Starts.Sub(a.Sent)
		if m != "" && a.Marker == m && born >= -clockSlack && born <= lateness || a.KeyID != "" && a.KeyID == c.KeyID {
			return &r.Attempts[i]
		}
	}
	return nil
}

// approved reports whether the terms name a credential, so that it was there
// before any attempt of ours.
func (r *Rotation) approved(keyID string) bool {
	return keyID == r.Terms.Old.KeyID || slices.Contains(r.Terms.Kept, keyID)
}

// sweep withdraws every credential that an attempt of ours made and that is not
// the one adopted: by its key id, never "all but the newest" (SAFETY I4, F4-F6).
func (k *Keeper) sweep(ctx context.Context, r *Rotation, sys Systems, list []inventory.Credential) error {
	found := false
	for _, c := range list {
		a := r.ours(c)
		if a == nil || r.Issued != nil && c.KeyID == r.Issued.KeyID {
			continue
		}
		found = true
		if err := k.clear(ctx, r, sys, a, c.KeyID); err != nil {
			return err
		}
	}
	if !found {
		r.Clean++
	}
	return nil
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
		return end(Void, why)
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
	if a := r.attempt(); a.State == Intended {
		a.State, a.Why = Abandoned, "given up while the answer was out"
	}
}

// retract withdraws the credential that was adopted, and strays.
func (k *Keeper) retract(ctx context.Context, r *Rotation) (verdict, error) {
	sys, vault, err := k.place(r)
	if err != nil {
		return verdict{}, err
	}
	if !r.Put.IsZero() { // an unanswered write, long ago
		held, err := vault.Get(ctx, r.Terms.Place.Name)
		if err != nil && !errors.Is(err, connector.ErrNotFound) {
			return verdict{}, fmt.Errorf("cannot read %s: %w", r.Terms.Place, err)
		}
		defer held.Value.Zero()
		if k.Values.Fingerprint(held.Value) == r.Print {
			return park(fmt.Sprintf("%s holds the new secret (version %s): withdrawing it would cut its consumers off", r.Terms.Place, held.Version),
				"an administrator, to put the former version back")
		}
	}
	r.Issued = nil // from now on every credential with a marker of ours is a stray
	for _, a := range r.Attempts {
		if a.KeyID == "" {
			continue
		}
		if err := sys.Issuer.Withdraw(ctx, r.Terms.Application, a.KeyID); err != nil {
			return verdict{}, fmt.Errorf("cannot withdraw secret %s: %w", a.KeyID, r.gone(err))
		}
	}
	return passed("what was issued is withdrawn")
}

// settle watches for strays until none can turn up any more.
func (k *Keeper) settle(ctx context.Context, r *Rotation) (verdict, error) {
	sys, err := k.Systems(r.Terms.Application.Tenant)
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
	return k.untilQuiet(r, r.Current().Began, "nothing of this rotation is left")
}

// untilQuiet passes when the plan's watch is over and the last two lists showed no stray.
func (k *Keeper) untilQuiet(r *Rotation, since time.Time, evidence string) (verdict, error) {
	watch := time.Duration(r.Terms.Timing.Watch)
	left := time.Until(since.Add(watch))
	if left <= 0 && r.Clean >= 2 {
		return passed(fmt.Sprintf("%s; watched for %s", evidence, watch))
	}
	return wait(min(max(left/4, watch/20, time.Second), 6*time.Hour), "watching for late effects")
}
