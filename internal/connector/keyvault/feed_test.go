package keyvault_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"rekey.example/rekey/internal/connector/keyvault"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
)

// reader signs in as rekey-reader.
type reader struct{ cloud *sim.Cloud }

func (r reader) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	now, t := time.Now(), r.cloud.Tenant()
	token, err := r.cloud.World().Signer.Sign(world.Claims{
		Audience: "https://vault.azure.net", Issuer: "https://sts.windows.net/" + t.ID + "/", IssuedAt: now.Unix(), NotBefore: now.Unix(),
		Expires: now.Add(time.Hour).Unix(), AppID: t.Reader.ClientID, AppIDACR: "1", IDType: "app", ObjectID: t.Reader.PrincipalID, TenantID: t.ID, Version: "1.0",
	})
	return azcore.AccessToken{Token: token, ExpiresOn: now.Add(time.Hour)}, err
}

func feed(t *testing.T, cloud *sim.Cloud, vault string, seen func(*http.Request)) *keyvault.Feed {
	t.Helper()
	host := vault + ".vault.azure.net"
	api, err := rest.New(rest.Config{Base: "https://" + host, Transport: cloud.RoundTripper(sim.Hooks{Before: seen}), Credential: reader{cloud}, Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := secret.OpenKeyring(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	return &keyvault.Feed{API: api, Tenant: cloud.Tenant().ID, Host: host, Values: ring.Values}
}

func entries(t *testing.T, f *keyvault.Feed) map[string]inventory.Entry {
	t.Helper()
	found := map[string]inventory.Entry{}
	for page, err := range f.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			found[e.Kind+"/"+e.Place.Name] = e
		}
	}
	return found
}

func TestEntriesAreWhatTheVaultHoldsWithoutValues(t *testing.T) {
	cloud, err := sim.New(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	demo := cloud.Tenant().Demo
	f := feed(t, cloud, demo.Vault, nil)
	found := entries(t, f)
	e, ok := found["secret/"+demo.Secret]
	if !ok {
		t.Fatalf("the demo's secret is not among %d entries", len(found))
	}
	value, _ := cloud.Current(demo.Vault, demo.Secret)
	if e.Hint != value[:3] || e.Fingerprint != f.Values.Fingerprint(secret.New(value)) || e.Place.Version == "" {
		t.Errorf("hint %q, fingerprint %q, version %q do not fit the value", e.Hint, e.Fingerprint, e.Place.Version)
	}
	if e.Tags[inventory.TagConsumer] != demo.Consumer || e.Expires.IsZero() || !e.Enabled {
		t.Errorf("tags, end or state are missing: %+v", e)
	}
	b, err := json.Marshal(found)
	if err != nil || bytes.Contains(b, []byte(value)) {
		t.Errorf("an entry holds a value: %v", err)
	}
}

func TestValuesAreReadOnce(t *testing.T) {
	cloud, err := sim.New(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	reads := 0
	f := feed(t, cloud, cloud.Tenant().Demo.Vault, func(r *http.Request) {
		if r.URL.Query().Get("maxresults") == "" && r.URL.Query().Get("$skiptoken") == "" {
			reads++
		}
	})
	known := entries(t, f)
	if reads == 0 {
		t.Fatal("no value was read")
	}
	reads = 0
	f.Known = func(_ context.Context, p inventory.Place) (inventory.Entry, bool) {
		e, ok := known["secret/"+p.Name]
		return e, ok
	}
	again := entries(t, f)
	if reads != 0 {
		t.Errorf("%d values were read again", reads)
	}
	for name, e := range again {
		if e.Fingerprint != known[name].Fingerprint || e.Place.Version != known[name].Place.Version {
			t.Errorf("%s differs the second time", name)
		}
	}
}

func TestClosedVaultIsAnError(t *testing.T) {
	cloud, err := sim.New(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range feed(t, cloud, "kv-contoso-hr", nil).Entries(t.Context()) {
		if err == nil {
			t.Error("the firewalled vault was listed")
		}
		return
	}
	t.Error("the firewalled vault seems empty")
}
