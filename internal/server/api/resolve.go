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
// secrets, where the value is kept and who uses it.
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
	out := rotation.Request{Application: target.Application, Old: old, Label: q.Label, Reason: q.Reason}
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
	if out.Place, err = s.destination(q.Place, detail); err != nil {
		return out, err
	}
	for _, c := range detail.Consumers {
		out.Consumers = append(out.Consumers, rotation.Use{Consumer: c.Consumer, Reference: c.Reference})
	}
	return out, nil
}

// one is the secret that is meant: the one that was named, or the only one.
func one(t inventory.Target, keyID string) (inventory.Credential, error) {
	if keyID != "" || t.Named {
		for _, c := range t.Credentials {
			if keyID == "" || strings.EqualFold(c.KeyID, keyID) {
				return c, nil
			}
		}
		return inventory.Credential{}, &describedError{errNotFound, fmt.Sprintf("%q has no credential with that key id", t.Application.Name), "rekey applications show lists those it has"}
	}
	var secrets []inventory.Credential
	for _, c := range t.Credentials {
		if c.Kind == inventory.ClientSecret {
			secrets = append(secrets, c)
		}
	}
	switch len(secrets) {
	case 1:
		return secrets[0], nil
	case 0:
		return inventory.Credential{}, &describedError{errNotPossible, fmt.Sprintf("%q has no client secret that could be renewed", t.Application.Name), "rekey applications show lists what it has; rekey sync reads it again"}
	}
	var choices []string
	for _, c := range secrets {
		choices = append(choices, fmt.Sprintf("%s (%s, ends %s)", c.KeyID, c.Label, c.Expires.Format(time.DateOnly)))
	}
	return inventory.Credential{}, &describedError{
		errAmbiguous, fmt.Sprintf("%q has %d client secrets: %s", t.Application.Name, len(secrets), strings.Join(choices, ", ")), "say which by its key id",
	}
}

// destination is where the new value goes: where the request says, else where
// the old one is known to be.
func (s *service) destination(text string, d inventory.Detail) (inventory.Place, error) {
	if text != "" {
		return parsePlace(text)
	}
	switch len(d.Places) {
	case 1:
		p := d.Places[0].Place
		p.Version = ""
		return p, nil
	case 0:
		if s.Defaults.Vault == "" {
			return inventory.Place{}, nil // the rotation says what is missing
		}
		return parsePlace(s.Defaults.Vault + "/" + entryName(d.Application.Name))
	}
	var places []string
	for _, p := range d.Places {
		places = append(places, p.Place.String())
	}
	return inventory.Place{}, &describedError{errAmbiguous, "the value is kept in several places: " + strings.Join(places, ", "), "say where the new one goes: --to VAULT/NAME; the other places are not written"}
}

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

// entryName makes a name that Key Vault takes: 1 to 127 letters, digits, hyphens.
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
	return name[:min(len(name), 127)]
}
