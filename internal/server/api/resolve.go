package api

import (
	"context"
	"fmt"
	"strings"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
)

// Defaults are what a proposal takes where the request says nothing.
type Defaults struct {
	Lifetime time.Duration
	Label    string
	Vault    string // where a new secret goes whose place nobody knows; empty: that is an error
}

// resolve finds out what a request means: which application, which of its
// credentials, where the value is kept and who uses it.
func (s *service) resolve(ctx context.Context, by access.Actor, q wire.RotationRequest) (rotation.Request, error) {
	if err := by.Check(access.ProposeRotation); err != nil {
		return rotation.Request{}, err
	}
	text := q.Application
	if text == "" {
		text = q.Credential
	}
	if text == "" {
		return rotation.Request{}, invalid("application", "is missing; name an application or a credential")
	}
	target, err := s.Inventory.Resolve(ctx, by, text)
	if err != nil {
		return rotation.Request{}, unclear(err)
	}
	key := q.Credential
	if q.Application == "" && target.Named {
		key = "" // the text has named it, perhaps with its holder in front
	}
	old, err := one(target, key)
	if err != nil {
		return rotation.Request{}, err
	}
	named := old.KeyID
	if old.Kind == inventory.AccessKey { // every resource has a key1
		named = string(target.Application.ObjectID) + "/" + named
	}
	detail, err := s.Inventory.Credential(ctx, by, named)
	if err != nil {
		return rotation.Request{}, err
	}
	return s.request(q, target.Application, old, detail)
}

// request fills in what the inventory knows and the defaults say.
func (s *service) request(q wire.RotationRequest, a inventory.Application, old inventory.Credential, detail inventory.Detail) (out rotation.Request, err error) {
	out = rotation.Request{
		Plan: string(q.Plan), Application: a, Old: old, Label: q.Label, Reason: q.Reason,
		Keep: q.Keep, Remove: q.Remove, BreakGlass: q.BreakGlass,
	}
	if out.Label == "" {
		out.Label = s.Defaults.Label
	}
	if out.Lifetime, err = span("lifetime", q.Lifetime); err != nil {
		return out, err
	}
	if out.Lifetime == 0 {
		out.Lifetime = s.Defaults.Lifetime
	}
	if out.Overlap, err = span("overlap", q.Overlap); err != nil {
		return out, err
	}
	if out.Place, err = s.destination(q.Plan, q.Place, detail); err != nil {
		return out, err
	}
	for _, c := range detail.Consumers {
		out.Consumers = append(out.Consumers, rotation.Use{Consumer: c.Consumer, Reference: c.Reference})
	}
	return out, nil
}

// one is the credential that is meant: the one that was named, or the only one
// that can be renewed. Keys that sign SAML answers never are.
func one(t inventory.Target, keyID string) (inventory.Credential, error) {
	if keyID != "" || t.Named {
		for _, c := range t.Credentials {
			if keyID == "" || strings.EqualFold(c.KeyID, keyID) {
				return c, nil
			}
		}
		return inventory.Credential{}, &describedError{errNotFound, fmt.Sprintf("%q has no credential with that key id", t.Application.Name), "rekey applications show lists those it has"}
	}
	list := renewable(t.Credentials)
	switch len(list) {
	case 1:
		return list[0], nil
	case 0:
		return inventory.Credential{}, &describedError{errNotPossible, fmt.Sprintf("%q has no credential that could be renewed", t.Application.Name), "rekey applications show lists what it has; rekey sync reads it again"}
	}
	var choices []string
	for _, c := range list {
		choices = append(choices, choice(c))
	}
	return inventory.Credential{}, &describedError{
		errAmbiguous, fmt.Sprintf("%q has %d credentials that can be renewed: %s", t.Application.Name, len(list), strings.Join(choices, ", ")), "say which by its key id",
	}
}

// choice is a credential as a person picks it.
func choice(c inventory.Credential) string {
	text := fmt.Sprintf("%s (%s %s", c.KeyID, c.Kind, c.Label)
	if !c.Expires.IsZero() {
		text += ", ends " + c.Expires.Format(time.DateOnly)
	}
	return text + ")"
}

// renewable are the credentials of the kinds that rekey renews.
func renewable(all []inventory.Credential) (list []inventory.Credential) {
	for _, c := range all {
		switch c.Kind {
		case inventory.ClientSecret, inventory.Certificate, inventory.AccessKey:
			list = append(list, c)
		}
	}
	return list
}

// destination is where the new value goes: where the request says, else where
// the old one is known to be. The next value has an entry of its own beside it. A
// revocation deposits nothing: there it is where the old value may still be read,
// to prove that it is refused.
func (s *service) destination(plan wire.PlanName, text string, d inventory.Detail) (inventory.Place, error) {
	if text != "" {
		return parsePlace(text)
	}
	if len(d.Places) == 0 {
		if s.Defaults.Vault == "" || plan == wire.PlanNameRevoke {
			return inventory.Place{}, nil // the rotation says what is missing
		}
		return parsePlace(s.Defaults.Vault + "/" + entryName(d.Application.Name))
	}
	p := d.Places[0].Place
	p.Version = ""
	if len(d.Places) == 1 || plan == wire.PlanNameRevoke {
		if plan == wire.PlanNameNext {
			p.Name = p.Name[:min(len(p.Name), longestEntry-len(nextEntry))] + nextEntry
		}
		return p, nil
	}
	var places []string
	for _, p := range d.Places {
		places = append(places, p.Place.String())
	}
	return inventory.Place{}, &describedError{errAmbiguous, "the value is kept in several places: " + strings.Join(places, ", "), "say where the new one goes: --to VAULT/NAME; the other places are not written"}
}

const (
	longestEntry = 127     // characters that Key Vault takes for a name
	nextEntry    = "-next" // ends the name of the entry for the next value
)

// parsePlace reads VAULT/NAME. A vault without a dot is a Key Vault's short name.
func parsePlace(text string) (inventory.Place, error) {
	vault, name, ok := strings.Cut(text, "/")
	vault = strings.ToLower(strings.TrimSpace(vault))
	if !ok || vault == "" || name != entryName(name) {
		return inventory.Place{}, invalid("place", "must be VAULT/NAME, the name of letters, digits and hyphens")
	}
	if vault != inventory.Embedded && !strings.Contains(vault, ".") {
		vault += ".vault.azure.net"
	}
	return inventory.Place{Vault: vault, Name: name}, nil
}

// entryName makes a name that Key Vault takes: 1 to longestEntry letters, digits, hyphens.
func entryName(text string) string {
	name := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			return r
		}
		return '-'
	}, text), "-")
	if name == "" {
		return "secret"
	}
	return name[:min(len(name), longestEntry)]
}
