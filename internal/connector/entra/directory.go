package entra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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

	tokens tokens
}

var (
	_ connector.Issuer   = (*Directory)(nil)
	_ connector.Verifier = (*Directory)(nil)
)

type passwordCredential struct {
	KeyID               string       `json:"keyId,omitzero"`
	DisplayName         string       `json:"displayName"`
	Hint                string       `json:"hint,omitzero"`
	CustomKeyIdentifier string       `json:"customKeyIdentifier,omitzero"`
	StartDateTime       time.Time    `json:"startDateTime,omitzero"`
	EndDateTime         time.Time    `json:"endDateTime,omitzero"`
	SecretText          secret.Value `json:"secretText,omitzero"`
}

func (p passwordCredential) credential(a inventory.Application) inventory.Credential {
	return inventory.Credential{
		Tenant: a.Tenant, Holder: a.ObjectID, KeyID: p.KeyID, Kind: inventory.ClientSecret,
		Label: p.DisplayName, Hint: p.Hint, Starts: p.StartDateTime.UTC(), Expires: p.EndDateTime.UTC(),
	}
}

type keyCredential struct {
	KeyID               string    `json:"keyId"`
	DisplayName         string    `json:"displayName"`
	Usage               string    `json:"usage"`
	CustomKeyIdentifier string    `json:"customKeyIdentifier"`
	StartDateTime       time.Time `json:"startDateTime"`
	EndDateTime         time.Time `json:"endDateTime"`
}

func (p keyCredential) credential(a inventory.Application, kind inventory.Kind) inventory.Credential {
	return inventory.Credential{
		Tenant: a.Tenant, Holder: a.ObjectID, KeyID: p.KeyID, Kind: kind, Label: p.DisplayName,
		Thumbprint: thumbprint(p.CustomKeyIdentifier), Starts: p.StartDateTime.UTC(), Expires: p.EndDateTime.UTC(),
	}
}

// Credentials reads the object itself: lists and deltas lag behind it.
func (d *Directory) Credentials(ctx context.Context, a inventory.Application) ([]inventory.Credential, error) {
	var object struct {
		Passwords []passwordCredential `json:"passwordCredentials"`
		Keys      []keyCredential      `json:"keyCredentials"`
	}
	path := rest.Path("v1.0", string(a.Holder), string(a.ObjectID)) + "?$select=id,passwordCredentials,keyCredentials"
	if err := d.Graph.Get(ctx, path, &object); err != nil {
		return nil, fmt.Errorf("cannot read application %q: %w", a.Name, err)
	}
	signing := map[string]bool{}
	for _, k := range object.Keys {
		if k.Usage == "Sign" {
			signing[paired(k.CustomKeyIdentifier)] = true
		}
	}
	list := []inventory.Credential{}
	for _, p := range object.Passwords {
		c := p.credential(a)
		if p.CustomKeyIdentifier != "" && signing[paired(p.CustomKeyIdentifier)] {
			c.Kind = inventory.SAMLSigning // the password of a signing key
		}
		list = append(list, c)
	}
	for _, k := range object.Keys {
		kind := inventory.Certificate
		if k.Usage == "Sign" || k.CustomKeyIdentifier != "" && signing[paired(k.CustomKeyIdentifier)] {
			kind = inventory.SAMLSigning
		}
		list = append(list, k.credential(a, kind))
	}
	return list, nil
}

// Issue adds a client secret: one request to
// https://learn.microsoft.com/graph/api/application-addpassword.
func (d *Directory) Issue(ctx context.Context, o connector.Order) (inventory.Credential, secret.Value, error) {
	body, err := json.Marshal(map[string]any{"passwordCredential": passwordCredential{
		DisplayName: o.Label + " " + o.Marker, EndDateTime: o.Expires.UTC(),
	}})
	if err != nil {
		return inventory.Credential{}, secret.Value{}, errors.Join(connector.ErrNotApplied, err)
	}
	var out passwordCredential
	err = d.Graph.Once(ctx, rest.Request{
		Method: http.MethodPost, Path: rest.Path("v1.0", string(o.Holder.Holder), string(o.Holder.ObjectID), "addPassword"),
		Header: http.Header{"Client-Request-Id": {o.Request}}, Body: body,
	}, &out)
	if e, ok := errors.AsType[*rest.Error](err); ok && e.Code == "TooManyAppPasswords" {
		return inventory.Credential{}, secret.Value{}, fmt.Errorf("cannot add a secret to %q: %w: %w", o.Holder.Name, connector.ErrNoSlot, err)
	}
	if err != nil {
		return inventory.Credential{}, secret.Value{}, fmt.Errorf("cannot add a secret to %q: %w", o.Holder.Name, err)
	}
	return out.credential(o.Holder), out.SecretText, nil
}

// Withdraw removes a client secret by its key id. Entra says "not found" both of
// one that is gone and, for seconds, of one that is new, so the object is read
// again before that is believed.
func (d *Directory) Withdraw(ctx context.Context, a inventory.Application, keyID string) error {
	body, err := json.Marshal(map[string]string{"keyId": keyID})
	if err != nil {
		return err
	}
	err = d.Graph.Once(ctx, rest.Request{
		Method: http.MethodPost, Path: rest.Path("v1.0", string(a.Holder), string(a.ObjectID), "removePassword"), Body: body,
	}, nil)
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*rest.Error](err); ok && e.Status == http.StatusBadRequest {
		list, again := d.Credentials(ctx, a)
		if again != nil {
			return errors.Join(err, again)
		}
		for _, c := range list {
			if c.KeyID == keyID {
				return fmt.Errorf("cannot remove secret %s of %q: %w: %w", keyID, a.Name, connector.ErrLagging, err)
			}
		}
		return nil
	}
	return fmt.Errorf("cannot remove secret %s of %q: %w", keyID, a.Name, err)
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
