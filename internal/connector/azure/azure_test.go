package azure

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"rekey.example/rekey/internal/secret"
)

const tenant = "8a0b2c7e-0b57-4a63-a9a5-0f4d6a7f1d11"

// login answers as Entra's endpoints do, with one answer to every sign-in.
type login struct {
	status int
	body   string
	forms  []string
}

func (l *login) RoundTrip(r *http.Request) (*http.Response, error) {
	say := func(status int, body string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Status: http.StatusText(status), Request: r, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}, nil
	}
	base := "https://login.microsoftonline.com/" + tenant
	switch {
	case strings.Contains(r.URL.Path, "/discovery/instance"):
		return say(200, `{"tenant_discovery_endpoint":"`+base+`/v2.0/.well-known/openid-configuration","metadata":[{"preferred_network":"login.microsoftonline.com","preferred_cache":"login.windows.net","aliases":["login.microsoftonline.com"]}]}`)
	case strings.HasSuffix(r.URL.Path, "openid-configuration"):
		return say(200, `{"token_endpoint":"`+base+`/oauth2/v2.0/token","authorization_endpoint":"`+base+`/oauth2/v2.0/authorize","issuer":"`+base+`/v2.0"}`)
	}
	form, err := io.ReadAll(r.Body)
	l.forms = append(l.forms, string(form))
	if err != nil {
		return nil, err
	}
	return say(l.status, l.body)
}

func TestConfiguredClientSignsIn(t *testing.T) {
	l := &login{status: 200, body: `{"token_type":"Bearer","expires_in":3599,"access_token":"granted"}`}
	i, err := Open(Config{Tenant: tenant, Client: "reader", Secret: secret.New("own-secret-of-rekey"), Wire: Wire{Round: l}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		token, err := i.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}})
		if err != nil || token.Token != "granted" {
			t.Fatalf("got %q, %v", token.Token, err)
		}
	}
	if len(l.forms) != 1 || !strings.Contains(l.forms[0], "client_id=reader") {
		t.Errorf("%d sign-ins, want one and then the kept token", len(l.forms))
	}
	if links := i.Explain(t.Context(), "https://graph.microsoft.com/.default"); len(links) != 1 || links[0].Err != nil || links[0].Name != "client secret from the configuration" {
		t.Errorf("got %v", links)
	}
	if !i.Standing() {
		t.Error("a secret of our own deserves its warning")
	}
}

func TestEachRefusalSaysWhatToDo(t *testing.T) {
	for text, want := range map[string]string{
		"AADSTS7000215: Invalid client secret provided.":                    "must be the value, not its id",
		"AADSTS7000222: The provided client secret keys expired":            "the client secret has expired",
		"AADSTS700016: Application with identifier not found":               "check the client id",
		"AADSTS90002: Tenant not found.":                                    "check the tenant id",
		"AADSTS700024: Client assertion is not within its valid time range": "check this machine's clock",
	} {
		l := &login{status: 401, body: `{"error":"invalid_client","error_description":"` + text + ` Trace ID: 1 Correlation ID: 2 Timestamp: 3"}`}
		i, err := Open(Config{Tenant: tenant, Client: "reader", Secret: secret.New("own-secret-of-rekey"), Wire: Wire{Round: l}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = i.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}})
		e, ok := errors.AsType[*SignInError](err)
		if !ok || !strings.Contains(e.Error(), want) || strings.Contains(e.Error(), "\n") || strings.Contains(e.Error(), "Trace ID") {
			t.Errorf("got %v, want one line that says %q", err, want)
		}
		if strings.Contains(err.Error(), "own-secret") {
			t.Error("the error shows the secret")
		}
	}
}

func TestTheEnvironmentIsTheChainsFirstLink(t *testing.T) {
	t.Setenv("AZURE_TENANT_ID", tenant)
	t.Setenv("AZURE_CLIENT_ID", "from-environment")
	t.Setenv("AZURE_CLIENT_SECRET", "own-secret-of-rekey")
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "prod")
	l := &login{status: 200, body: `{"token_type":"Bearer","expires_in":3599,"access_token":"granted"}`}
	i, err := Open(Config{Wire: Wire{Round: l}})
	if err != nil {
		t.Fatal(err)
	}
	links := i.Explain(t.Context(), "https://graph.microsoft.com/.default")
	if len(links) != 1 || links[0].Name != "EnvironmentCredential" || links[0].Err != nil {
		t.Errorf("got %v, want EnvironmentCredential at once", links)
	}
	if !strings.Contains(l.forms[0], "client_id=from-environment") {
		t.Error("AZURE_CLIENT_ID was not used")
	}
}

func TestWrongConfigurationIsRefusedAtOnce(t *testing.T) {
	folder := t.TempDir()
	junk := filepath.Join(folder, "junk.pem")
	if err := os.WriteFile(junk, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Config{
		"no tenant":       {Client: "a", Secret: secret.New("s")},
		"no secret":       {Client: "a", Tenant: tenant},
		"no certificate":  {Client: "a", Tenant: tenant, CertificateFile: junk},
		"no CA":           {Wire: Wire{CAFile: junk}},
		"missing CA file": {Wire: Wire{CAFile: filepath.Join(folder, "none.pem")}},
		"wrong proxy":     {Wire: Wire{Proxy: "user:password@"}},
	} {
		_, err := Open(c)
		if err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "user:password") {
			t.Errorf("%s: the error shows the proxy's password", name)
		}
	}
}
