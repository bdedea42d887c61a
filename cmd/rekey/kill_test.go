package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
)

// TestKillAtAnyMoment runs the real binary against the simulator, with several
// rotations under way, and ends it with SIGKILL again and again. Every rotation
// ends done, with exactly one valid secret of its own, no unknown one, and the
// audit log whole. REKEY_KILL says how often.
func TestKillAtAnyMoment(t *testing.T) {
	h := newHouse(t, "")
	h.start()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	kills, rotations, want := 0, 0, times(12)
	for kills < want {
		ids := h.propose(5)
		for range min(12, want-kills) {
			time.Sleep(time.Duration(150+rnd.IntN(1200)) * time.Millisecond)
			h.kill()
			h.start()
			kills++
		}
		h.allEnded(ids)
		rotations += len(ids)
		h.sync()
	}
	h.verified()
	h.once()
	t.Logf("%d kills, at random, on SQLite: %d rotations, %d of them without an outcome yet", kills, rotations, h.waiting)
}

// times is REKEY_KILL, or what make test has time for.
func times(usual int) int {
	if n, err := strconv.Atoi(os.Getenv("REKEY_KILL")); err == nil && n > 0 {
		return n
	}
	return usual
}

// house is one installation of the real binary beside a simulator, or one of its
// replicas.
type house struct {
	t        *testing.T
	cloud    *sim.Cloud
	proxy    *sim.Server
	folder   string
	database string // empty: SQLite in the folder
	address  string
	env      []string
	server   *exec.Cmd
	log      *bytes.Buffer
	tokens   map[string]string
	waiting  int // rotations that had lost as many answers as they may
}

func newHouse(t *testing.T, database string) *house {
	t.Helper()
	lag := world.Lag{Secret: 400 * time.Millisecond, List: 100 * time.Millisecond}
	cloud, err := sim.New(sim.Config{World: world.Config{Seed: 3, Lag: lag}})
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := cloud.Listen(context.Background(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.Close(); proxy.Close() })
	h := &house{t: t, cloud: cloud, proxy: proxy, database: database, tokens: map[string]string{}}
	h.furnish()
	for name, role := range map[string]string{"nora": "administrator", "omar": "administrator"} {
		file := filepath.Join(h.folder, name+".token")
		h.rekey("token", "create", name, "--person", name+"@contoso.com", "--role", role, "--lifetime", "1d", "--output-file", file)
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		h.tokens[name] = strings.TrimSpace(string(raw))
	}
	h.rekey("sync")
	return h
}

// sibling is another replica on the same database, which it reaches by address.
func (h *house) sibling(address string) *house {
	h.t.Helper()
	s := &house{t: h.t, cloud: h.cloud, proxy: h.proxy, database: address, tokens: h.tokens}
	s.furnish()
	for _, name := range []string{"master.key"} {
		raw, err := os.ReadFile(filepath.Join(h.folder, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(s.folder, name), raw, 0o600)
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
	return s
}

// furnish makes the data folder with its configuration.
func (h *house) furnish() {
	h.t.Helper()
	h.folder = h.t.TempDir()
	h.t.Cleanup(h.kill)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	h.address = free.Addr().String()
	free.Close()
	ca := filepath.Join(h.folder, "ca.pem")
	if err := h.proxy.WriteCA(ca); err != nil {
		h.t.Fatal(err)
	}
	tenant := h.cloud.Tenant()
	h.env = append(os.Environ(), "REKEY_DATA="+h.folder, "REKEY_DATABASE="+h.database,
		"REKEY_READER_CLIENT_SECRET="+tenant.Reader.Secret, "REKEY_WRITER_CLIENT_SECRET="+tenant.Writer.Secret)
	config := fmt.Sprintf(`listen: %s
proxy: %s
caFile: %s
tenant: {id: %s}
reader: {clientId: %s}
writer: {clientId: %s}
vaults:
  - {name: kv-contoso-prod, readValues: true}
  - {name: kv-contoso-finance, readValues: true}
rotation: {proof: 1s, overlap: 1s, watch: 2s, records: 1s}
`, h.address, h.proxy.URL(), ca, tenant.ID, tenant.Reader.ClientID, tenant.Writer.ClientID)
	if err := os.WriteFile(filepath.Join(h.folder, "rekey.yaml"), []byte(config), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// command is the program under test: this test binary, which is rekey when it is
// called so.
func (h *house) command(args ...string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	return &exec.Cmd{Path: exe, Args: append([]string{"rekey"}, args...), Env: h.env}
}

func (h *house) rekey(args ...string) {
	h.t.Helper()
	c := h.command(args...)
	if out, err := c.CombinedOutput(); err != nil {
		h.t.Fatalf("rekey %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// start starts the server, with more variables in its environment, and waits
// until it answers.
func (h *house) start(env ...string) {
	h.t.Helper()
	h.log = &bytes.Buffer{}
	h.server = h.command("serve")
	h.server.Env = append(slices.Clone(h.env), env...)
	h.server.Stdout, h.server.Stderr = h.log, h.log
	if err := h.server.Start(); err != nil {
		h.t.Fatal(err)
	}
	if len(env) > 0 {
		return // it may die before it answers
	}
	h.answers()
}

func (h *house) answers() {
	h.t.Helper()
	c := h.client("omar")
	for range 400 {
		if _, err := c.Me(h.t.Context()); err == nil {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	h.kill()
	h.t.Fatalf("the server did not come up:\n%s", h.log)
}

func (h *house) kill() {
	if h.server == nil || h.server.Process == nil {
		return
	}
	h.server.Process.Kill()
	h.server.Wait()
	h.server = nil
}

func (h *house) client(who string) *client.Client {
	h.t.Helper()
	c, err := client.New(client.Config{Server: "http://" + h.address, Token: func() string { return h.tokens[who] }})
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// sync reads the tenant again, so that the new secrets are known.
func (h *house) sync() {
	h.t.Helper()
	c := h.client("omar")
	s, err := c.StartSync(h.t.Context(), false)
	if err != nil {
		h.t.Fatal(err)
	}
	for s, err = range c.WatchSync(h.t.Context(), s.ID) {
		if err != nil {
			h.t.Fatal(err)
		}
	}
	if s.State != api.SyncStateDone {
		h.t.Fatalf("the reading ended %s: %s", s.State, s.Problem)
	}
}

// propose starts so many rotations, of secrets whose place is known, each of
// another application: its id by the client id.
func (h *house) propose(n int) map[string]string {
	h.t.Helper()
	nora, omar := h.client("nora"), h.client("omar")
	ids, why := map[string]string{}, []string{}
	for c, err := range nora.Credentials(h.t.Context(), api.ListCredentialsParams{Expiring: "400d", Kind: api.CredentialKindClientSecret}) {
		if err != nil {
			h.t.Fatal(err)
		}
		if len(ids) == n {
			break
		}
		if len(c.Places) == 0 || ids[c.Application.ClientID] != "" || !h.owned(c.Application.ClientID) {
			continue
		}
		r, err := nora.Propose(h.t.Context(), api.RotationRequest{Application: c.Application.ObjectID, Credential: c.KeyID, Reason: "test"}, "")
		if err != nil {
			why = append(why, c.Application.Name+": "+err.Error())
			continue
		}
		if _, err := omar.Approve(h.t.Context(), r.ID, r.Hash); err != nil {
			h.t.Fatal(err)
		}
		ids[c.Application.ClientID] = r.ID
	}
	if len(ids) < min(n, 3) {
		h.t.Fatalf("only %d rotations could be proposed: %s", len(ids), strings.Join(why, "\n"))
	}
	return ids
}

// owned reports whether the writer may renew the secrets of an application.
func (h *house) owned(clientID string) bool {
	a, ok := h.cloud.Application(clientID)
	return ok && slices.Contains(a.Owners, h.cloud.Tenant().Writer.PrincipalID)
}

func (h *house) allEnded(ids map[string]string) {
	h.t.Helper()
	for app, id := range ids {
		h.ended(app, id)
	}
}

// once checks that no request for a new secret, or for the end of one, was
// applied twice.
func (h *house) once() {
	h.t.Helper()
	seen := map[string]bool{}
	for _, f := range h.cloud.World().Facts("addPassword") {
		if f.By != h.cloud.Tenant().Writer.ClientID {
			continue
		}
		if seen[f.Request] || f.Request == "" {
			h.t.Errorf("request %q made a second secret %s", f.Request, f.Key)
		}
		seen[f.Request] = true
	}
	gone := map[string]bool{}
	for _, f := range h.cloud.World().Facts("removePassword") {
		if gone[f.Key] {
			h.t.Errorf("secret %s was removed twice", f.Key)
		}
		gone[f.Key] = true
	}
	if len(seen) == 0 {
		h.t.Error("no secret was made at all")
	}
}

// ended waits for a rotation and compares its end with the truth.
func (h *house) ended(clientID, id string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 6*time.Minute)
	defer cancel()
	var r api.Rotation
	for now, err := range h.client("nora").Watch(ctx, id) {
		if err == nil && strings.Contains(now.Problem, "attempts to issue were lost") { // as often as it may be (SAFETY I6)
			h.waiting++
			return
		}
		if err != nil {
			h.t.Fatalf("%s: %v; it was at %s: %s\n%s", id, err, r.Current, r.Problem, h.log)
		}
		r = now
	}
	if r.State != api.RotationStateDone {
		h.t.Errorf("%s ended %s: %s", id, r.State, r.Problem)
		return
	}
	want := map[string]bool{r.Issued.KeyID: true}
	for _, k := range r.Terms.Kept {
		want[k] = true
	}
	for _, p := range h.cloud.Passwords(clientID) {
		if !want[p.KeyID] {
			h.t.Errorf("%s: secret %s (%q) is left, which nobody knows", id, p.KeyID, p.Name)
		}
		delete(want, p.KeyID)
	}
	if want[r.Issued.KeyID] {
		h.t.Errorf("%s: the new secret is gone", id)
	}
	vault := strings.TrimSuffix(r.Terms.Place.Vault, ".vault.azure.net")
	value, ok := h.cloud.Current(vault, r.Terms.Place.Name)
	if n := h.cloud.Accepts(clientID, value); !ok || n != h.cloud.World().Replicas() {
		h.t.Errorf("%s: what %s/%s holds is accepted by %d replicas", id, vault, r.Terms.Place.Name, n)
	}
}

func (h *house) verified() {
	h.t.Helper()
	v, err := h.client("omar").VerifyAudit(h.t.Context(), "")
	if err != nil || !v.Ok {
		h.t.Errorf("audit: %v, %s", err, v.Problem)
	}
}
