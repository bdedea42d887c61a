package daemon

import (
	"strings"
	"testing"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/inventory"
)

// A vault that makes the key pair itself leaves nothing behind but the entry.
func TestVaultMakesTheKeyPair(t *testing.T) {
	w := newTown(t, 0)
	w.close()
	w.config.Rotation.VaultPairs = true
	w.open()
	w.sync()
	nora, omar, ctx := w.as("nora", wire.GivenRoleAdministrator), w.as("omar", wire.GivenRoleAdministrator), t.Context()
	demo := w.tenant.DemoCertificate
	r, err := nora.Propose(ctx, wire.RotationRequest{Application: demo.ApplicationID, Credential: demo.KeyID, Reason: "ends"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := omar.Approve(ctx, r.ID, r.Hash); err != nil {
		t.Fatal(err)
	}
	for now, err := range nora.Watch(ctx, r.ID) {
		if err != nil {
			t.Fatal(err)
		}
		r = now
	}
	if r.State != wire.RotationStateDone {
		t.Errorf("ended %s at %s: %s", r.State, r.Current, r.Problem)
	}
	made := 0
	for _, f := range w.cloud.World().Facts("createCertificate") {
		if strings.Contains(f.Object, r.Attempts[0].Marker) {
			made++
		}
	}
	if made != 1 {
		t.Errorf("the vault made %d key pairs for this attempt, want 1", made)
	}
	w.cloud.World().Read(func() {
		for name := range w.cloud.World().Azure.Vaults[strings.ToLower(demo.Vault)].Certificates {
			if strings.Contains(name, "rk-") {
				t.Errorf("%s is left behind", name)
			}
		}
	})
	if w.daemon.around.pairs(inventory.Place{Vault: inventory.Embedded, Name: "x"}) != nil {
		t.Error("the embedded vault makes no key pairs")
	}
}
