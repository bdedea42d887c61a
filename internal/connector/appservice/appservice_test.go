package appservice_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/appservice"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/sim/world"
)

// identity signs in as one of the tenant's own applications.
type identity struct {
	cloud *sim.Cloud
	who   contoso.Identity
}

func (i identity) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	now, t := time.Now(), i.cloud.Tenant()
	token, err := i.cloud.World().Signer.Sign(world.Claims{
		Audience: "https://management.azure.com/", Issuer: "https://sts.windows.net/" + t.ID + "/", IssuedAt: now.Unix(), NotBefore: now.Unix(),
		Expires: now.Add(time.Hour).Unix(), AppID: i.who.ClientID, AppIDACR: "1", IDType: "app", ObjectID: i.who.PrincipalID, TenantID: t.ID, Version: "1.0",
	})
	return azcore.AccessToken{Token: token, ExpiresOn: now.Add(time.Hour)}, err
}

func manager(t *testing.T, cloud *sim.Cloud, who contoso.Identity, seen func(*http.Request)) *rest.Client {
	t.Helper()
	api, err := rest.New(rest.Config{Base: "https://management.azure.com", Transport: cloud.RoundTripper(sim.Hooks{Before: seen}), Credential: identity{cloud, who}, Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	return api
}

func newCloud(t *testing.T) *sim.Cloud {
	t.Helper()
	cloud, err := sim.New(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	return cloud
}

// app finds the app or slot of that name, as rekey-writer.
func app(t *testing.T, cloud *sim.Cloud, name string) *appservice.App {
	t.Helper()
	api := manager(t, cloud, cloud.Tenant().Writer, nil)
	id := ""
	cloud.World().Read(func() {
		for _, r := range cloud.World().Azure.Resources {
			if r.Site != nil && r.Name == name {
				id = r.ID
			}
		}
	})
	ref, err := connector.ParseReference("app:" + id)
	if err != nil {
		t.Fatal(err)
	}
	return &appservice.App{API: api, Site: ref.Site, Name: ref.Name}
}

// renew puts a new version into the demo's entry, as a rotation does.
func renew(cloud *sim.Cloud) connector.Change {
	demo := cloud.Tenant().Demo
	cloud.World().Change(func() {
		cloud.World().Azure.PutSecret(demo.Vault, demo.Secret, &world.SecretVersion{Value: "a-new-value-of-it", Enabled: true})
	})
	v, _ := cloud.CurrentVersion(demo.Vault, demo.Secret)
	return connector.Change{Rotation: "r-1", Request: "q-1", Consumer: "func-basware-export", Switched: time.Now(),
		Place: inventory.Place{Vault: demo.Vault + ".vault.azure.net", Name: demo.Secret, Version: v.ID}}
}

func settle(t *testing.T, a *appservice.App, c connector.Change) connector.Moved {
	t.Helper()
	m, err := a.Moved(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAnAppMovesWhenItIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(t)
		a := app(t, cloud, "func-basware-export")
		time.Sleep(time.Minute)
		c := renew(cloud)
		time.Sleep(time.Minute)
		if m := settle(t, a, c); m.Yes || !strings.Contains(m.Why, "still uses version") || m.Wait == 0 || m.Person != "" {
			t.Errorf("before: %+v", m)
		}
		for range 2 { // twice is as good as once
			if err := a.Tell(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		if m := settle(t, a, c); !m.Yes || m.Proof != "setting BASWARE_CLIENT_SECRET uses version "+c.Place.Version {
			t.Errorf("after: %+v", m)
		}
		facts := cloud.World().Facts("refreshReferences")
		if len(facts) != 2 || facts[0].Request != "q-1" {
			t.Errorf("facts %+v", facts)
		}
	})
}

func TestAPinnedReferenceIsAPersonsBusiness(t *testing.T) {
	cloud := newCloud(t)
	a := app(t, cloud, "func-basware-export/staging")
	demo := cloud.Tenant().Demo
	v, _ := cloud.CurrentVersion(demo.Vault, demo.Secret)
	cloud.World().Change(func() {
		cloud.World().Azure.Resources[strings.ToLower(a.Site)].Site.Settings["BASWARE_CLIENT_SECRET"] =
			"@Microsoft.KeyVault(SecretUri=https://" + demo.Vault + ".vault.azure.net/secrets/" + demo.Secret + "/" + v.ID + ")"
	})
	c := renew(cloud)
	if err := a.Tell(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if m := settle(t, a, c); m.Yes || !strings.Contains(m.Person, "set the reference without a version") || !strings.Contains(m.Why, "pinned to version") {
		t.Errorf("got %+v", m)
	}
}

func TestAnAppThatHidesItsVersionCountsAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(t)
		a := app(t, cloud, "func-basware-export")
		cloud.World().Change(func() { cloud.World().Azure.Resources[strings.ToLower(a.Site)].Site.HidesVersion = true })
		c := renew(cloud)
		time.Sleep(time.Hour)
		m := settle(t, a, c)
		if m.Yes || m.Wait < 22*time.Hour || m.Wait > 24*time.Hour {
			t.Errorf("after an hour: %+v", m)
		}
		time.Sleep(m.Wait)
		if m := settle(t, a, c); !m.Yes || !strings.Contains(m.Proof, "within 24 h") {
			t.Errorf("after a day: %+v", m)
		}
	})
}

func TestWhatKeepsAnAppBackIsNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		bend func(w *world.World, s *world.Site, v *world.Vault)
		want string
	}{
		"no right":    {func(w *world.World, s *world.Site, _ *world.Vault) { s.Identity = w.GUID() }, "Key Vault Secrets User"},
		"no identity": {func(_ *world.World, s *world.Site, _ *world.Vault) { s.Identity = "" }, "managed identity"},
		"firewall":    {func(_ *world.World, _ *world.Site, v *world.Vault) { v.FirewallDeny = true }, "firewall"},
		"elsewhere":   {func(_ *world.World, s *world.Site, _ *world.Vault) { s.Settings["BASWARE_CLIENT_SECRET"] = "plain" }, "confirm"},
	} {
		cloud := newCloud(t)
		a := app(t, cloud, "func-basware-export")
		c := renew(cloud)
		cloud.World().Change(func() {
			w := cloud.World()
			tc.bend(w, w.Azure.Resources[strings.ToLower(a.Site)].Site, w.Azure.Vaults[strings.ToLower(cloud.Tenant().Demo.Vault)])
		})
		if m := settle(t, a, c); m.Yes || !strings.Contains(m.Person, tc.want) {
			t.Errorf("%s: %+v, want %q", name, m, tc.want)
		}
	}
}

func TestConnectionStringsCountToo(t *testing.T) {
	cloud := newCloud(t)
	a := app(t, cloud, "func-basware-export")
	c := renew(cloud)
	demo := cloud.Tenant().Demo
	cloud.World().Change(func() {
		s := cloud.World().Azure.Resources[strings.ToLower(a.Site)].Site
		s.ConnectionStrings = map[string]string{"OLD": "@Microsoft.KeyVault(VaultName=" + demo.Vault + ";SecretName=" + demo.Secret + ";SecretVersion=" + world.VersionID(demo.Vault, "secrets", demo.Secret, 0) + ")"}
	})
	if err := a.Tell(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if m := settle(t, a, c); m.Yes || !strings.Contains(m.Why, "OLD is pinned") {
		t.Errorf("got %+v", m)
	}
}

// TestTheFeedReadsNoSetting: the reader finds who reads what with the right to
// read alone, and nothing that would show a value is asked for.
func TestTheFeedReadsNoSetting(t *testing.T) {
	cloud := newCloud(t)
	f := &appservice.Feed{Span: ".vault.azure.net", API: manager(t, cloud, cloud.Tenant().Reader, func(r *http.Request) {
		if r.Method != http.MethodGet {
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
	})}
	found := map[string]inventory.Reader{}
	for page, err := range f.Readers(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			found[r.Consumer] = r
		}
	}
	demo := cloud.Tenant().Demo
	one, slot := found["func-basware-export"], found["func-basware-export/staging"]
	if len(found) != 2 || one.Place.Vault != demo.Vault+".vault.azure.net" || one.Place.Name != demo.Secret || one.Place.Version != "" || slot.Place.Version == "" {
		t.Errorf("found %+v", found)
	}
	if ref, err := connector.ParseReference(slot.Reference); err != nil || ref.Route != connector.ReadsAsApp || ref.Name != "func-basware-export/staging" {
		t.Errorf("%s: %+v, %v", slot.Reference, ref, err)
	}
}

func TestAnAppThatMayNotBeReadStopsNoOther(t *testing.T) {
	cloud := newCloud(t)
	if err := cloud.World().Faults.Set(world.Fault{Name: world.ErrorBefore, Match: "GET management.azure.com/subscriptions/*/resourceGroups/*/providers/Microsoft.Web/sites/func-basware-export/config/configreferences/*"}); err != nil {
		t.Fatal(err)
	}
	f := &appservice.Feed{Span: ".vault.azure.net", API: manager(t, cloud, cloud.Tenant().Reader, nil)}
	var names []string
	var failed error
	for page, err := range f.Readers(t.Context()) {
		for _, r := range page {
			names = append(names, r.Consumer)
		}
		failed = err
	}
	if len(names) != 1 || names[0] != "func-basware-export/staging" || failed == nil || !strings.Contains(failed.Error(), "1 of 2 apps") {
		t.Errorf("found %v, %v", names, failed)
	}
}
