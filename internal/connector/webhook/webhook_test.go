package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

const rawKey = "a signing key of thirty-two byte"

var change = connector.Change{
	Rotation: "r-1", Request: "q-77", Consumer: "Billing", Reference: "webhook:billing",
	Application: inventory.Application{Tenant: "t", ObjectID: "o", Name: "D365_Basware"},
	Old:         inventory.Credential{KeyID: "k1"}, New: inventory.Credential{KeyID: "k2", Hint: "H1n"},
	Place: inventory.Place{Vault: "kv-pay", Name: "basware", Version: "v2"}, Switched: time.Unix(1_700_000_000, 0),
}

func open(t *testing.T, address string, roots *x509.CertPool) *Webhook {
	t.Helper()
	w, err := Open(Config{Name: "billing", URL: address, Secret: secret.New(rawKey), AllowPrivate: true, Timeout: 10 * time.Second, Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// verify checks a request as a receiver would that knows only the standard.
func verify(r *http.Request, body []byte) error {
	m := hmac.New(sha256.New, []byte(rawKey))
	fmt.Fprintf(m, "%s.%s.%s", r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), body)
	if want := "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil)); r.Header.Get("webhook-signature") != want {
		return fmt.Errorf("signature %s, want %s", r.Header.Get("webhook-signature"), want)
	}
	return nil
}

func TestARequestIsSignedAndTellsNoValue(t *testing.T) {
	var ids []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := verify(r, body); err != nil {
			t.Error(err)
		}
		if strings.Contains(string(body), "H1n") || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/cloudevents+json") {
			t.Errorf("%s: %s", r.Header.Get("Content-Type"), body)
		}
		var e struct{ Type, ID string }
		if err := json.Unmarshal(body, &e); err != nil || e.Type != connector.Switched || e.ID != r.Header.Get("webhook-id") {
			t.Errorf("%+v, %v", e, err)
		}
		ids = append(ids, e.ID)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	w := open(t, server.URL+"/x", roots)
	for range 2 {
		if err := w.Tell(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	if len(ids) != 2 || ids[0] != "q-77" || ids[1] != "q-77" {
		t.Errorf("ids %v: the second request must be known as the first", ids)
	}
	if err := open(t, server.URL, nil).Tell(t.Context(), change); err == nil {
		t.Error("a certificate that nobody vouches for was taken")
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		header string
		want   connector.Moved
		fails  string
	}{
		"moved":           {status: 200, body: `{"moved":true,"version":"v2"}`, want: connector.Moved{Yes: true, Proof: "webhook billing says it uses version v2"}},
		"moved, no word":  {status: 200, body: `{"moved":true}`, want: connector.Moved{Yes: true, Proof: "webhook billing says it uses the new value"}},
		"another version": {status: 200, body: `{"moved":true,"version":"v1"}`, want: connector.Moved{Why: "webhook billing says it uses version v1, not v2"}},
		"asked":           {status: 202, header: "30", want: connector.Moved{Wait: 30 * time.Second, Why: "webhook billing has taken the request and not said that it uses the new value"}},
		"asked and moved": {status: 202, body: `{"moved":true}`, want: connector.Moved{Why: "webhook billing has taken the request and not said that it uses the new value"}},
		"silent":          {status: 204, want: connector.Moved{Why: "webhook billing has taken the request and not said that it uses the new value"}},
		"why":             {status: 200, body: `{"why":"restart\nat\u202e noon","person":"restart the portal"}`, want: connector.Moved{Why: "restart at noon", Person: "restart the portal"}},
		"no JSON":         {status: 200, body: `<html>`, fails: "no JSON"},
		"wrong type":      {status: 200, body: `{"moved":"true"}`, fails: "no JSON"},
		"too large":       {status: 200, body: `{"why":"` + strings.Repeat("x", largestAnswer) + `"}`, fails: "too large"},
		"refused":         {status: 401, body: `{"moved":true}`, fails: "status 401"},
		"broken":          {status: 500, fails: "status 500"},
		"busy":            {status: 503, header: "7", fails: "7s"},
		"redirected":      {status: 307, fails: "redirect"},
	} {
		var hits atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			hits.Add(1)
			if c.header != "" {
				w.Header().Set("Retry-After", c.header)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		}))
		got, err := open(t, server.URL+"/hook?sig=very-secret-path", nil).Moved(t.Context(), change)
		server.Close()
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) || strings.Contains(err.Error(), "very-secret-path") {
				t.Errorf("%s: got %v, want %q", name, err, c.fails)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v; want %+v", name, got, err, c.want)
		}
		if hits.Load() != 1 {
			t.Errorf("%s: %d requests, want 1", name, hits.Load())
		}
	}
}

func TestNoErrorShowsTheAddressOrTheSecret(t *testing.T) {
	w := open(t, "http://127.0.0.1:1/token-in-the-path", nil) // nobody listens
	err := w.Tell(t.Context(), change)
	if err == nil || strings.Contains(err.Error(), "token-in-the-path") {
		t.Errorf("got %v", err)
	}
	if text := fmt.Sprintf("%+v %#v %s", w, w.key, w); strings.Contains(text, rawKey) {
		t.Errorf("the secret shows in %s", text)
	}
	_, err = Open(Config{Name: "x", URL: "ftp://host/token-in-the-path", Secret: secret.New(rawKey)})
	if err == nil || strings.Contains(err.Error(), "token-in-the-path") {
		t.Errorf("got %v", err)
	}
}

func TestASecretIsNeeded(t *testing.T) {
	for text, good := range map[string]bool{
		"": false, "short": false, rawKey: true, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": true, "whsec_!": false, "whsec_QQ==": false,
	} {
		if _, err := Open(Config{Name: "x", URL: "https://hooks.contoso.com/a", Secret: secret.New(text)}); (err == nil) != good {
			t.Errorf("%q: %v, want taken %v", text, err, good)
		}
	}
	// The example of the standard's own reference implementations.
	key, err := signingKey(secret.New("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	sign(h, key, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if got, want := h.Get("webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestPlainHTTPStaysOnThisMachine(t *testing.T) {
	for address, good := range map[string]bool{"http://127.0.0.1:80/": true, "http://[::1]/": true, "http://localhost/": true, "http://10.0.0.1/": false, "http://hooks.contoso.com/": false} {
		_, err := Open(Config{Name: "x", URL: address, Secret: secret.New(rawKey), AllowPrivate: true})
		if (err == nil) != good {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := (rest.Guard{Private: true, Here: true}).Judge("10.0.0.1:80"); !errors.Is(err, rest.ErrGuarded) {
		t.Errorf("plain HTTP reached beyond: %v", err)
	}
}

// FuzzAnswer: whatever a receiver says, it is read without a panic, and only a
// clear yes to the right version is one.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"moved":true,"version":"v2"}`))
	f.Add([]byte(`{"moved":1}`))
	f.Add([]byte("[]"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var a answer
		if err := a.decode(body); err == nil && a.Moved && !strings.Contains(strings.ToLower(string(body)), "true") {
			t.Errorf("%q was taken for a yes", body)
		}
	})
}
