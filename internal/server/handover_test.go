package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/delivery"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store/storetest"
)

const handed = `value-with-"<quotes>&-and~8Q`

// handing is a server with one task and its link.
type handing struct {
	desk *delivery.Desk
	h    http.Handler
	path string
	log  *bytes.Buffer
}

var administrator = access.Actor{ID: "local:0", Name: "Ada", Person: "ada", Role: access.Administrator, Tenant: "contoso"}

func newHanding(t *testing.T) *handing {
	t.Helper()
	log, err := audit.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	d := &delivery.Desk{Store: storetest.SQLite(t, audit.Schema, access.Schema, delivery.Schema), Log: log,
		Value: func(context.Context, string, string) (secret.Value, error) { return secret.New(handed), nil }}
	err = d.Tell(t.Context(), connector.Change{Rotation: "r-1", Request: "q-1", Consumer: "<script>alert(1)</script> Portal", Reference: "person:marta@contoso.com",
		Application: inventory.Application{Tenant: "contoso", Name: "D365_Basware"}})
	if err != nil {
		t.Fatal(err)
	}
	g := &handing{desk: d, log: &bytes.Buffer{}}
	g.h = Handler(Config{API: http.NotFoundHandler(), Desk: d, Logger: slog.New(slog.NewJSONHandler(g.log, nil))})
	g.relink(t)
	return g
}

func (g *handing) task(t *testing.T) delivery.Task {
	t.Helper()
	list, _, err := g.desk.List(t.Context(), administrator, delivery.Filter{})
	if err != nil || len(list) != 1 {
		t.Fatalf("got %+v, %v", list, err)
	}
	return list[0]
}

func (g *handing) relink(t *testing.T) {
	t.Helper()
	_, token, _, err := g.desk.Link(t.Context(), administrator, g.task(t).ID)
	if err != nil {
		t.Fatal(err)
	}
	g.path = "/handover/" + token.Reveal()
}

func (g *handing) send(t *testing.T, method, path string, form url.Values, header ...string) (int, string, http.Header) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	g.h.ServeHTTP(w, r)
	return w.Code, w.Body.String(), w.Header()
}

var escaped = "value-with-&#34;&lt;quotes&gt;&amp;-and~8Q"

func TestAHandoverFromLinkToTick(t *testing.T) {
	g := newHanding(t)
	for range 3 { // as previews of chats do
		status, page, head := g.send(t, "GET", g.path, nil)
		if status != 200 || !strings.Contains(page, "Show the secret once") || strings.Contains(page, "value-with") || !strings.Contains(page, "marta@contoso.com") {
			t.Fatalf("%d:\n%s", status, page)
		}
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "X-Robots-Tag": "noindex, nofollow, noarchive",
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
		} {
			if head.Get(name) != want {
				t.Errorf("%s is %q", name, head.Get(name))
			}
		}
		for _, bad := range []string{"<script", "style=", "onclick", "http://", "https://"} {
			if strings.Contains(page, bad) {
				t.Errorf("the page holds %s", bad)
			}
		}
	}
	status, page, head := g.send(t, "POST", g.path, nil, "Sec-Fetch-Site", "same-origin", "Origin", "null")
	if status != 200 || !strings.Contains(page, escaped) || head.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d:\n%s", status, page)
	}
	for _, method := range []string{"GET", "POST"} {
		if status, again, _ := g.send(t, method, g.path, nil); status != http.StatusGone || strings.Contains(again, "value-with") || !strings.Contains(again, "was used on") {
			t.Errorf("%s again: %d\n%s", method, status, again)
		}
	}
	tick := regexp.MustCompile(`action="(/handover/[A-Za-z0-9_-]{43}/done)"`).FindStringSubmatch(page)
	if tick == nil {
		t.Fatal("the page has no tick")
	}
	if status, page, _ := g.send(t, "POST", tick[1], url.Values{"note": {" "}}); status != 400 || !strings.Contains(page, "Not taken") || !strings.Contains(page, tick[1]) {
		t.Errorf("without a note: %d\n%s", status, page)
	}
	if status, _, _ := g.send(t, "POST", tick[1], url.Values{"note": {strings.Repeat("x", 20_000)}}); status != 400 {
		t.Errorf("a long form: %d", status)
	}
	if status, page, _ := g.send(t, "POST", tick[1], url.Values{"note": {"export ran at 14:02"}}); status != 200 || !strings.Contains(page, "Thank you") {
		t.Errorf("done: %d\n%s", status, page)
	}
	if task := g.task(t); task.State != delivery.Done || task.Note != "export ran at 14:02" {
		t.Errorf("got %+v", task)
	}
	if status, _, _ := g.send(t, "GET", g.path, nil); status != http.StatusNotFound {
		t.Errorf("after the end: %d", status)
	}
	token := strings.TrimPrefix(g.path, "/handover/")
	if log := g.log.String(); strings.Contains(log, token) || strings.Contains(log, "value-with") || !strings.Contains(log, "POST /handover/{token}") {
		t.Errorf("the log holds\n%s", log)
	}
}

func TestAHandoverIsNotForStrangers(t *testing.T) {
	g := newHanding(t)
	for _, path := range []string{"/handover/x", "/handover/" + strings.Repeat("A", 43), g.path[:len(g.path)-1], g.path + "A", strings.ToLower(g.path)} {
		for _, method := range []string{"GET", "POST"} {
			if status, page, _ := g.send(t, method, path, nil); status != http.StatusNotFound || strings.Contains(page, "Portal") {
				t.Errorf("%s %s: %d\n%s", method, path, status, page)
			}
		}
	}
	if status, _, _ := g.send(t, "POST", g.path, nil, "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("a page of another site pressed the button: %d", status)
	}
	for _, method := range []string{"HEAD", "PUT", "DELETE", "OPTIONS"} {
		if _, page, _ := g.send(t, method, g.path, nil); strings.Contains(page, "value-with") {
			t.Errorf("%s reveals", method)
		}
	}
	old := g.path
	g.relink(t)
	if status, _, _ := g.send(t, "POST", old, nil); status != http.StatusNotFound {
		t.Errorf("the replaced link: %d", status)
	}
	if status, page, _ := g.send(t, "POST", g.path, nil); status != 200 || !strings.Contains(page, escaped) {
		t.Errorf("the new link: %d", status)
	}
}

func TestAValueThatCannotBeReadCostsNothing(t *testing.T) {
	g := newHanding(t)
	good := g.desk.Value
	g.desk.Value = func(context.Context, string, string) (secret.Value, error) {
		return secret.Value{}, errors.New("vault at 10.0.0.7 is shut")
	}
	if status, page, _ := g.send(t, "POST", g.path, nil); status != http.StatusServiceUnavailable || strings.Contains(page, "10.0.0.7") {
		t.Errorf("%d\n%s", status, page)
	}
	g.desk.Value = good
	if status, page, _ := g.send(t, "POST", g.path, nil); status != 200 || !strings.Contains(page, escaped) {
		t.Errorf("afterwards: %d", status)
	}
}

// TestOneOfAThousandBrowsersWins is SAFETY T32 through the page.
func TestOneOfAThousandBrowsersWins(t *testing.T) {
	g := newHanding(t)
	var won, busy atomic.Int32
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			r := httptest.NewRequest("POST", g.path, nil)
			w := httptest.NewRecorder()
			g.h.ServeHTTP(w, r)
			switch {
			case strings.Contains(w.Body.String(), escaped):
				won.Add(1)
			case w.Code == http.StatusServiceUnavailable:
				busy.Add(1)
			case w.Code != http.StatusGone:
				t.Errorf("answer %d", w.Code)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d won, want 1 (%d were told to come back)", won.Load(), busy.Load())
	}
}
