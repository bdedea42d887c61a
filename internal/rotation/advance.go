package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/schedule"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// Keeper carries rotations forward.
type Keeper struct {
	Store    *store.DB
	Log      *audit.Log
	Sealer   *secret.Sealer
	Markers  *secret.Hasher
	Values   *secret.Hasher // recognises a value again; the inventory uses the same
	Systems  func(tenant string, holder inventory.HolderKind) (Systems, error)
	Effect   Effect                     // what tests put between a rotation and the world
	Own      map[inventory.ClientID]Own // whom rekey itself signs in as
	Timings  map[string]Timing          // for new rotations, by plan; one that is missing means that of Timings
	Calendar *schedule.Calendar         // maintenance windows and freezes; nil: always open
	Patience Duration                   // how long an approval may be waited for, and how long it holds; zero means 72 h

	// Held, if set, says why nothing may have an effect now; empty if everything may.
	Held func() string

	// Stopping, if set, is asked between two steps. If it says yes, Advance
	// returns, and the next process goes on: a step that has begun is finished.
	Stopping func() bool

	// Passed, if set, hears of each step that is over, once it is recorded. What a
	// killed process has recorded nobody hears of: it is for measuring, not for acting.
	Passed func(r *Rotation, s Step)

	journal journal
}

// Own is an application that rekey itself signs in as. Its credential is proved by
// reading the directory with it, goes into the file that rekey's configuration
// names, and the old one is kept until a start of rekey worked with the new one
// (SAFETY F33).
type Own struct {
	Place    inventory.Place // empty: it comes from elsewhere, and cannot be renewed from inside
	Consumer Use             // rekey itself
}

// Systems are what the rotations of one kind of holder work with.
type Systems struct {
	Issuer   connector.Issuer
	Verifier connector.Verifier
	Vault    func(name string) (connector.Vault, error)      // by inventory.Place.Vault
	Now      func(context.Context) (time.Time, error)        // the issuer's clock
	Consumer func(reference string) connector.Consumer       // nil, or answers nil: a person has to say that it has moved
	Witness  connector.Witness                               // nil: the tenant keeps no records of use
	Pairs    func(place inventory.Place) connector.PairMaker // nil, or answers nil: rekey makes key pairs itself
}

// systems are those for an application, or whatever holds the credential.
func (k *Keeper) systems(a inventory.Application) (Systems, error) {
	s, err := k.Systems(a.Tenant, a.Holder)
	if err != nil {
		return s, err
	}
	return k.Effect.watched(s), nil
}

// ErrOvertaken means that somebody else has moved the rotation on meanwhile.
var ErrOvertaken = errors.New("the rotation was moved on by another process")

// Advance carries a rotation as far as it goes now. An error is only returned
// if it could not be read or written down; what goes wrong in a step is recorded
// in the rotation, which is due again later.
//
// From one step to the next it goes on with what it has just written, as a reader
// would find it. That is as good as reading the row again: if anybody has moved
// the rotation on since, nothing can be written down any more, and so nothing is
// done that needs an intention. The keys that seal values wait for an hour before
// one is dropped, longer than all steps may take together.
func (k *Keeper) Advance(ctx context.Context, tenant, id string) error {
	_, err := k.AdvanceDue(ctx, tenant, id)
	return err
}

// AdvanceDue is Advance, and reports whether there was anything to do by this
// machine's clock.
func (k *Keeper) AdvanceDue(ctx context.Context, tenant, id string) (was bool, err error) {
	if err := k.free(); err != nil {
		return false, err
	}
	r, err := k.load(ctx, tenant, id)
	for err == nil && r.State == Open && !time.Now().Before(r.Due) {
		was = true
		more, err := k.visit(ctx, r)
		if errors.Is(err, ErrOvertaken) {
			return was, nil
		}
		if err != nil || !more || k.Stopping != nil && k.Stopping() {
			return was, err
		}
		if err := k.free(); err != nil {
			return was, err
		}
		if r, err = r.reread(); err != nil {
			return was, err
		}
	}
	return was, err
}

// free returns ErrHeld with the reason while nothing may have an effect.
func (k *Keeper) free() error {
	if k.Held == nil {
		return nil
	}
	if why := k.Held(); why != "" {
		return fmt.Errorf("%w: %s", ErrHeld, why)
	}
	return nil
}

// visit does what the current step's rules say now, and writes down how it went.
func (k *Keeper) visit(ctx context.Context, r *Rotation) (more bool, err error) {
	now := r.Current()
	if rules[now.Name] == nil || !has(r.Course, now.Name) {
		return false, fmt.Errorf("rotation %s is at step %q of %q, which this program does not know; a newer rekey has written it", r.ID, now.Name, r.Course)
	}
	if now.State == Ahead {
		now.State, now.Began = Running, time.Now().UTC()
	}
	v, err := k.step(ctx, r, now.Name)
	if errors.Is(err, ErrOvertaken) {
		return false, err
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return false, err // stopped in the middle; the next visit looks again
	}
	if h, ok := errors.AsType[*held](err); ok {
		v, err = h.verdict, nil
	}
	ctx = context.WithoutCancel(ctx) // what was done is written down, even when we are told to stop
	if err != nil {
		return false, k.failed(ctx, r, err)
	}
	switch {
	case v.end != "":
		return false, k.finish(ctx, r, v.end, v.why)
	case v.wait > 0:
		waited := r.Problem == v.why
		r.Due, r.Problem, r.Needs, r.Tries = time.Now().Add(v.wait).UTC(), v.why, v.needs, 0
		return false, k.save(ctx, r, unless(waited, k.progress(r, audit.Seen, map[string]string{"waits": v.why})))
	}
	now.State, now.Ended, now.Evidence = Passed, time.Now().UTC(), v.evidence
	r.Problem, r.Needs, r.Due, r.Tries = "", "", time.Time{}, 0
	if r.At++; r.At < len(r.Steps) {
		return true, k.save(ctx, r, one(k.at(r, now.Name, audit.Done, map[string]string{"evidence": v.evidence})), picture(r, now.Name))
	}
	return false, k.finish(ctx, r, cmp.Or(r.Ending, Done), "")
}

// brief is how long what a step has seen may be acted on. A process that slept
// between the looks and the act would rest on a world that is no more.
const brief = 2 * time.Minute

// step looks, decides and acts, until the step has passed or has to wait.
func (k *Keeper) step(ctx context.Context, r *Rotation, name string) (verdict, error) {
	if r.Terms.Plan == "emergency" || r.Terms.Plan == "revoke" {
		ctx = schedule.WithEmergency(ctx) // the reserve of the write budget is theirs
	}
	limited, cancel := context.WithTimeout(ctx, brief)
	defer cancel()
	s, err := k.look(limited, r)
	if err != nil {
		return verdict{}, err
	}
	for {
		rule := decide(name, s, "")
		if s.err != nil {
			return verdict{}, s.err
		}
		v, err := k.do(rule.then, s)
		if err != nil || !v.again {
			return v, err
		}
		s.forget()
	}
}

// do is one act.
func (k *Keeper) do(a act, s *sight) (verdict, error) {
	switch a {
	case pass:
		return verdict{evidence: s.evidence()}, nil
	case hold, again:
		return verdict{wait: max(s.pause, time.Millisecond), why: s.why, needs: s.needs}, nil
	case refuse:
		return verdict{end: Refused, why: s.why}, nil
	case void:
		return k.void(s.r, s.why)
	case abandon:
		return verdict{again: true}, k.giveUp(s.ctx, s.r, s.why)
	case clear:
		return verdict{again: true}, k.clear(s.ctx, s.r, s.sys, s.stray.from, s.stray.keyID)
	case order:
		return k.order(s)
	case put:
		return k.put(s)
	case take:
		return k.take(s)
	case tell:
		return verdict{again: true}, k.tell(s)
	case heal:
		return verdict{again: true}, k.heal(s)
	case remove:
		return k.remove(s)
	case repeat:
		return k.repeat(s)
	case retract:
		return k.retract(s)
	}
	return verdict{}, fmt.Errorf("the step %s of rotation %s has no act %q", s.r.Current().Name, s.r.ID, a)
}

// verdict is how a visit to a step ended without error.
type verdict struct {
	evidence string        // the step is finished, and this was seen
	wait     time.Duration // or: ask again after so long
	why      string        // why it waits
	needs    string        // who must do something first
	end      State         // or: the rotation ends here
	again    bool          // or: look again at once
}

// failed records an error of a step; the step is tried again, ever less often.
func (k *Keeper) failed(ctx context.Context, r *Rotation, err error) error {
	r.Tries++
	pause := min(5*time.Second<<min(r.Tries-1, 10), 30*time.Minute)
	if t, ok := errors.AsType[*connector.ThrottledError](err); ok {
		pause = max(t.After, time.Second)
	}
	r.Due = time.Now().Add(pause).UTC()
	same := r.Problem == err.Error()
	r.Problem, r.Needs = err.Error(), ""
	if errors.Is(err, connector.ErrDenied) {
		r.Needs = "an administrator of the tenant: rekey doctor says which right is missing"
	}
	return k.save(ctx, r, unless(same, k.progress(r, audit.Failed, map[string]string{"error": err.Error()})))
}

// finish ends a rotation.
func (k *Keeper) finish(ctx context.Context, r *Rotation, s State, why string) error {
	name := r.Steps[min(r.At, len(r.Steps)-1)].Name
	why = cmp.Or(why, r.Why)
	r.State, r.Ended, r.Due, r.Problem, r.Needs = s, time.Now().UTC(), time.Time{}, why, ""
	r.sealed, r.previous = "", ""
	outcome := audit.Done
	if s != Done && s != Cancelled {
		outcome = audit.Refused
	}
	return k.save(ctx, r, one(k.at(r, name, outcome, map[string]string{"ended": string(s), "why": why})))
}

// unless leaves an event out that would only repeat the one before.
func unless(repeats bool, e audit.Event) []audit.Event {
	if repeats {
		return nil
	}
	return one(e)
}

func one(e audit.Event) []audit.Event { return []audit.Event{e} }

// progress is the audit event of rekey's own work on the current step.
func (k *Keeper) progress(r *Rotation, o audit.Outcome, detail map[string]string) audit.Event {
	return k.at(r, r.Steps[min(r.At, len(r.Steps)-1)].Name, o, detail)
}

func (k *Keeper) at(r *Rotation, step string, o audit.Outcome, detail map[string]string) audit.Event {
	return k.event(r, access.Rekey(r.Terms.Application.Tenant), access.CarryRotation, o, mapWith(detail, "step", step))
}

func (k *Keeper) event(r *Rotation, by access.Actor, action access.Action, o audit.Outcome, detail map[string]string) audit.Event {
	e := audit.By(by, action, r.ID, o)
	e.Title = r.Terms.Application.Name
	e.Detail = mapWith(detail, "application", string(r.Terms.Application.ObjectID))
	return e
}

func mapWith(m map[string]string, key, value string) map[string]string {
	c := map[string]string{key: value}
	maps.Copy(c, m)
	maps.DeleteFunc(c, func(_, v string) bool { return v == "" })
	return c
}
