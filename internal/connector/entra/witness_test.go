package entra_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
)

// bench is a pretended tenant with a witness in it.
type bench struct {
	*testing.T
	cloud   *sim.Cloud
	witness *entra.Witness
	app     inventory.Application
	asked   []string
}

func newBench(t *testing.T, c world.Config) *bench {
	t.Helper()
	cloud, err := sim.New(sim.Config{World: c})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, cloud: cloud}
	wire := cloud.RoundTripper(sim.Hooks{Before: func(r *http.Request) { b.asked = append(b.asked, r.URL.Path) }})
	graph, err := rest.New(rest.Config{Base: "https://graph.microsoft.com", Transport: wire, Credential: reader{cloud, "AuditLog.Read.All"}})
	if err != nil {
		t.Fatal(err)
	}
	b.witness = &entra.Witness{Graph: graph, LogLag: c.Lag.SignIn, ReportLag: c.Lag.Report}
	demo := cloud.Tenant().Demo
	b.app = inventory.Application{Tenant: cloud.Tenant().ID, ObjectID: inventory.ObjectID(demo.ApplicationID), ClientID: inventory.ClientID(demo.ClientID), Holder: inventory.InApplications, Name: demo.Name}
	return b
}

// reader signs tokens of the reading identity.
type reader struct {
	cloud *sim.Cloud
	role  string
}

func (r reader) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	now, t := time.Now(), r.cloud.Tenant()
	text, err := r.cloud.World().Signer.Sign(world.Claims{
		Audience: "https://graph.microsoft.com", TenantID: t.ID, AppID: t.Reader.ClientID, ObjectID: t.Reader.PrincipalID,
		NotBefore: now.Unix(), Expires: now.Add(time.Hour).Unix(), Roles: []string{r.role},
	})
	return azcore.AccessToken{Token: text, ExpiresOn: now.Add(time.Hour)}, err
}

func (b *bench) uses(since time.Time) connector.Uses {
	b.Helper()
	u, err := b.witness.Uses(b.Context(), b.app, b.cloud.Tenant().Demo.KeyID, since)
	if err != nil {
		b.Fatal(err)
	}
	return u
}

func (b *bench) consumer(address string) *sim.Program {
	demo := b.cloud.Tenant().Demo
	return b.cloud.Start(sim.Consumer{ClientID: demo.ClientID, Vault: demo.Vault, Secret: demo.Secret, Address: address})
}

// The sign-in log tells of every use, from where, and up to when it is complete.
func TestWitnessReadsTheSignInLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lag = 10 * time.Minute
		b := newBench(t, world.Config{Seed: 5, Lag: world.Lag{SignIn: lag, Report: 48 * time.Hour}, Limits: true})
		since := time.Now()
		for _, address := range []string{"203.0.113.1", "203.0.113.2", "203.0.113.1"} {
			if err := b.consumer(address).SignIn(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		last := time.Now().Add(-time.Minute)
		time.Sleep(time.Hour)
		u := b.uses(since)
		slices.Sort(u.From)
		if u.Count != 3 || !u.Last.Equal(last.Truncate(time.Second)) || !slices.Equal(u.From, []string{"203.0.113.1", "203.0.113.2"}) || u.Source != entra.SignInLog {
			t.Errorf("got %+v", u)
		}
		if !strings.HasPrefix(u.Where, "203.0.113.1 (Amsterdam, NL) for ") {
			t.Errorf("the last use was %q", u.Where)
		}
		if got := time.Since(u.Through); got < lag || got > lag+2*time.Second {
			t.Errorf("complete up to %s ago, want %s", got, lag)
		}
		if u := b.uses(last.Add(time.Second)); u.Count != 0 || !u.Last.IsZero() {
			t.Errorf("after the last use: %+v", u)
		}
		// Six witnesses at once keep to what Graph allows of its reports.
		began := time.Now()
		for range 6 {
			b.uses(since)
		}
		if took := time.Since(began); took < 10*time.Second {
			t.Errorf("six looks took %s", took)
		}
	})
}

// Without a premium licence the report answers, days late; without that nobody does.
func TestWitnessFallsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lag = 48 * time.Hour
		b := newBench(t, world.Config{Seed: 5, Lag: world.Lag{Report: lag}, Records: world.Records{Free: true}})
		since := time.Now()
		if err := b.consumer("").SignIn(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lag)
		u := b.uses(since)
		if u.Source != entra.ActivityReport || u.Count != 1 || !u.Last.Equal(since) || len(u.From) != 0 || time.Since(u.Through) < lag {
			t.Errorf("got %+v", u)
		}
		if u := b.uses(since.Add(time.Minute)); u.Count != 0 {
			t.Errorf("before the span: %+v", u)
		}
		b.cloud.World().Change(func() { b.cloud.World().Records.NoReport = true })
		if _, err := b.witness.Uses(t.Context(), b.app, "k", since); !errors.Is(err, connector.ErrUnrecorded) {
			t.Errorf("got %v", err)
		}
		resource := inventory.Application{Holder: inventory.InResources, Name: "a topic"}
		if _, err := b.witness.Uses(t.Context(), resource, "key1", since); !errors.Is(err, connector.ErrUnrecorded) {
			t.Errorf("of a resource: %v", err)
		}
	})
}

// A client that signs in all the time is looked up in the report, but a use that
// the log shows counts.
func TestWitnessOfABusyClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, world.Config{Seed: 5})
		since := time.Now().Add(-time.Second)
		w := b.cloud.World()
		w.Change(func() {
			for range 25_001 {
				w.Directory.AddSignIn(world.SignIn{ID: w.GUID(), Time: time.Now(), AppID: string(b.app.ClientID), KeyID: "another"})
			}
		})
		if u := b.uses(since); u.Source != entra.ActivityReport || u.Count != 0 {
			t.Errorf("got %+v", u)
		}
		if err := b.consumer("").SignIn(t.Context()); err != nil {
			t.Fatal(err)
		}
		if u := b.uses(since); u.Source != entra.SignInLog || u.Count != 1 {
			t.Errorf("got %+v", u)
		}
	})
}

// An error that says nothing of the records is not taken for their absence.
func TestWitnessThatCannotAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, world.Config{Seed: 5})
		if err := b.cloud.World().Faults.Set(world.Fault{Name: world.ErrorBefore}); err != nil {
			t.Fatal(err)
		}
		_, err := b.witness.Uses(t.Context(), b.app, "k", time.Now())
		if err == nil || errors.Is(err, connector.ErrUnrecorded) {
			t.Errorf("got %v", err)
		}
	})
}

// What a client id holds stays inside its quotes.
func TestWitnessQuotes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, world.Config{Seed: 5})
		b.app.ClientID = "x' or appId ne 'y"
		if err := b.consumer("").SignIn(t.Context()); err != nil {
			t.Fatal(err)
		}
		if u := b.uses(time.Now().Add(-time.Hour)); u.Count != 0 {
			t.Errorf("got %+v", u)
		}
		if _, err := url.ParseRequestURI(b.asked[len(b.asked)-1]); err != nil {
			t.Error(err)
		}
	})
}
