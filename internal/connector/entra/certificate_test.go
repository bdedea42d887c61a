package entra_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/sim/world"
)

// town is a tenant, and the directory as rekey-writer sees it.
type town struct {
	*testing.T
	*entra.Directory
	cloud  *sim.Cloud
	tenant contoso.Tenant
	before func(*http.Request)
	sent   []string // writes, as "METHOD action"
	bodies map[string]string
}

// tokenKey is one token signing key for all tests.
var tokenKey = sync.OnceValue(func() *world.Signer {
	s, err := world.NewSigner()
	if err != nil {
		panic(err)
	}
	return s
})

func newTown(t *testing.T, lag world.Lag) *town {
	t.Helper()
	cloud, err := sim.New(sim.Config{World: world.Config{Lag: lag, Signer: tokenKey()}})
	if err != nil {
		t.Fatal(err)
	}
	x := &town{T: t, cloud: cloud, tenant: cloud.Tenant(), bodies: map[string]string{}}
	wire := cloud.RoundTripper(sim.Hooks{Before: func(r *http.Request) {
		if x.before != nil {
			x.before(r)
		}
	}})
	client := func(host string, credential azcore.TokenCredential) *rest.Client {
		c, err := rest.New(rest.Config{Base: "https://" + host, Transport: seen{x, wire}, Credential: credential, Tries: 3})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	x.Directory = &entra.Directory{Graph: client("graph.microsoft.com", writer{cloud}), Login: client("login.microsoftonline.com", nil), Tenant: x.tenant.ID}
	return x
}

// seen notes what is written to Graph.
type seen struct {
	x    *town
	next http.RoundTripper
}

func (s seen) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet && r.URL.Host == "graph.microsoft.com" {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(raw))
		parts := strings.Split(r.URL.Path, "/")
		act := r.Method
		if len(parts) > 4 {
			act += " " + parts[4]
		}
		s.x.sent = append(s.x.sent, act)
		s.x.bodies[act] = string(raw)
	}
	return s.next.RoundTrip(r)
}

// writer signs in as rekey-writer.
type writer struct{ cloud *sim.Cloud }

func (w writer) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	now, t := time.Now(), w.cloud.Tenant()
	token, err := w.cloud.World().Signer.Sign(world.Claims{
		Audience: "https://graph.microsoft.com", Issuer: "https://sts.windows.net/" + t.ID + "/", IssuedAt: now.Unix(), NotBefore: now.Unix(),
		Expires: now.Add(time.Hour).Unix(), AppID: t.Writer.ClientID, AppIDACR: "1", IDType: "app", ObjectID: t.Writer.PrincipalID, TenantID: t.ID,
		Roles: []string{"Application.ReadWrite.OwnedBy"}, Version: "1.0",
	})
	return azcore.AccessToken{Token: token, ExpiresOn: now.Add(time.Hour)}, err
}

func application(d contoso.Demo) inventory.Application {
	return inventory.Application{ObjectID: inventory.ObjectID(d.ApplicationID), ClientID: inventory.ClientID(d.ClientID), Holder: inventory.InApplications, Name: d.Name}
}

func principal(d contoso.Demo) inventory.Application {
	a := application(d)
	a.ObjectID, a.Holder = inventory.ObjectID(d.PrincipalID), inventory.InServicePrincipals
	return a
}

func order(a inventory.Application, marker string) connector.Order {
	return connector.Order{Holder: a, Kind: inventory.Certificate, Label: "prod", Marker: marker, Expires: time.Now().AddDate(0, 6, 0), Pairs: ready{}}
}

// ready hands out pairs that were made once: to make one takes longer than a test.
type ready struct{}

var made = [4]func() secret.Value{fresh(), fresh(), fresh(), fresh()}

func fresh() func() secret.Value {
	return sync.OnceValue(func() secret.Value {
		v, err := secret.NewPair("ready", time.Date(1999, 12, 1, 0, 0, 0, 0, time.UTC), time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			panic(err)
		}
		return v
	})
}

func (ready) MakePair(_ context.Context, _, marker string, _, _ time.Time) (secret.Value, error) {
	return secret.New(made[int(marker[len(marker)-1]-'0')%len(made)]().Reveal()), nil
}
func (ready) Discard(context.Context, string) error { return nil }

func (x *town) current(d contoso.Demo) secret.Value {
	x.Helper()
	v, ok := x.cloud.Current(d.Vault, d.Secret)
	if !ok {
		x.Fatalf("%s/%s is empty", d.Vault, d.Secret)
	}
	return secret.New(v)
}

func (x *town) fault(text string) {
	x.Helper()
	f, err := world.ParseFault(text)
	if err == nil {
		err = x.cloud.World().Faults.Set(f)
	}
	if err != nil {
		x.Fatal(err)
	}
}

// ids are the key ids of the certificates that really exist.
func (x *town) ids(d contoso.Demo) (ids []string) {
	for _, k := range x.cloud.Keys(d.ClientID) {
		ids = append(ids, k.KeyID)
	}
	return ids
}

const patch = "PATCH graph.microsoft.com/v1.0/applications/*"

func TestCertificateIsAddedBesideTheOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTown(t, world.Lag{})
		d := x.tenant.DemoPEM
		o := order(application(d), "rk-attempt1")
		o.Pairs = nil // made here
		c, v, err := x.Issue(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		p, err := secret.ParsePair(v)
		if err != nil {
			t.Fatal(err)
		}
		if c.Kind != inventory.Certificate || c.Label != "prod rk-attempt1" || c.Thumbprint != p.Thumbprint() || !slices.Contains(x.ids(d), c.KeyID) || len(x.ids(d)) != 2 {
			t.Errorf("made %+v beside %v", c, x.ids(d))
		}
		if !c.Expires.Equal(o.Expires.Truncate(time.Second).UTC()) || p.Certificate().Subject.CommonName != d.Name {
			t.Errorf("it ends %v and is of %v", c.Expires, p.Certificate().Subject)
		}
		if !slices.Equal(x.sent, []string{"PATCH"}) {
			t.Errorf("sent %v", x.sent)
		}
		if err := x.SignIn(t.Context(), o.Holder, v); err != nil {
			t.Error(err)
		}
		list, err := x.Credentials(t.Context(), o.Holder)
		if err != nil || !slices.ContainsFunc(list, func(l inventory.Credential) bool { return l == c }) {
			t.Errorf("the list has %+v, not %+v (%v)", list, c, err)
		}
		// The next one has the proof of this one.
		o = order(o.Holder, "rk-attempt2")
		o.Prover = v
		if _, _, err = x.Issue(t.Context(), o); err != nil || x.sent[1] != "POST addKey" || len(x.ids(d)) != 3 {
			t.Errorf("with proof: sent %v, %v", x.sent, err)
		}
	})
}

func TestProofNeedsACertificateThatIsValidNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTown(t, world.Lag{})
		for name, prover := range map[string]secret.Value{
			"of another application": x.current(x.tenant.DemoCertificate), "a client secret": secret.New("abc8Q~a-client-secret-as-Entra-makes-it"),
			"unreadable": secret.New("-----BEGIN PRIVATE KEY-----"),
		} {
			x.sent = nil
			o := order(application(x.tenant.DemoPEM), "rk-"+name+"1")
			o.Prover = prover
			if _, _, err := x.Issue(t.Context(), o); err != nil || !slices.Equal(x.sent, []string{"PATCH"}) {
				t.Errorf("%s: sent %v, %v", name, x.sent, err)
			}
		}
		// One that Graph refuses although it looks right changes nothing, and the list
		// is written instead.
		x.sent = nil
		x.fault("error-before:POST graph.microsoft.com/v1.0/applications/*/addKey:times=1,value=403 Authentication_MissingOrMalformed")
		o := order(application(x.tenant.DemoPEM), "rk-x2")
		o.Prover = x.current(x.tenant.DemoPEM)
		if _, _, err := x.Issue(t.Context(), o); err != nil || !slices.Equal(x.sent, []string{"POST addKey", "PATCH"}) {
			t.Errorf("refused: sent %v, %v", x.sent, err)
		}
	})
}

// Whatever becomes of the answer, one request is sent, and the error says what is
// known.
func TestCertificateWhoseAnswerIsLost(t *testing.T) {
	for _, c := range []struct {
		fault string
		proof bool
		ok    bool // the object told that it worked
		none  bool // surely nothing was changed
		left  int  // after everything arrived
	}{
		{"lost-answer", false, true, false, 2}, {"lost-answer", true, true, false, 2},
		{"error-after", false, true, false, 2}, {"wrong-body", true, true, false, 2},
		{"duplicate", false, true, false, 2}, // the key id was drawn here
		{"lost-request", false, false, false, 1}, {"error-before", false, false, false, 1},
		{"late-effect:delay=10s", false, true, false, 2}, // seen before the time was up
		{"late-effect:delay=30m", false, false, false, 2},
		{"throttled", false, false, true, 1}, {"throttled", true, false, true, 1},
		{"error-before:value=400 Request_BadRequest", true, false, true, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			x := newTown(t, world.Lag{})
			d := x.tenant.DemoCertificate
			name, rest, _ := strings.Cut(c.fault, ":")
			o := order(application(d), "rk-x1")
			on := patch
			if c.proof {
				o.Prover, on = x.current(d), "POST graph.microsoft.com/v1.0/applications/*/addKey"
			}
			x.fault(strings.TrimSuffix(name+":"+on+":times=1,"+rest, ","))
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			got, v, err := x.Issue(ctx, o)
			if (err == nil) != c.ok || errors.Is(err, connector.ErrNotApplied) != c.none || v.IsZero() == c.ok {
				t.Errorf("%s: got %v", c.fault, err)
			}
			if c.ok && !slices.Contains(x.ids(d), got.KeyID) {
				t.Errorf("%s: told key id %q of %v", c.fault, got.KeyID, x.ids(d))
			}
			if len(x.sent) != 1 {
				t.Errorf("%s: sent %v", c.fault, x.sent)
			}
			time.Sleep(4 * time.Hour)
			if n := len(x.ids(d)); n != c.left || !slices.Contains(x.ids(d), d.KeyID) {
				t.Errorf("%s: %d certificates are left, want %d", c.fault, n, c.left)
			}
		})
	}
}

func TestCertificateIsFoundThroughLag(t *testing.T) {
	for seed := range 12 {
		synctest.Test(t, func(t *testing.T) {
			x := newTown(t, world.Lag{List: 15 * time.Second, Secret: time.Minute})
			time.Sleep(time.Duration(seed) * time.Second)
			d := x.tenant.DemoCertificate
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			c, v, err := x.Issue(ctx, order(application(d), "rk-x1"))
			if err != nil || len(x.ids(d)) != 2 || !slices.Contains(x.ids(d), c.KeyID) {
				t.Fatalf("made %+v, %v", c, err)
			}
			time.Sleep(time.Minute)
			if err := x.SignIn(t.Context(), application(d), v); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestForeignEntriesGoBackAsTheyCame: signing pairs among them.
func TestForeignEntriesGoBackAsTheyCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTown(t, world.Lag{})
		d := x.tenant.DemoPrincipal
		a := principal(d)
		x.cloud.World().Change(func() {
			sp := x.cloud.World().Directory.ServicePrincipals[d.PrincipalID]
			for _, other := range x.cloud.World().Directory.ServicePrincipalsInOrder() {
				if other != nil && other.Name == "ServiceNow" {
					sp.Keys, sp.Passwords = append(sp.Keys, other.Keys...), append(sp.Passwords, other.Passwords...)
				}
			}
		})
		var was struct {
			Keys []json.RawMessage `json:"keyCredentials"`
		}
		path := "/v1.0/servicePrincipals/" + d.PrincipalID + "?$select=keyCredentials"
		if err := x.Graph.Get(t.Context(), path, &was); err != nil || len(was.Keys) != 2 {
			t.Fatalf("%d keys, %v", len(was.Keys), err)
		}
		c, _, err := x.Issue(t.Context(), order(a, "rk-x1"))
		if err != nil {
			t.Fatal(err)
		}
		var sent struct {
			Keys []map[string]any `json:"keyCredentials"`
		}
		if err := json.Unmarshal([]byte(x.bodies["PATCH"]), &sent); err != nil || len(sent.Keys) != 3 {
			t.Fatalf("sent %d entries, %v", len(sent.Keys), err)
		}
		for i, raw := range was.Keys {
			var want map[string]any
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			if want["key"] = nil; !maps.Equal(sent.Keys[i], want) {
				t.Errorf("%s went back as %v", raw, sent.Keys[i])
			}
		}
		if err := x.Withdraw(t.Context(), a, c.KeyID); err != nil {
			t.Fatal(err)
		}
		var is struct {
			Keys []json.RawMessage `json:"keyCredentials"`
		}
		if err := x.Graph.Get(t.Context(), path, &is); err != nil || len(is.Keys) != 2 || string(is.Keys[0]) != string(was.Keys[0]) || string(is.Keys[1]) != string(was.Keys[1]) {
			t.Errorf("left are %s, %v", is.Keys, err)
		}
		for _, k := range x.cloud.Keys(d.ClientID) {
			x.sent = nil
			if err := x.Withdraw(t.Context(), a, k.KeyID); !errors.Is(err, connector.ErrNotApplied) || len(x.sent) > 0 {
				t.Errorf("a signing key: sent %v, %v", x.sent, err)
			}
		}
	})
}

// TestLostUpdateIsRepaired (SAFETY F46): a write that cost a colleague's
// certificate is seen and mended once.
func TestLostUpdateIsRepaired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, proof := range []bool{false, true} {
			x := newTown(t, world.Lag{})
			d := x.tenant.DemoCertificate
			a := x.cloud.World().Directory.Applications[d.ApplicationID]
			colleague := *a.Keys[0]
			if _, _, err := x.Issue(t.Context(), order(application(d), "rk-colleague3")); err != nil {
				t.Fatal(err)
			}
			foreign := x.ids(d)[1]
			var told []string
			x.Overwritten = func(_ inventory.Application, lost []inventory.Credential, restored bool) {
				for _, c := range lost {
					told = append(told, c.KeyID)
				}
				if !restored {
					t.Error("it is not back")
				}
			}
			// The directory forgets it in the moment of the write.
			writes := 0
			x.before = func(r *http.Request) {
				if r.Method == "GET" || r.URL.Host != "graph.microsoft.com" {
					if writes == 1 {
						writes++
						x.cloud.World().Change(func() {
							a.Keys = slices.DeleteFunc(slices.Clone(a.Keys), func(k *world.Key) bool { return k.KeyID == foreign })
						})
					}
					return
				}
				writes++
			}
			o := order(application(d), "rk-x1")
			if proof {
				o.Prover = x.current(d) // then nothing of others can be lost by us, and it is not for us to put back
			}
			if _, _, err := x.Issue(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			if !proof && (!slices.Equal(told, []string{foreign}) || !slices.Contains(x.ids(d), foreign) || len(x.ids(d)) != 3) {
				t.Errorf("told %v, left are %v, want also %s", told, x.ids(d), foreign)
			}
			if proof && (len(told) != 0 || len(x.ids(d)) != 2) {
				t.Errorf("with proof: told %v", told)
			}
			if !slices.Contains(x.ids(d), colleague.KeyID) {
				t.Error("the old one is gone")
			}
		}
	})
}

// A certificate that somebody has just removed does not come back by our write of
// a list that a slow replica still showed it in.
func TestRemovedCertificateStaysRemoved(t *testing.T) {
	refused := 0
	for seed := range 40 {
		synctest.Test(t, func(t *testing.T) {
			x := newTown(t, world.Lag{List: 15 * time.Second})
			d := x.tenant.DemoCertificate
			x.cloud.World().Change(func() {
				x.cloud.World().Directory.Applications[d.ApplicationID].Keys[0].Removed = time.Now()
			})
			time.Sleep(time.Duration(seed) * 300 * time.Millisecond)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			_, _, err := x.Issue(ctx, order(application(d), "rk-x1"))
			if err != nil {
				refused++
			}
			if slices.Contains(x.ids(d), d.KeyID) || (err != nil) != (len(x.ids(d)) == 0) || err != nil && !errors.Is(err, connector.ErrNotApplied) {
				t.Errorf("after %d: left are %v, %v", seed, x.ids(d), err)
			}
		})
	}
	if refused == 0 || refused == 40 {
		t.Errorf("%d of 40 writes were refused; the news was never on its way", refused)
	}
}

// What a write may have overwritten unseen is at least told of, if a reading shows it.
func TestUnseenCertificateIsToldOf(t *testing.T) {
	lost, told := 0, 0
	for seed := range 40 {
		synctest.Test(t, func(t *testing.T) {
			x := newTown(t, world.Lag{List: 15 * time.Second})
			d := x.tenant.DemoCertificate
			id := "11111111-2222-4333-8444-555555555555"
			x.cloud.World().Change(func() {
				a := x.cloud.World().Directory.Applications[d.ApplicationID]
				k := *a.Keys[0]
				k.KeyID, k.Added = id, time.Now()
				a.Keys = append(slices.Clone(a.Keys), &k)
			})
			time.Sleep(time.Duration(seed) * 300 * time.Millisecond)
			mine := false
			x.Overwritten = func(_ inventory.Application, list []inventory.Credential, restored bool) {
				mine = mine || list[0].KeyID == id && !restored
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			_, _, err := x.Issue(ctx, order(application(d), "rk-x1"))
			if gone := !slices.Contains(x.ids(d), id); gone && err == nil {
				lost++
				if mine {
					told++
				}
			} else if mine {
				t.Errorf("after %d: told of what is not lost", seed)
			}
		})
	}
	if lost == 0 || told == 0 {
		t.Errorf("%d were lost and %d told of", lost, told)
	}
	t.Logf("%d were lost and %d told of", lost, told)
}

func TestWithdrawFindsOutWhatItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTown(t, world.Lag{})
		d, p := x.tenant.DemoCertificate, x.tenant.DemoPrincipal
		a := application(d)
		first, v, err := x.Issue(t.Context(), order(a, "rk-x1"))
		if err != nil {
			t.Fatal(err)
		}
		x.sent = nil
		if err := x.WithdrawProven(t.Context(), a, d.KeyID, v); err != nil || !slices.Equal(x.ids(d), []string{first.KeyID}) || !slices.Equal(x.sent, []string{"POST removeKey"}) {
			t.Errorf("with proof: sent %v, left %v, %v", x.sent, x.ids(d), err)
		}
		second, _, err := x.Issue(t.Context(), order(a, "rk-x2"))
		if err != nil {
			t.Fatal(err)
		}
		x.sent = nil
		// A proof by the one that goes would leave an application without any.
		if err := x.WithdrawProven(t.Context(), a, first.KeyID, v); err != nil || !slices.Equal(x.ids(d), []string{second.KeyID}) || !slices.Equal(x.sent, []string{"PATCH"}) {
			t.Errorf("sent %v, left %v, %v", x.sent, x.ids(d), err)
		}
		if err := x.Withdraw(t.Context(), a, first.KeyID); err != nil {
			t.Errorf("one that is gone: %v", err)
		}
		o := order(principal(p), "rk-x1")
		o.Kind = inventory.ClientSecret
		c, v, err := x.Issue(t.Context(), o)
		if err != nil || c.Kind != inventory.ClientSecret || v.Hint() != c.Hint || len(x.cloud.Passwords(p.ClientID)) != 2 {
			t.Fatalf("secret of a principal: %+v, %v", c, err)
		}
		if err := x.SignIn(t.Context(), o.Holder, v); err != nil {
			t.Error(err)
		}
		if err := x.Withdraw(t.Context(), o.Holder, p.KeyID); err != nil || x.cloud.Passwords(p.ClientID)[0].KeyID != c.KeyID {
			t.Errorf("withdraw of a principal's secret: %v", err)
		}
	})
}

func TestWithdrawWhoseAnswerIsLostCanBeAskedAgain(t *testing.T) {
	for _, fault := range []string{"lost-answer", "lost-request", "error-after"} {
		synctest.Test(t, func(t *testing.T) {
			x := newTown(t, world.Lag{})
			d := x.tenant.DemoPEM
			if _, _, err := x.Issue(t.Context(), order(application(d), "rk-x1")); err != nil {
				t.Fatal(err)
			}
			x.fault(fault + ":" + patch + ":times=1")
			if err := x.Withdraw(t.Context(), application(d), d.KeyID); err == nil || errors.Is(err, connector.ErrNotApplied) {
				t.Errorf("%s: got %v", fault, err)
			}
			if err := x.Withdraw(t.Context(), application(d), d.KeyID); err != nil || slices.Contains(x.ids(d), d.KeyID) || len(x.ids(d)) != 1 {
				t.Errorf("%s: left %v, %v", fault, x.ids(d), err)
			}
		})
	}
}
