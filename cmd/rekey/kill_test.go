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
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
)

// TestKillTheServerAtAnyMoment runs the real binary against the simulator, with
// several rotations under way, and ends it with SIGKILL again and again. Every
// rotation ends done, with exactly one valid secret of its own, no unknown one,
// and the audit log whole.
func TestKillTheServerAtAnyMoment(t *testing.T) {
	h := newHouse(t)
	h.start()
	ids := h.propose(5)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 12 {
		time.Sleep(time.Duration(150+rnd.IntN(1200)) * time.Millisecond)
		h.kill()
		h.start()
	}
	for app, id := range ids {
		h.ended(app, id)
	}
	h.verified()
}

// house is one installation of the real binary beside a simulator.
type house struct {
	t       *testing.T
	cloud   *sim.Cloud
	folder  string
	address string
	env     []string
	server  *exec.Cmd
	log     *bytes.Buffer
	tokens  map[string]string
}

func newHouse(t *testing.T) *house {
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
	h := &house{t: t, cloud: cloud, folder: t.TempDir(), tokens: map[string]string{}}
	t.Cleanup(func() { h.kill(); cloud.Close(); proxy.Close() })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.address = free.Addr().String()
	free.Close()
	ca := filepath.Join(h.folder, "ca.pem")
	if err := proxy.WriteCA(ca); err != nil {
		t.Fatal(err)
	}
	tenant := cloud.Tenant()
	h.env = append(os.Environ(), "REKEY_DATA="+h.folder,
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
rotation: {proof: 1s, overlap: 1s, watch: 2s}
`, h.address, proxy.URL(), ca, tenant.ID, tenant.Reader.ClientID, tenant.Writer.ClientID)
	if err := os.WriteFile(filepath.Join(h.folder, "rekey.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, role := range map[string]string{"nora": "user", "omar": "administrator"} {
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

func (h *house) start() {
	h.t.Helper()
	h.log = &bytes.Buffer{}
	h.server = h.command("serve")
	h.server.Stdout, h.server.Stderr = h.log, h.log
	if err := h.server.Start(); err != nil {
		h.t.Fatal(err)
	}
	c := h.client("omar")
	for range 200 {
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

// propose starts so many rotations, of secrets that end soon and whose place is known.
func (h *house) propose(n int) map[string]string {
	h.t.Helper()
	nora, omar := h.client("nora"), h.client("omar")
	ids, why := map[string]string{}, []string{}
	for c, err := range nora.Credentials(h.t.Context(), api.ListCredentialsParams{Expiring: "90d"}) {
		if err != nil {
			h.t.Fatal(err)
		}
		if len(ids) == n {
			break
		}
		if len(c.Places) == 0 || ids[c.Application.ClientID] != "" {
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
	if len(ids) < 3 {
		h.t.Fatalf("only %d rotations could be proposed: %s", len(ids), strings.Join(why, "\n"))
	}
	return ids
}

// ended waits for a rotation and compares its end with the truth.
func (h *house) ended(clientID, id string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 3*time.Minute)
	defer cancel()
	var r api.Rotation
	for now, err := range h.client("nora").Watch(ctx, id) {
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
