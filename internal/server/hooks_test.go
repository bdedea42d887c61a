package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
)

// inward is the network from the pretended clouds to our server.
type inward struct{ handler http.Handler }

func (i *inward) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	i.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

// The clouds make sure that we want their events, and deliver them at least once.
func TestEventsOfVaultsAreTaken(t *testing.T) {
	for _, schema := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var taken []connector.Record
			hooks := &Hooks{EventGrid: secret.New("a-key-of-event-grid-1234"), Events: func(_ context.Context, list []connector.Record) error {
				taken = append(taken, list...)
				return nil
			}}
			wire := &inward{Handler(Config{Hooks: hooks, API: http.NotFoundHandler()})}
			cloud, err := sim.New(sim.Config{World: world.Config{Seed: 1}, Outside: wire})
			if err != nil {
				t.Fatal(err)
			}
			const address = "https://rekey.contoso.com/hooks/eventgrid"
			if err := cloud.Subscribe(t.Context(), "rekey", "kv-contoso-prod", address, schema); err == nil {
				t.Error("wanted events without the key")
			}
			if err := cloud.Subscribe(t.Context(), "rekey", "kv-contoso-prod", address+"?key=a-key-of-event-grid-1234", schema); err != nil {
				t.Fatal(err)
			}
			if err := cloud.World().Faults.Set(world.Fault{Name: world.EventTwice}); err != nil {
				t.Fatal(err)
			}
			cloud.World().Change(func() {
				cloud.World().Azure.PutSecret("kv-contoso-prod", "new-one", &world.SecretVersion{Value: "x", Enabled: true, Created: time.Now(), Expires: time.Now().Add(40 * 24 * time.Hour)})
			})
			for range 5 {
				if err := cloud.Deliver(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(9 * 24 * time.Hour)
			}
			kinds := map[string]int{}
			for _, r := range taken {
				if d := r.Deeds[0]; d.Place.Name == "new-one" && d.Place.Vault == "kv-contoso-prod.vault.azure.net" {
					kinds[d.Action]++
				}
			}
			if kinds[connector.VersionAdded] != 2 || kinds[connector.VersionNearEnd] != 2 {
				t.Errorf("got %v of %+v", kinds, taken)
			}
		})
	}
}

func TestNotificationsNeedTheirSecret(t *testing.T) {
	heard := 0
	h := Handler(Config{API: http.NotFoundHandler(), Hooks: &Hooks{Office: secret.New("what-comes-back-each-time"), Content: func() { heard++ }}})
	for _, c := range []struct {
		auth, code string
		status     int
		heard      int
	}{{"", "", 401, 0}, {"wrong", "", 401, 0}, {"what-comes-back-each-time", "abc", 200, 0}, {"what-comes-back-each-time", "", 200, 1}} {
		r := httptest.NewRequest(http.MethodPost, "/hooks/office", http.NoBody)
		r.Header.Set("Webhook-AuthID", c.auth)
		if c.code != "" {
			r.Header.Set("Webhook-ValidationCode", c.code)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || heard != c.heard {
			t.Errorf("%+v: status %d, heard %d", c, w.Code, heard)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hooks/eventgrid", http.NoBody))
	if w.Code != http.StatusNotFound {
		t.Errorf("a hook without a secret answers %d", w.Code)
	}
}
