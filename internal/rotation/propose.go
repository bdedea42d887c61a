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
	Application inventory.Application
	Old         inventory.Credential
	Place       inventory.Place // where the new value goes; Version is filled in here
	Consumers   []Use
	Label       string        // of the new credential; empty means the old one's
	Lifetime    time.Duration // of the new credential; 0 means 180 days
	Overlap     time.Duration // 0 means the plan's
	Reason      string
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
	if err := rotatable(q); err != nil {
		return nil, err
	}
	if slices.Contains(k.Own, q.Application.ClientID) { // SAFETY F33
		return nil, invalid("%q is what rekey itself signs in as, and a mishap with its secret would lock rekey out half-way: renew it by hand, or let rekey use a certificate or a managed identity", q.Application.Name)
	}
	sys, err := k.Systems(by.Tenant)
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
	old := list[i]
	place, err := currentPlace(ctx, sys, q.Place)
	if err != nil {
		return nil, err
	}
	t := Terms{
		Plan: "planned", Application: q.Application, Old: old, Kept: keyIDs(list, old.KeyID), Place: place,
		Label: label(q.Label, old.Label), Lifetime: Duration(q.Lifetime), Consumers: q.Consumers, Timing: k.timing(q),
		Expires: time.Now().Add(k.patience()).UTC().Truncate(time.Second),
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

func rotatable(q Request) error {
	switch q.Old.Kind {
	case inventory.ClientSecret:
	case inventory.SAMLSigning:
		return invalid("%s signs SAML answers for %q: its successor has to be known to the other side first, so rekey never touches it", q.Old.KeyID, q.Application.Name)
	default:
		return invalid("%s is a %s; rekey rotates client secrets of applications", q.Old.KeyID, q.Old.Kind)
	}
	if q.Application.Holder != inventory.InApplications {
		return invalid("the secret is on the service principal of %q; rekey rotates secrets on the application itself", q.Application.Name)
	}
	if q.Place.Vault == "" || q.Place.Name == "" {
		return invalid("no vault entry is known to hold the secret of %q; say where the new one goes: --to VAULT/NAME, or --to %s/NAME", q.Application.Name, inventory.Embedded)
	}
	if q.Lifetime < 0 || q.Lifetime > 2*365*24*time.Hour {
		return invalid("a lifetime of %s is outside one day to two years", q.Lifetime)
	}
	if q.Lifetime > 0 && q.Lifetime < 24*time.Hour {
		return invalid("a lifetime of %s is under one day", q.Lifetime)
	}
	return nil
}

// currentPlace reads which version of the vault entry is current now.
func currentPlace(ctx context.Context, sys Systems, p inventory.Place) (inventory.Place, error) {
	vault, err := sys.Vault(p.Vault)
	if err != nil {
		return p, err
	}
	d, err := vault.Get(ctx, p.Name)
	if errors.Is(err, connector.ErrNotFound) {
		p.Version = ""
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("cannot read %s: %w", p, err)
	}
	p.Version = d.Version
	return p, nil
}

func keyIDs(list []inventory.Credential, but string) []string {
	ids := []string{}
	for _, c := range list {
		if c.KeyID != but {
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
	t := k.Timing
	if t == (Timing{}) {
		t = Planned
	}
	if q.Overlap > 0 {
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

// judge refuses terms that would be an outage and warns of what a person should know.
func judge(t Terms, list []inventory.Credential) (warnings []string, err error) {
	warnings = []string{}
	left := time.Until(t.Old.Expires)
	need := time.Duration(t.Timing.Proof) + time.Duration(t.Timing.Overlap)
	switch {
	case t.Old.Expires.IsZero():
	case left <= 0:
		warnings = append(warnings, "the old secret has already expired: its consumers are down until they read the new one")
	case left < need: // SAFETY F28
		return nil, invalid("the old secret ends in %s, before the overlap of %s is over: consumers that cache it would fail; shorten it with --overlap, for example --overlap %s",
			left.Round(time.Minute), time.Duration(t.Timing.Overlap), (left / 2).Round(time.Minute))
	}
	if t.Application.Audience == "AzureADandPersonalMicrosoftAccount" || t.Application.Audience == "PersonalMicrosoftAccount" {
		n := 0
		for _, c := range list {
			if c.Kind == inventory.ClientSecret {
				n++
			}
		}
		if n >= 2 {
			return nil, invalid("%q allows personal accounts, so Entra lets it have two secrets, and it has %d: remove one that nobody uses first", t.Application.Name, n)
		}
	}
	if len(t.Consumers) == 0 {
		warnings = append(warnings, "no consumer is known: nobody can say what breaks; add one under bindings in the configuration, or a consumer tag on the vault entry")
	}
	for _, u := range t.Consumers {
		if !follows(u, t.Place) {
			warnings = append(warnings, fmt.Sprintf("%s does not read %s: a person has to move it, and the old secret stays until somebody confirms", u.Consumer, t.Place))
		}
	}
	if len(t.Application.Owners) == 0 {
		warnings = append(warnings, "the application has no owner")
	}
	if t.Place.Version == "" {
		warnings = append(warnings, fmt.Sprintf("%s does not exist yet and will be created", t.Place))
	}
	return warnings, nil
}

// follows reports whether a consumer gets the new value from the vault entry by itself.
func follows(u Use, p inventory.Place) bool { return u.Reference == p.String() }

// Propose records a new rotation. It waits for an approval.
func (k *Keeper) Propose(ctx context.Context, by access.Actor, q Request) (*Rotation, error) {
	p, err := k.Plan(ctx, by, q)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	r := &Rotation{
		ID: "r-" + strings.ToLower(rand.Text()[:12]), Terms: p.Terms, Hash: p.Hash, Reason: q.Reason,
		By: by, Asked: now, State: Open, Course: "planned", Steps: steps("planned"), Due: p.Terms.Expires, Needs: needsApproval,
		Problem: "waiting for approval",
	}
	r.Steps[0].State, r.Steps[0].Began = Running, now
	e := k.event(r, by, access.ProposeRotation, audit.Done, map[string]string{
		"key": r.Terms.Old.KeyID, "place": r.Terms.Place.String(), "hash": r.Hash, "reason": r.Reason,
	})
	if err := k.add(ctx, r, e); err != nil {
		return nil, err
	}
	return r, nil
}

const needsApproval = "an administrator who did not propose it: rekey approve"
