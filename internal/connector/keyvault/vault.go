// Package keyvault plays vault and feed for Azure Key Vault, over its data plane.
package keyvault

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

// apiVersion is taken by every cloud; nothing newer is needed for secrets.
const apiVersion = "?api-version=7.4"

// Vault is one Key Vault, seen by the identity that may write to it.
type Vault struct{ API *rest.Client }

var _ connector.Vault = (*Vault)(nil)

type bundle struct {
	Value       secret.Value      `json:"value"`
	ID          string            `json:"id"`
	ContentType string            `json:"contentType"`
	Managed     bool              `json:"managed"` // it stands behind a certificate
	Tags        map[string]string `json:"tags"`
	Attributes  attributes        `json:"attributes"`
}

type attributes struct {
	Expires int64 `json:"exp,omitzero"` // unix seconds
}

// Put makes a new version of a secret, or of a certificate, and returns its id. It
// is sent once: a lost answer is settled by reading, not by writing another
// version. What Get then returns of a key pair may be in another form than what
// was put; compare by secret.Canonical.
func (k *Vault) Put(ctx context.Context, name string, d connector.Deposit) (string, error) {
	if d.Kind == inventory.Certificate {
		return k.putPair(ctx, name, d)
	}
	return k.set(ctx, name, d)
}

func (k *Vault) set(ctx context.Context, name string, d connector.Deposit) (string, error) {
	in := map[string]any{"value": d.Value.Reveal(), "tags": d.Tags}
	if d.ContentType != "" {
		in["contentType"] = d.ContentType
	}
	if !d.Expires.IsZero() {
		in["attributes"] = attributes{Expires: d.Expires.Unix()}
	}
	body, err := json.Marshal(in)
	if err != nil {
		return "", fmt.Errorf("cannot put secret %q: its tags do not encode", name)
	}
	defer clear(body)
	var out bundle
	err = k.API.Once(ctx, rest.Request{Method: http.MethodPut, Path: rest.Path("secrets", name) + apiVersion, Body: body}, &out)
	if err != nil {
		return "", fmt.Errorf("cannot put secret %q: %w", name, err)
	}
	out.Value.Zero()
	return version(out.ID), nil
}

// Get returns the current version. Its error is connector.ErrNotFound if there
// is none.
func (k *Vault) Get(ctx context.Context, name string) (connector.Deposit, error) {
	var out bundle
	if err := k.API.Get(ctx, rest.Path("secrets", name)+apiVersion, &out); err != nil {
		if e, ok := errors.AsType[*rest.Error](err); ok && e.Status == http.StatusNotFound {
			return connector.Deposit{}, fmt.Errorf("secret %q: %w", name, connector.ErrNotFound)
		}
		return connector.Deposit{}, fmt.Errorf("cannot get secret %q: %w", name, err)
	}
	d := connector.Deposit{Kind: out.kind(), Value: out.Value, Version: version(out.ID), ContentType: out.ContentType, Tags: out.Tags}
	if out.Attributes.Expires != 0 {
		d.Expires = time.Unix(out.Attributes.Expires, 0).UTC()
	}
	return d, nil
}

// kind is what a value is, as far as the vault knows: of a plain secret it is not told.
func (b *bundle) kind() inventory.Kind {
	if b.Managed {
		return inventory.Certificate
	}
	return ""
}

// version is the last segment of https://host/secrets/name/version.
func version(id string) string {
	for i := len(id) - 1; i >= 0; i-- {
		if id[i] == '/' {
			return id[i+1:]
		}
	}
	return id
}
