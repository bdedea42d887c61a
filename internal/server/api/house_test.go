package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/alert"
	"rekey.example/rekey/internal/alert/calendar"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/custody"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

const home, abroad = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"

// house is an API with a database, two tenants and a token for everybody.
type house struct {
	t       *testing.T
	api     *API
	db      *store.DB
	log     *audit.Log
	keeper  *rotation.Keeper
	door    *access.Door
	cookies map[string]string // sessions, by who
	tokens  map[string]string // by who: user, auditor, administrator, foreigner
	out     bytes.Buffer      // the log
	check   *description

	inventory *inventory.Service
	syncer    *inventory.Syncer
	policy    *policy.Policy

	alert, feed                                        string
	alerts                                             *alert.Keeper
	calendars                                          *calendar.Desk
	person, session                                    string
	rotation, hash, incident, revocable, task, finding string // what live has made
}

// nora is her object id in the directory.
const nora = "dddddddd-0000-4000-8000-000000000001"

var people = map[string]access.Actor{
	"user":          {ID: "x", Name: "Nora", Person: "nora@contoso.com", Role: access.User, Tenant: home, Owner: nora},
	"administrator": {ID: "x", Name: "Omar", Person: "omar@contoso.com", Role: access.Administrator, Tenant: home},
	"auditor":       {ID: "x", Name: "Ines", Person: "ines@contoso.com", Role: access.Auditor, Tenant: home},
	"foreigner":     {ID: "x", Name: "Uwe", Person: "uwe@fabrikam.com", Role: access.Administrator, Tenant: abroad},
}

func newHouse(t *testing.T) *house {
	t.Helper()
	folder := t.TempDir()
	ring, err := secret.OpenKeyring(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, tokens: map[string]string{}, cookies: map[string]string{}}
	if h.log, err = audit.New(ring.Signing); err != nil {
		t.Fatal(err)
	}
	if h.db, err = store.Open(t.Context(), filepath.Join(folder, "rekey.db"), testSchemas...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.db.Close() })
	h.keeper = &rotation.Keeper{Store: h.db, Log: h.log, Sealer: ring.Sealer, Markers: ring.Markers, Systems: pretended}
	c := Config{
		Version: "test", Started: time.Now(), Store: h.db, Log: h.log, Checkpoints: filepath.Join(folder, "checkpoints"), Rotations: h.keeper,
		Logger: slog.New(slog.NewJSONHandler(&h.out, nil)),
	}
	c.Keys = &custody.Keeper{Ring: ring, Store: h.db, Log: h.log, Tenant: home}
	h.furnish(&c)
	h.doors(&c)
	if h.api, err = New(c); err != nil {
		t.Fatal(err)
	}
	if h.check, err = describe(); err != nil {
		t.Fatal(err)
	}
	for who, actor := range people {
		maker := actor
		maker.Role = access.Administrator
		err := h.db.Do(t.Context(), func(tx *store.Tx) error {
			_, value, err := access.CreateToken(tx, maker, access.TokenRequest{Name: actor.Name, Person: actor.Person, Role: actor.Role, Owner: actor.Owner, Expires: time.Now().Add(time.Hour)})
			h.tokens[who] = value.Reveal()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// ask sends a request as somebody and returns the answer, which has to fit the
// description.
func (h *house) ask(who, method, target, body string, header ...string) *http.Response {
	h.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token := h.tokens[who]; token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if kept := h.cookies[who]; kept != "" {
		r.AddCookie(&http.Cookie{Name: "rekey-session", Value: kept})
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.api.ServeHTTP(w, r)
	answer := w.Result()
	h.fits(r, answer, w.Body.Bytes())
	return answer
}

// fits holds an answer against the description.
func (h *house) fits(r *http.Request, answer *http.Response, body []byte) {
	h.t.Helper()
	route := h.check.routes[r.Pattern]
	if route == nil {
		return // nothing that is described was reached
	}
	err := openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, Route: route, QueryParams: r.URL.Query()},
		Status:                 answer.StatusCode, Header: answer.Header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil {
		h.t.Errorf("%s: the answer %d does not fit the description: %v\n%s", r.Pattern, answer.StatusCode, err, body)
	}
}

func decode[T any](t *testing.T, r *http.Response) T {
	t.Helper()
	var v T
	if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
		t.Fatalf("status %d: %v", r.StatusCode, err)
	}
	return v
}

// refused returns the problem that an answer is.
func refused(t *testing.T, r *http.Response) wire.Problem {
	t.Helper()
	if kind := r.Header.Get("Content-Type"); r.StatusCode < 400 || kind != "application/problem+json" {
		raw, _ := io.ReadAll(r.Body)
		t.Fatalf("answer %d %s, want a problem: %s", r.StatusCode, kind, raw)
	}
	return decode[wire.Problem](t, r)
}
