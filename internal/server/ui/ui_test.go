package ui_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/server/ui"
)

func TestPagesAllowOnlyTheServersOwn(t *testing.T) {
	w := newTown(t, 0)
	for _, path := range []string{"/", "/help", "/no/such/page"} {
		r, body := w.get("GET", path, "")
		csp := r.Header.Get("Content-Security-Policy")
		want := "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
		if csp != want {
			t.Errorf("GET %s: policy %q", path, csp)
		}
		if r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("GET %s: headers %v", path, r.Header)
		}
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
			t.Errorf("GET %s: %s", path, r.Header.Get("Content-Type"))
		}
		wellFormed(t, path, body)
	}
}

func TestStrangersAreSentToTheSignInAndBack(t *testing.T) {
	w := newTown(t, 0)
	w.actor = access.Actor{}
	r, _ := w.get("GET", "/help?a=b%26c", "")
	if r.StatusCode != 303 || r.Header.Get("Location") != "/signin?return="+url.QueryEscape("/help?a=b%26c") {
		t.Errorf("%d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	if r, _ := w.get("GET", "/signin?return=%2F", ""); r.StatusCode != 404 {
		t.Errorf("without a sign-in, its address answers %d", r.StatusCode)
	}
	if r, _ := w.get("GET", "/", "", "Rekey-Live", "1"); r.StatusCode != 401 {
		t.Errorf("a live page of nobody: %d", r.StatusCode)
	}
}

func TestWhatCannotBeShownIsSaid(t *testing.T) {
	w := newTown(t, 0)
	if r, body := w.get("GET", "/no/such/page", ""); r.StatusCode != 404 || !strings.Contains(body, "There is no page at this address") {
		t.Errorf("an unknown page: %d", r.StatusCode)
	}
	w.as(access.System, "nobody")
	if r, body := w.get("GET", "/", ""); r.StatusCode != 403 || !strings.Contains(body, "Not allowed") {
		t.Errorf("without a right: %d", r.StatusCode)
	}
	w.as(access.User, "Ulla")
	for code, want := range map[string]int{"step_up_required": 303, "internal": 500, "busy": 503} {
		w.pages = w.serve(ui.Config{Client: func(access.Actor) *client.Client { return answering(t, want, code) }})
		r, body := w.get("GET", "/?x=1", "")
		if r.StatusCode != want {
			t.Errorf("%s: %d", code, r.StatusCode)
		}
		if want == 303 && r.Header.Get("Location") != "/signin/again?return=%2F%3Fx%3D1" {
			t.Errorf("step-up leads to %q", r.Header.Get("Location"))
		}
		if want >= 500 && (!strings.Contains(body, code) || !strings.Contains(body, "Try again")) {
			t.Errorf("%s: the page does not say what to do\n%s", code, body)
		}
	}
}

// answering is a client of a server that has one answer.
func answering(t *testing.T, status int, code string) *client.Client {
	t.Helper()
	if status == 303 {
		status = 403
	}
	c, err := client.New(client.Config{Server: "http://nowhere", HTTP: &http.Client{Transport: always{status, code}}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestThemeIsKeptAndLeadsNowhereElse(t *testing.T) {
	w := newTown(t, 0)
	r, _ := w.get("POST", "/theme", "theme=dark&return=%2Fhelp")
	if r.StatusCode != 303 || r.Header.Get("Location") != "/help" || len(r.Cookies()) != 1 {
		t.Fatalf("%d to %q with %v", r.StatusCode, r.Header.Get("Location"), r.Cookies())
	}
	k := r.Cookies()[0]
	if !k.HttpOnly || k.SameSite != http.SameSiteStrictMode {
		t.Errorf("cookie %v", k)
	}
	_, body := w.get("GET", "/help", "", "Cookie", k.Name+"="+k.Value)
	if !strings.Contains(body, `data-theme="dark"`) {
		t.Error("the theme is not used")
	}
	for _, to := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "/%0d%0aSet-Cookie: a=b\r\n", "javascript:alert(1)", "help", "\t//evil.example", "/\t/evil.example"} {
		r, _ := w.get("POST", "/theme", url.Values{"theme": {"dark"}, "return": {to}}.Encode())
		if got := r.Header.Get("Location"); got != "/" && !strings.HasPrefix(got, "/%0d%0a") {
			t.Errorf("%q leads to %q", to, got)
		}
	}
	if r, _ := w.get("POST", "/theme", "theme=dark", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); r.StatusCode != 403 {
		t.Errorf("a form of another site: %d", r.StatusCode)
	}
}

func TestASessionThatEndsIsAnnounced(t *testing.T) {
	w := newTown(t, 0)
	w.ends = time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)
	if body := w.page("/help"); !strings.Contains(body, `<meta name="session-ends" content="2031-05-06T07:08:09Z">`) {
		t.Error("the page does not tell when the session ends")
	}
}
