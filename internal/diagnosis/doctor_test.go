package diagnosis

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/sim/world"
)

// clinic is a pretended tenant and a healthy installation in it.
func clinic(t *testing.T) (*sim.Cloud, Patient) {
	t.Helper()
	cloud, err := sim.New(sim.Config{World: world.Config{Seed: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	c := cloud.Tenant()
	folder := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	as := func(i contoso.Identity) azure.Config {
		return azure.Config{Client: i.ClientID, Secret: secret.New(i.Secret)}
	}
	writer := as(c.Writer)
	return cloud, Patient{
		Data: folder, Tenant: c.ID, Wire: azure.Wire{Round: cloud.RoundTripper(sim.Hooks{})},
		Reader: as(c.Reader), Writer: &writer,
		Vaults: []Vault{{Host: "kv-contoso-prod.vault.azure.net", ReadValues: true}},
	}
}

// look runs the doctor and returns the checks by name.
func look(t *testing.T, p Patient) map[string]Check {
	t.Helper()
	found := map[string]Check{}
	for _, c := range Doctor(t.Context(), p) {
		if _, twice := found[c.Name]; twice {
			t.Errorf("two checks are called %q", c.Name)
		}
		if c.State == Failed && c.Cure == "" {
			t.Errorf("%s failed (%s) and has no cure", c.Name, c.Detail)
		}
		if strings.Contains(c.Detail+c.Cure, "8Q~") {
			t.Errorf("%s shows a secret: %s %s", c.Name, c.Detail, c.Cure)
		}
		found[c.Name] = c
	}
	return found
}

func expect(t *testing.T, found map[string]Check, name string, s State, words ...string) {
	t.Helper()
	c, ok := found[name]
	if !ok {
		t.Fatalf("there is no check %q in %v", name, found)
	}
	if c.State != s {
		t.Errorf("%s is %s (%s), want %s", name, c.State, c.Detail, s)
	}
	for _, w := range words {
		if !strings.Contains(c.Detail+"\n"+c.Cure, w) {
			t.Errorf("%s says %q, and to do %q; want it to mention %q", name, c.Detail, c.Cure, w)
		}
	}
}

func TestAHealthyInstallationHasNoFailure(t *testing.T) {
	_, p := clinic(t)
	found := look(t, p)
	for name, c := range found {
		if c.State == Failed || c.State == Skipped {
			t.Errorf("%s: %s, %s", name, c.State, c.Detail)
		}
	}
	expect(t, found, "Clock", OK)
	expect(t, found, "Tenant", OK)
	expect(t, found, "Directory", OK)
	expect(t, found, "Vault kv-contoso-prod get", OK)
	expect(t, found, "Vault kv-contoso-prod set", OK)
	expect(t, found, "Reader", Warning, "with a client secret", "certificate")
}

func TestNothingIsChangedByLooking(t *testing.T) {
	cloud, p := clinic(t)
	look(t, p)
	if list := cloud.Versions("kv-contoso-prod", "rekey-doctor"); len(list) != 0 {
		t.Errorf("the doctor left a secret behind: %v", list)
	}
}

func TestWhatIsWrongWithTheTenant(t *testing.T) {
	for _, c := range []struct {
		tenant string
		words  []string
	}{
		{"", []string{"none is configured", "az account show"}},
		{"99999999-aaaa-bbbb-cccc-dddddddddddd", []string{"AADSTS90002", "no such tenant"}},
		{"not a tenant", []string{"AADSTS900023", "neither a GUID nor a domain"}},
	} {
		_, p := clinic(t)
		p.Tenant = c.tenant
		found := look(t, p)
		expect(t, found, "Tenant", Failed, c.words...)
		expect(t, found, "Reader", Skipped)
	}
}

func TestWhatIsWrongWithTheSignIn(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*azure.Config)
		words []string
	}{
		{"wrong secret", func(c *azure.Config) { c.Secret = secret.New("no such secret at all") }, []string{"AADSTS7000215", "Compare its first three characters"}},
		{"secret id instead of its value", func(c *azure.Config) { c.Secret = secret.New("99999999-aaaa-bbbb-cccc-dddddddddddd") }, []string{"looks like the secret's ID", "put the secret's value there"}},
		{"unknown application", func(c *azure.Config) { c.Client = "99999999-aaaa-bbbb-cccc-dddddddddddd" }, []string{"AADSTS700016", "not in this tenant"}},
		{"no credential", func(c *azure.Config) { c.Secret = secret.Value{} }, []string{"without a secret or a certificate"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, p := clinic(t)
			c.spoil(&p.Reader)
			found := look(t, p)
			expect(t, found, "Reader", Failed, c.words...)
			expect(t, found, "Vault kv-contoso-prod list", Skipped)
		})
	}
}

func TestAnExpiredSecretIsCalledExpired(t *testing.T) {
	cloud, p := clinic(t)
	w := cloud.World()
	w.Change(func() {
		for _, password := range w.Directory.ApplicationByClient(p.Reader.Client).Passwords {
			password.Ends = time.Now().Add(-time.Hour)
		}
	})
	expect(t, look(t, p), "Reader", Failed, "AADSTS7000222", "expired", "--create-cert")
}

func TestAMissingPermissionIsNamedWithTheCommand(t *testing.T) {
	_, p := clinic(t)
	p.Reader, *p.Writer = *p.Writer, p.Reader // each has what the other needs
	found := look(t, p)
	expect(t, found, "Writer permission", Failed, "Application.ReadWrite.OwnedBy is missing", "az ad app permission add --id "+p.Writer.Client, "New-MgServicePrincipalAppRoleAssignment", writeOwn.id)
}

func TestForeignApplicationsAreCounted(t *testing.T) {
	cloud, p := clinic(t)
	p.Renewable = func(context.Context) ([]inventory.Application, error) {
		return []inventory.Application{
			{ObjectID: inventory.ObjectID(cloud.Tenant().Demo.ApplicationID), Name: "owned"},
			{ObjectID: "99999999-aaaa-bbbb-cccc-dddddddddddd", ClientID: "88888888-aaaa-bbbb-cccc-dddddddddddd", Name: "foreign"},
		}, nil
	}
	expect(t, look(t, p), "Ownership", Warning, "owns 1 of 2", "az ad app owner add --id 88888888-aaaa-bbbb-cccc-dddddddddddd --owner-object-id", "New-MgApplicationOwnerByRef")
}

// What the writer may do with App Services, access keys, service principals and
// certificates is looked at, and cured with the smallest right.
func TestRightsOnResourcesAreLookedAt(t *testing.T) {
	cloud, p := clinic(t)
	group := "/subscriptions/" + cloud.Tenant().SubscriptionID + "/resourceGroups/rg-finance"
	site := group + "/providers/Microsoft.Web/sites/func-basware-export"
	key := group + "/providers/Microsoft.Storage/storageAccounts/stcontosobankfiles"
	p.Sites, p.Vaults[0].Pairs = []string{site}, true
	p.Renewable = func(context.Context) ([]inventory.Application, error) {
		return []inventory.Application{
			{ObjectID: "99999999-aaaa-bbbb-cccc-dddddddddddd", Holder: inventory.InServicePrincipals},
			{ObjectID: inventory.ObjectID(strings.ToLower(key)), Holder: inventory.InResources},
		}, nil
	}
	w := cloud.World()
	w.Change(func() {
		for i := range w.Azure.Assignments {
			if a := &w.Azure.Assignments[i]; a.PrincipalID == cloud.Tenant().Writer.PrincipalID && !strings.Contains(a.Role, "Secrets") {
				a.Removed = time.Now().Add(-time.Hour)
			}
		}
	})
	found := look(t, p)
	expect(t, found, "App Service", Warning, "microsoft.web/sites/read is missing", `--role "Website Contributor"`, site)
	expect(t, found, "Access keys", Warning, "listkeys/action is missing", "rekey access keys", strings.ToLower(group))
	expect(t, found, "Ownership of service principals", Warning, "owns 0 of 1", "owners/$ref", "New-MgServicePrincipalOwnerByRef")
	expect(t, found, "Vault kv-contoso-prod certificates", Failed, "Key Vault Certificates Officer")

	w.Change(func() {
		at := time.Now().Add(-time.Hour)
		for _, grant := range [][2]string{{"Website Contributor", site}, {"Access Key Operator", group}, {"Key Vault Certificates Officer", w.Azure.VaultID(vault(w))}} {
			w.Azure.Assign(cloud.Tenant().Writer.PrincipalID, grant[0], grant[1], at)
		}
	})
	found = look(t, p)
	expect(t, found, "App Service", OK)
	expect(t, found, "Access keys", OK)
	expect(t, found, "Vault kv-contoso-prod certificates", OK)
}

func vault(w *world.World) *world.Vault { return w.Azure.Vaults["kv-contoso-prod"] }

func TestWhatIsWrongWithAVault(t *testing.T) {
	const prod = "Vault kv-contoso-prod"
	for _, c := range []struct {
		name  string
		spoil func(*world.World)
		check string
		words []string
	}{
		{"firewall", func(w *world.World) { vault(w).FirewallDeny = true }, prod + " list", []string{"firewall", "az keyvault network-rule add --name kv-contoso-prod"}},
		{"private", func(w *world.World) { vault(w).PublicAccess = false }, prod + " set", []string{"private endpoint"}},
		{"policies", func(w *world.World) { vault(w).RBAC = false }, prod + " set", []string{"access policy", "az keyvault set-policy --name kv-contoso-prod"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cloud, p := clinic(t)
			cloud.World().Change(func() { c.spoil(cloud.World()) })
			expect(t, look(t, p), c.check, Failed, c.words...)
		})
	}
	t.Run("no role", func(t *testing.T) {
		cloud, p := clinic(t)
		p.Writer.Client, p.Writer.Secret = cloud.Tenant().Reader.ClientID, secret.New(cloud.Tenant().Reader.Secret)
		expect(t, look(t, p), prod+" set", Failed, "Key Vault Secrets Officer is missing", "az role assignment create", "New-AzRoleAssignment")
	})
	t.Run("no such vault", func(t *testing.T) {
		_, p := clinic(t)
		p.Vaults = []Vault{{Host: "kv-nowhere.vault.azure.net"}}
		expect(t, look(t, p), "Vault kv-nowhere", Failed, "no vault of this name", "az keyvault list")
	})
}

// served answers for every host with the given handler.
type served struct{ handler http.Handler }

func (s served) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestAClockThatIsOffIsToldWithItsCure(t *testing.T) {
	for _, c := range []struct {
		off  time.Duration
		want State
		word string
	}{
		{2 * time.Second, OK, "agrees"}, {-3 * time.Minute, Warning, "ahead of"}, {3 * time.Hour, Failed, "behind"}, {-26 * time.Hour, Failed, "ahead of"},
	} {
		p := Patient{Wire: azure.Wire{Round: served{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(c.off).UTC().Format(http.TimeFormat))
		})}}}
		expect(t, look(t, p), "Clock", c.want, c.word)
	}
}

func TestAnUntrustedIssuerIsNamed(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	address := server.Listener.Addr().String()
	p := Patient{Wire: azure.Wire{Round: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}}}
	found := look(t, p)
	expect(t, found, "Network login.microsoftonline.com", Failed, "Acme Co", "caFile")
	expect(t, found, "Tenant", Skipped)
}

func TestLooseFilesAreFound(t *testing.T) {
	_, p := clinic(t)
	if err := os.Chmod(p.Data, 0o755); err != nil {
		t.Fatal(err)
	}
	expect(t, look(t, p), "Data folder", Failed, "chmod 700")
	if err := os.Chmod(p.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.OpenKeyring(p.Data, ""); err != nil {
		t.Fatal(err)
	}
	expect(t, look(t, p), "Keys", Warning, "masterKeyFile")
	if err := os.Chmod(filepath.Join(p.Data, "master.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	expect(t, look(t, p), "Keys", Failed, "chmod 600")
	if err := os.Remove(filepath.Join(p.Data, "master.key")); err != nil {
		t.Fatal(err)
	}
	expect(t, look(t, p), "Keys", Failed, "bring it back")
	p.MasterKeyIn = "passphrase"
	expect(t, look(t, p), "Keys", OK, "passphrase")
	if err := os.Remove(filepath.Join(p.Data, "keyring.json")); err != nil {
		t.Fatal(err)
	}
	expect(t, look(t, p), "Keys", OK, "none yet")
	p.KeyringIn = "database"
	expect(t, look(t, p), "Keys", OK, "passphrase")
	p.MasterKeyIn = ""
	expect(t, look(t, p), "Keys", Failed, "bring it back")
}

func TestCodesAreExplained(t *testing.T) {
	for _, code := range []string{"AADSTS7000215", "7000215", "aadsts7000215"} {
		if c, ok := Explain(code); !ok || !strings.Contains(c.Meaning, "wrong") {
			t.Errorf("Explain(%q) = %v, %v", code, c, ok)
		}
	}
	for _, code := range []string{"", "AADSTS", "x7000215", fmt.Sprint(uint64(1) << 60)} {
		if _, ok := Explain(code); ok {
			t.Errorf("Explain(%q) found something", code)
		}
	}
}
