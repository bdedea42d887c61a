package ui_test

import (
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/daemon"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/server"
	"rekey.example/rekey/internal/server/ui"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/sim/world"
)

// town is an installation in a pretended tenant, with its console.
type town struct {
	t      testing.TB
	cloud  *sim.Cloud
	tenant contoso.Tenant
	daemon *daemon.Daemon
	pages  http.Handler
	actor  access.Actor // who is signed in; no role: nobody
	ends   time.Time
}

const day = 24 * time.Hour

// newTown starts a tenant of so many applications (0: the fewest there are) whose
// inventory is read, with an administrator signed in.
func newTown(t testing.TB, apps int) *town {
	t.Helper()
	return newTownWith(t, apps, func(*daemon.Config, contoso.Tenant) {})
}

// newTownWith starts one whose configuration is changed.
func newTownWith(t testing.TB, apps int, change func(*daemon.Config, contoso.Tenant)) *town {
	t.Helper()
	cloud, err := sim.New(sim.Config{World: world.Config{Seed: 3}, Apps: apps})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	w := &town{t: t, cloud: cloud, tenant: cloud.Tenant()}
	c := daemon.Defaults(t.TempDir())
	c.Round = cloud.RoundTripper(sim.Hooks{})
	c.Tenant = daemon.Tenant{ID: w.tenant.ID, Name: w.tenant.Name}
	c.Reader = daemon.Identity{ClientID: w.tenant.Reader.ClientID, ClientSecret: secret.New(w.tenant.Reader.Secret)}
	c.Writer = daemon.Identity{ClientID: w.tenant.Writer.ClientID, ClientSecret: secret.New(w.tenant.Writer.Secret)}
	c.Vaults = []daemon.Vault{{Name: "kv-contoso-prod", ReadValues: true}, {Name: "kv-contoso-test", ReadValues: true}, {Name: w.tenant.Demo.Vault, ReadValues: true}}
	c.Rotation = daemon.Rotation{Lifetime: 180 * day, SignIns: 3, Proof: 200 * time.Millisecond, Overlap: 200 * time.Millisecond, Watch: 200 * time.Millisecond, Records: 10 * time.Millisecond, Patience: time.Hour}
	c.Sync.Every = 0
	change(&c, w.tenant)
	if w.daemon, err = daemon.Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.daemon.Close(); err != nil {
			t.Errorf("cannot close: %v", err)
		}
	})
	w.as(access.Administrator, "Nora Lindqvist")
	w.sync()
	w.pages = w.serve(ui.Config{Client: w.daemon.Client})
	return w
}

// serve is a server with a console of this configuration.
func (w *town) serve(c ui.Config) http.Handler {
	w.t.Helper()
	c.Version, c.Tenant = "1.2.3", w.tenant.Name
	c.Who = func(*http.Request) (ui.Visit, error) {
		if w.actor.Role == "" {
			return ui.Visit{}, ui.ErrSignedOut
		}
		return ui.Visit{Actor: w.actor, Ends: w.ends}, nil
	}
	console, err := ui.New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return server.Handler(server.Config{API: http.NotFoundHandler(), Console: console, Logger: slog.New(slog.DiscardHandler)})
}

// as signs somebody in.
func (w *town) as(role access.Role, name string) {
	w.actor = access.Actor{ID: "person:" + name, Name: name, Person: "person:" + name, Role: role, Tenant: w.tenant.ID}
}

func (w *town) api() *client.Client { return w.daemon.Client(w.actor) }

func (w *town) sync() {
	w.t.Helper()
	c := w.api()
	s, err := c.StartSync(w.t.Context(), false)
	if err != nil {
		w.t.Fatal(err)
	}
	for now, err := range c.WatchSync(w.t.Context(), s.ID) {
		if err != nil {
			w.t.Fatal(err)
		}
		s = now
	}
	if s.Problem != "" {
		w.t.Fatalf("the tenant could not be read: %s", s.Problem)
	}
}

// get is the answer to a request of a browser; pairs of header and value.
func (w *town) get(method, target string, form string, header ...string) (*http.Response, string) {
	w.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(form)).WithContext(w.t.Context())
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.pages.ServeHTTP(rec, r)
	res := rec.Result()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res, string(body)
}

// page is a page that has to be there.
func (w *town) page(target string) string {
	w.t.Helper()
	r, body := w.get("GET", target, "")
	if r.StatusCode != 200 {
		w.t.Fatalf("GET %s: %d\n%s", target, r.StatusCode, body)
	}
	return body
}

var (
	lookAt   = flag.String("look", "", "serve the console of a pretended tenant on this `address` until interrupted, to look at it")
	lookApps = flag.Int("look.apps", 300, "its `number` of applications")
	lookAs   = flag.String("look.as", "administrator", "the `role` of who is signed in")
)

// TestLook is no test: go test ./internal/server/ui -run TestLook -look 127.0.0.1:8500 -timeout 0
func TestLook(t *testing.T) {
	if *lookAt == "" {
		t.Skip("only with -look")
	}
	w := newTown(t, *lookApps)
	w.as(access.Role(*lookAs), "Nora Lindqvist")
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	s := &http.Server{Addr: *lookAt, Handler: w.pages}
	go func() { <-stop; s.Close() }()
	t.Logf("http://%s", *lookAt)
	if err := s.ListenAndServe(); err != http.ErrServerClosed {
		t.Fatal(err)
	}
}
