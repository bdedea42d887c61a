package ui_test

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/server/ui"
)

func query(name, value string) string { return url.Values{name: {value}}.Encode() }

// saying is a server that has one overview.
type saying struct{ api.Overview }

func (s saying) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := json.Marshal(s.Overview)
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(raw))), Request: r}, err
}

// TestStatesAreSaid: empty, calm, stale, partial, failed, held.
func TestStatesAreSaid(t *testing.T) {
	w := newTown(t, 0)
	now := time.Now()
	base := api.Overview{Counted: now, LastSync: now.Add(-2 * time.Minute), Credentials: 10, Sources: []api.Source{{Name: "graph", LastSync: now.Add(-2 * time.Minute)}}}
	for what, tt := range map[string]struct {
		change func(*api.Overview)
		want   []string
	}{
		"empty":   {func(o *api.Overview) { *o = api.Overview{Counted: now, Stale: true} }, []string{"the tenant has not been read", "No source has been read"}},
		"calm":    {func(o *api.Overview) {}, []string{"All clear.", "Nothing needs you", "Checked"}},
		"soon":    {func(o *api.Overview) { o.Soon = 1 }, []string{"1 credential breaks something in the next 7 days.", "/credentials?expiring=7d&amp;impact=breaks"}},
		"lost":    {func(o *api.Overview) { o.Lost, o.Soon = 2, 3 }, []string{"2 credentials have ended and somebody uses them; 3 more within 7 days."}},
		"stale":   {func(o *api.Overview) { o.Sources[0].Stale = true; o.Sources[0].LastSync = now.Add(-40 * time.Minute) }, []string{"1 source stale", "graph was last read 40 minutes ago"}},
		"partial": {func(o *api.Overview) { o.Sync = api.Sync{State: api.SyncStateRunning, Phase: "applications"} }, []string{"The tenant is being read: applications"}},
		"failed": {func(o *api.Overview) {
			o.Sync = api.Sync{State: api.SyncStateFailed, Problem: "Graph refused", Ended: now.Add(-40 * time.Minute)}
		},
			[]string{"The last reading failed 40 minutes ago; what is shown was read 2 minutes ago", "Graph refused"}},
		"held": {func(o *api.Overview) { o.Held = "restored from a backup" }, []string{"rekey is held", "restored from a backup"}},
	} {
		o := base
		o.Sources = []api.Source{base.Sources[0]}
		tt.change(&o)
		c, err := client.New(client.Config{Server: "http://in-test", HTTP: &http.Client{Transport: saying{o}}})
		if err != nil {
			t.Fatal(err)
		}
		w.pages = w.serve(ui.Config{Client: func(access.Actor) *client.Client { return c }})
		page := w.page("/")
		wellFormed(t, what, page)
		for _, want := range tt.want {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page does not say %q", what, want)
			}
		}
	}
}

func TestEmptyListsSayWhatToDo(t *testing.T) {
	w := newTown(t, 0)
	for path, want := range map[string]string{
		"/credentials?search=nothing-is-called-so": "No credential is like that", "/applications?name=nothing-is-called-so": "No application is like that", "/consumers?name=nothing-is-called-so": "No consumer is known",
	} {
		if page := w.page(path); !strings.Contains(page, want) {
			t.Errorf("%s does not say %q", path, want)
		}
	}
	for path, status := range map[string]int{"/credentials/no-such": 404, "/applications/no-such": 404, "/vaults/no-such": 404, "/consumers/one?name=none": 404, "/credentials?from=yesterday": 400, "/credentials?ends=never-ever": 400, "/credentials?after=x": 400} {
		if r, body := w.get("GET", path, ""); r.StatusCode != status {
			t.Errorf("%s: %d", path, r.StatusCode)
		} else {
			wellFormed(t, path, body)
		}
	}
}

func TestViewsAreKeptAndShown(t *testing.T) {
	w := newTown(t, 0)
	r, _ := w.get("POST", "/credentials/views", url.Values{"name": {"Mine <b>"}, "filter": {"impact=breaks&ends=30d"}, "shared": {"true"}}.Encode())
	if r.StatusCode != 303 || r.Header.Get("Location") != "/credentials?ends=30d&impact=breaks" {
		t.Fatalf("%d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	_, page := w.get("GET", r.Header.Get("Location"), "", "Cookie", r.Cookies()[0].Name+"="+r.Cookies()[0].Value)
	for _, want := range []string{"The view “Mine &lt;b&gt;” is kept.", `href="/credentials?ends=30d&amp;impact=breaks" aria-current="page">Mine &lt;b&gt;</a>`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	w.as(access.Auditor, "Ines")
	if !strings.Contains(w.page("/credentials"), "Mine &lt;b&gt;") {
		t.Error("others do not see it")
	}
	if r, _ := w.get("POST", "/credentials/views", "name=x&filter=ends%3D7d&shared=true"); r.StatusCode != 403 {
		t.Errorf("an auditor shares a view: %d", r.StatusCode)
	}
}

func TestExportsHoldTheRowsOfTheFilter(t *testing.T) {
	w := newTown(t, 80)
	n := w.rows("/credentials?kind=clientSecret")
	r, body := w.get("GET", "/credentials/export?kind=clientSecret&format=csv", "")
	if r.StatusCode != 200 || !strings.HasPrefix(body, "\ufeffApp name,App id,") || !strings.Contains(r.Header.Get("Content-Disposition"), ".csv") {
		t.Fatalf("%d %v %.60q", r.StatusCode, r.Header, body)
	}
	lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(body, "\ufeff"))).ReadAll()
	if err != nil || len(lines) != n+1 {
		t.Errorf("%d lines, want %d and a head; %v", len(lines), n, err)
	}
	if r, body := w.get("GET", "/credentials/export?kind=clientSecret&format=xlsx", ""); r.StatusCode != 200 || !strings.HasPrefix(body, "PK") {
		t.Errorf("workbook: %d %.10q", r.StatusCode, body)
	}
	_, body = w.get("GET", "/credentials/export?kind=clientSecret&format=ics", "")
	if got := strings.Count(body, "BEGIN:VEVENT"); got != n {
		t.Errorf("%d events, want %d", got, n)
	}
	if r, _ := w.get("GET", "/credentials/export?format=exe", ""); r.StatusCode != 404 {
		t.Errorf("an unknown format: %d", r.StatusCode)
	}
}
