package sim

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/sim/world"
)

func TestSeededSecretsSignIn(t *testing.T) {
	cloud := newCloud(t, Config{})
	rt := cloud.RoundTripper(Hooks{})
	var apps []world.Application
	cloud.World().Read(func() {
		for _, a := range cloud.World().Directory.ApplicationsInOrder() {
			if sp := cloud.World().Directory.ServicePrincipalByClient(a.AppID); sp != nil && sp.Enabled && sp.SSOMode == "" {
				apps = append(apps, *a)
			}
		}
	})
	good, bad := 0, 0
	for _, a := range apps {
		for _, p := range a.Passwords {
			want := 200
			if p.Ends.Before(time.Now()) {
				want = 401
				bad++
			} else {
				good++
			}
			status, _ := signIn(t, rt, cloud.Tenant(), contoso.Identity{ClientID: a.AppID, Secret: p.Text}, "https://graph.microsoft.com/.default")
			if status != want {
				t.Errorf("%s: a secret that ends %v is answered %d, want %d", a.Name, p.Ends, status, want)
			}
			if accepted := cloud.Accepts(a.AppID, p.Text) == cloud.World().Replicas(); accepted != (want == 200) {
				t.Errorf("%s: the truth about a secret that is answered %d is %v", a.Name, status, accepted)
			}
		}
	}
	if good < 40 || bad < 5 {
		t.Errorf("%d live and %d ended secrets were tried, want at least 40 and 5", good, bad)
	}
}

// TestLostAnswerToAddPasswordLeavesAnOrphan is the sickness a rotator is built around.
func TestLostAnswerToAddPasswordLeavesAnOrphan(t *testing.T) {
	cloud := newCloud(t, Config{})
	rt, demo := cloud.RoundTripper(Hooks{}), cloud.Tenant().Demo
	_, token := signIn(t, rt, cloud.Tenant(), cloud.Tenant().Writer, "https://graph.microsoft.com/.default")
	add := func() answer {
		req, _ := http.NewRequest("POST", "https://graph.microsoft.com/v1.0/applications/"+demo.ApplicationID+"/addPassword",
			strings.NewReader(`{"passwordCredential":{"displayName":"marker"}}`))
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		return send(rt, req)
	}
	switchOn(t, cloud, "lost-answer:POST graph.microsoft.com/v1.0/applications/*/addPassword:times=1")
	if a := add(); a.err == nil {
		t.Errorf("the answer came: %v", a)
	}
	if a := add(); a.status != 200 || !strings.Contains(a.body, "secretText") {
		t.Errorf("the second attempt is answered %v", a)
	}
	markers := 0
	for _, p := range cloud.Passwords(demo.ClientID) {
		if p.Name == "marker" {
			markers++
		}
	}
	if facts := cloud.World().Facts("addPassword"); markers != 2 || len(facts) != 2 {
		t.Errorf("%d secrets carry the marker and %d facts tell of them, want 2 and 2", markers, len(facts))
	}
}

func TestVaultTruthFollowsTheVault(t *testing.T) {
	cloud := newCloud(t, Config{})
	demo := cloud.Tenant().Demo
	if value, ok := cloud.Current(demo.Vault, strings.ToUpper(demo.Secret)); !ok || cloud.Accepts(demo.ClientID, value) != 3 {
		t.Error("the vault's newest value does not sign in")
	}
	if _, ok := cloud.Current("kv-nowhere", demo.Secret); ok {
		t.Error("a vault that does not exist has a value")
	}
	cloud.World().Change(func() {
		versions := cloud.World().Azure.Vaults[demo.Vault].Secrets[demo.Secret].Versions
		versions[len(versions)-1].Enabled = false
	})
	if _, ok := cloud.Current(demo.Vault, demo.Secret); ok {
		t.Error("a version that is switched off can be read")
	}
	if len(cloud.Keys(cloud.app(t, "Nordea_BankStatements").AppID)) != 2 {
		t.Error("the certificates of an application are not told")
	}
}

func (c *Cloud) app(t *testing.T, name string) world.Application {
	t.Helper()
	a, ok := c.Application(name)
	if !ok {
		t.Fatalf("no application %s", name)
	}
	return a
}
