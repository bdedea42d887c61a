package keyvault

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/secret"
)

// The two forms in which a Key Vault hands out a key pair.
const (
	pfxType = "application/x-pkcs12" // in base64
	pemType = "application/x-pem-file"
)

// putPair puts a key pair in the form in which the entry's readers get it now: as
// a certificate, with the secret behind it that holds PFX or PEM, or as a plain
// secret. A name that is not there yet becomes a certificate.
func (k *Vault) putPair(ctx context.Context, name string, d connector.Deposit) (string, error) {
	pair, err := secret.ParsePair(d.Value)
	if err != nil {
		return "", fmt.Errorf("cannot put certificate %q: %w: %w", name, connector.ErrNotApplied, err)
	}
	isCertificate, contentType, err := k.form(ctx, name)
	if err != nil {
		return "", fmt.Errorf("cannot put certificate %q: %w: %w", name, connector.ErrNotApplied, err)
	}
	if d.Value, err = written(pair, contentType); err != nil {
		return "", fmt.Errorf("cannot put certificate %q: %w: %w", name, connector.ErrNotApplied, err)
	}
	defer d.Value.Zero()
	if !isCertificate {
		d.ContentType = contentType
		return k.set(ctx, name, d)
	}
	return k.importPair(ctx, name, d, contentType)
}

// form is how the entry is read now.
func (k *Vault) form(ctx context.Context, name string) (isCertificate bool, contentType string, err error) {
	var now bundle
	err = k.API.Get(ctx, rest.Path("secrets", name)+apiVersion, &now)
	now.Value.Zero()
	switch e, answered := errors.AsType[*rest.Error](err); {
	case answered && e.Status == http.StatusNotFound:
		return true, pfxType, nil
	case err != nil:
		return false, "", fmt.Errorf("cannot see what it is now: %w", err)
	case now.ContentType == pfxType:
		return now.Managed, pfxType, nil
	}
	return now.Managed, pemType, nil
}

// written is a pair as a vault takes and gives it.
func written(p *secret.Pair, contentType string) (secret.Value, error) {
	if contentType == pemType {
		return p.PEM()
	}
	raw, err := p.PFX()
	if err != nil {
		return secret.Value{}, err
	}
	defer raw.Zero()
	return secret.New(base64.StdEncoding.EncodeToString([]byte(raw.Reveal()))), nil
}

// importPair makes a new version of a certificate, by one request to
// https://learn.microsoft.com/rest/api/keyvault/certificates/import-certificate.
// The policy keeps the form, lets the private key out to its readers, and names
// no issuer: a vault that renewed the certificate by itself would hold one that
// Entra has never heard of.
func (k *Vault) importPair(ctx context.Context, name string, d connector.Deposit, contentType string) (string, error) {
	body, err := json.Marshal(map[string]any{
		"value": d.Value.Reveal(), "tags": d.Tags, "attributes": map[string]any{"enabled": true},
		"policy": map[string]any{
			"key_props": map[string]any{"exportable": true, "reuse_key": false}, "secret_props": map[string]any{"contentType": contentType},
			"issuer": map[string]any{"name": "Unknown"},
		},
	})
	if err != nil {
		return "", fmt.Errorf("cannot import certificate %q: its tags do not encode", name)
	}
	defer clear(body)
	var out struct {
		ID string `json:"id"`
	}
	err = k.API.Once(ctx, rest.Request{Method: http.MethodPost, Path: rest.Path("certificates", name, "import") + apiVersion, Body: body}, &out)
	if err != nil {
		return "", fmt.Errorf("cannot import certificate %q: %w", name, err)
	}
	return version(out.ID), nil
}
