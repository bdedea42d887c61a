package rotation

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// Accept records that a person has seen the report with that hash and lets the
// installation go on. Rotations whose picture differs end as void; what they made
// stays. Nothing outside is withdrawn or written. Its error is ErrReport if journal
// or world have changed since the report was shown.
func (g *Guard) Accept(ctx context.Context, by access.Actor, hash string, seen []inventory.Credential) (*Report, error) {
	if err := g.check(by, access.AcceptReconcile); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reason == "" {
		return nil, ErrNotHeld
	}
	rep, err := g.show(ctx, by.Tenant, seen)
	if err != nil {
		return nil, err
	}
	if rep.Hash != hash {
		return nil, ErrReport
	}
	// From here on it is finished even if the person does not wait for the answer.
	ctx = context.WithoutCancel(ctx)
	for _, f := range rep.Findings {
		if f.Then != ThenVoid {
			continue
		}
		if err := g.Keeper.supersede(ctx, by, f, hash); err != nil {
			return nil, err
		}
	}
	return rep, g.let(ctx, by, rep)
}

// supersede ends a rotation that the world has overtaken.
func (k *Keeper) supersede(ctx context.Context, by access.Actor, f Finding, hash string) error {
	r, err := k.load(ctx, by.Tenant, f.Rotation)
	if err != nil || r.State != Open {
		return err // an acceptance that was broken off has done it already
	}
	if f.Credential != "" {
		k.leave(r, f)
	}
	now := time.Now().UTC()
	for i := r.At; i < len(r.Steps); i++ {
		r.Steps[i].State = Skipped
	}
	r.State, r.Ended, r.Due, r.Needs = Void, now, time.Time{}, ""
	r.Problem = "superseded: " + f.Text
	r.sealed, r.previous = "", ""
	e := k.event(r, by, access.AcceptReconcile, audit.Done, map[string]string{"ended": string(Void), "why": f.Text, "report": hash})
	if err := k.save(ctx, r, one(e)); err != nil {
		return fmt.Errorf("cannot end rotation %s: %w", r.ID, err)
	}
	return nil
}

// leave makes a credential count as one that consumers may hold, so that nothing
// takes it for a stray: the journal does not know what became of it.
func (k *Keeper) leave(r *Rotation, f Finding) {
	c := inventory.Credential{Tenant: r.Terms.Application.Tenant, Holder: f.Holder, KeyID: f.Credential, Kind: r.Terms.Old.Kind, Label: f.Label}
	if r.Issued == nil || r.Issued.KeyID != c.KeyID {
		r.Issued = &c
	}
	if r.Put.IsZero() {
		r.Put = time.Now().UTC()
	}
	m := markerOf(f.Label)
	for i, a := range r.Attempts {
		if m != "" && a.Marker == m {
			r.Attempts[i].State, r.Attempts[i].KeyID = Adopted, f.Credential
			return
		}
	}
	if m != "" {
		r.Attempts = append(r.Attempts, Attempt{Marker: m, Sent: time.Now().UTC().Truncate(time.Millisecond), State: Adopted, KeyID: f.Credential, Why: "of the time that the journal lacks"})
	}
}

// let ends the hold, and makes this database the one that counts.
func (g *Guard) let(ctx context.Context, by access.Actor, rep *Report) error {
	text, err := json.Marshal(rep)
	if err != nil {
		return fmt.Errorf("cannot encode the report: %w", err)
	}
	epoch := ""
	if g.Epoch != nil {
		if epoch, err = g.Epoch(ctx); err != nil {
			return fmt.Errorf("cannot ask the database server who it is: %w", err)
		}
	}
	err = g.Keeper.Store.Do(ctx, func(tx *store.Tx) error {
		if err := release(tx, g.Tenant, by.ID, rep.Hash, string(text)); err != nil {
			return err
		}
		if err := noteBeat(tx, g.Tenant, epoch); err != nil {
			return err
		}
		e := audit.By(by, access.AcceptReconcile, g.self.id, audit.Done)
		e.Title = "reconcile mode"
		e.Detail = map[string]string{"report": rep.Hash, "why": rep.Held, "findings": fmt.Sprint(len(rep.Findings)), "goOn": fmt.Sprint(rep.Agree)}
		return g.Keeper.Log.Record(tx, e)
	})
	if err != nil {
		return err
	}
	g.reason, g.doubt, g.written = "", "", map[string]lastBeat{}
	g.self.fresh = false
	return g.beat(ctx, false)
}
