package entra

import (
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/secret"
)

var (
	_ connector.Former = (*Directory)(nil)
	_ connector.Proven = (*Directory)(nil)
)

// Essence is a client secret itself; of a key pair it is what stays the same when
// a vault encodes it anew.
func (d *Directory) Essence(v secret.Value) secret.Value { return secret.Canonical(v) }

// Form is the value as it is: the vault writes a key pair in the form that its
// readers get.
func (d *Directory) Form(_, v secret.Value) (secret.Value, error) { return secret.New(v.Reveal()), nil }
