package graph

import (
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// The permission matrix: what each role may do, down to ownership.
func TestPermissions(t *testing.T) {
	x := newTenant(t, world.Config{}, "")
	foreign := x.add("foreign")
	owned := x.add("owned", func(a *world.Application) { a.Owners = []string{callerID} })
	const none, read, ownedBy, write, directory, audit, people = "", "Application.Read.All", "Application.ReadWrite.OwnedBy", "Application.ReadWrite.All", "Directory.Read.All", "AuditLog.Read.All", "User.Read.All"
	every := []string{none, read, ownedBy, write, directory, audit, people}
	for _, k := range []struct {
		method, path, body string
		allowed            []string
		status             int
	}{
		{"GET", "/applications", "", []string{read, ownedBy, write, directory}, 200},
		{"GET", "/applications/" + foreign.ID, "", []string{read, ownedBy, write, directory}, 200},
		{"GET", "/applications/delta", "", []string{read, ownedBy, write, directory}, 200},
		{"GET", "/servicePrincipals", "", []string{read, ownedBy, write, directory}, 200},
		{"GET", "/users", "", []string{directory, people}, 200},
		{"GET", "/organization", "", []string{directory}, 200},
		{"GET", "/auditLogs/directoryAudits", "", []string{audit}, 200},
		{"GET", "/oauth2PermissionGrants", "", []string{directory}, 200},
		{"POST", "/applications/" + foreign.ID + "/addPassword", `{}`, []string{write}, 200},
		{"POST", "/applications/" + owned.ID + "/addPassword", `{}`, []string{write, ownedBy}, 200},
		{"PATCH", "/applications/" + foreign.ID, `{"notes":"x"}`, []string{write}, 204},
		{"PATCH", "/applications/" + owned.ID, `{"notes":"x"}`, []string{write, ownedBy}, 204},
		{"POST", "/applications", `{"displayName":"new"}`, []string{write, ownedBy}, 201},
		{"DELETE", "/applications/" + foreign.ID + "/owners/" + callerID + "/$ref", "", []string{}, 204},
		{"POST", "/servicePrincipals/" + callerID + "/appRoleAssignments", `{}`, []string{}, 201},
	} {
		for _, role := range every {
			x.signIn(role)
			p := x.do(k.method, k.path, k.body)
			allowed := false
			for _, r := range k.allowed {
				allowed = allowed || r == role
			}
			switch {
			case allowed && p.status != k.status:
				t.Errorf("%s may not %s %s: %d %s", role, k.method, k.path, p.status, p.text)
			case !allowed && (p.status == k.status || p.status != 403 && role != write || p.status == 403 && p.code() != "Authorization_RequestDenied"):
				t.Errorf("%q may %s %s: %d %s", role, k.method, k.path, p.status, p.text)
			}
		}
	}
}

func TestWhoMayOnlyManageHisOwnOwnsWhatHeMakes(t *testing.T) {
	x := newTenant(t, world.Config{}, "Application.ReadWrite.OwnedBy")
	made := x.want(201, "POST", "/applications", `{"displayName":"mine"}`)
	x.want(200, "POST", "/applications/"+made.string("id")+"/addPassword", `{}`)
	sp := x.want(201, "POST", "/servicePrincipals", `{"appId":"`+made.string("appId")+`"}`)
	x.want(200, "POST", "/servicePrincipals/"+sp.string("id")+"/addPassword", `{}`)
	foreign := x.add("foreign")
	x.want(403, "POST", "/servicePrincipals", `{"appId":"`+foreign.AppID+`"}`)
	if p := x.want(403, "POST", "/servicePrincipals", `{"appId":"11111111-0000-4000-8000-000000000000"}`); !strings.Contains(p.message(), "service principal being created must in the local tenant") {
		t.Errorf("az waits for another message than %q", p.message())
	}
	x.want(204, "DELETE", "/applications/"+made.string("id"), "")
}

func TestTokens401(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	good := x.token
	sign := func(change func(*world.Claims)) string {
		c := world.Claims{Audience: world.GraphAppID, TenantID: tenantID, AppID: x.caller.AppID, ObjectID: callerID, Expires: time.Now().Add(time.Hour).Unix(), Roles: []string{"Application.Read.All"}}
		change(&c)
		token, err := x.w.Signer.Sign(c)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	for what, k := range map[string]struct{ token, code, message string }{
		"none":      {"", "InvalidAuthenticationToken", "Access token is empty."},
		"garbage":   {"abc", "InvalidAuthenticationToken", "JWT is not well formed"},
		"edited":    {good[:len(good)-4] + "AAAA", "InvalidAuthenticationToken", "JWT"},
		"audience":  {sign(func(c *world.Claims) { c.Audience = "https://vault.azure.net" }), "InvalidAuthenticationToken", "Invalid audience"},
		"expired":   {sign(func(c *world.Claims) { c.Expires = time.Now().Unix() - 1 }), "InvalidAuthenticationToken", "the token is expired"},
		"stranger":  {sign(func(c *world.Claims) { c.TenantID = "other" }), "InvalidAuthenticationToken", "Invalid issuer"},
		"principal": {sign(func(c *world.Claims) { c.ObjectID = "gone" }), "Authorization_IdentityNotFound", "identity of the calling application"},
	} {
		x.token = k.token
		p := x.do("GET", "/applications", "")
		if p.status != 401 || p.code() != k.code || !strings.Contains(p.message(), k.message) {
			t.Errorf("%s: %d %s", what, p.status, p.text)
		}
		if k.code == "InvalidAuthenticationToken" && !strings.HasPrefix(p.header.Get("WWW-Authenticate"), `Bearer realm=""`) {
			t.Errorf("%s: no challenge", what)
		}
	}
	x.token = sign(func(*world.Claims) {})
	x.get("/applications") // an audience may be the client id of Graph
}

func TestErrorEnvelope(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	p := x.want(404, "GET", "/applications/x", "", "client-request-id", "11111111-2222-4333-8444-555555555555")
	inner := p.json["error"].(map[string]any)["innerError"].(map[string]any)
	if inner["client-request-id"] != "11111111-2222-4333-8444-555555555555" || inner["request-id"] != p.header.Get("request-id") {
		t.Errorf("inner error %v", inner)
	}
	if _, err := time.Parse("2006-01-02T15:04:05", inner["date"].(string)); err != nil {
		t.Errorf("date %v", inner["date"])
	}
	if got := p.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %s", got)
	}
	r := x.want(400, "POST", "/applications", "{")
	if r.code() != "BadRequest" {
		t.Errorf("malformed JSON: %s", r.text)
	}
	if r := x.want(400, "POST", "/applications", `{"displayName":"x"}`, "Content-Type", ""); !strings.Contains(r.message(), "Content-Type") {
		t.Errorf("no content type: %s", r.text)
	}
}
