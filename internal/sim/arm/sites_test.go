package arm

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

const (
	site     = group + "/providers/Microsoft.Web/sites/func-pay"
	identity = "aaaaaaaa-0000-4000-8000-000000000009"
)

// withSite is the usual world with an app that reads kv-pay/basware by name.
func withSite(t *testing.T) *world.World {
	t.Helper()
	w := newWorld(t, world.Lag{})
	w.Change(func() {
		w.Azure.PutSecret("kv-pay", "basware", &world.SecretVersion{Value: "first-value-of-it", Enabled: true})
		w.Azure.Assign(identity, "Key Vault Secrets User", vault, time.Now().Add(-time.Hour))
		w.Azure.AddSite("rg-pay", "func-pay", "", "functionapp", &world.Site{Identity: identity,
			Settings:          map[string]string{"PLAIN": "a plain setting", "BASWARE": "@Microsoft.KeyVault(VaultName=kv-pay;SecretName=basware)"},
			ConnectionStrings: map[string]string{"DB": "@Microsoft.KeyVault(SecretUri=https://kv-pay.vault.azure.net/secrets/none/)"}})
		w.Azure.AddSite("rg-pay", "func-pay", "staging", "functionapp", &world.Site{Settings: map[string]string{"BASWARE": "@Microsoft.KeyVault(VaultName=kv-pay;SecretName=basware)"}})
	})
	return w
}

// reference is what the manager says of the one reference of a site.
func (c *caller) reference(path string) map[string]any {
	c.t.Helper()
	items := c.want(200, "GET", path, "").get("value").([]any)
	if len(items) != 1 {
		c.t.Fatalf("%s: %v", path, items)
	}
	return items[0].(map[string]any)["properties"].(map[string]any)
}

func TestAReferenceIsADayBehindUntilItIsRefreshed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := withSite(t)
		c := as(t, w, owner)
		path := site + "/config/configreferences/appsettings"
		first := c.reference(path)
		if first["status"] != "Resolved" || first["activeVersion"] == "" || first["vaultName"] != "kv-pay" || first["secretName"] != "basware" || first["secretVersion"] != nil {
			t.Fatalf("%v", first)
		}
		time.Sleep(time.Minute)
		w.Change(func() {
			w.Azure.PutSecret("kv-pay", "basware", &world.SecretVersion{Value: "second-value", Enabled: true})
		})
		time.Sleep(20 * time.Hour)
		c = as(t, w, owner) // a token lasts an hour
		if got := c.reference(path); got["activeVersion"] != first["activeVersion"] {
			t.Errorf("after 20 hours it has moved by itself: %v", got)
		}
		c.want(200, "POST", path+"/refresh", "")
		second := c.reference(path)
		if second["activeVersion"] == first["activeVersion"] {
			t.Error("the refresh changed nothing")
		}
		time.Sleep(time.Minute)
		w.Change(func() {
			w.Azure.PutSecret("kv-pay", "basware", &world.SecretVersion{Value: "third-value", Enabled: true})
		})
		time.Sleep(24 * time.Hour)
		if got := as(t, w, owner).reference(path); got["activeVersion"] == second["activeVersion"] {
			t.Error("after a day it has not moved by itself")
		}
	})
}

func TestReferencesFailAsTheyDo(t *testing.T) {
	for text, want := range map[string]string{
		"@Microsoft.KeyVault(VaultName=kv-pay;SecretName=basware)":                                      "Resolved",
		"@Microsoft.KeyVault(SecretUri=https://kv-pay.vault.azure.net/secrets/basware/)":                "Resolved",
		"@Microsoft.KeyVault(VaultName=kv-pay;SecretName=none)":                                         "SecretNotFound",
		"@Microsoft.KeyVault(VaultName=kv-none;SecretName=basware)":                                     "VaultNotFound",
		"@Microsoft.KeyVault(VaultName=kv-pay;SecretName=basware;SecretVersion=0123456789abcdef)":       "SecretVersionNotFound",
		"@Microsoft.KeyVault(SecretUri=https://kv-pay.vault.azure.net/secrets/basware/0123456789abcde)": "SecretVersionNotFound",
		"@Microsoft.KeyVault(whatever)":                                                                 "InvalidSyntax",
	} {
		w := withSite(t)
		c := as(t, w, owner)
		c.want(200, "PUT", site+"/config/appsettings", fmt.Sprintf(`{"properties":{"BASWARE":%q}}`, text))
		if got := c.reference(site + "/config/configreferences/appsettings"); got["status"] != want {
			t.Errorf("%s: %v, want %s", text, got, want)
		}
	}
	w := withSite(t)
	c := as(t, w, owner)
	if got := c.reference(site + "/slots/staging/config/configreferences/appsettings"); got["status"] != "MSINotEnabled" {
		t.Errorf("without an identity: %v", got)
	}
	if got := c.reference(site + "/config/configreferences/connectionstrings"); got["status"] != "SecretNotFound" {
		t.Errorf("connection string: %v", got)
	}
	w.Change(func() { w.Azure.Vaults["kv-pay"].FirewallDeny = true })
	if got := c.reference(site + "/config/configreferences/appsettings"); got["status"] != "AccessToKeyVaultDenied" || got["activeVersion"] != nil {
		t.Errorf("behind a firewall: %v", got)
	}
}

func TestReadersOfAppsSeeNoSettings(t *testing.T) {
	for role, want := range map[string]struct{ references, settings, refresh int }{
		"": {403, 403, 403}, "Reader": {200, 403, 403}, "Website Contributor": {200, 200, 200}, "Key Vault Contributor": {403, 403, 403},
	} {
		w := withSite(t)
		if role != "" {
			w.Change(func() { w.Azure.Assign(stranger, role, group, time.Now().Add(-time.Hour)) })
		}
		c := as(t, w, stranger)
		for _, one := range []string{site, site + "/slots/staging"} {
			c.want(want.references, "GET", one+"/config/configreferences/appsettings", "")
			c.want(want.settings, "POST", one+"/config/appsettings/list", "")
			c.want(want.refresh, "POST", one+"/config/configreferences/appsettings/refresh", "")
		}
	}
	c := as(t, withSite(t), owner)
	for path, want := range map[string]string{
		group + "/providers/Microsoft.Web/sites": "func-pay", site + "/slots": "func-pay/staging",
		"/subscriptions/" + subscription + "/resources?$filter=resourceType eq 'Microsoft.Web/sites' or resourceType eq 'Microsoft.Web/sites/slots'": "func-pay func-pay/staging",
	} {
		if got := c.want(200, "GET", path, "").names(); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	c.want(404, "GET", site+"x/config/configreferences/appsettings", "")
	c.want(405, "GET", site+"/config/appsettings/list", "")
	if got := c.want(200, "POST", site+"/config/appsettings/list", "").get("properties", "PLAIN"); got != "a plain setting" {
		t.Errorf("settings: %v", got)
	}
}
