package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/sim/world"
)

// signer is one token signing key for all tests: making one takes longer than most of them.
var signer = sync.OnceValue(func() *world.Signer {
	s, err := world.NewSigner()
	if err != nil {
		panic(err)
	}
	return s
})

// newCloud is a small tenant with faults, without lag.
func newCloud(t *testing.T, c Config) *Cloud {
	t.Helper()
	c.World.Seed, c.World.Signer = 1, signer()
	cloud, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	return cloud
}

// signIn asks for a token with an identity's secret and returns the answer.
func signIn(t *testing.T, rt http.RoundTripper, tenant contoso.Tenant, id contoso.Identity, scope string) (status int, token string) {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id.ClientID}, "client_secret": {id.Secret}, "scope": {scope}}
	req, err := http.NewRequestWithContext(t.Context(), "POST", "https://login.microsoftonline.com/"+tenant.ID+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, answer.Token
}

// answer is what a client made of one request.
type answer struct {
	status int
	header http.Header
	body   string
	err    error // of the request, or of reading its body
}

// put writes the secret "new" into the test vault.
func put(ctx context.Context, t *testing.T, rt http.RoundTripper, token string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "PUT", "https://kv-contoso-test.vault.azure.net/secrets/new?api-version=7.4", strings.NewReader(`{"value":"one"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	return send(rt, req)
}

func send(rt http.RoundTripper, req *http.Request) answer {
	res, err := rt.RoundTrip(req)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return answer{status: res.StatusCode, header: res.Header, body: string(body), err: err}
}

// vaultToken signs the administrator in to the vaults.
func vaultToken(t *testing.T, cloud *Cloud, rt http.RoundTripper) string {
	t.Helper()
	status, token := signIn(t, rt, cloud.Tenant(), cloud.Tenant().Admin, "https://vault.azure.net/.default")
	if status != 200 {
		t.Fatalf("the administrator's sign-in is answered %d", status)
	}
	return token
}

const putNew = "PUT kv-contoso-test.vault.azure.net/secrets/new"

// applied is how often the secret was really written.
func applied(cloud *Cloud) int { return len(cloud.Versions("kv-contoso-test", "new")) }

func switchOn(t *testing.T, cloud *Cloud, text string) {
	t.Helper()
	fault, err := world.ParseFault(text)
	if err == nil {
		err = cloud.World().Faults.Set(fault)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (a answer) String() string { return fmt.Sprintf("%d %q, error %v", a.status, a.body, a.err) }
