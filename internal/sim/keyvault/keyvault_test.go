package keyvault

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"rekey.example/rekey/internal/sim/world"
)

const (
	tenant       = "11111111-2222-4333-8444-555555555555"
	subscription = "99999999-8888-4777-8666-555555555555"
	officer      = "aaaaaaaa-0000-4000-8000-000000000001" // object id of the usual caller
	stranger     = "aaaaaaaa-0000-4000-8000-000000000002"
)

// newWorld has the vault "kv-pay" with RBAC, whose administrator is the usual
// caller, and "kv-old" with access policies.
func newWorld(t testing.TB, lag world.Lag) *world.World {
	t.Helper()
	w, err := world.New(world.Config{Seed: 1, Lag: lag, Tenant: world.Tenant{ID: tenant, SubscriptionID: subscription}})
	if err != nil {
		t.Fatal(err)
	}
	w.Change(func() {
		w.Azure.AddVault(&world.Vault{Name: "kv-pay", Group: "rg-pay", RBAC: true, PublicAccess: true})
		w.Azure.AddVault(&world.Vault{Name: "kv-old", Group: "rg-pay", PublicAccess: true, RetentionDays: 7,
			Policies: []world.AccessPolicy{{ObjectID: officer, Secrets: []string{"Get", "List"}}}})
		w.Azure.Assign(officer, "Key Vault Administrator", "", time.Now().Add(-time.Hour))
	})
	return w
}

// token signs one for oid, as Entra would.
func token(t testing.TB, w *world.World, oid string, change func(*world.Claims)) string {
	t.Helper()
	c := world.Claims{
		Audience: "https://vault.azure.net", Issuer: "https://sts.windows.net/" + tenant + "/", TenantID: tenant,
		IssuedAt: time.Now().Unix(), NotBefore: time.Now().Unix(), Expires: time.Now().Add(time.Hour).Unix(),
		AppID: "app-" + oid, ObjectID: oid, Version: "1.0",
	}
	if change != nil {
		change(&c)
	}
	text, err := w.Signer.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// caller asks a handler as one principal.
type caller struct {
	t     testing.TB
	h     http.Handler
	token string
	host  string
}

func as(t testing.TB, w *world.World, oid string) *caller {
	return &caller{t: t, h: Handler(w), token: token(t, w, oid, nil), host: "kv-pay.vault.azure.net"}
}

type reply struct {
	status int
	header http.Header
	body   map[string]any
}

// ask sends one request; path may have a query, api-version is added.
func (c *caller) ask(method, path string, body any) reply {
	c.t.Helper()
	var content io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		content = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	if !strings.Contains(path, "api-version") {
		sign := "?"
		if strings.Contains(path, "?") {
			sign = "&"
		}
		path += sign + "api-version=7.4"
	}
	r := httptest.NewRequest(method, "https://"+c.host+path, content)
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	rec := httptest.NewRecorder()
	c.h.ServeHTTP(rec, r)
	got := reply{status: rec.Code, header: rec.Header()}
	if rec.Body.Len() > 0 {
		if err := json.Unmarshal(rec.Body.Bytes(), &got.body); err != nil {
			c.t.Fatalf("%s %s: answer is not JSON: %v", method, path, err)
		}
	}
	return got
}

// want asks and insists on a status.
func (c *caller) want(status int, method, path string, body any) reply {
	c.t.Helper()
	got := c.ask(method, path, body)
	if got.status != status {
		c.t.Fatalf("%s %s: got %d %v, want %d", method, path, got.status, got.body, status)
	}
	return got
}

// fails asks and insists on an error: its status, code and inner code.
func (c *caller) fails(status int, code, inner, method, path string, body any) reply {
	c.t.Helper()
	got := c.want(status, method, path, body)
	if got.code() != code || got.inner() != inner {
		c.t.Fatalf("%s %s: got error %s/%s (%s), want %s/%s", method, path, got.code(), got.inner(), got.message(), code, inner)
	}
	return got
}

func (r reply) get(path ...string) any {
	var at any = r.body
	for _, p := range path {
		m, _ := at.(map[string]any)
		at = m[p]
	}
	return at
}

func (r reply) text(path ...string) string { s, _ := r.get(path...).(string); return s }
func (r reply) code() string               { return r.text("error", "code") }
func (r reply) inner() string              { return r.text("error", "innererror", "code") }
func (r reply) message() string            { return r.text("error", "message") }
func (r reply) items() []any               { list, _ := r.get("value").([]any); return list }

// RoundTrip makes the handler a transport, so that an SDK can talk to it.
func (c *caller) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RequestURI, in.RemoteAddr = r.URL.RequestURI(), "192.0.2.7:4711"
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	rec := httptest.NewRecorder()
	c.h.ServeHTTP(rec, in)
	answer := rec.Result()
	answer.Request = r
	return answer, nil
}

// Do is the transporter of azcore.
func (c *caller) Do(r *http.Request) (*http.Response, error) { return c.RoundTrip(r) }

// GetToken is the credential of azcore.
func (c *caller) GetToken(_ context.Context, o azpolicy.TokenRequestOptions) (azcore.AccessToken, error) {
	if len(o.Scopes) != 1 || o.Scopes[0] != "https://vault.azure.net/.default" || o.TenantID != tenant {
		c.t.Errorf("token asked for %v of tenant %s", o.Scopes, o.TenantID)
	}
	return azcore.AccessToken{Token: c.token, ExpiresOn: time.Now().Add(time.Hour)}, nil
}
