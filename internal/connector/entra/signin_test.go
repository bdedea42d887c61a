package entra_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/sim/world"
)

func TestSignInWithWhatTheVaultHolds(t *testing.T) {
	x := newTown(t, world.Lag{})
	for _, d := range []contoso.Demo{x.tenant.Demo, x.tenant.DemoCertificate, x.tenant.DemoPEM, x.tenant.DemoPrincipal} {
		if err := x.SignIn(t.Context(), application(d), x.current(d)); err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
	}
}

func TestRefusedCertificateIsTold(t *testing.T) {
	x := newTown(t, world.Lag{})
	d := x.tenant.DemoPEM
	a, value := application(d), x.current(d)
	for name, tt := range map[string]struct {
		change func(k *world.Key)
		holder inventory.Application
		value  secret.Value
		code   int
		secret bool
	}{
		"unknown":   {nil, a, x.current(x.tenant.DemoCertificate), 700027, true},
		"expired":   {func(k *world.Key) { k.Ends = time.Now().Add(-time.Hour) }, a, value, 700027, true},
		"removed":   {func(k *world.Key) { k.Removed = time.Now().Add(-time.Hour) }, a, value, 700027, true},
		"no client": {nil, inventory.Application{ClientID: "00000000-0000-4000-8000-000000000000"}, value, 700016, false},
	} {
		k := x.cloud.World().Directory.Applications[d.ApplicationID].Keys[0]
		was := *k
		if tt.change != nil {
			x.cloud.World().Change(func() { tt.change(k) })
		}
		err := x.SignIn(t.Context(), tt.holder, tt.value)
		if r, ok := errors.AsType[*connector.RejectedError](err); !ok || r.Code != tt.code || r.Secret != tt.secret {
			t.Errorf("%s: got %v (%+v)", name, err, r)
		}
		x.cloud.World().Change(func() { *k = was })
	}
}

// What was meant as a key pair is not sent as a client secret, even when it is damaged.
func TestDamagedPairStaysHere(t *testing.T) {
	x := newTown(t, world.Lag{})
	d := x.tenant.DemoPEM
	asked := 0
	x.before = func(r *http.Request) {
		if strings.HasPrefix(r.URL.Host, "login.") {
			asked++
		}
	}
	whole := x.current(d).Reveal()
	for _, v := range []string{whole[:len(whole)/2], whole[40:], "-----BEGIN PRIVATE KEY-----"} {
		if err := x.SignIn(t.Context(), application(d), secret.New(v)); !errors.Is(err, secret.ErrNoPair) || strings.Contains(err.Error(), v[:20]) {
			t.Errorf("got %v", err)
		}
	}
	if asked != 0 {
		t.Errorf("the token endpoint was asked %d times", asked)
	}
}

// A token alone does not prove that rekey can still work (SAFETY F33).
func TestProvesByWorking(t *testing.T) {
	x := newTown(t, world.Lag{})
	w := x.tenant.Writer
	own := inventory.Application{ObjectID: inventory.ObjectID(w.ApplicationID), ClientID: inventory.ClientID(w.ClientID), Holder: inventory.InApplications, Name: w.Name}
	if err := x.Proves(t.Context(), own, secret.New(w.Secret)); err != nil {
		t.Error(err)
	}
	if err := x.Proves(t.Context(), own, secret.New("wrong")); err == nil {
		t.Error("a wrong secret proves something")
	}
	wrong := own
	wrong.ObjectID = inventory.ObjectID(x.tenant.Demo.ApplicationID)
	if err := x.Proves(t.Context(), wrong, secret.New(w.Secret)); err == nil {
		t.Error("another application's object is taken for its own")
	}
	x.cloud.World().Change(func() {
		sp := x.cloud.World().Directory.ServicePrincipals[w.PrincipalID]
		sp.Roles, sp.Grants = nil, nil
	})
	if err := x.SignIn(t.Context(), own, secret.New(w.Secret)); err != nil {
		t.Fatal(err)
	}
	if err := x.Proves(t.Context(), own, secret.New(w.Secret)); !errors.Is(err, connector.ErrDenied) {
		t.Errorf("without any right: got %v, want %v", err, connector.ErrDenied)
	}
}
