package rotation

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/inventory"
)

// Incident is many credentials renewed or revoked at once, because they leaked
// or may have. Everything that was named in it is an item and stays one, whatever
// becomes of it: N of N.
type Incident struct {
	ID         string        `json:"id"`
	Plan       string        `json:"plan"` // emergency or revoke
	Others     Others        `json:"others"`
	Reason     string        `json:"reason"`
	BreakGlass string        `json:"breakGlass,omitempty"`
	By         access.Actor  `json:"by"`
	Opened     time.Time     `json:"opened"`
	State      IncidentState `json:"state"`
	Hash       string        `json:"hash,omitempty"` // over all items, once each is proposed or known to be impossible
	Consent    *Consent      `json:"consent,omitempty"`
	Closed     time.Time     `json:"closed,omitzero"`
	ClosedBy   *access.Actor `json:"closedBy,omitempty"`
	Remark     string        `json:"remark,omitempty"` // of who closed it

	Items []*Item `json:"-"` // rows of their own

	version int64
}

// IncidentState is where an incident stands as a whole.
type IncidentState string

// The states.
const (
	IncidentOpening IncidentState = "opening" // its items are being proposed
	IncidentWaiting IncidentState = "waiting" // for an approval
	IncidentRunning IncidentState = "running"
	IncidentClosed  IncidentState = "closed"
)

// Others says what becomes of everybody else who can act as an application.
type Others string

// What can become of them. Keys that sign SAML answers always stay.
const (
	KeepOthers   Others = "keep"
	RemoveOthers Others = "remove" // other credentials and federated ones go; owners stay
	RemoveOwners Others = "remove-owners"
)

// IncidentRequest opens an incident.
type IncidentRequest struct {
	Reason     string
	Plan       string // emergency or revoke
	Others     Others // empty with revoke: keep
	BreakGlass string
	Targets    []Target
}

// Target is one thing that was named. Without a request it could not be found or
// cannot be renewed, and Problem says why.
type Target struct {
	Named   string   // as a person wrote it
	Request *Request // its Plan, Keep, Remove and Reason are those of the incident
	Problem string
	Cure    string
}

// Item is one credential of an incident.
type Item struct {
	N        int      `json:"n"`
	Named    string   `json:"named"`
	Request  *Request `json:"request,omitempty"`
	Rotation string   `json:"rotation,omitempty"` // that deals with it
	Hash     string   `json:"hash,omitempty"`     // of that rotation's terms
	Along    bool     `json:"along,omitempty"`    // it is removed with another item's credential
	Kept     bool     `json:"kept,omitempty"`     // it stays, for the incident says so
	Tried    bool     `json:"tried,omitempty"`    // it is proposed, or known to be impossible
	Problem  string   `json:"problem,omitempty"`  // why it could not be proposed
	Cure     string   `json:"cure,omitempty"`

	Shown *Rotation `json:"-"` // the rotation as it is now
}

const (
	mostItems = 10_000
	itemPage  = 100 // items that are proposed between two records
	proposers = 8   // at once
)

// OpenIncident records everything that was named, and then proposes a rotation
// for each: with one approval for all, or with none if the glass was broken. What
// was recorded is never dropped; after a crash CarryIncidents goes on.
func (k *Keeper) OpenIncident(ctx context.Context, by access.Actor, q IncidentRequest) (*Incident, error) {
	i, err := k.newIncident(by, q)
	if err != nil {
		return nil, err
	}
	e := k.told(i, by, access.OpenIncident, audit.Done, map[string]string{
		"plan": i.Plan, "items": fmt.Sprint(len(i.Items)), "others": string(i.Others), "reason": i.Reason, "breakGlass": i.BreakGlass,
	})
	if err := k.addIncident(ctx, i, e); err != nil {
		return nil, err
	}
	return i, k.proposeItems(ctx, i)
}

// PlanIncident says what an incident would do, and records nothing.
func (k *Keeper) PlanIncident(ctx context.Context, by access.Actor, q IncidentRequest) (*Incident, error) {
	i, err := k.newIncident(by, q)
	if err != nil {
		return nil, err
	}
	i.ID = ""
	i.each(i.Items, func(t *Item) {
		if t.Request == nil || t.Along || t.Kept {
			return
		}
		p, err := k.planItem(ctx, i, t)
		if err != nil {
			t.Problem, t.Cure = err.Error(), cure(err)
			return
		}
		t.Hash = p.Hash
		t.Shown = &Rotation{Terms: p.Terms, Hash: p.Hash, State: Open, Course: p.Terms.Plan, Steps: steps(p.Terms.Plan), Problem: strings.Join(p.Warnings, "; ")}
	})
	i.Hash = i.hash()
	return i, nil
}

func (k *Keeper) newIncident(by access.Actor, q IncidentRequest) (*Incident, error) {
	if err := by.Check(access.OpenIncident); err != nil {
		return nil, err
	}
	if q.Others == "" && q.Plan == "revoke" {
		q.Others = KeepOthers
	}
	switch {
	case q.Plan != "emergency" && q.Plan != "revoke":
		return nil, invalid("an incident is an emergency or a revocation, not %q", q.Plan)
	case q.Reason == "":
		return nil, invalid("say what happened: --reason")
	case q.Others != KeepOthers && q.Others != RemoveOthers && q.Others != RemoveOwners:
		return nil, invalid("whoever stole one credential may have added another. Say what becomes of all others who can act as these applications: --others keep, remove (other credentials and federated ones go), or remove-owners (owners go as well)")
	case len(q.Targets) == 0:
		return nil, invalid("nothing is named")
	case len(q.Targets) > mostItems:
		return nil, invalid("%d are named; one incident takes %d", len(q.Targets), mostItems)
	}
	i := &Incident{
		ID: "i-" + strings.ToLower(rand.Text()[:12]), Plan: q.Plan, Others: q.Others, Reason: q.Reason, BreakGlass: q.BreakGlass,
		By: by, Opened: time.Now().UTC().Truncate(time.Millisecond), State: IncidentOpening,
	}
	return i, i.list(q.Targets)
}

// list makes the items. A holder has one open rotation at most, so that of several
// credentials of one holder the first is renewed, and the others go with it or stay.
func (i *Incident) list(targets []Target) error {
	first := map[inventory.ObjectID]*Item{}
	seen := map[string]bool{}
	for _, t := range targets {
		item := &Item{N: len(i.Items) + 1, Named: t.Named, Problem: t.Problem, Cure: t.Cure, Tried: t.Request == nil}
		if t.Request == nil {
			i.Items = append(i.Items, item)
			continue
		}
		if t.Request.Application.Tenant != i.By.Tenant {
			return &access.DeniedError{Actor: i.By, Action: access.OpenIncident, Why: "an application is of another tenant"}
		}
		key := string(t.Request.Application.ObjectID) + "|" + t.Request.Old.KeyID
		if seen[key] {
			continue // named twice
		}
		seen[key] = true
		q := *t.Request
		q.Plan, q.Keep, q.Remove, q.BreakGlass = i.Plan, nil, nil, i.BreakGlass
		q.Reason = "incident " + i.ID + ": " + i.Reason
		item.Request = &q
		main := first[q.Application.ObjectID]
		switch {
		case main == nil:
			first[q.Application.ObjectID] = item
		case q.Old.Kind == inventory.AccessKey && i.Plan == "emergency":
			item.Along = true // the other key is the one that is made anew
		case q.Old.Kind == inventory.AccessKey:
			item.Tried = true
			item.Problem = fmt.Sprintf("of a resource one key is revoked at a time, and that is %s", main.Request.Old.KeyID)
			item.Cure = "when that has ended: rekey revoke " + q.Old.KeyID
		case i.Plan == "revoke" || i.Others != KeepOthers:
			item.Along = true
			main.Request.Remove = append(main.Request.Remove, q.Old.KeyID)
		default:
			item.Kept, item.Tried = true, true
			item.Problem = fmt.Sprintf("kept, as --others keep says: of one application one credential is renewed at a time, and that is %s", main.Request.Old.KeyID)
			item.Cure = "when that has ended: rekey rotate --emergency " + q.Old.KeyID
		}
		i.Items = append(i.Items, item)
	}
	return nil
}

// each calls f for some items at once, and returns when all calls have.
func (i *Incident) each(items []*Item, f func(*Item)) {
	var hired sync.WaitGroup
	free := make(chan struct{}, proposers)
	for _, t := range items {
		free <- struct{}{}
		hired.Go(func() { defer func() { <-free }(); f(t) })
	}
	hired.Wait()
}

// hash binds everything that the incident will do.
func (i *Incident) hash() string {
	type bound struct {
		Named, Key, Hash string
		Along, Kept      bool
		Problem          string
	}
	list := []bound{}
	for _, t := range i.Items {
		b := bound{Named: t.Named, Hash: t.Hash, Along: t.Along, Kept: t.Kept, Problem: t.Problem}
		if t.Request != nil {
			b.Key = t.Request.Old.KeyID
		}
		list = append(list, b)
	}
	raw, err := json.Marshal(struct {
		ID, Plan, Others, Reason, BreakGlass string
		Items                                []bound
	}{i.ID, i.Plan, string(i.Others), i.Reason, i.BreakGlass, list})
	if err != nil {
		panic(fmt.Sprintf("an incident does not encode: %v", err)) // plain data only; cannot happen
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// told is an audit event of an incident.
func (k *Keeper) told(i *Incident, by access.Actor, action access.Action, o audit.Outcome, detail map[string]string) audit.Event {
	e := audit.By(by, action, i.ID, o)
	e.Detail = mapWith(detail, "incident", i.ID)
	return e
}

// ApproveIncident is one person's consent to everything that the incident holds,
// which the hash binds. It is never the person who opened it.
func (k *Keeper) ApproveIncident(ctx context.Context, by access.Actor, id, hash string) (*Incident, error) {
	if err := by.Check(access.ApproveIncident); err != nil {
		return nil, err
	}
	i, err := k.loadIncident(ctx, by.Tenant, id)
	if err != nil {
		return nil, err
	}
	refuse := func(why string) error {
		denied := &access.DeniedError{Actor: by, Action: access.ApproveIncident, Why: why}
		return errors.Join(denied, k.Store.Do(ctx, k.recorder(k.told(i, by, access.ApproveIncident, audit.Refused, map[string]string{"why": why}))))
	}
	switch {
	case by.Same(i.By):
		return nil, refuse("who opens an incident does not approve it; another administrator has to")
	case by.Entangled(i.By) && !by.Local() && !i.By.Local():
		return nil, refuse("one of the two tokens was made by the other person, who has seen it; somebody else has to approve")
	case i.State == IncidentOpening:
		return nil, conflict("its items are still being proposed; look again in a moment")
	case i.State != IncidentWaiting:
		return nil, conflict("it is %s already", i.State)
	case hash != i.Hash:
		return nil, refuse("the approval names another list than the incident has; show it again and approve that")
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	i.State, i.Consent = IncidentRunning, &Consent{By: by, At: now, Hash: hash, Expires: now.Add(k.patience())}
	e := k.told(i, by, access.ApproveIncident, audit.Done, map[string]string{"hash": hash, "items": fmt.Sprint(len(i.Items))})
	if err := k.saveIncident(ctx, i, nil, e); err != nil {
		return nil, err
	}
	if err := k.approveItems(ctx, i); err != nil {
		return nil, err
	}
	return k.loadIncident(ctx, by.Tenant, id)
}

// approveItems passes the consent on to each rotation. It does so again for those
// that a crash left out.
func (k *Keeper) approveItems(ctx context.Context, i *Incident) error {
	if i.Consent == nil || time.Now().After(i.Consent.Expires) {
		return nil
	}
	for _, t := range i.Items {
		if t.Rotation == "" || t.Along {
			continue
		}
		r, err := k.load(ctx, i.By.Tenant, t.Rotation)
		if err != nil {
			return err
		}
		if r.State != Open || r.Current() == nil || r.Current().Name != "approve" || r.Hash != t.Hash {
			continue
		}
		if _, err = k.Approve(ctx, i.Consent.By, t.Rotation, t.Hash); err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrOvertaken) {
			return fmt.Errorf("cannot pass the approval of %s on to %s: %w", i.ID, t.Rotation, err)
		}
	}
	return nil
}

// CloseIncident ends an incident of which every item has ended.
func (k *Keeper) CloseIncident(ctx context.Context, by access.Actor, id, remark string) (*Incident, error) {
	if err := by.Check(access.CloseIncident); err != nil {
		return nil, err
	}
	i, err := k.loadIncident(ctx, by.Tenant, id)
	if err != nil {
		return nil, err
	}
	c := i.Counts()
	switch {
	case i.State == IncidentClosed:
		return nil, conflict("it is closed already")
	case i.State == IncidentOpening || c.Waiting+c.Going > 0:
		return nil, conflict("%d of %d items have not ended", c.Waiting+c.Going, c.Items)
	case c.Failed > 0 && remark == "":
		return nil, invalid("%d of %d items could not be dealt with; say what becomes of them: --reason", c.Failed, c.Items)
	}
	i.State, i.Closed, i.ClosedBy, i.Remark = IncidentClosed, time.Now().UTC().Truncate(time.Millisecond), &by, remark
	e := k.told(i, by, access.CloseIncident, audit.Done, map[string]string{
		"items": fmt.Sprint(c.Items), "done": fmt.Sprint(c.Done), "kept": fmt.Sprint(c.Kept), "could not": fmt.Sprint(c.Failed), "remark": remark,
	})
	return i, k.saveIncident(ctx, i, nil, e)
}

// CarryIncidents goes on with what a crash has left: items that are not proposed,
// rotations that an approval has not reached. It is cheap if there is nothing.
func (k *Keeper) CarryIncidents(ctx context.Context) error {
	refs, err := k.openIncidents(ctx)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if ref.State == IncidentOpening && time.Since(ref.Moved) < atIt {
			continue
		}
		if err := k.ResumeIncident(ctx, ref.Tenant, ref.ID); err != nil && !errors.Is(err, ErrOvertaken) {
			return err
		}
	}
	return nil
}

// atIt is how long whoever opened an incident is taken to be proposing a page of
// its items.
const atIt = 10 * time.Minute

// ResumeIncident goes on with one incident at once.
func (k *Keeper) ResumeIncident(ctx context.Context, tenant, id string) error {
	i, err := k.loadIncident(ctx, tenant, id)
	if err != nil {
		return err
	}
	switch i.State {
	case IncidentOpening:
		return k.proposeItems(ctx, i)
	case IncidentRunning:
		return k.approveItems(ctx, i)
	}
	return nil
}
