package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"

	"strings"
	"testing"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/server/ui"
)

func get(t *testing.T, h http.Handler, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestOnlyThesePagesNeedNoToken(t *testing.T) {
	h := Handler(Config{Version: "1.2.3", API: http.NotFoundHandler()})
	for path, kind := range map[string]string{
		ui.StylePath: "text/css", "/assets/console.js": "text/javascript", "/livez": "text/plain", "/readyz": "text/plain", "/healthz": "text/plain", "/openapi.json": "application/json",
	} {
		r := get(t, h, "GET", path)
		if r.StatusCode != 200 || !strings.HasPrefix(r.Header.Get("Content-Type"), kind) {
			t.Errorf("GET %s: %d %s", path, r.StatusCode, r.Header.Get("Content-Type"))
		}
		if csp := r.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("GET %s: policy %q", path, csp)
		}
		if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("GET %s: headers %v", path, r.Header)
		}
	}
	for _, path := range []string{"/", "/nothing", "/page/handover.html", "/assets/", "/assets/../ui.go", "/debug/pprof/", "/../etc/passwd", "/v2/me"} {
		if r := get(t, h, "GET", path); r.StatusCode < 300 {
			t.Errorf("GET %s: %d", path, r.StatusCode)
		}
	}
}

func TestTheStyleLoadsNothing(t *testing.T) {
	h := Handler(Config{API: http.NotFoundHandler()})
	style := body(t, get(t, h, "GET", ui.StylePath))
	for _, bad := range []string{"url(", "@import", "http:", "https:"} {
		if strings.Contains(style, bad) {
			t.Errorf("the style holds %s", bad)
		}
	}
	if !strings.Contains(style, "color-scheme: light dark") {
		t.Error("the style knows no dark")
	}
}

func TestTheDescriptionIsTheOneInTheSource(t *testing.T) {
	h := Handler(Config{API: http.NotFoundHandler()})
	var d struct {
		OpenAPI string         `json:"openapi"`
		Paths   map[string]any `json:"paths"`
	}
	if err := json.Unmarshal([]byte(body(t, get(t, h, "GET", "/openapi.json"))), &d); err != nil {
		t.Fatal(err)
	}
	if d.OpenAPI != "3.1.0" || d.Paths["/v1/rotations/{id}/approve"] == nil || strings.Count(string(wire.Description), "\n  /v1/") != len(d.Paths) {
		t.Errorf("openapi %s with %d paths", d.OpenAPI, len(d.Paths))
	}
}

func TestReadinessTellsNoReasonsToStrangers(t *testing.T) {
	h := Handler(Config{API: http.NotFoundHandler(), Checks: []Check{
		{Name: "one", Do: func(context.Context) error { return nil }},
		{Name: "two", Do: func(context.Context) error { return errors.New("disk sda1 of host db7 is gone") }},
	}})
	if r := get(t, h, "GET", "/livez"); r.StatusCode != 200 {
		t.Errorf("livez: %d", r.StatusCode)
	}
	if r := get(t, h, "GET", "/readyz"); r.StatusCode != 503 {
		t.Errorf("readyz: %d", r.StatusCode)
	}
	r := get(t, h, "GET", "/healthz")
	if got := body(t, r); r.StatusCode != 503 || got != "[+] one ok\n[-] two failed\nnot ready\n" {
		t.Errorf("healthz: %d %q", r.StatusCode, got)
	}
}

// While rekey is held it can be asked, and only who wants to write is sent elsewhere.
func TestHeldIsNotReadyForWritesAlone(t *testing.T) {
	why := "the database is older than the clouds"
	h := Handler(Config{API: http.NotFoundHandler(), Held: func() string { return why }, Checks: []Check{
		{Name: "one", Do: func(context.Context) error { return nil }},
	}})
	for path, want := range map[string]struct {
		status int
		text   string
	}{"/readyz": {200, "ok\n"}, "/readyz?writes": {503, "held\n"}, "/healthz": {200, "[+] one ok\n[-] writes held\nok\n"}} {
		r := get(t, h, "GET", path)
		if got := body(t, r); r.StatusCode != want.status || got != want.text {
			t.Errorf("%s: %d %q, want %d %q", path, r.StatusCode, got, want.status, want.text)
		}
	}
	why = ""
	r := get(t, h, "GET", "/readyz?writes")
	if got := body(t, r); r.StatusCode != 200 || got != "ok\n" {
		t.Errorf("not held any more: %d %q", r.StatusCode, got)
	}
}

func TestPagesOfOtherSitesCannotWrite(t *testing.T) {
	reached := false
	h := Handler(Config{API: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true })})
	r := get(t, h, "POST", "/v1/rotations", "Sec-Fetch-Site", "cross-site")
	var p wire.Problem
	if err := json.Unmarshal([]byte(body(t, r)), &p); err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != 403 || p.Code != "cross_origin" || reached {
		t.Errorf("status %d, problem %+v, reached %v", r.StatusCode, p, reached)
	}
	get(t, h, "POST", "/v1/rotations")
	if !reached {
		t.Error("a program, which sends no such header, was refused")
	}
}

func TestTheLogShowsRoutesAndNoValues(t *testing.T) {
	var out bytes.Buffer
	h := Handler(Config{
		Logger: slog.New(slog.NewJSONHandler(&out, nil)),
		API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Pattern = "GET /v1/credentials"
			w.Header().Set("client-request-id", "abc")
			w.WriteHeader(418)
		}),
	})
	get(t, h, "GET", "/v1/credentials?owner=canary-1", "Authorization", "Bearer canary-2", "Cookie", "canary-3")
	get(t, h, "CANARY-4", "/canary-5")
	if strings.Contains(strings.ToLower(out.String()), "canary") {
		t.Errorf("the log holds what was sent: %s", out.String())
	}
	if !strings.Contains(out.String(), `"route":"GET /v1/credentials","status":418`) {
		t.Errorf("the log lacks the route: %s", out.String())
	}
}

func TestAFloodIsToldToComeBack(t *testing.T) {
	inside, leave := make(chan struct{}, atOnce), make(chan struct{})
	h := Handler(Config{API: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside <- struct{}{}; <-leave })})
	for range atOnce {
		go h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/me", nil))
	}
	for range atOnce {
		<-inside
	}
	if r := get(t, h, "GET", "/v1/me"); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("status %d, Retry-After %q", r.StatusCode, r.Header.Get("Retry-After"))
	}
	close(leave)
}

func TestItListensBeyondThisMachineOnlyWithTLS(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:0"} {
		err := Run(t.Context(), Config{Listen: address, API: http.NotFoundHandler()})
		if !errors.Is(err, ErrPlain) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for name, c := range map[string]Config{
		"no port":       {Listen: "127.0.0.1"},
		"half of TLS":   {Listen: "127.0.0.1:0", CertFile: "x"},
		"no such files": {Listen: "127.0.0.1:0", CertFile: "x", KeyFile: "y"},
	} {
		if err := Run(t.Context(), c); err == nil || errors.Is(err, ErrPlain) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// run starts a server and returns its address and what ends it.
func run(t *testing.T, c Config) (address string, end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	opened, done := make(chan string, 1), make(chan error, 1)
	c.Listen = "127.0.0.1:0"
	c.Opened = func(a string) error { opened <- a; return nil }
	go func() { done <- Run(ctx, c) }()
	select {
	case address = <-opened:
	case err := <-done:
		t.Fatal(err)
	}
	return address, func() error { cancel(); return <-done }
}

func TestStoppingLetsRequestsFinish(t *testing.T) {
	inside, closing := make(chan struct{}), make(chan struct{})
	address, end := run(t, Config{
		Closing: func() { close(closing) },
		API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(inside)
			<-closing
			time.Sleep(50 * time.Millisecond)
			io.WriteString(w, "finished")
		}),
	})
	result := make(chan string, 1)
	go func() {
		r, err := http.Get(address + "/v1/wait")
		if err != nil {
			result <- err.Error()
			return
		}
		defer r.Body.Close()
		b, _ := io.ReadAll(r.Body)
		result <- string(b)
	}()
	<-inside
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if got := <-result; got != "finished" {
		t.Errorf("the request ended with %q", got)
	}
}

func TestTLSFilesMakeItHTTPS(t *testing.T) {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	pair := s.TLS.Certificates[0]
	cert, key := pem(t, pair)
	address, end := run(t, Config{CertFile: cert, KeyFile: key, API: http.NotFoundHandler()})
	r, err := s.Client().Get(address + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if !strings.HasPrefix(address, "https://") || r.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("address %s, headers %v", address, r.Header)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
}

func TestASlowCallerIsCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a time-out")
	}
	address, end := run(t, Config{API: http.NotFoundHandler()})
	c, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	began := time.Now()
	c.SetReadDeadline(began.Add(20 * time.Second))
	io.Copy(io.Discard, c)
	if took := time.Since(began); took > headerTimeout+3*time.Second {
		t.Errorf("it was waited for %s", took)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
}
