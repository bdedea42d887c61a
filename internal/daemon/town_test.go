package daemon

import (
	"context"
	"testing"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/sim/world"
)

// town is an installation in a pretended tenant, with no network between them.
type town struct {
	t      testing.TB
	cloud  *sim.Cloud
	tenant contoso.Tenant
	config Config
	daemon *Daemon
}

// hasty are waits that a test can sit through.
var hasty = Rotation{Lifetime: 180 * day, SignIns: 3, Proof: 200 * time.Millisecond, Overlap: 200 * time.Millisecond, Watch: 200 * time.Millisecond, Records: 10 * time.Millisecond, Patience: time.Hour}

func newTown(t testing.TB, apps int) *town {
	t.Helper()
	cloud, err := sim.New(sim.Config{World: world.Config{Seed: 3}, Apps: apps})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	w := &town{t: t, cloud: cloud, tenant: cloud.Tenant()}
	c := Defaults(t.TempDir())
	c.Round = cloud.RoundTripper(sim.Hooks{})
	c.Tenant = Tenant{ID: w.tenant.ID, Name: w.tenant.Name}
	c.Reader = Identity{ClientID: w.tenant.Reader.ClientID, ClientSecret: secret.New(w.tenant.Reader.Secret)}
	c.Writer = Identity{ClientID: w.tenant.Writer.ClientID, ClientSecret: secret.New(w.tenant.Writer.Secret)}
	c.Vaults = []Vault{{Name: "kv-contoso-prod", ReadValues: true}, {Name: "kv-contoso-test", ReadValues: true}, {Name: w.tenant.Demo.Vault, ReadValues: true}}
	c.Rotation = hasty
	c.Sync.Every = 0
	w.config = c
	w.open()
	t.Cleanup(w.close)
	return w
}

func (w *town) open() {
	w.t.Helper()
	d, err := Open(w.t.Context(), w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.daemon = d
}

func (w *town) close() {
	if w.daemon == nil {
		return
	}
	if err := w.daemon.Close(); err != nil {
		w.t.Errorf("cannot close: %v", err)
	}
	w.daemon = nil
}

func (w *town) local() *client.Client {
	w.t.Helper()
	c, err := w.daemon.Local()
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// sync reads the inventory and returns how that ended.
func (w *town) sync() wire.Sync {
	w.t.Helper()
	c := w.local()
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
	return s
}

// contextOf is a context that the test ends itself.
func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}
