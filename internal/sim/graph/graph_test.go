package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// signer is one token signing key for all tests.
var signer = sync.OnceValue(func() *world.Signer {
	s, err := world.NewSigner()
	if err != nil {
		panic(err)
	}
	return s
})

// tenant is a pretended Graph with one caller.
type tenant struct {
	*testing.T
	w      *world.World
	graph  http.Handler
	caller *world.ServicePrincipal
	token  string
}

const (
	tenantID = "8d4f7c11-52a6-4b8e-9f0a-2f6f5f1b7c01"
	callerID = "c0ffee00-0000-4000-8000-000000000001"
	all      = "Application.ReadWrite.All Directory.Read.All AuditLog.Read.All"
)

func newTenant(t *testing.T, c world.Config, roles string) *tenant {
	t.Helper()
	c.Tenant = world.Tenant{ID: tenantID, Domain: "contoso.com", Name: "Contoso"}
	c.Signer = signer()
	w, err := world.New(c)
	if err != nil {
		t.Fatal(err)
	}
	x := &tenant{T: t, w: w, graph: Handler(w)}
	x.caller = &world.ServicePrincipal{
		Holder:  world.Holder{ID: callerID, AppID: "c0ffee00-0000-4000-8000-000000000002", Name: "rekey"},
		Enabled: true, Type: "Application", Roles: strings.Fields(roles),
	}
	w.Change(func() { w.Directory.AddServicePrincipal(x.caller) })
	x.signIn(roles)
	return x
}

// signIn gives the caller a token with other roles.
func (x *tenant) signIn(roles string) {
	x.Helper()
	token, err := x.w.Signer.Sign(world.Claims{
		Audience: "https://graph.microsoft.com", TenantID: tenantID, AppID: x.caller.AppID, ObjectID: x.caller.ID,
		NotBefore: time.Now().Unix(), Expires: time.Now().Add(24 * time.Hour).Unix(), Roles: strings.Fields(roles), Name: "rekey",
	})
	if err != nil {
		x.Fatal(err)
	}
	x.token = token
}

// add puts an application into the directory as if it had always been there.
func (x *tenant) add(name string, change ...func(*world.Application)) *world.Application {
	x.Helper()
	var a *world.Application
	x.w.Change(func() {
		n := len(x.w.Directory.ApplicationsInOrder())
		a = &world.Application{Holder: world.Holder{ID: x.w.GUID(), AppID: x.w.GUID(), Name: name, Audience: "AzureADMyOrg", Created: time.Now().Add(-time.Duration(1000-n) * time.Hour)}}
		for _, fn := range change {
			fn(a)
		}
		x.w.Directory.AddApplication(a)
	})
	return a
}

// reply is an answer, read.
type reply struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

// do sends a request; a path without host gets the usual one.
func (x *tenant) do(method, path, body string, headers ...string) reply {
	x.Helper()
	if !strings.HasPrefix(path, "https://") {
		path = "https://graph.microsoft.com/v1.0" + path
	}
	r := httptest.NewRequest(method, strings.ReplaceAll(path, " ", "%20"), strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if x.token != "" {
		r.Header.Set("Authorization", "Bearer "+x.token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	x.graph.ServeHTTP(rec, r)
	p := reply{status: rec.Code, header: rec.Result().Header, text: rec.Body.String()}
	if strings.HasPrefix(p.text, "{") {
		if err := json.Unmarshal(rec.Body.Bytes(), &p.json); err != nil {
			x.Fatalf("%s %s: not JSON: %v\n%s", method, path, err, p.text)
		}
	}
	return p
}

// get wants 200.
func (x *tenant) get(path string, headers ...string) reply {
	x.Helper()
	p := x.do("GET", path, "", headers...)
	if p.status != 200 {
		x.Fatalf("GET %s: %d %s", path, p.status, p.text)
	}
	return p
}

// want sends a request that must end with a status.
func (x *tenant) want(status int, method, path, body string, headers ...string) reply {
	x.Helper()
	p := x.do(method, path, body, headers...)
	if p.status != status {
		x.Fatalf("%s %s: got %d, want %d: %s", method, path, p.status, status, p.text)
	}
	return p
}

func (p reply) code() string {
	e, _ := p.json["error"].(map[string]any)
	code, _ := e["code"].(string)
	return code
}

func (p reply) message() string {
	e, _ := p.json["error"].(map[string]any)
	text, _ := e["message"].(string)
	return text
}

// names are the display names of a list, in order.
func (p reply) names() []string { return p.column("displayName") }

func (p reply) column(name string) []string {
	list := []string{}
	items, _ := p.json["value"].([]any)
	for _, item := range items {
		list = append(list, fmt.Sprint(item.(map[string]any)[name]))
	}
	return list
}

func (p reply) string(name string) string {
	s, _ := p.json[name].(string)
	return s
}

// passwords are the key ids of an object's passwordCredentials.
func (p reply) passwords() []string {
	list := []string{}
	items, _ := p.json["passwordCredentials"].([]any)
	for _, item := range items {
		list = append(list, item.(map[string]any)["keyId"].(string))
	}
	return list
}

// facts counts what really happened.
func (x *tenant) facts(what string) int { return len(x.w.Facts(what)) }
