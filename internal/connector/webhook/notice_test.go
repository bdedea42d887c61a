package webhook

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/hostile"
	"rekey.example/rekey/internal/secret"
)

func notice1(name string) connector.Message {
	return connector.Message{ID: "m-1", Tenant: "t", Made: time.Now(), Items: []connector.Item{{Alert: "a-1", Key: "a-1.7", Act: connector.Raised, Kind: "credential.ending", Severity: "high", Headline: name, Application: name, Ends: time.Now().Add(time.Hour)}}}
}

func TestAnAlertIsASignedCloudEvent(t *testing.T) {
	var status int
	var bodies []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := verify(r, raw); err != nil {
			t.Error(err)
		}
		bodies = append(bodies, r.Header.Get("webhook-id")+" "+string(raw))
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(status)
	}))
	defer s.Close()
	c, err := OpenChannel(Config{Name: "x", URL: s.URL, Secret: secret.New(rawKey), Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	status = 204
	if err := c.Send(t.Context(), notice1("x")); err != nil {
		t.Fatal(err)
	}
	var e map[string]any
	if err := json.Unmarshal([]byte(bodies[0][len("m-1 "):]), &e); err != nil || e["specversion"] != "1.0" || e["id"] != "m-1" || e["type"] != "io.rekey.credential.near_expiry.v1" || e["source"] != "urn:rekey:tenant:t" {
		t.Errorf("%s, %v", bodies[0], err)
	}
	for code, what := range map[int]string{410: "never", 400: "never", 301: "never", 429: "later", 503: "later", 500: "unknown", 502: "unknown"} {
		status = code
		err := c.Send(t.Context(), notice1("x"))
		_, never := errors.AsType[*connector.UndeliverableError](err)
		_, later := errors.AsType[*connector.ThrottledError](err)
		got := map[bool]string{true: "never"}[never] + map[bool]string{true: "later"}[later]
		if got == "" && err != nil && !errors.Is(err, connector.ErrNotApplied) {
			got = "unknown"
		}
		if got != what {
			t.Errorf("%d: %s (%v), want %s", code, got, err, what)
		}
	}
	ended := notice1("x")
	ended.Items[0].Ends = time.Now().Add(-time.Hour)
	if got := typeOf(ended.Items[0], time.Now()); got != Ended {
		t.Error(got)
	}
}

func TestHostileNamesInEvents(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e struct{ Data struct{ Headline string } }
		if json.NewDecoder(r.Body).Decode(&e) != nil {
			t.Error("an event is no JSON")
		}
	}))
	defer s.Close()
	c, err := OpenChannel(Config{Name: "x", URL: s.URL, Secret: secret.New(rawKey), AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range hostile.Names() {
		if err := c.Send(t.Context(), notice1(n)); err != nil {
			t.Errorf("%.40q: %v", n, err)
		}
	}
}

// TestOnlyTheNamedRangeIsLetThrough: an allowed range opens nothing else, and never
// the metadata services.
func TestOnlyTheNamedRangeIsLetThrough(t *testing.T) {
	g := rest.Guard{Allowed: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("100.64.0.0/10")}}
	for address, want := range map[string]bool{
		"10.20.1.1:443": true, "[::ffff:10.20.1.1]:443": true, "100.64.0.1:443": true, "10.21.0.1:443": false, "192.168.0.1:443": false, "127.0.0.1:443": false, "[::1]:443": false,
		"169.254.169.254:80": false, "[64:ff9b::a14:101]:443": false, "[2002:a14:101::1]:443": false, "93.184.215.14:443": true,
	} {
		if err := g.Judge(address); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := g.Address("http://127.0.0.1/"); err == nil {
		t.Error("plain http to this machine was taken")
	}
}
