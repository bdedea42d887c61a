package browsertest

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/daemon"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
)

// town is a server in a pretended tenant whose inventory is read, as rekey demo runs it.
type town struct {
	server, cloud string // URLs
	application   string // whose secret ends soon; nora may propose for it
	second        string // likewise, with a certificate
}

func newTown(t *testing.T) town {
	t.Helper()
	cloud, err := sim.New(sim.Config{World: world.Config{Seed: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	proxy, err := cloud.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	tenant, folder := cloud.Tenant(), t.TempDir()
	c := daemon.Defaults(folder)
	c.Proxy, c.CAFile = proxy.URL(), filepath.Join(folder, "ca.pem")
	if err := proxy.WriteCA(c.CAFile); err != nil {
		t.Fatal(err)
	}
	c.Tenant = daemon.Tenant{ID: tenant.ID, Name: tenant.Name}
	c.Reader = daemon.Identity{ClientID: tenant.Reader.ClientID, ClientSecret: secret.New(tenant.Reader.Secret)}
	c.Writer = daemon.Identity{ClientID: tenant.Writer.ClientID, ClientSecret: secret.New(tenant.Writer.Secret)}
	c.Vaults = []daemon.Vault{{Name: "kv-contoso-prod", ReadValues: true}, {Name: "kv-contoso-test", ReadValues: true}, {Name: tenant.Demo.Vault, ReadValues: true}}
	c.Rotation = daemon.Rotation{Lifetime: 180 * 24 * time.Hour, SignIns: 3, Proof: time.Second, Overlap: time.Second, Watch: time.Second, Records: 100 * time.Millisecond, Patience: time.Hour}
	c.SignIn.ClientID, c.SignIn.ClientSecret = tenant.SignIn.ClientID, secret.New(tenant.SignIn.Secret)
	c.SignIn.Front = proxy.URL() + "/login.microsoftonline.com"
	running, err := daemon.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Close(); err != nil {
			t.Errorf("cannot close: %v", err)
		}
	})
	server := serve(t, running)
	read(t, running.Client(access.Actor{ID: "test", Name: "test", Role: access.Administrator, Tenant: tenant.ID}))
	return town{server: server, cloud: proxy.URL(), application: tenant.Demo.Name, second: tenant.DemoCertificate.Name}
}

// serve puts the server on the network until the test ends.
func serve(t *testing.T, running *daemon.Daemon) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	opened, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- running.Serve(ctx, daemon.Serving{Listen: "127.0.0.1:0", Opened: func(url string) error { opened <- url; return nil }})
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	select {
	case url := <-opened:
		return url
	case err := <-ended:
		ended <- err
		t.Fatal(err)
		return ""
	}
}

// read fills the inventory, and makes a token for the page of people to show.
func read(t *testing.T, c *client.Client) {
	t.Helper()
	s, err := c.StartSync(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	for now, err := range c.WatchSync(t.Context(), s.ID) {
		if err != nil {
			t.Fatal(err)
		}
		s = now
	}
	if _, err := c.CreateToken(t.Context(), api.TokenRequest{Name: "pipeline", Person: "omar", Role: "auditor", Lifetime: "1d"}); err != nil {
		t.Fatal(err)
	}
}
