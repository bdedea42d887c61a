package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
)

// proposeItems proposes what is not proposed yet, page by page: a page's outcome
// is recorded before the next begins.
func (k *Keeper) proposeItems(ctx context.Context, i *Incident) error {
	var left []*Item
	for _, t := range i.Items {
		if !t.Tried && !t.Along {
			left = append(left, t)
		}
	}
	for len(left) > 0 {
		page := left[:min(len(left), itemPage)]
		left = left[len(page):]
		i.each(page, func(t *Item) { k.proposeItem(ctx, i, t) })
		if ctx.Err() != nil {
			return ctx.Err() // what was proposed is found again: it is of this incident
		}
		if err := k.saveIncident(ctx, i, page); err != nil {
			return err
		}
	}
	return k.proposed(ctx, i)
}

// proposed fixes the list: from here on it is what is approved.
func (k *Keeper) proposed(ctx context.Context, i *Incident) error {
	main := map[inventory.ObjectID]*Item{}
	for _, t := range i.Items {
		if t.Request != nil && !t.Along && !t.Kept {
			main[t.Request.Application.ObjectID] = t
		}
	}
	for _, t := range i.Items {
		if !t.Along {
			continue
		}
		m := main[t.Request.Application.ObjectID]
		t.Rotation, t.Tried = m.Rotation, true
		if t.Rotation == "" {
			t.Problem = "it would have been removed with " + m.Request.Old.KeyID + ", which could not be dealt with"
			t.Cure = m.Cure
		}
	}
	i.State, i.Hash = IncidentWaiting, i.hash()
	c := i.Counts()
	if i.BreakGlass != "" || c.Waiting+c.Going == 0 {
		i.State = IncidentRunning
	}
	rekey := access.Rekey(i.By.Tenant)
	e := k.told(i, rekey, access.CarryRotation, audit.Done, map[string]string{
		"hash": i.Hash, "items": fmt.Sprint(c.Items), "could not": fmt.Sprint(c.Failed),
	})
	return k.saveIncident(ctx, i, i.Items, e)
}

// proposeItem never fails: what goes wrong is the item's.
func (k *Keeper) proposeItem(ctx context.Context, i *Incident, t *Item) {
	r, err := k.proposedBefore(ctx, i, t)
	if err == nil && r == nil {
		r, err = k.tryItem(ctx, i, t)
	}
	if ctx.Err() != nil {
		return
	}
	t.Tried = true
	if err != nil {
		t.Problem, t.Cure = err.Error(), cure(err)
		return
	}
	t.Rotation, t.Hash, t.Shown = r.ID, r.Hash, r
}

// proposedBefore finds the rotation that was proposed for an item before a crash.
func (k *Keeper) proposedBefore(ctx context.Context, i *Incident, t *Item) (*Rotation, error) {
	r, err := k.blocking(ctx, i, t)
	if err != nil || r == nil || r.Terms.Old.KeyID != t.Request.Old.KeyID || r.Reason != t.Request.Reason {
		return nil, err
	}
	return r, nil
}

// blocking is the holder's open rotation, or nil.
func (k *Keeper) blocking(ctx context.Context, i *Incident, t *Item) (*Rotation, error) {
	list, _, err := k.List(ctx, i.By, Filter{State: Open, Application: t.Request.Application.ObjectID, Limit: 1})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

const (
	itemTries = 4               // of a proposal that is throttled or not answered
	itemRest  = 5 * time.Second // between them, if nobody says how long
)

// tryItem proposes an item's rotation. A planned one that is in the way is
// cancelled, if that is still possible.
func (k *Keeper) tryItem(ctx context.Context, i *Incident, t *Item) (r *Rotation, err error) {
	for try := 1; ; try++ {
		if err = k.clearWay(ctx, i, t); err != nil {
			return nil, err
		}
		if err = k.choose(ctx, i, t); err == nil {
			r, err = k.Propose(ctx, i.By, *t.Request)
		}
		pause, again := itemPause(err)
		if !again || try == itemTries {
			return r, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// itemPause says whether a proposal that failed so is worth another try.
func itemPause(err error) (time.Duration, bool) {
	if throttled, ok := errors.AsType[*connector.ThrottledError](err); ok {
		return max(throttled.After, time.Second), true
	}
	if err == nil || errors.Is(err, connector.ErrDenied) || errors.Is(err, connector.ErrNotFound) || errors.Is(err, inventory.ErrNotFound) {
		return 0, false
	}
	_, impossible := errors.AsType[*InvalidError](err)
	_, denied := errors.AsType[*access.DeniedError](err)
	return itemRest, !impossible && !denied
}

// clearWay cancels a planned rotation of the same holder.
func (k *Keeper) clearWay(ctx context.Context, i *Incident, t *Item) error {
	r, err := k.blocking(ctx, i, t)
	if err != nil || r == nil {
		return err
	}
	at := "at its end"
	if s := r.Current(); s != nil {
		at = "at the step " + s.Name
	}
	if r.Terms.Plan == "planned" || r.Terms.Plan == "next" {
		cancelled, err := k.Cancel(ctx, i.By, r.ID, "makes room for incident "+i.ID)
		if err == nil && cancelled.State != Open {
			return nil
		}
		if err == nil {
			return invalid("%s blocks: it is being cancelled, and what it issued is withdrawn first", r.ID)
		}
		if !errors.Is(err, ErrConflict) {
			return fmt.Errorf("cannot cancel %s, which is in the way: %w", r.ID, err)
		}
		return invalid("%s blocks, a %s rotation %s: consumers may use its new value already, so it cannot be cancelled", r.ID, r.Terms.Plan, at)
	}
	return invalid("%s blocks, %s %s, which deals with %s already", r.ID, r.Terms.Plan, at, r.Terms.Old.KeyID)
}

// choose says for everybody else who can act as the application whether they stay,
// as the incident has it for all.
func (k *Keeper) choose(ctx context.Context, i *Incident, t *Item) error {
	sys, err := k.systems(t.Request.Application)
	if err != nil {
		return err
	}
	keeper, ok := sys.Issuer.(connector.Gatekeeper)
	if !ok {
		return nil
	}
	ways, err := keeper.Ways(ctx, t.Request.Application)
	if err != nil {
		return fmt.Errorf("cannot list who else can act as %q: %w", t.Request.Application.Name, err)
	}
	t.Request.Keep = nil
	for _, w := range ways {
		if w.ID == t.Request.Old.KeyID || named(t.Request.Remove, w.ID) {
			continue
		}
		if i.keeps(w) {
			t.Request.Keep = append(t.Request.Keep, w.ID)
		} else {
			t.Request.Remove = append(t.Request.Remove, w.ID)
		}
	}
	return nil
}

func (i *Incident) keeps(w connector.Way) bool {
	switch w.Kind {
	case inventory.SAMLSigning:
		return true
	case inventory.OwnerRight:
		return i.Others != RemoveOwners
	}
	return i.Others == KeepOthers
}

func (k *Keeper) planItem(ctx context.Context, i *Incident, t *Item) (*Proposal, error) {
	if err := k.choose(ctx, i, t); err != nil {
		return nil, err
	}
	return k.Plan(ctx, i.By, *t.Request)
}

// cure is what to do about an item that could not be proposed.
func cure(err error) string {
	switch {
	case errors.Is(err, connector.ErrDenied):
		return "rekey doctor says which right rekey's own identity lacks; then open an incident for what is left"
	case errors.Is(err, connector.ErrNotFound):
		return "rekey sync reads the directory again; if it is gone, nothing is left to do"
	}
	if _, ok := errors.AsType[*InvalidError](err); ok {
		return "put right what it says, then rekey rotate --emergency or rekey revoke for this one"
	}
	return "when the systems answer again: rekey rotate --emergency or rekey revoke for this one"
}
