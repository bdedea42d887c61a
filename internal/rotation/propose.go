package rotation

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
)

// Request asks for a rotation. The inventory has resolved what a person typed.
type Request struct {
	Plan        string // one of Plans; empty means planned
	Application inventory.Application
	Old         inventory.Credential
	Place       inventory.Place // where the new value goes; Version is filled in here
	Consumers   []Use
	Label       string        // of the new credential; empty means the old one's
	Lifetime    time.Duration // of the new credential; 0 means 180 days
	Overlap     time.Duration // 0 means the plan's
	Reason      string

	// In an emergency: what becomes of everybody else who can act as the
	// application, by id or key id. "*" stands for all that are not named.
	Keep, Remove []string
	BreakGlass   string // why one administrator alone decides
}

// Proposal is a plan that nobody has approved yet.
type Proposal struct {
	Terms    Terms    `json:"terms"`
	Hash     string   `json:"hash"`
	Warnings []string `json:"warnings"`
}

// InvalidError says why something cannot be rotated, and what to do.
type InvalidError struct{ Why string }

func (e *InvalidError) Error() string { return e.Why }

func invalid(format string, a ...any) error { return &InvalidError{fmt.Sprintf(format, a...)} }

const maxLabel = 60 // of Graph's 90 characters, a space and the marker need 16

// Plan says what a rotation would do, from a fresh look at the systems. It
// changes nothing.
func (k *Keeper) Plan(ctx context.Context, by access.Actor, q Request) (*Proposal, error) {
	if err := by.Check(access.ProposeRotation); err != nil {
		return nil, err
	}
	if by.Tenant != q.Application.Tenant {
		return nil, &access.DeniedError{Actor: by, Action: access.ProposeRotation, Why: "the application is of another tenant"}
	}
	if err := k.mayKnow(ctx, by, q.Application); err != nil {
		return nil, err
	}
	if q.Plan == "" {
		q.Plan = "planned"
	}
	if err := k.ourselves(&q); err != nil {
		return nil, err
	}
	if err := rotatable(by, q); err != nil {
		return nil, err
	}
	sys, err := k.systems(q.Application)
	if err != nil {
		return nil, err
	}
	list, err := sys.Issuer.Credentials(ctx, q.Application)
	if err != nil {
		return nil, fmt.Errorf("cannot read the credentials of %q: %w", q.Application.Name, err)
	}
	i := slices.IndexFunc(list, func(c inventory.Credential) bool { return c.KeyID == q.Old.KeyID })
	if i < 0 {
		return nil, invalid("credential %s is no longer at %q; run rekey sync and look again", q.Old.KeyID, q.Application.Name)
	}
	t := Terms{
		Plan: q.Plan, Application: q.Application, Old: list[i], BreakGlass: q.BreakGlass, Label: label(q.Label, list[i].Label), Lifetime: Duration(q.Lifetime),
		Consumers: q.Consumers, Timing: k.timing(q), Expires: time.Now().Add(k.patience()).UTC().Truncate(time.Second),
	}
	if t.Others, err = others(ctx, sys, q); err != nil {
		return nil, err
	}
	t.Kept = kept(list, t)
	if t.Place, err = k.place(ctx, sys, q, list); err != nil {
		return nil, err
	}
	if t.Lifetime == 0 {
		t.Lifetime = Duration(180 * 24 * time.Hour)
	}
	if t.Consumers == nil {
		t.Consumers = []Use{}
	}
	warnings, err := judge(t, list)
	if err != nil {
		return nil, err
	}
	return &Proposal{Terms: t, Hash: t.Hash(), Warnings: warnings}, nil
}

// ourselves bends a request for what rekey itself signs in as to the one way that
// cannot lock rekey out (SAFETY F33).
func (k *Keeper) ourselves(q *Request) error {
	own, ok := k.Own[q.Application.ClientID]
	switch {
	case !ok || q.Application.ClientID == "":
		return nil
	case own.Place.Name == "":
		return invalid("%q is what rekey itself signs in as, and its credential does not come from a file that the configuration names: renew it where it comes from, or let rekey use a certificate file or a managed identity", q.Application.Name)
	case q.Plan == "revoke" || q.Plan == "next":
		return invalid("%q is what rekey itself signs in as: ending its credential now would lock rekey out; use a planned rotation, or --emergency", q.Application.Name)
	}
	q.Place = own.Place
	q.Consumers = append([]Use{own.Consumer}, q.Consumers...)
	return nil
}

// place is where the new value goes, with the version that is current now.
func (k *Keeper) place(ctx context.Context, sys Systems, q Request, list []inventory.Credential) (inventory.Place, error) {
	p := q.Place
	if q.Plan == "revoke" && p.Name == "" {
		return p, nil
	}
	vault, err := sys.Vault(p.Vault)
	if err != nil {
		return p, err
	}
	d, err := vault.Get(ctx, p.Name)
	if errors.Is(err, connector.ErrNotFound) || err != nil && q.Plan == "revoke" { // revoking does not wait for a vault
		p.Version = ""
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("cannot read %s: %w", p, err)
	}
	defer d.Value.Zero()
	p.Version = d.Version
	if q.Old.Kind == inventory.AccessKey && q.Plan != "revoke" {
		return p, k.live(ctx, sys, q, list, p, d)
	}
	return p, nil
}

// live makes sure that the key to be replaced is the one that consumers read: the
// other one is made anew, and must be the one that nobody uses (SAFETY F45).
func (k *Keeper) live(ctx context.Context, sys Systems, q Request, list []inventory.Credential, p inventory.Place, d connector.Deposit) error {
	teller, ok := sys.Issuer.(connector.Recaller)
	if !ok {
		return nil
	}
	s := &sight{k: k, sys: sys}
	held := s.print(d.Value)
	for _, c := range list {
		v, err := teller.Recall(ctx, q.Application, c.KeyID)
		if err != nil {
			return fmt.Errorf("cannot find out which key %s holds: %w", p, err)
		}
		matches := s.print(v) == held
		v.Zero()
		if matches && c.KeyID == q.Old.KeyID {
			return nil
		}
		if matches {
			return invalid("%s holds %s, so that is the key in use: rotate %s instead of %s", p, c.KeyID, c.KeyID, q.Old.KeyID)
		}
	}
	return invalid("%s holds neither of the keys of %q: nobody can say which one is in use; put the one in use there first", p, q.Application.Name)
}

// kept are the holder's other credentials, none of which is touched.
func kept(list []inventory.Credential, t Terms) []string {
	ids := []string{}
	for _, c := range list {
		if c.KeyID != t.Old.KeyID && !t.unmarked() && !t.removes(c.KeyID) {
			ids = append(ids, c.KeyID)
		}
	}
	slices.Sort(ids)
	return ids
}

// label is the human part of the new credential's name.
func label(wanted, old string) string {
	name := strings.TrimSpace(wanted)
	if name == "" {
		name, _, _ = strings.Cut(old, " "+markerPrefix)
		name = strings.TrimSpace(name)
	}
	if name == "" {
		name = "rekey"
	}
	runes := []rune(strings.ToValidUTF8(name, ""))
	return string(runes[:min(len(runes), maxLabel)])
}

func (k *Keeper) timing(q Request) Timing {
	t, ok := k.Timings[q.Plan]
	if !ok {
		t = Timings[q.Plan]
	}
	if q.Overlap > 0 && has(q.Plan, "overlap") {
		t.Overlap = Duration(q.Overlap)
	}
	return t
}

func (k *Keeper) patience() time.Duration {
	if k.Patience == 0 {
		return 72 * time.Hour
	}
	return time.Duration(k.Patience)
}

// Propose records a new rotation. It waits for an approval, unless the glass was
// broken: then one administrator has decided alone, in writing.
func (k *Keeper) Propose(ctx context.Context, by access.Actor, q Request) (*Rotation, error) {
	if err := k.free(); err != nil {
		return nil, err
	}
	p, err := k.Plan(ctx, by, q)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	r := &Rotation{
		ID: "r-" + strings.ToLower(rand.Text()[:12]), Terms: p.Terms, Hash: p.Hash, Reason: q.Reason,
		By: by, Asked: now, State: Open, Course: p.Terms.Plan, Steps: steps(p.Terms.Plan), Due: p.Terms.Expires, Needs: needsApproval,
		Problem: "waiting for approval",
	}
	r.Steps[0].State, r.Steps[0].Began = Running, now
	events := []audit.Event{k.event(r, by, access.ProposeRotation, audit.Done, map[string]string{
		"plan": r.Terms.Plan, "key": r.Terms.Old.KeyID, "place": r.Terms.Place.String(), "hash": r.Hash, "reason": r.Reason, "also": words(r.Terms.going()),
	})}
	if r.brokenGlass() {
		r.Consent = &Consent{By: by, At: now, Hash: r.Hash, Expires: now.Add(k.patience())}
		r.consented("one person alone, who broke the glass: " + r.Terms.BreakGlass)
		events = append(events, k.event(r, by, access.ApproveRotation, audit.Done, map[string]string{"hash": r.Hash, "breakGlass": r.Terms.BreakGlass}))
	}
	if err := k.add(ctx, r, events...); err != nil {
		return nil, err
	}
	return r, nil
}

const needsApproval = "an administrator who did not propose it: rekey approve"
