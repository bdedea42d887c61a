package keyvault

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

func TestWithoutTokenThereIsAChallenge(t *testing.T) {
	w := newWorld(t, world.Lag{})
	c := as(t, w, officer)
	c.token = ""
	got := c.fails(401, "Unauthorized", "", "GET", "/secrets", nil)
	want := `Bearer authorization="https://login.microsoftonline.com/` + tenant + `", resource="https://vault.azure.net"`
	if h := got.header.Get("WWW-Authenticate"); h != want {
		t.Errorf("challenge %q, want %q", h, want)
	}
	if got.message() != "AKV10000: Request is missing a Bearer or PoP token." {
		t.Errorf("message %q", got.message())
	}
}

func TestForeignTokensAreRefused(t *testing.T) {
	w := newWorld(t, world.Lag{})
	for _, tc := range []struct {
		name   string
		change func(*world.Claims)
		want   string
	}{
		{"tenant", func(c *world.Claims) { c.TenantID, c.Issuer = "other", "https://sts.windows.net/other/" }, "AKV10032: Invalid issuer."},
		{"audience", func(c *world.Claims) { c.Audience = "https://management.azure.com/" }, "AKV10022: Invalid audience."},
		{"expired", func(c *world.Claims) { c.Expires = 1 }, "[TokenExpired]"},
	} {
		c := as(t, w, officer)
		c.token = token(t, w, officer, tc.change)
		got := c.fails(401, "Unauthorized", "", "GET", "/secrets", nil)
		if !strings.HasPrefix(got.message(), tc.want) || got.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %q", tc.name, got.message())
		}
	}
	c := as(t, w, officer)
	c.token = strings.Repeat("x", 40)
	if got := c.fails(401, "Unauthorized", "", "GET", "/secrets", nil); !strings.HasPrefix(got.message(), "AKV10046") {
		t.Errorf("garbage: %q", got.message())
	}
	c.token = token(t, w, officer, func(c *world.Claims) { c.Audience = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093" })
	c.want(200, "GET", "/secrets", nil)
}

func TestRolesDecideAtEveryScope(t *testing.T) {
	vault := "/subscriptions/" + subscription + "/resourceGroups/rg-pay/providers/Microsoft.KeyVault/vaults/kv-pay"
	for _, tc := range []struct {
		role, scope            string
		list, get, set, delete int
	}{
		{"", "", 403, 403, 403, 403},
		{"Key Vault Reader", vault, 200, 403, 403, 403},
		{"Key Vault Secrets User", strings.ToUpper(vault), 200, 200, 403, 403},
		{"Key Vault Secrets User", vault + "/secrets/s", 403, 200, 403, 403},
		{"Key Vault Secrets User", vault + "/secrets/other", 403, 403, 403, 403},
		{"Key Vault Secrets Officer", "/subscriptions/" + subscription + "/resourcegroups/RG-PAY", 200, 200, 200, 200},
		{"Key Vault Secrets Officer", "/subscriptions/" + subscription + "/resourceGroups/rg-pa", 403, 403, 403, 403},
		{"Key Vault Administrator", "/subscriptions/" + subscription, 200, 200, 200, 200},
		{"Key Vault Certificates Officer", vault, 403, 403, 403, 403},
		{"Owner", "/subscriptions/" + subscription, 403, 403, 403, 403},
	} {
		t.Run(tc.role+" at "+tc.scope, func(t *testing.T) {
			w := newWorld(t, world.Lag{})
			w.Change(func() {
				w.Azure.PutSecret("kv-pay", "s", &world.SecretVersion{Value: "v", Enabled: true})
				if tc.role != "" {
					w.Azure.Assign(stranger, tc.role, tc.scope, time.Now().Add(-time.Hour))
				}
			})
			c := as(t, w, stranger)
			c.want(tc.list, "GET", "/secrets", nil)
			c.want(tc.get, "GET", "/secrets/s", nil)
			c.want(tc.set, "PUT", "/secrets/s", map[string]any{"value": "v"})
			c.want(tc.delete, "DELETE", "/secrets/s", nil)
		})
	}
}

func TestARefusalNamesCallerActionAndResource(t *testing.T) {
	c := as(t, newWorld(t, world.Lag{}), stranger)
	m := c.fails(403, "Forbidden", "ForbiddenByRbac", "GET", "/secrets/s", nil).message()
	for _, want := range []string{
		"Caller is not authorized to perform action on resource.\r\n",
		"Caller: appid=app-" + stranger + ";oid=" + stranger + ";iss=https://sts.windows.net/" + tenant + "/\r\n",
		"Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\n",
		"Resource: '/subscriptions/" + subscription + "/resourcegroups/rg-pay/providers/microsoft.keyvault/vaults/kv-pay/secrets/s'\r\n",
		"Assignment: (not found)\r\n", "DenyAssignmentId: null\r\n", "Vault: kv-pay;location=westeurope\r\n",
	} {
		if !strings.Contains(m, want) {
			t.Errorf("message lacks %q:\n%s", want, m)
		}
	}
}

func TestAccessPoliciesDecideWhereThereIsNoRBAC(t *testing.T) {
	w := newWorld(t, world.Lag{})
	w.Change(func() { w.Azure.PutSecret("kv-old", "s", &world.SecretVersion{Value: "v", Enabled: true}) })
	c := as(t, w, officer) // Key Vault Administrator of the subscription, which does not matter here
	c.host = "kv-old.vault.azure.net"
	got := c.want(200, "GET", "/secrets/s", nil)
	if got.text("attributes", "recoveryLevel") != "CustomizedRecoverable+Purgeable" || got.get("attributes", "recoverableDays") != 7.0 {
		t.Errorf("attributes %v", got.get("attributes"))
	}
	m := c.fails(403, "Forbidden", "AccessDenied", "PUT", "/secrets/s", map[string]any{"value": "v"}).message()
	if want := "does not have secrets set permission on key vault 'kv-old;location=westeurope'"; !strings.Contains(m, want) {
		t.Errorf("message %q lacks %q", m, want)
	}
}

func TestARoleActsAfterItsLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, world.Lag{Role: 5 * time.Minute})
		w.Change(func() { w.Azure.Assign(stranger, "Key Vault Reader", "", time.Now()) })
		c := as(t, w, stranger)
		c.want(403, "GET", "/secrets", nil)
		time.Sleep(5 * time.Minute)
		c.want(200, "GET", "/secrets", nil)
		w.Change(func() { w.Azure.Assignments[1].Removed = time.Now() })
		c.want(200, "GET", "/secrets", nil)
		time.Sleep(5 * time.Minute)
		c.want(403, "GET", "/secrets", nil)
	})
}

func TestNetworkComesBeforeRights(t *testing.T) {
	w := newWorld(t, world.Lag{})
	c := as(t, w, stranger)
	w.Change(func() { w.Azure.Vaults["kv-pay"].FirewallDeny = true })
	if m := c.fails(403, "Forbidden", "ForbiddenByFirewall", "GET", "/secrets", nil).message(); !strings.Contains(m, "Client address: ") {
		t.Errorf("message %q", m)
	}
	w.Change(func() { w.Azure.Vaults["kv-pay"].PublicAccess = false })
	c.fails(403, "Forbidden", "ForbiddenByConnection", "GET", "/secrets", nil)
}

func TestVersionsOfTheAPI(t *testing.T) {
	c := as(t, newWorld(t, world.Lag{}), officer)
	for _, v := range []string{"7.0", "7.4", "7.6", "7.4-preview.1", "2016-10-01", "2025-07-01", "2026-04-01"} {
		c.want(200, "GET", "/secrets?api-version="+v, nil)
	}
	for _, v := range []string{"7", "7.7", "8.0", "2022-07-01", "latest"} {
		c.want(400, "GET", "/secrets?api-version="+v, nil)
	}
}

func TestUnknownVault(t *testing.T) {
	c := as(t, newWorld(t, world.Lag{}), officer)
	c.host = "nobody.vault.azure.net"
	c.want(404, "GET", "/secrets", nil)
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	c := as(t, newWorld(t, world.Lag{}), officer)
	h := c.want(200, "GET", "/secrets", nil).header
	for name, want := range map[string]string{
		"x-ms-keyvault-region": "westeurope", "Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "-1",
		"Strict-Transport-Security": "max-age=31536000;includeSubDomains", "Content-Type": "application/json; charset=utf-8",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"x-ms-request-id", "x-ms-keyvault-service-version", "x-ms-keyvault-network-info", "x-ms-keyvault-rbac-assignment-id"} {
		if h.Get(name) == "" {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestFaults(t *testing.T) {
	w := newWorld(t, world.Lag{})
	c := as(t, w, officer)
	on := func(name, match string) {
		t.Helper()
		w.Faults.Clear("")
		if err := w.Faults.Set(world.Fault{Name: name, Match: match}); err != nil {
			t.Fatal(err)
		}
	}
	c.want(200, "PUT", "/secrets/s", map[string]any{"value": "one"})
	c.want(200, "PUT", "/secrets/s", map[string]any{"value": "two"})

	on(world.StaleVault, "GET kv-pay.vault.azure.net/secrets/s")
	if got := c.want(200, "GET", "/secrets/s", nil).text("value"); got != "one" {
		t.Errorf("a stale vault reads %q", got)
	}
	on(world.SoftDeleted, "PUT kv-pay.vault.azure.net/secrets/*")
	c.fails(409, "Conflict", "ObjectIsDeletedButRecoverable", "PUT", "/secrets/s", map[string]any{"value": "v"})
	on(world.Firewall, "")
	c.fails(403, "Forbidden", "ForbiddenByFirewall", "GET", "/secrets/s", nil)
	on(world.Mangled, "")
	c.want(200, "PUT", "/secrets/s", map[string]any{"value": "three"})
	w.Faults.Clear("")
	if got := c.want(200, "GET", "/secrets/s", nil).text("value"); got != "three\n" {
		t.Errorf("a mangled value reads %q", got)
	}
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, world.Lag{})
		w.Limits = true
		c := as(t, w, officer)
		for i := range 300 {
			c.want(200, "PUT", fmt.Sprintf("/secrets/s%d", i), map[string]any{"value": "v"})
		}
		got := c.want(429, "PUT", "/secrets/s", map[string]any{"value": "v"})
		if got.code() != "Throttled" || got.header.Get("Retry-After") != "10" {
			t.Errorf("throttled with %v, Retry-After %q", got.body, got.header.Get("Retry-After"))
		}
		c.want(200, "GET", "/secrets/s1", nil)
		time.Sleep(10 * time.Second)
		c.want(200, "PUT", "/secrets/s", map[string]any{"value": "v"})
	})
}
