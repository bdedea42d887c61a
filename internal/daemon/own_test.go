package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/secret"
)

// What rekey signs in as is renewed, and the old secret goes only after a start
// with the new one worked (SAFETY F33).
func TestOwnCredentialIsKeptUntilAStartWorked(t *testing.T) {
	w := newTown(t, 0)
	w.close()
	file := filepath.Join(t.TempDir(), "writer.secret")
	if err := secret.WriteFile(file, []byte(w.tenant.Writer.Secret+"\n")); err != nil {
		t.Fatal(err)
	}
	world := w.cloud.World()
	world.Change(func() {
		for _, a := range world.Directory.Applications {
			if a.AppID == w.tenant.Writer.ClientID {
				a.Owners = append(a.Owners, w.tenant.Writer.PrincipalID)
			}
		}
	})
	w.config.Writer.ClientSecretFile = file
	w.open()
	w.sync()
	nora, omar, ctx := w.as("nora", wire.GivenRoleAdministrator), w.as("omar", wire.GivenRoleAdministrator), t.Context()
	r, err := nora.Propose(ctx, wire.RotationRequest{Application: "rekey-writer", Reason: "ends"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if r.Terms.Place.Vault != "file" || len(r.Terms.Consumers) == 0 {
		t.Fatalf("proposed %+v", r.Terms)
	}
	if _, err := omar.Approve(ctx, r.ID, r.Hash); err != nil {
		t.Fatal(err)
	}
	for now, err := range nora.Watch(ctx, r.ID) {
		if err != nil {
			t.Fatal(err)
		}
		if now.Current == "propagate" && strings.Contains(now.Needs, "start it again") {
			break
		}
		if now.State != wire.RotationStateOpen {
			t.Fatalf("ended %s: %s", now.State, now.Problem)
		}
	}
	if n := w.cloud.Accepts(w.tenant.Writer.ClientID, w.tenant.Writer.Secret); n == 0 {
		t.Fatal("the old secret is refused before rekey was started with the new one")
	}
	w.close()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fresh := strings.TrimSpace(string(raw))
	if fresh == w.tenant.Writer.Secret {
		t.Fatal("the file holds the old secret")
	}
	w.config.Writer.ClientSecret = secret.New(fresh)
	w.open()
	omar = w.as("omar2", wire.GivenRoleAdministrator)
	w.daemon.carry()
	deadline := time.Now().Add(3 * time.Minute)
	for now, err := range omar.Watch(ctx, r.ID) {
		if err != nil {
			t.Fatal(err)
		}
		if r = now; time.Now().After(deadline) {
			break
		}
	}
	if r.State != wire.RotationStateDone || w.cloud.Accepts(w.tenant.Writer.ClientID, w.tenant.Writer.Secret) != 0 || w.cloud.Accepts(w.tenant.Writer.ClientID, fresh) == 0 {
		t.Errorf("ended %s at %s: %s", r.State, r.Current, r.Problem)
	}
}
