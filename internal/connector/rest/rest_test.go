package rest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"rekey.example/rekey/internal/connector"
)

// wire answers in memory, so that waiting takes no time.
type wire func(*http.Request) (*http.Response, error)

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

func answer(status int, kind, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {kind}}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

func client(t *testing.T, transport http.RoundTripper) *Client {
	t.Helper()
	c, err := New(Config{Base: "https://graph.example", Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const jsonKind = "application/json; charset=utf-8"

func TestReadsAreRepeatedAsTheServerAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := client(t, wire(func(*http.Request) (*http.Response, error) {
			switch asked++; asked {
			case 1:
				return answer(429, jsonKind, `{"error":{"code":"TooManyRequests"}}`, "Retry-After", "17"), nil
			case 2:
				return nil, errors.New("connection reset")
			case 3:
				return answer(200, jsonKind, `{"value":"cut`), nil
			}
			return answer(200, jsonKind, `{"value":"whole"}`), nil
		}))
		start := time.Now()
		var got struct{ Value string }
		if err := c.Get(t.Context(), "/x", &got); err != nil || got.Value != "whole" {
			t.Fatalf("got %q, %v", got.Value, err)
		}
		if waited := time.Since(start); waited < 17*time.Second || waited > 25*time.Second {
			t.Errorf("waited %s, want a little over the 17 s asked for", waited)
		}
	})
}

func TestReadsEndWhenTriesOrTimeEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := client(t, wire(func(*http.Request) (*http.Response, error) {
			asked++
			return answer(503, jsonKind, `{}`, "Retry-After", "60"), nil
		}))
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		err := c.Get(ctx, "/x", new(any))
		if e, ok := errors.AsType[*Error](err); !ok || e.RetryAfter != time.Minute {
			t.Errorf("got %v, want the 503 with its 60 s", err)
		}
		if asked != 2 {
			t.Errorf("asked %d times, want 2: the third would come after the deadline", asked)
		}
		asked = 0
		if c.Get(t.Context(), "/x", new(any)) == nil || asked != 6 {
			t.Errorf("asked %d times, want 6", asked)
		}
	})
}

func TestRefusalsAreNotRepeated(t *testing.T) {
	tests := []struct {
		status        int
		kind, body    string
		header        string
		want          error
		code, message string
	}{
		{403, jsonKind, `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges.","innerError":{"request-id":"1"}}}`, "", connector.ErrDenied, "Authorization_RequestDenied", "Insufficient privileges."},
		{404, jsonKind, `{"error":{"code":"SecretNotFound","message":"m","innererror":{"code":"deep","innererror":{"code":"deeper"}}}}`, "", connector.ErrNotFound, "SecretNotFound/deeper", "m"},
		{403, jsonKind, `{"error":{"code":"Forbidden","message":"off","innererror":{"code":"SecretDisabled"}}}`, "", nil, "Forbidden/SecretDisabled", "off"},
		{400, jsonKind, `{"error":"invalid_request","error_description":"AADSTS90002: Tenant not found.\r\nTrace ID: 1"}`, "", nil, "invalid_request", "AADSTS90002: Tenant not found."},
		{200, "text/html", `<html>Sign in to the Wi-Fi</html>`, "", ErrNotJSON, "", ""},
		{302, "text/html", `moved`, "https://elsewhere.example/", ErrRedirect, "", ""},
	}
	for _, tt := range tests {
		asked := 0
		c := client(t, wire(func(*http.Request) (*http.Response, error) {
			asked++
			return answer(tt.status, tt.kind, tt.body, "Location", tt.header, "request-id", "r-1"), nil
		}))
		err := c.Get(t.Context(), "/x?$skiptoken=position", new(any))
		if asked != 1 {
			t.Errorf("status %d: asked %d times, want once", tt.status, asked)
		}
		if tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("status %d: got %v, want %v", tt.status, err, tt.want)
		}
		if tt.want == nil && errors.Is(err, connector.ErrDenied) {
			t.Errorf("status %d: a disabled secret is no missing permission", tt.status)
		}
		for _, want := range []string{tt.code, tt.message} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("got %q, want it to say %q", err, want)
			}
		}
		if strings.Contains(err.Error(), "position") || strings.Contains(err.Error(), "Wi-Fi") {
			t.Errorf("error shows a query or a body: %q", err)
		}
	}
}

func TestLinksStayOnTheHost(t *testing.T) {
	c := client(t, wire(func(*http.Request) (*http.Response, error) { return answer(200, jsonKind, `{}`), nil }))
	for link, good := range map[string]bool{
		"https://graph.example/v1.0/applications?$skiptoken=a": true,
		"https://graph.example:443/v1.0/applications":          true,
		"https://GRAPH.example/v1.0/applications":              true,
		"/v1.0/applications":                                   true,
		"https://graph.example.evil.example/":                  false,
		"https://evil.example/?graph.example":                  false,
		"https://graph.example@evil.example/":                  false,
		"https://user@graph.example/":                          false,
		"https://graph.example:8443/":                          false,
		"http://graph.example/":                                false,
		"//evil.example/x":                                     false,
		"":                                                     false,
	} {
		err := c.Get(t.Context(), link, new(any))
		if good != (err == nil) || !good && !errors.Is(err, ErrForeignLink) {
			t.Errorf("link %q: got %v, want good = %v", link, err, good)
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", jsonKind)
		io.WriteString(w, `{"value":"`)
		for range 100 {
			io.WriteString(w, strings.Repeat("x", 64<<10))
		}
		io.WriteString(w, `"}`)
	}))
	defer server.Close()
	c, err := New(Config{Base: server.URL, Transport: http.DefaultTransport, Largest: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), "/", new(any)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want %v", err, ErrTooLarge)
	}
}

func TestBodyReusesMemoryAndShowsItsBeginning(t *testing.T) {
	c := client(t, wire(func(*http.Request) (*http.Response, error) {
		return answer(200, jsonKind, `{"first":1,"value":"`+strings.Repeat("x", 5000)+`"}`), nil
	}))
	into := make([]byte, 0, 10000)
	var seen []byte
	a, err := c.Read(t.Context(), "/", into, func(b []byte) { seen = b })
	if err != nil || !strings.HasPrefix(string(seen), `{"first":1`) {
		t.Fatalf("peeked %q, %v", seen, err)
	}
	if &a.Body[0] != &into[:1][0] {
		t.Error("the memory given was not used")
	}
}

type tokens func(policy.TokenRequestOptions) (string, error)

func (f tokens) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t, err := f(o)
	return azcore.AccessToken{Token: t, ExpiresOn: time.Now().Add(time.Hour)}, err
}

func TestClaimsChallengeIsMetOnce(t *testing.T) {
	asked := 0
	c := client(t, wire(func(r *http.Request) (*http.Response, error) {
		asked++
		if r.Header.Get("Authorization") != "Bearer with-claims" {
			return answer(401, jsonKind, `{"error":{"code":"InvalidAuthenticationToken"}}`,
				"WWW-Authenticate", `Bearer realm="", error="insufficient_claims", claims="eyJhIjoxfQ=="`), nil
		}
		return answer(200, jsonKind, `{}`), nil
	}))
	c.Credential = tokens(func(o policy.TokenRequestOptions) (string, error) {
		if o.Claims == `{"a":1}` {
			return "with-claims", nil
		}
		return "plain", nil
	})
	if err := c.Get(t.Context(), "/", new(any)); err != nil || asked != 2 {
		t.Errorf("got %v after %d requests, want success after 2", err, asked)
	}
}

func TestOnceSendsOnce(t *testing.T) {
	tests := map[string]struct {
		answer  func() (*http.Response, error)
		applied bool // perhaps
		ok      bool
	}{
		"done":      {func() (*http.Response, error) { return answer(200, jsonKind, `{"keyId":"1"}`), nil }, true, true},
		"refused":   {func() (*http.Response, error) { return answer(400, jsonKind, `{}`), nil }, false, false},
		"throttled": {func() (*http.Response, error) { return answer(429, jsonKind, `{}`, "Retry-After", "9"), nil }, false, false},
		"late":      {func() (*http.Response, error) { return answer(408, jsonKind, `{}`), nil }, true, false},
		"failed":    {func() (*http.Response, error) { return answer(503, jsonKind, `{}`, "Retry-After", "9"), nil }, true, false},
		"cut":       {func() (*http.Response, error) { return answer(200, jsonKind, `{"keyId":`), nil }, true, false},
		"page":      {func() (*http.Response, error) { return answer(200, "text/html", `<html>`), nil }, true, false},
		"lost":      {func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, true, false},
		"redirect":  {func() (*http.Response, error) { return answer(307, "", ``, "Location", "https://graph.example/y"), nil }, true, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			asked := 0
			c := client(t, wire(func(r *http.Request) (*http.Response, error) {
				asked++
				return tt.answer()
			}))
			err := c.Once(t.Context(), Request{Method: "POST", Path: "/x", Body: []byte(`{}`)}, new(struct{ KeyID string }))
			if asked != 1 {
				t.Errorf("sent %d times", asked)
			}
			if tt.ok != (err == nil) || !tt.ok && tt.applied == errors.Is(err, connector.ErrNotApplied) {
				t.Errorf("got %v; want ok = %v, perhaps applied = %v", err, tt.ok, tt.applied)
			}
			if e, ok := errors.AsType[*connector.ThrottledError](err); name == "throttled" && (!ok || e.After != 9*time.Second) {
				t.Errorf("got %v, want a wait of 9 s", err)
			}
		})
	}
}

func TestAWriteThatIsHeldBackIsNotSent(t *testing.T) {
	sent, seen := 0, 0
	c := client(t, wire(func(*http.Request) (*http.Response, error) { sent++; return answer(204, jsonKind, ""), nil }))
	spent := &connector.ThrottledError{After: time.Minute}
	c.BeforeWrite = func(context.Context, *http.Request) error { return spent }
	c.AfterWrite = func(*http.Response) { seen++ }
	err := c.Once(t.Context(), Request{Method: "POST", Path: "/x"}, nil)
	if got, ok := errors.AsType[*connector.ThrottledError](err); !ok || got != spent || !errors.Is(err, connector.ErrNotApplied) || sent != 0 || seen != 0 {
		t.Errorf("%v; %d sent, %d answers seen", err, sent, seen)
	}
	c.BeforeWrite = func(_ context.Context, r *http.Request) error {
		if r.Method != "POST" {
			t.Errorf("asked for a %s", r.Method)
		}
		return nil
	}
	if err := c.Once(t.Context(), Request{Method: "POST", Path: "/x"}, nil); err != nil || sent != 1 || seen != 1 {
		t.Errorf("%v; %d sent, %d answers seen", err, sent, seen)
	}
}

func TestOnceKnowsThatNoConnectionMeansNotApplied(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	c, err := New(Config{Base: "http://" + address, Transport: &http.Transport{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Once(t.Context(), Request{Method: "POST", Path: "/x"}, nil); !errors.Is(err, connector.ErrNotApplied) {
		t.Errorf("got %v, want %v", err, connector.ErrNotApplied)
	}
	c.Credential = tokens(func(policy.TokenRequestOptions) (string, error) { return "", errors.New("no token") })
	if err := c.Once(t.Context(), Request{Method: "POST", Path: "/x"}, nil); !errors.Is(err, connector.ErrNotApplied) {
		t.Errorf("got %v, want %v", err, connector.ErrNotApplied)
	}
}

// A server that reads the request and hangs up has perhaps applied it; net/http
// must not send it again although the connection was good before.
func TestOnceIsNotResentWhenTheConnectionBreaks(t *testing.T) {
	var asked atomic.Int32
	var connections sync.Map
	fresh := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		connections.Store(r.RemoteAddr, true)
		io.Copy(io.Discard, r.Body)
		if asked.Load() == 1 {
			w.Header().Set("Content-Type", jsonKind)
			json.NewEncoder(w).Encode(map[string]string{})
			return
		}
		c, _, _ := http.NewResponseController(w).Hijack()
		c.Close()
	}))
	defer server.Close()
	c, err := New(Config{Base: server.URL, Transport: &http.Transport{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"POST", "PUT"} {
		asked.Store(0)
		if err := c.Once(t.Context(), Request{Method: method, Path: "/x", Body: []byte(`{}`)}, nil); err != nil {
			t.Fatal(err)
		}
		err := c.Once(t.Context(), Request{Method: method, Path: "/x", Body: []byte(`{}`)}, nil)
		if err == nil || errors.Is(err, connector.ErrNotApplied) {
			t.Errorf("%s: got %v, want an error that leaves open whether it was applied", method, err)
		}
		if asked.Load() != 2 {
			t.Errorf("%s: %d requests on the wire, want 2", method, asked.Load())
		}
	}
	connections.Range(func(any, any) bool { fresh++; return true })
	if fresh != 4 {
		t.Errorf("%d connections for 4 requests", fresh)
	}
}

func TestForeignTextIsMadeHarmless(t *testing.T) {
	got := clean("a\x1b[31mred\r\nnew line\u202eback", 100)
	if strings.ContainsAny(got, "\x1b\r\n\u202e") {
		t.Errorf("got %q", got)
	}
	if n := len(clean(strings.Repeat("x", 10000), 400)); n > 403 {
		t.Errorf("kept %d bytes", n)
	}
	if got, want := Path("v1.0", "applications", "a/../b"), "/v1.0/applications/a%2F..%2Fb"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
