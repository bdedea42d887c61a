package azurekeys

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// The forms in which a key is kept.
const (
	FormKey              = "key"              // by itself
	FormConnectionString = "connectionString" // in what clients are configured with
)

// ErrForm means that a value is neither a key by itself nor a connection string
// with one key in it, or that a resource has no such form.
var ErrForm = errors.New("no form of an access key that is known")

// Derive makes the value that a client of the resource is configured with out of
// its key. The kind is the resource's type; empty: that of the holder's id. What
// it makes is for Azure's public cloud.
func Derive(kind string, holder inventory.Application, form string, key secret.Value) (secret.Value, error) {
	at, err := find(holder)
	if err != nil {
		return secret.Value{}, err
	}
	if kind != "" && !strings.EqualFold(kind, at.kind.name) {
		return secret.Value{}, fmt.Errorf("%q is of type %s, not %.100q: %w", holder.Name, at.kind.name, kind, ErrKind)
	}
	if form == FormKey {
		return secret.New(key.Reveal()), nil
	}
	if form != FormConnectionString || strings.ContainsAny(key.Reveal(), ";\r\n") {
		return secret.Value{}, fmt.Errorf("cannot make a connection string of %q: %w", holder.Name, ErrForm)
	}
	name := at.names[0]
	switch {
	case at.kind.name == storageType:
		return secret.New("DefaultEndpointsProtocol=https;AccountName=" + name + ";AccountKey=" + key.Reveal() + ";EndpointSuffix=core.windows.net"), nil
	case at.kind.name == cosmosType:
		return secret.New("AccountEndpoint=https://" + strings.ToLower(name) + ".documents.azure.com:443/;AccountKey=" + key.Reveal() + ";"), nil
	case strings.HasSuffix(at.kind.name, rules):
		text := "Endpoint=sb://" + strings.ToLower(name) + ".servicebus.windows.net/;SharedAccessKeyName=" + at.names[len(at.names)-1] + ";SharedAccessKey=" + key.Reveal()
		if len(at.names) == 3 {
			text += ";EntityPath=" + at.names[1]
		}
		return secret.New(text), nil
	}
	return secret.Value{}, fmt.Errorf("clients of %q are configured with the key itself: %w", holder.Name, ErrForm)
}

// Form is the form that a value has; empty if it has none that is known.
func Form(v secret.Value) string {
	text := v.Reveal()
	if _, _, ok := keyIn(text); ok {
		return FormConnectionString
	}
	if bare(text) {
		return FormKey
	}
	return ""
}

// Rewrite puts a new key in the place of the old one and leaves everything else of
// a value as it is. Its error wraps ErrForm if the value is neither a key by itself
// nor a connection string with one key in it: it would be overwritten.
func Rewrite(old, newKey secret.Value) (secret.Value, error) {
	text := old.Reveal()
	if start, end, ok := keyIn(text); ok {
		return secret.New(text[:start] + newKey.Reveal() + text[end:]), nil
	}
	if bare(text) {
		return secret.New(newKey.Reveal()), nil
	}
	return secret.Value{}, fmt.Errorf("cannot put a new key into the value: %w", ErrForm)
}

// KeyOf is the key in a connection string. Any other value is returned as it is.
func KeyOf(v secret.Value) secret.Value {
	text := v.Reveal()
	if start, end, ok := keyIn(text); ok {
		return secret.New(text[start:end])
	}
	return v
}

const longestText = 8 << 10 // no connection string is longer

// keyNames are what the key is called in the connection strings of these services.
var keyNames = []string{"accountkey", "sharedaccesskey"}

// keyIn finds where in a connection string its one key stands. A connection string
// is made of name=value parts with semicolons between them.
func keyIn(text string) (start, end int, ok bool) {
	if len(text) > longestText {
		return 0, 0, false
	}
	at := 0
	for part := range strings.SplitSeq(text, ";") {
		name, value, found := strings.Cut(part, "=")
		if found && slices.Contains(keyNames, strings.ToLower(strings.TrimSpace(name))) {
			if ok {
				return 0, 0, false // two keys: which one is meant nobody knows
			}
			trimmed := strings.TrimSpace(value)
			start = at + len(name) + 1 + strings.Index(value, trimmed)
			if end, ok = start+len(trimmed), bare(trimmed); !ok {
				return 0, 0, false
			}
		}
		at += len(part) + 1
	}
	return start, end, ok
}

// bare reports whether a text is a key by itself: base64 of 16 to 128 bytes, as
// all of these services make them.
func bare(text string) bool {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	return err == nil && len(raw) >= 16 && len(raw) <= 128 && !strings.ContainsAny(strings.TrimSpace(text), "\r\n")
}
