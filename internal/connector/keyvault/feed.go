package keyvault

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// Feed lists what one vault holds.
type Feed struct {
	API    *rest.Client
	Tenant string
	Host   string         // kv-contoso-prod.vault.azure.net
	Values *secret.Hasher // nil: values are not read; else they are, for their hint and keyed hash, and not kept

	// Key, if set, tells what of a value is the credential: of a connection string,
	// the key in it. Hint and keyed hash are of that. nil: all of it.
	Key func(secret.Value) secret.Value

	// Known, if set, tells what the inventory holds of a secret: a value that was
	// read before is not read again until the vault says that it was updated.
	Known func(ctx context.Context, p inventory.Place) (inventory.Entry, bool)
}

// Name is the vault's host.
func (f *Feed) Name() string { return f.Host }

type item struct {
	ID          string            `json:"id"`
	Managed     bool              `json:"managed"` // the secret behind a certificate
	ContentType string            `json:"contentType"`
	Tags        map[string]string `json:"tags"`
	X5T         string            `json:"x5t"` // of certificates: base64url of the SHA-1
	Attributes  struct {
		Enabled   bool  `json:"enabled"`
		NotBefore int64 `json:"nbf"`
		Expires   int64 `json:"exp"`
		Created   int64 `json:"created"`
		Updated   int64 `json:"updated"`
	} `json:"attributes"`
}

type list struct {
	Value    []item `json:"value"`
	NextLink string `json:"nextLink"`
}

// pagesAtMost ends a list that leads in circles: 25 entries a page.
const pagesAtMost = 40_000

// Entries yields the vault's secrets and certificates, a page at a time: their
// current versions, without values. Certificates are left out if we may not list
// them.
func (f *Feed) Entries(ctx context.Context) iter.Seq2[[]inventory.Entry, error] {
	return func(yield func([]inventory.Entry, error) bool) {
		for _, kind := range []string{"secret", "certificate"} {
			next := "/" + kind + "s" + apiVersion + "&maxresults=25"
			for range pagesAtMost {
				entries, link, err := f.page(ctx, kind, next)
				if kind == "certificate" && errors.Is(err, connector.ErrDenied) {
					break // the right to read secrets is enough for what rekey renews
				}
				if err != nil {
					yield(nil, fmt.Errorf("cannot list the %ss of %s: %w", kind, f.Host, err))
					return
				}
				if !yield(entries, nil) {
					return
				}
				if next = link; next == "" {
					break
				}
			}
		}
	}
}

func (f *Feed) page(ctx context.Context, kind, link string) (entries []inventory.Entry, next string, err error) {
	var p list
	if err := f.API.Get(ctx, link, &p); err != nil {
		return nil, "", err
	}
	for _, i := range p.Value {
		if kind == "secret" && i.Managed {
			continue // listed with the certificates
		}
		e := f.entry(kind, i)
		if kind == "secret" && f.Values != nil && e.Enabled {
			if err := f.recognise(ctx, &e); err != nil {
				return nil, "", err
			}
		}
		entries = append(entries, e)
	}
	return entries, p.NextLink, nil
}

func (f *Feed) entry(kind string, i item) inventory.Entry {
	name := i.ID[strings.LastIndexByte(i.ID, '/')+1:]
	return inventory.Entry{
		Tenant: f.Tenant, Place: inventory.Place{Vault: f.Host, Name: name}, Kind: kind, Enabled: i.Attributes.Enabled,
		Starts: unix(i.Attributes.NotBefore), Expires: unix(i.Attributes.Expires), Created: unix(i.Attributes.Created), Updated: unix(i.Attributes.Updated),
		ContentType: i.ContentType, Tags: i.Tags, Thumbprint: thumbprint(i.X5T),
	}
}

// recognise reads the value for what can be kept of it.
func (f *Feed) recognise(ctx context.Context, e *inventory.Entry) error {
	if f.Known != nil {
		if k, ok := f.Known(ctx, e.Place); ok && k.Fingerprint != "" && k.Updated.Equal(e.Updated) {
			e.Place.Version, e.Hint, e.Fingerprint, e.Thumbprint = k.Place.Version, k.Hint, k.Fingerprint, k.Thumbprint
			return nil
		}
	}
	d, err := (&Vault{API: f.API}).Get(ctx, e.Place.Name)
	if errors.Is(err, connector.ErrNotFound) || errors.Is(err, connector.ErrDenied) {
		return nil // gone since the list was made, or this one is closed to us
	}
	if err != nil {
		return err
	}
	defer d.Value.Zero()
	value := secret.Canonical(d.Value)
	if f.Key != nil {
		value = f.Key(value)
	}
	defer value.Zero()
	e.Place.Version, e.Hint, e.Thumbprint = d.Version, value.Hint(), ""
	if secret.IsPair(d.Value) {
		e.Hint = "" // every PEM begins alike
		if pair, err := secret.ParsePair(d.Value); err == nil {
			e.Thumbprint = pair.Thumbprint()
		}
	}
	e.Fingerprint = f.Values.Fingerprint(value)
	return nil
}

func unix(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

func thumbprint(x5t string) string {
	raw, err := base64.RawURLEncoding.DecodeString(x5t)
	if err != nil || len(raw) != 20 {
		return ""
	}
	return strings.ToUpper(hex.EncodeToString(raw))
}
