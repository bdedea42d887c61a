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

// addPassword adds a client secret, by one request to
// https://learn.microsoft.com/graph/api/application-addpassword or
// https://learn.microsoft.com/graph/api/serviceprincipal-addpassword.
func (d *Directory) addPassword(ctx context.Context, o connector.Order) (inventory.Credential, secret.Value, error) {
	body, err := json.Marshal(map[string]any{"passwordCredential": passwordCredential{
		DisplayName: o.Label + " " + o.Marker, EndDateTime: o.Expires.UTC(),
	}})
	if err != nil {
		return inventory.Credential{}, secret.Value{}, errors.Join(connector.ErrNotApplied, err)
	}
	var out passwordCredential
	err = d.Graph.Once(ctx, rest.Request{
		Method: http.MethodPost, Path: object(o.Holder, "addPassword"),
		Header: http.Header{"Client-Request-Id": {o.Request}}, Body: body,
	}, &out)
	if err != nil {
		return inventory.Credential{}, secret.Value{}, fmt.Errorf("cannot add a secret to %q: %w", o.Holder.Name, full(err))
	}
	return out.credential(o.Holder), out.SecretText, nil
}

// full says of an object that has too many credentials that it has no free slot.
func full(err error) error {
	if e, ok := errors.AsType[*rest.Error](err); ok && (e.Code == "TooManyAppPasswords" || e.Code == "Directory_ResourceSizeExceeded") {
		return fmt.Errorf("%w: %w", connector.ErrNoSlot, err)
	}
	return err
}

// removePassword removes a client secret by its key id. Entra says "not found"
// both of one that is gone and, for seconds, of one that is new, so the object is
// read again before that is believed.
func (d *Directory) removePassword(ctx context.Context, a inventory.Application, keyID string) error {
	body, err := json.Marshal(map[string]string{"keyId": keyID})
	if err != nil {
		return err
	}
	err = d.Graph.Once(ctx, rest.Request{Method: http.MethodPost, Path: object(a, "removePassword"), Body: body}, nil)
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*rest.Error](err); ok && e.Status == http.StatusBadRequest {
		return d.gone(ctx, a, keyID, err)
	}
	return fmt.Errorf("cannot remove secret %s of %q: %w", keyID, a.Name, err)
}

// gone looks whether a credential that Entra did not find is really not there.
func (d *Directory) gone(ctx context.Context, a inventory.Application, keyID string, refused error) error {
	list, err := d.Credentials(ctx, a)
	if err != nil {
		return errors.Join(refused, err)
	}
	for _, c := range list {
		if c.KeyID == keyID {
			return fmt.Errorf("cannot remove credential %s of %q: %w: %w", keyID, a.Name, connector.ErrLagging, refused)
		}
	}
	return nil
}
