package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/azurekeys"
	"rekey.example/rekey/internal/connector/embedded"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/keyvault"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/sim/world"
	"rekey.example/rekey/internal/store"
)

var signer *world.Signer

func TestMain(m *testing.M) {
	var err error
	if signer, err = world.NewSigner(); err != nil {
		panic(err)
	}
	signer.Quick = []byte("a million sign-ins") // signing was two fifths of the time of a schedule
	// Databases of seconds belong into memory: nothing here tests the disk.
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() && os.Getenv("TMPDIR") == "" {
		os.Setenv("TMPDIR", "/dev/shm")
	}
	debug.SetGCPercent(400) // towns are small and many
	if blank, err = blankDatabase(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// shelf is what an installation that carries rotations keeps tables of.
var shelf = []store.Schema{audit.Schema, inventory.Schema, embedded.Schema, rotation.Schema, rotation.ReconcileSchema, rotation.LeaseSchema}

// blank is a database with these tables and nothing in them, so that thousands of
// towns need not make them one by one.
var blank []byte

func blankDatabase() ([]byte, error) {
	folder, err := os.MkdirTemp("", "rekey-blank-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "rekey.db")
	db, err := store.Open(context.Background(), file, shelf...)
	if err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

// town is a pretended tenant with one installation of rekey in it. It can be
// killed at any request and any commit, and started again on the same files.
type town struct {
	t      *testing.T
	cloud  *sim.Cloud
	tenant contoso.Tenant
	folder string

	db     *store.DB
	keeper *rotation.Keeper
	log    *audit.Log
	ring   *secret.Keyring

	point      func()     // called at every request (before, after) and commit (before, after)
	spot       func(spot) // the same, told where; for tests with more than one process
	place      inventory.Place
	foreigners int            // secrets that others made
	sent       map[string]int // addPassword requests on the wire, by client-request-id
	mu         sync.Mutex     // guards sent
	tries      int            // of a read
	own        *sync.Map      // our own access tokens, by audience
	effect     rotation.Effect
	pairs      connector.PairMaker
	nap        time.Duration // between a crash and the next start
	doubled    bool          // requests are doubled on purpose
}

// spot is a place where a process can be stopped.
type spot struct {
	commit, after bool
	request       *http.Request // nil at a commit
}

type crash struct{ at int }

var (
	nora = access.Actor{ID: "token:nora", Name: "Nora", Person: "nora@contoso.com", Role: access.Administrator}
	omar = access.Actor{ID: "token:omar", Name: "Omar", Person: "omar@contoso.com", Role: access.Administrator}
)

// townTenant is one for all, as the people above are.
const townTenant = "44444444-4444-4444-8444-444444444444"

func newTown(t *testing.T, lag world.Lag) *town {
	t.Helper()
	return newTownOf(t, 7, lag)
}

func newTownOf(t *testing.T, seed uint64, lag world.Lag) *town {
	t.Helper()
	cloud, err := sim.New(sim.Config{World: world.Config{Tenant: world.Tenant{ID: townTenant}, Seed: seed, Signer: signer, Lag: lag}})
	if err != nil {
		t.Fatal(err)
	}
	w := &town{t: t, cloud: cloud, tenant: cloud.Tenant(), folder: t.TempDir(), point: func() {}, sent: map[string]int{}, tries: 2, own: new(sync.Map)}
	w.spot = func(spot) { w.point() }
	w.place = inventory.Place{Vault: w.tenant.Demo.Vault + ".vault.azure.net", Name: w.tenant.Demo.Secret}
	if nora.Tenant != w.tenant.ID { // the towns of tests that run side by side are of one tenant
		nora.Tenant, omar.Tenant = w.tenant.ID, w.tenant.ID
	}
	return w
}

func (w *town) start() {
	w.t.Helper()
	file := filepath.Join(w.folder, "rekey.db")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(file, blank, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	db, err := store.Open(context.Background(), file, shelf...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.use(db)
}

// use runs the installation on an open database.
func (w *town) use(db *store.DB) {
	w.t.Helper()
	db.Committing, db.Committed = func() { w.spot(spot{commit: true}) }, func() { w.spot(spot{commit: true, after: true}) }
	ring, err := secret.OpenKeyring(w.folder, "")
	if err != nil {
		w.t.Fatal(err)
	}
	w.log, err = audit.New(ring.Signing)
	if err != nil {
		w.t.Fatal(err)
	}
	w.db = db
	w.ring, w.keeper = ring, w.hire(db, ring, func(s spot) { w.spot(s) })
}

// elsewhere is another process on the same database, for a person who acts while
// this one is in the middle of something.
func (w *town) elsewhere() *rotation.Keeper { return w.hire(w.db, w.ring, func(spot) {}) }

// hire makes a process that carries rotations, and can be stopped at its requests.
func (w *town) hire(db *store.DB, ring *secret.Keyring, at func(spot)) *rotation.Keeper {
	wire := w.cloud.RoundTripper(sim.Hooks{
		Before: func(r *http.Request) { at(spot{request: r}) },
		After:  func(r *http.Request) { at(spot{request: r, after: true}) },
	})
	d := &entra.Directory{Graph: w.client(wire, "graph.microsoft.com"), Login: w.client(wire, "login.microsoftonline.com"), Tenant: w.tenant.ID}
	sys := rotation.Systems{Issuer: d, Verifier: d, Now: d.Now, Vault: func(name string) (connector.Vault, error) {
		if name == inventory.Embedded {
			return &embedded.Vault{Store: db, Sealer: ring.Sealer, Tenant: w.tenant.ID}, nil
		}
		return &keyvault.Vault{API: w.client(wire, name)}, nil
	}}
	if w.pairs != nil {
		sys.Pairs = func(inventory.Place) connector.PairMaker { return w.pairs }
	}
	keys := &azurekeys.Keys{ARM: w.client(wire, "management.azure.com"), Wire: w.counting(wire)}
	onKeys := sys
	onKeys.Issuer, onKeys.Verifier = keys, keys
	systems := func(_ string, holder inventory.HolderKind) (rotation.Systems, error) {
		if holder == inventory.InResources {
			return onKeys, nil
		}
		return sys, nil
	}
	return &rotation.Keeper{
		Store: db, Log: w.log, Sealer: ring.Sealer, Markers: ring.Markers, Values: ring.Values,
		Systems: systems, Effect: w.effect,
	}
}

func (w *town) client(wire http.RoundTripper, host string) *rest.Client {
	c := rest.Config{Base: "https://" + host, Transport: w.counting(wire), Tries: w.tries}
	switch host {
	case "login.microsoftonline.com":
	case "management.azure.com":
		c.Credential = w.writer("https://management.azure.com/")
	case "graph.microsoft.com":
		c.Credential = w.writer("https://graph.microsoft.com", "Application.ReadWrite.OwnedBy")
	default:
		c.Credential = w.writer("https://vault.azure.net")
	}
	client, err := rest.New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return client
}

// counting notes every request that bears an id of ours.
func (w *town) counting(wire http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		if id := r.Header.Get("Client-Request-Id"); id != "" {
			w.mu.Lock()
			w.sent[id]++
			w.mu.Unlock()
		}
		return wire.RoundTrip(r)
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// writer signs in as rekey-writer without the detour over the token endpoint,
// whose requests would hide those of the rotation.
func (w *town) writer(audience string, roles ...string) azcore.TokenCredential {
	return tokens(func() (azcore.AccessToken, error) {
		now := time.Now()
		if kept, ok := w.own.Load(audience); ok && kept.(azcore.AccessToken).ExpiresOn.After(now) {
			return kept.(azcore.AccessToken), nil
		}
		// It outlives every late effect, which is judged by the token it was sent with.
		text, err := signer.Sign(world.Claims{
			Audience: audience, Issuer: "https://sts.windows.net/" + w.tenant.ID + "/", IssuedAt: now.Unix(), NotBefore: now.Unix(),
			Expires: now.AddDate(0, 2, 0).Unix(), AppID: w.tenant.Writer.ClientID, AppIDACR: "1", IDType: "app",
			ObjectID: w.tenant.Writer.PrincipalID, Subject: w.tenant.Writer.PrincipalID, TenantID: w.tenant.ID, Roles: roles, Version: "1.0",
		})
		token := azcore.AccessToken{Token: text, ExpiresOn: now.Add(23 * time.Hour)}
		w.own.Store(audience, token)
		return token, err
	})
}

type tokens func() (azcore.AccessToken, error)

func (f tokens) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return f()
}

// request asks for the rotation of the demo application's secret.
func (w *town) request() rotation.Request {
	demo := w.tenant.Demo
	return rotation.Request{
		Application: inventory.Application{
			Tenant: w.tenant.ID, ObjectID: inventory.ObjectID(demo.ApplicationID), ClientID: inventory.ClientID(demo.ClientID),
			Holder: inventory.InApplications, Name: demo.Name, Owners: []inventory.Owner{{Name: "Emma"}},
		},
		Old:       inventory.Credential{KeyID: demo.KeyID, Kind: inventory.ClientSecret},
		Place:     w.place,
		Consumers: []rotation.Use{{Consumer: demo.Consumer, Reference: w.place.String()}},
		Reason:    "ends in six days",
	}
}

// begin proposes and approves the rotation.
func (w *town) begin() *rotation.Rotation {
	w.t.Helper()
	return w.beginWith(w.request())
}

func (w *town) beginWith(q rotation.Request) *rotation.Rotation {
	w.t.Helper()
	ctx := context.Background()
	r, err := w.keeper.Propose(ctx, nora, q)
	if err != nil {
		w.t.Fatal(err)
	}
	if r, err = w.keeper.Approve(ctx, omar, r.ID, r.Hash); err != nil {
		w.t.Fatal(err)
	}
	return r
}

// live carries the rotation on until it has ended, for at most so many visits,
// starting again after every crash. It sleeps in between, in virtual time.
func (w *town) live(id string, visits int) *rotation.Rotation {
	w.t.Helper()
	for range visits {
		if w.db == nil {
			w.start()
		}
		r := w.visit(id)
		if r != nil && r.State != rotation.Open {
			return r
		}
		pause := max(w.nap, time.Second)
		if r != nil {
			pause = max(time.Until(r.Due), time.Second, w.nap/20)
		}
		time.Sleep(pause)
	}
	r, _ := w.keeper.Get(context.Background(), omar, id)
	w.t.Fatalf("the rotation has not ended after %d visits: %s", visits, where(r))
	return nil
}

// visit is one life until the rotation waits or the process dies.
func (w *town) visit(id string) (r *rotation.Rotation) {
	defer func() {
		c := recover()
		if c == nil {
			return
		}
		if _, ok := c.(crash); !ok {
			panic(c)
		}
		r = nil
		w.stop()
	}()
	err := w.keeper.Advance(context.Background(), w.tenant.ID, id)
	if errors.Is(err, errStruck) || w.effect != nil && errors.Is(err, context.DeadlineExceeded) {
		return nil // the journal cannot be written; whoever carries rotations rests for a while
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		w.t.Errorf("advance: %v", err)
	}
	if r, err = w.keeper.Get(context.Background(), omar, id); err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *town) stop() {
	if w.db != nil {
		w.db.Close()
		w.db = nil
	}
}

func where(r *rotation.Rotation) string {
	if r == nil {
		return "unknown"
	}
	if s := r.Current(); s != nil {
		return fmt.Sprintf("%s at %s (%s); needs %q; attempts %+v", r.State, s.Name, r.Problem, r.Needs, r.Attempts)
	}
	return string(r.State) + " " + r.Problem
}

// current is what consumers read from the vault now.
func (w *town) current() string {
	w.t.Helper()
	v, ok := w.cloud.Current(w.tenant.Demo.Vault, w.tenant.Demo.Secret)
	if !ok {
		w.t.Fatal("consumers find no value in the vault")
	}
	return v
}

// check asserts what holds at every instant: what a consumer reads now is
// accepted by every token replica (SAFETY I1b), and at most two credentials of
// ours exist beyond the active one (I6).
func (w *town) check(when string) {
	w.t.Helper()
	if got, want := w.cloud.Accepts(w.tenant.Demo.ClientID, w.current()), w.cloud.World().Replicas(); got != want {
		w.t.Errorf("%s: what the vault holds is accepted by %d of %d replicas", when, got, want)
	}
	attempts := map[string]bool{} // twins that the wire made of one request count once
	for _, p := range w.cloud.Passwords(w.tenant.Demo.ClientID) {
		attempts[p.Name] = true
	}
	if n := len(attempts); n > 1+3+w.foreigners {
		w.t.Errorf("%s: %d secrets at once", when, n)
	}
}

// settled asserts what holds when all is quiet: exactly the new secret, in the
// vault and accepted; the old one refused; the log whole (I3, T10, T34).
func (w *town) settled(when string, r *rotation.Rotation, old string) {
	w.t.Helper()
	demo := w.tenant.Demo
	if r.State != rotation.Done {
		w.t.Errorf("%s: ended %s", when, where(r))
		return
	}
	list := w.cloud.Passwords(demo.ClientID)
	if len(list) != 1 || list[0].KeyID != r.Issued.KeyID {
		w.t.Errorf("%s: %d secrets are left, want just %s: %+v", when, len(list), r.Issued.KeyID, names(list))
	}
	if w.current() == old {
		w.t.Errorf("%s: the vault still holds the old value", when)
	}
	if n := w.cloud.Accepts(demo.ClientID, old); n != 0 {
		w.t.Errorf("%s: the old value is accepted by %d replicas", when, n)
	}
	for id, n := range w.sent {
		if n > 1 {
			w.t.Errorf("%s: request %s was on the wire %d times", when, id, n)
		}
	}
	if w.db == nil {
		w.start()
	}
	if _, err := w.log.Verify(context.Background(), w.db); err != nil {
		w.t.Errorf("%s: %v", when, err)
	}
}

func names(list []world.Password) (names []string) {
	for _, p := range list {
		names = append(names, p.KeyID+" "+p.Name)
	}
	return names
}

// audited is the whole audit log as text.
func (w *town) audited() string {
	w.t.Helper()
	var b strings.Builder
	if _, err := w.log.ExportAll(w.t.Context(), w.db, &b); err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}
