package policy

import (
	"slices"
	"time"

	"rekey.example/rekey/internal/inventory"
)

// Rules lists every rule. To add one: one value, one line here, its section in
// docs/reference/policy.md.
var Rules = []*Rule{
	&endsSoon, &expired, &noEnd, &lifetime, &unused, // rules_ends.go
	&owner, &name, &unmanaged, &hiddenSecret, // rules_applications.go
	&vaultDate, &vaultNoEnd, &environments, &sameValue, &sameCertificate, // rules_places.go
}

// Rule is one thing that should not be. It looks at applications, at entries of
// vaults or at shared values: one of the three functions is there.
type Rule struct {
	Code     string
	Title    string
	Severity Severity // of its findings, if the rule itself does not say otherwise
	Why      string
	Cure     string

	application func(*judge, *inventory.Holding)
	entry       func(*judge, *inventory.Kept)
	shared      func(*judge, *inventory.Shared)

	Examples []Example
}

// Example is a case that a rule has to judge as it says. They are the rule's
// test, and its documentation.
type Example struct {
	Says   string // the case, in words
	Finds  string // part of the reason; empty: nothing is found
	Is     Severity
	Config func(*Config)

	Application inventory.Holding
	Entry       inventory.Kept
	Shared      inventory.Shared
	Planned     bool
}

// Codes lists the rules' codes.
func Codes() []string {
	list := make([]string, len(Rules))
	for i, r := range Rules {
		list[i] = r.Code
	}
	return list
}

// Weighs is how severe a rule's findings are here, and whether it applies at all.
func (p *Policy) Weighs(r *Rule) (Severity, bool) {
	severity := r.Severity
	if s, ok := p.rules.severity[r.Code]; ok {
		severity = s
	}
	return severity, seen(r.Code) || slices.Contains(p.rules.rules, r)
}

// judge applies one rule after the other to what a walk brings.
type judge struct {
	*rulebook
	tenant  string
	now     time.Time
	planned map[inventory.ObjectID]bool
	rule    *Rule
	found   func(Finding)
}

// find reports a finding of the rule at hand.
func (j *judge) find(f Finding) {
	f.Tenant, f.Rule, f.Cure = j.tenant, j.rule.Code, orElse(f.Cure, j.rule.Cure)
	f.Severity = orElse(f.Severity, j.rule.Severity)
	if s, ok := j.severity[f.Rule]; ok {
		f.Severity = s
	}
	f.ID, f.State = f.identity(), Open
	j.found(f)
}

func orElse[T comparable](a, b T) T {
	var none T
	if a == none {
		return b
	}
	return a
}

func (j *judge) application(h *inventory.Holding) {
	for _, j.rule = range j.rules {
		if j.rule.application != nil {
			j.rule.application(j, h)
		}
	}
}

func (j *judge) entry(k *inventory.Kept) {
	for _, j.rule = range j.rules {
		if j.rule.entry != nil {
			j.rule.entry(j, k)
		}
	}
}

func (j *judge) shared(s *inventory.Shared) {
	for _, j.rule = range j.rules {
		if j.rule.shared != nil {
			j.rule.shared(j, s)
		}
	}
}

// about begins a finding about a credential.
func about(h *inventory.Holding, c *inventory.Held) Finding {
	return Finding{Application: h.ObjectID, KeyID: c.KeyID, Title: h.Name + ": " + called(c)}
}

// called is what people know a credential by.
func called(c *inventory.Held) string {
	kind := "credential"
	switch c.Kind {
	case inventory.ClientSecret:
		kind = "client secret"
	case inventory.Certificate:
		kind = "certificate"
	case inventory.SAMLSigning:
		kind = "SAML signing certificate"
	}
	switch {
	case c.Label != "":
		return kind + " " + c.Label
	case c.Hint != "":
		return kind + " " + c.Hint + "…"
	}
	return kind + " " + c.KeyID
}

// living reports whether a credential can be used at a time.
func living(c *inventory.Held, now time.Time) bool {
	return c.Expires.IsZero() || c.Expires.After(now)
}

// ours reports whether people of the tenant answer for an object's credentials:
// Azure renews those of managed identities by itself.
func ours(h *inventory.Holding) bool { return h.Kind != "ManagedIdentity" }

func date(t time.Time) string { return t.UTC().Format("2 January 2006") }
