package entra

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

func TestRefusals(t *testing.T) {
	x := newTenant(t, world.Config{})
	const jwt = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	for _, k := range []struct {
		what, tenant string
		form         url.Values
		code, status int
		name         string
	}{
		{"unknown tenant", "11111111-1111-4111-8111-111111111111", form(), 90002, 400, "invalid_request"},
		{"unknown domain", "fabrikam.com", form(), 90002, 400, "invalid_request"},
		{"no tenant at all", "not_a_tenant", form(), 900023, 400, "invalid_request"},
		{"common", "common", form(), 50194, 400, "invalid_request"},
		{"no grant", tenantID, form("grant_type", ""), 900144, 400, "invalid_request"},
		{"other grant", tenantID, form("grant_type", "password"), 70003, 400, "unsupported_grant_type"},
		{"no client", tenantID, form("client_id", ""), 900144, 400, "invalid_request"},
		{"unknown client", tenantID, form("client_id", "11111111-1111-4111-8111-111111111111"), 700016, 400, "unauthorized_client"},
		{"client that is a word", tenantID, form("client_id", "me"), 700016, 400, "unauthorized_client"},
		{"no service principal", tenantID, form("client_id", "bbbbbbbb-0000-4000-8000-00000000000b"), 7000229, 400, "unauthorized_client"},
		{"disabled", tenantID, form("client_id", "dddddddd-0000-4000-8000-00000000000d"), 7000112, 400, "unauthorized_client"},
		{"no credential", tenantID, form("client_secret", ""), 7000216, 401, "invalid_client"},
		{"assertion without type", tenantID, form("client_secret", "", "client_assertion", "x"), 7000216, 401, "invalid_client"},
		{"no scope", tenantID, form("scope", ""), 900144, 400, "invalid_request"},
		{"wrong secret", tenantID, form("client_secret", "wrong"), 7000215, 401, "invalid_client"},
		{"key id in place of the secret", tenantID, form("client_secret", "live"), 7000215, 401, "invalid_client"},
		{"secret that is not valid yet", tenantID, form("client_secret", "future"), 7000215, 401, "invalid_client"},
		{"expired secret", tenantID, form("client_secret", "expired"), 7000222, 401, "invalid_client"},
		{"malformed assertion", tenantID, form("client_secret", "", "client_assertion", "x", "client_assertion_type", jwt), 50027, 401, "invalid_client"},
		{"no scope of one API", tenantID, form("scope", "https://graph.microsoft.com/.default https://vault.azure.net/.default"), 70011, 400, "invalid_scope"},
		{"scope without default", tenantID, form("scope", "https://graph.microsoft.com/User.Read"), 1002012, 400, "invalid_scope"},
		{"resource on v2.0", tenantID, form("resource", "https://graph.microsoft.com"), 901002, 400, "invalid_request"},
		{"unknown API", tenantID, form("scope", "https://api.nowhere.example/.default"), 500011, 400, "invalid_resource"},
		// Which trouble is named first, when there are two.
		{"tenant before client", "fabrikam.com", form("client_id", "me"), 90002, 400, "invalid_request"},
		{"client before credential", tenantID, form("client_id", "me", "client_secret", "wrong"), 700016, 400, "unauthorized_client"},
		{"credential before API", tenantID, form("client_secret", "wrong", "scope", "https://api.nowhere.example/.default"), 7000215, 401, "invalid_client"},
	} {
		p := x.send(post(k.tenant+"/oauth2/v2.0/token", k.form))
		if p.code() != k.code || p.status != k.status || p.json["error"] != k.name {
			t.Errorf("%s: got %d %v %d, want %d %s %d", k.what, p.code(), p.json["error"], p.status, k.code, k.name, k.status)
		}
	}
	empty := form()
	empty.Set("client_secret", "")
	if p := x.token(empty); p.code() != 7000218 || p.status != 401 {
		t.Errorf("an empty secret: %s", p.text)
	}
	if n := len(x.w.Facts("token")); n != 0 {
		t.Errorf("%d tokens were issued", n)
	}
}

func TestErrorBody(t *testing.T) {
	x := newTenant(t, world.Config{})
	const id = "11111111-2222-4333-8444-555555555555"
	r := post(tenantID+"/oauth2/v2.0/token", form("client_secret", "wrong"))
	r.Header.Set("client-request-id", id)
	p := x.send(r)
	want := regexp.MustCompile(`^\{"error":"invalid_client","error_description":"AADSTS7000215: [^"]+ Trace ID: ([0-9a-f-]{36}) Correlation ID: ` + id + ` Timestamp: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ)","error_codes":\[7000215\],"timestamp":"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ)","trace_id":"([0-9a-f-]{36})","correlation_id":"` + id + `","error_uri":"https://login.microsoftonline.com/error\?code=7000215"\}\n$`)
	m := want.FindStringSubmatch(p.text)
	if m == nil || m[1] != m[4] || m[2] != m[3] {
		t.Fatalf("body %s", p.text)
	}
	if p.header.Get("x-ms-request-id") != m[1] {
		t.Error("the trace id is not the request id")
	}
	if strings.Contains(p.text, "wrong") {
		t.Error("the error tells the secret")
	}
	if got := p.header.Get("client-request-id"); got != "" {
		t.Errorf("client-request-id %q came back unasked", got)
	}
	r = post(tenantID+"/oauth2/v2.0/token", form())
	r.Header.Set("client-request-id", id)
	r.Header.Set("return-client-request-id", "true")
	if got := x.send(r).header.Get("client-request-id"); got != id {
		t.Errorf("client-request-id %q did not come back", got)
	}
}

func TestToken(t *testing.T) {
	x := newTenant(t, world.Config{})
	p := x.token(form())
	if p.status != 200 || p.json["token_type"] != "Bearer" || p.json["expires_in"] != 3599.0 || p.json["ext_expires_in"] != 3599.0 {
		t.Fatalf("answer %s", p.text)
	}
	c := x.claims(p)
	if c.Audience != "https://graph.microsoft.com" || c.AppID != clientID || c.ObjectID != objectID || c.TenantID != tenantID || c.AppIDACR != "1" || c.IDType != "app" || !slices.Equal(c.Roles, []string{"Application.Read.All"}) {
		t.Errorf("claims %+v", c)
	}
	if _, err := x.w.Bearer("Bearer "+p.json["access_token"].(string), "https://graph.microsoft.com/"); err != nil {
		t.Errorf("the other surfaces do not take it: %v", err)
	}
	facts := x.w.Facts("token")
	if len(facts) != 1 || facts[0].Key != "live" || facts[0].Object != x.app.ID || facts[0].By != clientID {
		t.Errorf("facts %+v", facts)
	}
	if x.app.Passwords[0].LastUsed.IsZero() || !x.app.Passwords[1].LastUsed.IsZero() {
		t.Error("last use is not noted at the right secret")
	}
	if x.token(form("client_secret", "sp secret")); x.w.Facts("token")[1].Key != "on the principal" {
		t.Error("a secret of the service principal is not taken")
	}
}

func TestRolesFollowTheAudience(t *testing.T) {
	x := newTenant(t, world.Config{})
	for scope, want := range map[string][]string{
		"https://graph.microsoft.com//.default":                          {"Application.Read.All"},
		"00000003-0000-0000-c000-000000000000/.default":                  {"Application.Read.All"},
		"https://vault.azure.net/.default openid offline_access profile": nil,
		"https://management.core.windows.net//.default":                  nil,
		"https://management.azure.com/.default":                          nil,
		"https://storage.azure.com/.default":                             nil,
		"https://eventgrid.azure.net/.default":                           nil,
		"https://contoso.crm4.dynamics.com/.default":                     nil,
		"api://orders/.default":                                          {"Orders.Read"},
		"aaaaaaaa-0000-4000-8000-00000000000a/.default":                  {"Orders.Read"},
		"api://aaaaaaaa-0000-4000-8000-00000000000a/.default":            {"Orders.Read"},
	} {
		p := x.token(form("scope", scope))
		if p.status != 200 {
			t.Errorf("%s: %s", scope, p.text)
			continue
		}
		c := x.claims(p)
		if aud, _, _ := strings.Cut(scope, "/.default"); c.Audience != aud || !slices.Equal(c.Roles, want) {
			t.Errorf("%s: audience %s, roles %v", scope, c.Audience, c.Roles)
		}
	}
}

func TestSecretByBasicAuthentication(t *testing.T) {
	x := newTenant(t, world.Config{})
	x.app.Passwords[0].Text = "a+b/c~d=%"
	r := post(tenantID+"/oauth2/v2.0/token", form("client_id", "", "client_secret", ""))
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(clientID+":"+url.QueryEscape("a+b/c~d=%"))))
	if p := x.send(r); p.status != 200 {
		t.Errorf("answer %s", p.text)
	}
	// Who does not encode it sends another secret.
	r = post(tenantID+"/oauth2/v2.0/token", form("client_id", "", "client_secret", ""))
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(clientID+":a+b")))
	if p := x.send(r); p.code() != 7000215 {
		t.Errorf("answer %s", p.text)
	}
}

func TestVersion1(t *testing.T) {
	x := newTenant(t, world.Config{})
	p := x.send(post("contoso.com/oauth2/token", form("scope", "", "resource", "https://graph.microsoft.com")))
	if p.json["expires_in"] != "3599" || p.json["resource"] != "https://graph.microsoft.com" || p.json["expires_on"] == nil {
		t.Errorf("answer %s", p.text)
	}
	if c := x.claims(p); c.Audience != "https://graph.microsoft.com" {
		t.Errorf("audience %s", c.Audience)
	}
	if p := x.send(post(tenantID+"/oauth2/token", form("scope", "", "resource", "https://nowhere.example"))); p.code() != 500011 {
		t.Errorf("unknown resource: %s", p.text)
	}
	if p := x.send(post(tenantID+"/oauth2/token", form("scope", ""))); p.code() != 900144 {
		t.Errorf("no resource: %s", p.text)
	}
}

// A new secret works at some replicas before others; a removed one goes on working
// at some until the lag has passed.
func TestNewsOfSecretsSpreads(t *testing.T) {
	for name, lag := range map[string]func(*tenant){
		"the tenant's lag": func(x *tenant) { x.w.Lag.Secret = 2 * time.Minute },
		"the fault": func(x *tenant) {
			if err := x.w.Faults.Set(world.Fault{Name: world.SecretLag, Delay: 2 * time.Minute}); err != nil {
				x.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newTenant(t, world.Config{Seed: 11})
				lag(x)
				made := &world.Password{KeyID: "new", Text: "new", Starts: time.Now(), Ends: time.Now().AddDate(1, 0, 0), Added: time.Now()}
				x.w.Change(func() { x.app.Passwords = append(x.app.Passwords, made) })
				works := func() (yes, no int) {
					for range 40 {
						switch p := x.token(form("client_secret", "new")); p.code() {
						case 0:
							yes++
						case 7000215:
							no++
						default:
							t.Fatal(p.text)
						}
					}
					return yes, no
				}
				flap := func() (flapped bool) {
					for range 12 {
						time.Sleep(10 * time.Second)
						yes, no := works()
						flapped = flapped || yes > 0 && no > 0
					}
					return flapped
				}
				if _, no := works(); no == 0 {
					t.Error("works everywhere at once")
				}
				if !flap() {
					t.Error("replicas never disagreed about the new one")
				}
				if _, no := works(); no > 0 {
					t.Errorf("refused %d times after the lag", no)
				}
				x.w.Change(func() { made.Removed = time.Now() })
				if yes, _ := works(); yes == 0 {
					t.Error("the removed one is refused everywhere at once")
				}
				if !flap() {
					t.Error("replicas never disagreed about the removed one")
				}
				if yes, _ := works(); yes > 0 {
					t.Errorf("accepted %d times after the lag", yes)
				}
			})
		})
	}
}

func TestDisablingTakesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTenant(t, world.Config{Lag: world.Lag{Account: 5 * time.Minute}})
		x.w.Change(func() { x.sp.Enabled, x.sp.EnabledAt = false, time.Now() })
		if p := x.token(form()); p.status != 200 {
			t.Errorf("at once: %s", p.text)
		}
		time.Sleep(5 * time.Minute)
		if p := x.token(form()); p.code() != 7000112 {
			t.Errorf("after the lag: %s", p.text)
		}
	})
}

func TestConditionalAccess(t *testing.T) {
	x := newTenant(t, world.Config{})
	set := func(client string) {
		x.w.Faults.Clear("")
		if err := x.w.Faults.Set(world.Fault{Name: world.ConditionalAccess, Value: client}); err != nil {
			t.Fatal(err)
		}
	}
	set("11111111-1111-4111-8111-111111111111")
	if p := x.token(form()); p.status != 200 {
		t.Errorf("another client's policy: %s", p.text)
	}
	for _, client := range []string{"", clientID} {
		set(client)
		p := x.token(form())
		if p.code() != 53003 || p.status != 400 || p.json["error"] != "invalid_grant" || p.json["claims"] == nil {
			t.Errorf("policy for %q: %s", client, p.text)
		}
	}
	if p := x.token(form("client_secret", "wrong")); p.code() != 7000215 {
		t.Errorf("policy speaks before the credential: %s", p.text)
	}
}

// A hidden cache answers with an old token, whatever the secret.
func TestTokenCache(t *testing.T) {
	x := newTenant(t, world.Config{})
	if err := x.w.Faults.Set(world.Fault{Name: world.TokenCache}); err != nil {
		t.Fatal(err)
	}
	if p := x.token(form("client_secret", "wrong")); p.code() != 7000215 {
		t.Errorf("there is nothing to replay yet: %s", p.text)
	}
	first := x.token(form())
	again := x.token(form("client_secret", "wrong"))
	if again.json["access_token"] != first.json["access_token"] {
		t.Errorf("answer %s", again.text)
	}
	if n := len(x.w.Facts("token")); n != 1 {
		t.Errorf("%d tokens were issued, want 1", n)
	}
	if p := x.token(form("scope", "https://vault.azure.net/.default", "client_secret", "wrong")); p.code() != 7000215 {
		t.Errorf("another audience: %s", p.text)
	}
}

func TestLongTokensForThoseWhoUnderstandChallenges(t *testing.T) {
	x := newTenant(t, world.Config{})
	p := x.token(form("claims", `{"access_token":{"xms_cc":{"values":["CP1"]}}}`))
	if p.json["expires_in"] != 86399.0 || fmt.Sprint(x.claims(p).Capabilities) != "[CP1]" {
		t.Errorf("answer %s", p.text)
	}
}
