package entra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// Directory is one tenant, seen by the identity that may change what it owns.
type Directory struct {
	Graph  *rest.Client // https://graph.microsoft.com as the writer
	Login  *rest.Client // https://login.microsoftonline.com, without a token
	Tenant string

	// Overwritten, if set, is told of certificates of others that were gone after
	// a write of ours to the same list, and whether they are back.
	Overwritten func(a inventory.Application, lost []inventory.Credential, restored bool)

	tokens tokens
}

var (
	_ connector.Issuer   = (*Directory)(nil)
	_ connector.Verifier = (*Directory)(nil)
)

// Credentials reads the object itself: lists and deltas lag behind it.
func (d *Directory) Credentials(ctx context.Context, a inventory.Application) ([]inventory.Credential, error) {
	var read struct {
		Passwords []passwordCredential `json:"passwordCredentials"`
		Keys      []keyCredential      `json:"keyCredentials"`
	}
	path := object(a) + "?$select=id,passwordCredentials,keyCredentials"
	if err := d.Graph.Get(ctx, path, &read); err != nil {
		return nil, fmt.Errorf("cannot read application %q: %w", a.Name, err)
	}
	signing := map[string]bool{}
	for _, k := range read.Keys {
		if k.Usage == "Sign" {
			signing[paired(k.CustomKeyIdentifier)] = true
		}
	}
	list := []inventory.Credential{}
	for _, p := range read.Passwords {
		c := p.credential(a)
		if p.CustomKeyIdentifier != "" && signing[paired(p.CustomKeyIdentifier)] {
			c.Kind = inventory.SAMLSigning // the password of a signing key
		}
		list = append(list, c)
	}
	for _, k := range read.Keys {
		kind := inventory.Certificate
		if k.Usage == "Sign" || k.CustomKeyIdentifier != "" && signing[paired(k.CustomKeyIdentifier)] {
			kind = inventory.SAMLSigning
		}
		list = append(list, k.credential(a, kind))
	}
	return list, nil
}

// Issue adds a client secret, or a certificate with a new key pair.
func (d *Directory) Issue(ctx context.Context, o connector.Order) (inventory.Credential, secret.Value, error) {
	switch o.Kind {
	case inventory.ClientSecret, "":
		return d.addPassword(ctx, o)
	case inventory.Certificate:
		return d.addCertificate(ctx, o)
	}
	return inventory.Credential{}, secret.Value{}, fmt.Errorf("cannot issue a %s for %q: %w", o.Kind, o.Holder.Name, connector.ErrNotApplied)
}

// Withdraw removes a client secret or a certificate by its key id.
func (d *Directory) Withdraw(ctx context.Context, a inventory.Application, keyID string) error {
	return d.WithdrawProven(ctx, a, keyID, secret.Value{})
}

// WithdrawProven is Withdraw with another key pair that the holder has. It proves
// that a certificate may be removed, which then needs no write of the whole list
// of certificates.
func (d *Directory) WithdrawProven(ctx context.Context, a inventory.Application, keyID string, prover secret.Value) error {
	list, err := d.Credentials(ctx, a)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(c inventory.Credential) bool { return c.KeyID == keyID })
	switch {
	case i < 0 || list[i].Kind == inventory.ClientSecret:
		return d.removePassword(ctx, a, keyID)
	case list[i].Kind == inventory.Certificate:
		return d.removeCertificate(ctx, a, keyID, prover)
	}
	return fmt.Errorf("cannot remove %s of %q: it belongs to a SAML signing certificate, which is not for rekey to touch: %w", keyID, a.Name, connector.ErrNotApplied)
}

// object is the path of a directory object, or of an action on it.
func object(a inventory.Application, action ...string) string {
	return rest.Path(append([]string{"v1.0", string(a.Holder), string(a.ObjectID)}, action...)...)
}

// Now is Entra's clock, from the Date header of a public document.
func (d *Directory) Now(ctx context.Context) (time.Time, error) {
	a, err := d.Login.Read(ctx, rest.Path(d.Tenant, "v2.0", ".well-known", "openid-configuration"), nil, nil)
	if err != nil {
		return time.Time{}, err
	}
	at, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return time.Time{}, errors.New("the answer has no readable Date header")
	}
	return at, nil
}
