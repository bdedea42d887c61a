package keyvault_test

import (
	"context"
	"crypto/rsa"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/keyvault"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/sim/world"
)

// by signs in as an identity of the tenant.
type by struct {
	cloud *sim.Cloud
	who   contoso.Identity
}

func (b by) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	now, t := time.Now(), b.cloud.Tenant()
	token, err := b.cloud.World().Signer.Sign(world.Claims{
		Audience: "https://vault.azure.net", Issuer: "https://sts.windows.net/" + t.ID + "/", IssuedAt: now.Unix(), NotBefore: now.Unix(),
		Expires: now.Add(time.Hour).Unix(), AppID: b.who.ClientID, AppIDACR: "1", IDType: "app", ObjectID: b.who.PrincipalID, TenantID: t.ID, Version: "1.0",
	})
	return azcore.AccessToken{Token: token, ExpiresOn: now.Add(time.Hour)}, err
}

var tokenKey = sync.OnceValue(func() *world.Signer {
	s, err := world.NewSigner()
	if err != nil {
		panic(err)
	}
	return s
})

// newPair is one pair for all tests.
var newPair = sync.OnceValue(func() secret.Value {
	v, err := secret.NewPair("new", time.Date(1999, 12, 1, 0, 0, 0, 0, time.UTC), time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		panic(err)
	}
	return v
})

func newCloud(t *testing.T, lag world.Lag) *sim.Cloud {
	t.Helper()
	cloud, err := sim.New(sim.Config{World: world.Config{Lag: lag, Signer: tokenKey()}})
	if err != nil {
		t.Fatal(err)
	}
	return cloud
}

func client(t *testing.T, cloud *sim.Cloud, vault string, who contoso.Identity, seen func(*http.Request)) *rest.Client {
	t.Helper()
	c, err := rest.New(rest.Config{Base: "https://" + vault + ".vault.azure.net", Transport: cloud.RoundTripper(sim.Hooks{Before: seen}), Credential: by{cloud, who}, Tries: 2})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func fault(t *testing.T, cloud *sim.Cloud, text string) {
	t.Helper()
	f, err := world.ParseFault(text)
	if err == nil {
		err = cloud.World().Faults.Set(f)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A pair goes where its readers look for it, in the form they get today.
func TestPairIsPutInTheFormOfTheEntry(t *testing.T) {
	cloud := newCloud(t, world.Lag{})
	tenant := cloud.Tenant()
	for _, c := range []struct {
		vault, name, contentType, write string
		managed                         bool
	}{
		{tenant.DemoCertificate.Vault, tenant.DemoCertificate.Secret, "application/x-pkcs12", "/certificates/" + tenant.DemoCertificate.Secret + "/import", true},
		{"kv-contoso-prod", "sftp-gateway-certificate", "application/x-pem-file", "/certificates/sftp-gateway-certificate/import", true},
		{tenant.DemoPEM.Vault, tenant.DemoPEM.Secret, "application/x-pem-file", "/secrets/" + tenant.DemoPEM.Secret, false},
		{"kv-contoso-prod", "brand-new", "application/x-pkcs12", "/certificates/brand-new/import", true},
		{tenant.Demo.Vault, tenant.Demo.Secret, "application/x-pem-file", "/secrets/" + tenant.Demo.Secret, false}, // a client secret becomes a certificate
	} {
		var writes []string
		v := &keyvault.Vault{API: client(t, cloud, c.vault, tenant.Writer, func(r *http.Request) {
			if r.Method != "GET" {
				writes = append(writes, r.URL.Path)
			}
		})}
		ends := time.Now().AddDate(0, 6, 0).Truncate(time.Second).UTC()
		d := connector.Deposit{Kind: inventory.Certificate, Value: secret.New(newPair().Reveal()), Expires: ends, ContentType: "application/x-client-secret",
			Tags: map[string]string{"key-id": "k", "consumer": "somebody"}}
		version, err := v.Put(t.Context(), c.name, d)
		if err != nil || len(writes) != 1 || writes[0] != c.write {
			t.Fatalf("%s: sent %v, %v", c.name, writes, err)
		}
		got, err := v.Get(t.Context(), c.name)
		if err != nil {
			t.Fatal(err)
		}
		if got.Version != version || got.ContentType != c.contentType || got.Tags["consumer"] != "somebody" || (got.Kind == inventory.Certificate) != c.managed {
			t.Errorf("%s: put %s, got %s %q %v of kind %q", c.name, version, got.Version, got.ContentType, got.Tags, got.Kind)
		}
		if !secret.Canonical(got.Value).Equal(secret.Canonical(newPair())) {
			t.Errorf("%s: another pair came back", c.name)
		}
		if !c.managed && !got.Expires.Equal(ends) || c.managed && got.Expires.Year() != 2099 {
			t.Errorf("%s: it ends %v", c.name, got.Expires)
		}
	}
}

func TestPairIsPutOnceWhateverTheAnswer(t *testing.T) {
	for _, c := range []struct {
		fault string
		none  bool // surely nothing was changed
		added int
	}{
		{"lost-answer", false, 1}, {"lost-request", false, 0}, {"error-after", false, 1}, {"error-before", false, 0}, {"throttled", true, 0}, {"truncated-body", false, 1},
		{"soft-deleted", true, 0},
	} {
		cloud := newCloud(t, world.Lag{})
		d, sent := cloud.Tenant().DemoCertificate, 0
		v := &keyvault.Vault{API: client(t, cloud, d.Vault, cloud.Tenant().Writer, func(r *http.Request) {
			if r.Method != "GET" {
				sent++
			}
		})}
		fault(t, cloud, c.fault+":POST "+d.Vault+".vault.azure.net/certificates/*/import:times=1")
		_, err := v.Put(t.Context(), d.Secret, connector.Deposit{Kind: inventory.Certificate, Value: secret.New(newPair().Reveal())})
		if err == nil || errors.Is(err, connector.ErrNotApplied) != c.none || sent != 1 {
			t.Errorf("%s: sent %d times, %v", c.fault, sent, err)
		}
		if n := len(cloud.Versions(d.Vault, d.Secret)) - 1; n != c.added {
			t.Errorf("%s: %d versions were added, want %d", c.fault, n, c.added)
		}
	}
}

func TestPairIsNotPutBlindly(t *testing.T) {
	cloud := newCloud(t, world.Lag{})
	d, sent := cloud.Tenant().DemoCertificate, 0
	v := &keyvault.Vault{API: client(t, cloud, d.Vault, cloud.Tenant().Writer, func(r *http.Request) {
		if r.Method != "GET" {
			sent++
		}
	})}
	put := func(value string) error {
		_, err := v.Put(t.Context(), d.Secret, connector.Deposit{Kind: inventory.Certificate, Value: secret.New(value)})
		return err
	}
	if err := put("no pair"); !errors.Is(err, secret.ErrNoPair) || !errors.Is(err, connector.ErrNotApplied) {
		t.Errorf("no pair: %v", err)
	}
	fault(t, cloud, "firewall:times=1")
	if err := put(newPair().Reveal()); !errors.Is(err, connector.ErrNotApplied) {
		t.Errorf("closed vault: %v", err)
	}
	if sent != 0 {
		t.Errorf("%d writes were sent", sent)
	}
}

func TestVaultMakesAPair(t *testing.T) {
	for _, fault_ := range []string{"", "lost-answer", "error-after", "throttled", "lost-request"} {
		synctest.Test(t, func(t *testing.T) {
			cloud := newCloud(t, world.Lag{Vault: 10 * time.Second})
			d := cloud.Tenant().DemoCertificate
			m := &keyvault.Maker{API: client(t, cloud, "kv-contoso-prod", cloud.Tenant().Writer, nil), Name: "payments"}
			if fault_ != "" {
				fault(t, cloud, fault_+":POST kv-contoso-prod.vault.azure.net/certificates/*/create:times=1")
			}
			ends := time.Now().AddDate(0, 6, 3)
			v, err := m.MakePair(t.Context(), d.Name, "rk-abc", time.Now(), ends)
			if failed := fault_ == "throttled" || fault_ == "lost-request"; failed != (err != nil) {
				t.Errorf("%s: %v", fault_, err)
			}
			again, err := m.MakePair(t.Context(), d.Name, "rk-abc", time.Now(), ends)
			if err != nil || !v.IsZero() && !again.Equal(v) {
				t.Errorf("%s: the second time it is another pair, %v", fault_, err)
			}
			p, err := secret.ParsePair(again)
			if err != nil || !strings.HasPrefix(again.Reveal(), "-----BEGIN PRIVATE KEY") {
				t.Fatal(err)
			}
			c := p.Certificate()
			if key, ok := c.PublicKey.(*rsa.PublicKey); !ok || key.N.BitLen() != 2048 || c.Subject.CommonName != d.Name || c.NotAfter.Before(ends) || c.NotAfter.After(ends.AddDate(0, 1, 1)) {
				t.Errorf("%s: made a %v for %v that ends %v", fault_, c.PublicKeyAlgorithm, c.Subject, c.NotAfter)
			}
			if n := len(cloud.World().Facts("createCertificate")); n != 1 {
				t.Errorf("%s: made %d", fault_, n)
			}
			for range 2 { // twice is once
				if err := m.Discard(t.Context(), "rk-abc"); err != nil {
					t.Errorf("%s: %v", fault_, err)
				}
			}
			if _, there := cloud.Current("kv-contoso-prod", "payments--rk-abc"); there {
				t.Errorf("%s: the staging copy is still there", fault_)
			}
		})
	}
}

func TestDiscardPurgesWhereItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(t, world.Lag{Vault: 10 * time.Second})
		for vault, purged := range map[string]bool{"kv-contoso-test": true, "kv-contoso-prod": false} { // the second has purge protection
			m := &keyvault.Maker{API: client(t, cloud, vault, cloud.Tenant().Admin, nil), Name: strings.Repeat("n", 120)}
			if _, err := m.MakePair(t.Context(), "x", "rk-abcdefghijkl", time.Now(), time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			if err := m.Discard(t.Context(), "rk-abcdefghijkl"); err != nil {
				t.Fatal(err)
			}
			cloud.World().Read(func() {
				for name, c := range cloud.World().Azure.Vaults[vault].DeletedCertificates {
					if len(name) != 127 || c.Purged.IsZero() == purged {
						t.Errorf("%s: %s was purged %v, want %v", vault, name, c.Purged, purged)
					}
				}
				if n := len(cloud.World().Azure.Vaults[vault].DeletedCertificates); n != 1 {
					t.Errorf("%s: %d deleted", vault, n)
				}
			})
		}
	})
}

func TestMakerTellsWhatIsWrong(t *testing.T) {
	cloud := newCloud(t, world.Lag{})
	reader := &keyvault.Maker{API: client(t, cloud, "kv-contoso-prod", cloud.Tenant().Reader, nil), Name: "x"}
	if _, err := reader.MakePair(t.Context(), "x", "rk-a", time.Now(), time.Now().Add(time.Hour)); !errors.Is(err, connector.ErrDenied) {
		t.Errorf("without the right: %v", err)
	}
	if err := reader.Discard(t.Context(), "rk-a"); !errors.Is(err, connector.ErrDenied) {
		t.Errorf("without the right: %v", err)
	}
	if _, err := reader.MakePair(t.Context(), "a, b", "rk-a", time.Now(), time.Now().Add(time.Hour)); err == nil {
		t.Error("a name was taken that ends the common name early")
	}
}

// A pair is recognised wherever it lies: by its thumbprint, and by its hash in one form.
func TestPairsInSecretsAreRecognised(t *testing.T) {
	cloud := newCloud(t, world.Lag{})
	d := cloud.Tenant().DemoPEM
	found := entries(t, feed(t, cloud, d.Vault, nil))
	e := found["secret/"+d.Secret]
	value, _ := cloud.Current(d.Vault, d.Secret)
	p, err := secret.ParsePair(secret.New(value))
	if err != nil {
		t.Fatal(err)
	}
	if e.Thumbprint != p.Thumbprint() || e.Hint != "" || e.Fingerprint == "" {
		t.Errorf("entry %+v", e)
	}
	f := feed(t, cloud, d.Vault, nil)
	entry := entries(t, f)["secret/"+d.Secret]
	pfx, err := p.PFX()
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Values.Fingerprint(secret.Canonical(pfx)); got != entry.Fingerprint {
		t.Error("as PFX it has another fingerprint")
	}
	f.Known = func(_ context.Context, at inventory.Place) (inventory.Entry, bool) {
		return entry, at.Name == d.Secret
	}
	if again := entries(t, f)["secret/"+d.Secret]; again.Thumbprint != entry.Thumbprint || again.Fingerprint != entry.Fingerprint {
		t.Errorf("the second time it is %+v", again)
	}
}
