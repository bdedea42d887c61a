package entra

import (
	"fmt"
	"strings"
	"testing"

	"rekey.example/rekey/internal/sim/world"
)

func TestOpenIDConfiguration(t *testing.T) {
	x := newTenant(t, world.Config{})
	const base = "https://login.microsoftonline.com/"
	for _, k := range []struct{ tenant, version, issuer, endpoint, keys string }{
		{tenantID, "/v2.0", base + tenantID + "/v2.0", base + tenantID + "/oauth2/v2.0/token", base + tenantID + "/discovery/v2.0/keys"},
		{"contoso.com", "/v2.0", base + tenantID + "/v2.0", base + tenantID + "/oauth2/v2.0/token", base + tenantID + "/discovery/v2.0/keys"},
		{"contoso.onmicrosoft.com", "/v2.0", base + tenantID + "/v2.0", base + tenantID + "/oauth2/v2.0/token", base + tenantID + "/discovery/v2.0/keys"},
		{tenantID, "", "https://sts.windows.net/" + tenantID + "/", base + tenantID + "/oauth2/token", base + "common/discovery/keys"},
		{"common", "/v2.0", base + "{tenantid}/v2.0", base + "common/oauth2/v2.0/token", base + "common/discovery/v2.0/keys"},
		{"organizations", "/v2.0", base + "{tenantid}/v2.0", base + "organizations/oauth2/v2.0/token", base + "organizations/discovery/v2.0/keys"},
		{"common", "", "https://sts.windows.net/{tenantid}/", base + "common/oauth2/token", base + "common/discovery/keys"},
	} {
		p := x.get(base + k.tenant + k.version + "/.well-known/openid-configuration")
		if p.json["issuer"] != k.issuer || p.json["token_endpoint"] != k.endpoint || p.json["jwks_uri"] != k.keys {
			t.Errorf("%s%s: %v %v %v", k.tenant, k.version, p.json["issuer"], p.json["token_endpoint"], p.json["jwks_uri"])
		}
		if got := p.json["authorization_endpoint"]; got == nil || !strings.HasSuffix(fmt.Sprint(got), "/authorize") {
			t.Errorf("%s%s: authorization_endpoint %v", k.tenant, k.version, got)
		}
	}
	for tenant, code := range map[string]int{"fabrikam.com": 90002, "11111111-1111-4111-8111-111111111111": 90002, "x": 900023} {
		if p := x.get(base + tenant + "/v2.0/.well-known/openid-configuration"); p.status != 400 || p.code() != code {
			t.Errorf("%s: %s", tenant, p.text)
		}
	}
	if p := x.get("https://login.windows.net/" + tenantID + "/v2.0/.well-known/openid-configuration"); p.json["token_endpoint"] != "https://login.windows.net/"+tenantID+"/oauth2/v2.0/token" {
		t.Errorf("by another name: %v", p.json["token_endpoint"])
	}
}

func TestInstanceDiscovery(t *testing.T) {
	x := newTenant(t, world.Config{})
	const base = "https://login.microsoftonline.com/common/discovery/instance?api-version=1.1&authorization_endpoint="
	p := x.get(base + "https%3A%2F%2Flogin.microsoftonline.com%2F" + tenantID + "%2Foauth2%2Fv2.0%2Fauthorize")
	if got := p.json["tenant_discovery_endpoint"]; got != "https://login.microsoftonline.com/"+tenantID+"/v2.0/.well-known/openid-configuration" {
		t.Errorf("endpoint %v", got)
	}
	metadata, _ := p.json["metadata"].([]any)
	if len(metadata) == 0 || !strings.Contains(fmt.Sprint(metadata[0]), "sts.windows.net") {
		t.Errorf("metadata %v", metadata)
	}
	if p := x.get(base + "https%3A%2F%2Flogin.example%2Fcommon%2Foauth2%2Fv2.0%2Fauthorize"); p.status != 400 || p.json["error"] != "invalid_instance" {
		t.Errorf("an unknown cloud: %s", p.text)
	}
}

func TestKeysAreThoseOfTheTokens(t *testing.T) {
	x := newTenant(t, world.Config{})
	for _, path := range []string{tenantID + "/discovery/v2.0/keys", tenantID + "/discovery/keys", "common/discovery/v2.0/keys"} {
		p := x.get("https://login.microsoftonline.com/" + path)
		keys, _ := p.json["keys"].([]any)
		if len(keys) != 1 || keys[0].(map[string]any)["n"] != x.w.Signer.Key()["n"] {
			t.Errorf("%s: %s", path, p.text)
		}
	}
}

func TestUserRealm(t *testing.T) {
	x := newTenant(t, world.Config{})
	for user, want := range map[string]string{"ada@contoso.com": "Managed", "ada@fabrikam.com": "Unknown"} {
		if p := x.get("https://login.microsoftonline.com/common/userrealm/" + user + "?api-version=1.0"); p.json["account_type"] != want {
			t.Errorf("%s: %s", user, p.text)
		}
	}
}
