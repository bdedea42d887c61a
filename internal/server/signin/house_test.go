package signin

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
	"rekey.example/rekey/internal/store"
)

// house is a gate in front of the pretended Entra.
type house struct {
	t      *testing.T
	cloud  *sim.Cloud
	clouds http.RoundTripper
	door   *access.Door
	gate   *Gate
	server *httptest.Server

	mu    sync.Mutex
	deeds []access.Deed
}

func newHouse(t *testing.T, local bool) *house {
	t.Helper()
	cloud, err := sim.New(sim.Config{World: world.Config{Seed: 1}})
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "rekey.db"), access.Schema, access.DoorSchema, access.ScopeSchema)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, cloud: cloud, clouds: cloud.RoundTripper(sim.Hooks{})}
	t.Cleanup(func() { cloud.Close(); db.Close() })
	tenant := cloud.Tenant()
	h.door = &access.Door{Store: db, Tenant: tenant.ID, Record: func(_ *store.Tx, d access.Deed) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.deeds = append(h.deeds, d)
		return nil
	}}
	c := Config{Door: h.door, Local: local}
	if !local {
		c.Entra = access.NewEntra(access.EntraConfig{Tenant: tenant.ID, ClientID: tenant.SignIn.ClientID, Secret: secret.New(tenant.SignIn.Secret), Wire: h.clouds})
	}
	if h.gate, err = New(c); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	h.gate.Routes(mux)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		v, err := h.gate.Who(r)
		if err != nil {
			http.Error(w, "nobody", http.StatusUnauthorized)
			return
		}
		io.WriteString(w, v.Actor.ID+" "+string(v.Actor.Role))
	})
	h.server = httptest.NewServer(http.NewCrossOriginProtection().Handler(mux))
	t.Cleanup(h.server.Close)
	return h
}

// browser keeps cookies, and stops at each redirection.
type browser struct {
	*house
	client *http.Client
}

func (h *house) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return &browser{h, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

type answered struct {
	status int
	body   string
	to     string // Location
	header http.Header
}

func (b *browser) do(method, target string, form url.Values) answered {
	b.t.Helper()
	r, err := http.NewRequest(method, b.server.URL+target, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answered{answer.StatusCode, string(body), answer.Header.Get("Location"), answer.Header}
}

func (b *browser) get(target string) answered { b.t.Helper(); return b.do("GET", target, nil) }

// pick signs in at the pretended Entra as a person, and returns the address that
// the browser is sent back to, without its host.
func (b *browser) pick(authorize, person string) string {
	b.t.Helper()
	r, err := http.NewRequest("POST", authorize, strings.NewReader(url.Values{"person": {person}}.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := b.clouds.RoundTrip(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	u, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || answer.StatusCode != http.StatusFound {
		body, _ := io.ReadAll(answer.Body)
		b.t.Fatalf("Entra answers %d %s", answer.StatusCode, body)
	}
	return u.RequestURI()
}

// enter signs a person in.
func (b *browser) enter(person, goal string) answered {
	b.t.Helper()
	begun := b.get("/signin/entra?return=" + url.QueryEscape(goal))
	if begun.status != http.StatusSeeOther {
		b.t.Fatalf("the way to Entra is %d %s", begun.status, begun.body)
	}
	return b.get(b.pick(begun.to, person))
}

// cookie is what the browser holds under a name.
func (b *browser) cookie(name string) string {
	u, _ := url.Parse(b.server.URL)
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (b *browser) set(name, value string) {
	u, _ := url.Parse(b.server.URL)
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}
