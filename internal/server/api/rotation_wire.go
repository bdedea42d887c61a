package api

import (
	"strconv"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
)

// each maps a list. An empty one stays a list: [] in JSON, never null.
func each[A, B any](list []A, f func(A) B) []B {
	out := make([]B, 0, len(list))
	for _, a := range list {
		out = append(out, f(a))
	}
	return out
}

func version(r *rotation.Rotation) string { return strconv.FormatInt(r.Version(), 10) }

func etag(r *rotation.Rotation) string { return `"` + version(r) + `"` }

func wireRotation(r *rotation.Rotation) wire.Rotation {
	out := wire.Rotation{
		ID: r.ID, Terms: wireTerms(r.Terms), Hash: r.Hash, Reason: r.Reason, By: wireActor(r.By), Asked: r.Asked,
		State: wire.RotationState(r.State), Course: r.Course, Steps: each(r.Steps, wireStep),
		Due: r.Due, Problem: r.Problem, Needs: r.Needs, Ended: r.Ended,
		Attempts: each(r.Attempts, wireAttempt), Deposited: r.Entry, Switched: r.Switched, Removed: r.Removed,
		Consumers: each(r.Evidence, wireEvidence),
		SignIns:   wire.SignIns{Successes: r.Count.Successes, Refusals: r.Count.Refusals, Since: r.Count.Since},
	}
	if s := r.Current(); s != nil {
		out.Current = s.Name
	}
	if r.State == rotation.Open {
		out.Stage = wire.RotationStage(r.Stage())
	}
	if c := r.Consent; c != nil {
		out.Consent = &wire.Consent{By: wireActor(c.By), At: c.At, Hash: c.Hash, Expires: c.Expires, Used: c.Used}
	}
	if o := r.Override; o != nil {
		out.Override = &wire.Override{By: wireActor(o.By), At: o.At, Reason: o.Reason}
	}
	if r.Issued != nil {
		out.Issued = new(wireRotationCredential(*r.Issued))
	}
	return out
}

func wireProposal(p *rotation.Proposal) wire.Proposal {
	return wire.Proposal{Terms: wireTerms(p.Terms), Hash: p.Hash, Steps: rotation.StepNames(p.Terms.Plan), Warnings: each(p.Warnings, func(s string) string { return s })}
}

func wireTerms(t rotation.Terms) wire.Terms {
	return wire.Terms{
		Plan: t.Plan, Application: wireApplication(t.Application), Old: wireRotationCredential(t.Old),
		Kept: each(t.Kept, func(s string) string { return s }), Place: wirePlace(t.Place), Label: t.Label,
		Others: each(t.Others, wireOther), BreakGlass: t.BreakGlass,
		Lifetime:  time.Duration(t.Lifetime).String(),
		Consumers: each(t.Consumers, func(u rotation.Use) wire.Use { return wire.Use{Consumer: u.Consumer, Reference: u.Reference} }),
		Timing: wire.Timing{
			Successes: t.Timing.Successes, Proof: time.Duration(t.Timing.Proof).String(),
			Overlap: time.Duration(t.Timing.Overlap).String(), Watch: time.Duration(t.Timing.Watch).String(),
		},
		Expires: t.Expires,
	}
}

func wireOther(o rotation.Other) wire.Other {
	return wire.Other{Object: string(o.Object), Holder: wire.HolderKind(o.Holder), Kind: wire.CredentialKind(o.Kind), ID: o.ID, Label: o.Label, Keep: o.Keep}
}

func wireStep(s rotation.Step) wire.Step {
	return wire.Step{Name: s.Name, State: wire.StepState(s.State), Began: s.Began, Ended: s.Ended, Evidence: s.Evidence}
}

func wireAttempt(a rotation.Attempt) wire.Attempt {
	return wire.Attempt{Marker: a.Marker, Request: a.Request, Sent: a.Sent, State: wire.AttemptState(a.State), KeyID: a.KeyID, Why: a.Why}
}

func wireEvidence(e rotation.Evidence) wire.Evidence {
	return wire.Evidence{Consumer: e.Consumer, Reference: e.Reference, Follows: e.Follows, Told: e.Told, Why: e.Why, Proof: e.Proof, By: e.By, At: e.At}
}

func wireRotationCredential(c inventory.Credential) wire.RotationCredential {
	return wire.RotationCredential{
		KeyID: c.KeyID, Kind: wire.CredentialKind(c.Kind), Label: c.Label, Hint: c.Hint,
		Starts: c.Starts, Expires: c.Expires, LastUsed: c.LastUsed,
	}
}

func wireActor(a access.Actor) wire.Actor {
	return wire.Actor{ID: a.ID, Name: a.Name, Person: a.Person, Role: wire.Role(a.Role), Tenant: a.Tenant}
}

func wireApplication(a inventory.Application) wire.Application {
	return wire.Application{
		Tenant: a.Tenant, ObjectID: string(a.ObjectID), ClientID: string(a.ClientID), Holder: wire.HolderKind(a.Holder), Name: a.Name,
		Audience: a.Audience, Home: a.Home, Kind: a.Kind, Sso: a.SSO, Notes: a.Notes, Enabled: a.Enabled, Created: a.Created,
		Owners: each(a.Owners, wireOwner),
	}
}

func wireOwner(o inventory.Owner) wire.Owner {
	return wire.Owner{ObjectID: string(o.ObjectID), Kind: o.Kind, Name: o.Name, Mail: o.Mail}
}

func wirePlace(p inventory.Place) wire.Place {
	return wire.Place{Vault: p.Vault, Name: p.Name, Version: p.Version}
}
