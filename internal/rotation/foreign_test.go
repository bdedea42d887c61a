package rotation_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/sim/world"
)

// inTown runs a test in virtual time with a proposed rotation.
func inTown(t *testing.T, fn func(t *testing.T, w *town, r *rotation.Rotation)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, realLag)
		defer w.stop()
		w.start()
		r, err := w.keeper.Propose(context.Background(), nora, w.request())
		if err != nil {
			t.Fatal(err)
		}
		fn(t, w, r)
	})
}

// until carries the rotation on until it is at a step, or waits for a person.
func (w *town) until(id, step string) *rotation.Rotation {
	w.t.Helper()
	for range 100 {
		r := w.visit(id)
		if r.State != rotation.Open || r.Current().Name == step || r.Needs != "" {
			return r
		}
		time.Sleep(max(time.Until(r.Due), time.Second))
	}
	w.t.Fatalf("never came to %s", step)
	return nil
}

func (w *town) foreignSecret(label string) {
	w.foreigners++
	w.cloud.World().Change(func() {
		a := w.cloud.World().Directory.Applications[w.tenant.Demo.ApplicationID]
		a.Passwords = append(a.Passwords, &world.Password{
			KeyID: w.cloud.World().GUID(), Name: label, Text: "foreign8Q~0123456789012345678901234567890", Hint: "for",
			Starts: time.Now(), Ends: time.Now().AddDate(1, 0, 0),
		})
	})
}

// deploy writes a value into the vault behind rekey's back, as a pipeline does.
func (w *town) deploy(value string) {
	w.cloud.World().Change(func() {
		w.cloud.World().Azure.PutSecret(w.tenant.Demo.Vault, w.tenant.Demo.Secret, &world.SecretVersion{Value: value, Enabled: true})
	})
}

func TestForeignSecretBeforeTheStartVoidsTheApproval(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		if _, err := w.keeper.Approve(t.Context(), omar, r.ID, r.Hash); err != nil {
			t.Fatal(err)
		}
		w.foreignSecret("added by hand")
		r = w.live(r.ID, 10)
		if r.State != rotation.Void || !strings.Contains(r.Problem, "added by hand") {
			t.Errorf("ended %s, want void and the foreign secret named", where(r))
		}
		if n := len(w.cloud.World().Facts("addPassword")); n != 0 {
			t.Errorf("%d secrets were issued", n)
		}
	})
}

func TestForgedMarkerIsNotOurs(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		if _, err := w.keeper.Approve(t.Context(), omar, r.ID, r.Hash); err != nil {
			t.Fatal(err)
		}
		w.until(r.ID, "overlap")
		w.foreignSecret("D365 rk-aaaaaaaaaaaa")
		r = w.live(r.ID, 100)
		if r.State != rotation.Done {
			t.Fatalf("ended %s", where(r))
		}
		if n := len(w.cloud.Passwords(w.tenant.Demo.ClientID)); n != 2 {
			t.Errorf("%d secrets are left, want ours and the one with the forged marker", n)
		}
	})
}

func TestVaultChangedByOthersIsNotOverwritten(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		if _, err := w.keeper.Approve(t.Context(), omar, r.ID, r.Hash); err != nil {
			t.Fatal(err)
		}
		old := w.current()
		w.until(r.ID, "verify")
		w.deploy(old)
		r = w.until(r.ID, "propagate")
		if r.Current().Name != "deposit" || r.Needs == "" {
			t.Fatalf("it is %s, want parked at deposit", where(r))
		}
		if w.current() != old {
			t.Error("the foreign version was overwritten")
		}
	})
}

func TestOldValueDeployedAgainHoldsTheWithdrawBack(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		if _, err := w.keeper.Approve(t.Context(), omar, r.ID, r.Hash); err != nil {
			t.Fatal(err)
		}
		old := w.current()
		w.until(r.ID, "overlap")
		w.deploy(old)
		for range 20 {
			r = w.visit(r.ID)
			time.Sleep(max(time.Until(r.Due), time.Second))
		}
		if r.State != rotation.Open || r.Current().Name != "withdraw" || r.Needs == "" {
			t.Fatalf("it is %s, want parked at withdraw", where(r))
		}
		w.check("after the old value was deployed again")
	})
}

func TestWrongClockHoldsTheWithdrawBack(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		if _, err := w.keeper.Approve(t.Context(), omar, r.ID, r.Hash); err != nil {
			t.Fatal(err)
		}
		w.until(r.ID, "overlap")
		if err := w.cloud.World().Faults.Set(world.Fault{Name: world.SkewedClock, Delay: 26 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		r = w.until(r.ID, "watch")
		if w.removed(r.Terms.Old.KeyID) || !strings.Contains(r.Problem, "clock") {
			t.Errorf("it is %s, want the old secret held for the clock", where(r))
		}
	})
}

func TestCancelLeavesTheOldSecretAndNothingElse(t *testing.T) {
	for _, step := range []string{"issue", "verify", "deposit"} {
		t.Run(step, func(t *testing.T) {
			inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
				old := w.current()
				if _, err := w.keeper.Approve(t.Context(), omar, r.ID, r.Hash); err != nil {
					t.Fatal(err)
				}
				if step != "issue" {
					// Stop right before the first visit of the step.
					w.point = func() {}
					for r.Current().Name != step {
						stepOnce(t, w, r.ID)
						r, _ = w.keeper.Get(t.Context(), omar, r.ID)
					}
				}
				r, err := w.keeper.Cancel(t.Context(), nora, r.ID, "changed my mind")
				if err != nil {
					t.Fatal(err)
				}
				if r.State == rotation.Open {
					r = w.live(r.ID, 100)
				}
				if r.State != rotation.Cancelled {
					t.Errorf("ended %s", where(r))
				}
				if list := w.cloud.Passwords(w.tenant.Demo.ClientID); len(list) != 1 || list[0].Text != old {
					t.Errorf("left are %v, want just the old one", names(list))
				}
				if w.current() != old {
					t.Error("the vault changed")
				}
			})
		})
	}
}

// stepOnce carries a rotation on by virtual time until its step changes, by
// cancelling the context as soon as it has.
func stepOnce(t *testing.T, w *town, id string) {
	t.Helper()
	before, err := w.keeper.Get(t.Context(), omar, id)
	if err != nil {
		t.Fatal(err)
	}
	at := before.At
	w.point = func() {
		r, err := w.keeper.Get(context.Background(), omar, id)
		if err == nil && r.At != at {
			panic(crash{})
		}
	}
	defer func() { w.point = func() {} }()
	if r := w.visit(id); r == nil {
		w.start()
	} else {
		time.Sleep(max(time.Until(r.Due), time.Second))
	}
}

func TestNobodyApprovesTheirOwnProposal(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		self := omar
		self.ID, self.Person = "token:second-token", nora.Person
		for _, by := range []access.Actor{nora, self} {
			_, err := w.keeper.Approve(t.Context(), by, r.ID, r.Hash)
			if _, ok := errors.AsType[*access.DeniedError](err); !ok {
				t.Errorf("%s: got %v, want a denial", by.ID, err)
			}
		}
	})
}

func TestNobodyApprovesWithATokenThatTheProposerMade(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		puppet := omar
		puppet.Issuer = nora.Person
		_, err := w.keeper.Approve(t.Context(), puppet, r.ID, r.Hash)
		if _, ok := errors.AsType[*access.DeniedError](err); !ok {
			t.Errorf("got %v, want a denial", err)
		}
	})
}

func TestApprovalBindsTheTerms(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		changes := map[string]func(*rotation.Terms){
			"application": func(x *rotation.Terms) { x.Application.ObjectID = "other" },
			"tenant":      func(x *rotation.Terms) { x.Application.Tenant = "other" },
			"old":         func(x *rotation.Terms) { x.Old.KeyID = "other" },
			"old end":     func(x *rotation.Terms) { x.Old.Expires = x.Old.Expires.Add(time.Second) },
			"kept":        func(x *rotation.Terms) { x.Kept = append(x.Kept, "other") },
			"vault":       func(x *rotation.Terms) { x.Place.Vault = "other" },
			"name":        func(x *rotation.Terms) { x.Place.Name = "other" },
			"version":     func(x *rotation.Terms) { x.Place.Version = "other" },
			"consumers":   func(x *rotation.Terms) { x.Consumers = nil },
			"lifetime":    func(x *rotation.Terms) { x.Lifetime++ },
			"timing":      func(x *rotation.Terms) { x.Timing.Overlap = 0 },
			"plan":        func(x *rotation.Terms) { x.Plan = "other" },
			"end":         func(x *rotation.Terms) { x.Expires = x.Expires.Add(time.Hour) },
			"label":       func(x *rotation.Terms) { x.Label = "other" },
		}
		for name, change := range changes {
			terms := r.Terms
			change(&terms)
			if terms.Hash() == r.Hash {
				t.Errorf("a change of %s does not change the hash", name)
			}
			if _, err := w.keeper.Approve(t.Context(), omar, r.ID, terms.Hash()); err == nil {
				t.Fatalf("a changed %s was approved", name)
			}
		}
		if _, err := w.keeper.Approve(t.Context(), omar, r.ID, r.Hash); err != nil {
			t.Error(err)
		}
	})
}

func TestOneOfManyApprovalsWins(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		var mu sync.Mutex
		var group sync.WaitGroup
		won := 0
		for range 50 {
			group.Go(func() {
				if _, err := w.keeper.Approve(context.Background(), omar, r.ID, r.Hash); err == nil {
					mu.Lock()
					won++
					mu.Unlock()
				}
			})
		}
		group.Wait()
		if won != 1 {
			t.Errorf("%d approvals won, want 1", won)
		}
	})
}

func TestProposalEndsByItself(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		time.Sleep(73 * time.Hour)
		r = w.live(r.ID, 3)
		if r.State != rotation.Refused {
			t.Errorf("it is %s, want refused", where(r))
		}
	})
}

func TestOneRotationPerApplication(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		if _, err := w.keeper.Propose(t.Context(), omar, w.request()); !errors.Is(err, rotation.ErrOpen) || !strings.Contains(err.Error(), r.ID) {
			t.Errorf("got %v, want ErrOpen naming %s", err, r.ID)
		}
	})
}

func TestOtherTenantsSeeNothing(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		stranger := omar
		stranger.Tenant = "11111111-1111-4111-8111-111111111111"
		if _, err := w.keeper.Get(t.Context(), stranger, r.ID); !errors.Is(err, rotation.ErrNotFound) {
			t.Errorf("get: %v", err)
		}
		if _, err := w.keeper.Approve(t.Context(), stranger, r.ID, r.Hash); !errors.Is(err, rotation.ErrNotFound) {
			t.Errorf("approve: %v", err)
		}
		if list, _, err := w.keeper.List(t.Context(), stranger, rotation.Filter{}); err != nil || len(list) != 0 {
			t.Errorf("list: %d, %v", len(list), err)
		}
		if _, err := w.keeper.Plan(t.Context(), stranger, w.request()); err == nil {
			t.Error("planned for another tenant")
		}
	})
}

func TestConsumerThatDoesNotFollowTheVaultBlocksTheWithdraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, realLag)
		defer w.stop()
		w.start()
		q := w.request()
		q.Consumers = append(q.Consumers, rotation.Use{Consumer: "Partner portal", Reference: "typed in by hand"})
		r, err := w.keeper.Propose(t.Context(), nora, q)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.keeper.Approve(t.Context(), omar, r.ID, r.Hash); err != nil {
			t.Fatal(err)
		}
		r = w.until(r.ID, "overlap")
		if r.Current().Name != "propagate" || !strings.Contains(r.Problem, "Partner portal") {
			t.Fatalf("it is %s, want parked at propagate", where(r))
		}
		if _, err := w.keeper.Confirm(t.Context(), nora, r.ID, "Partner portal", "signed in there, invoice 4711 went out"); err != nil {
			t.Fatal(err)
		}
		if r = w.live(r.ID, 100); r.State != rotation.Done {
			t.Errorf("ended %s", where(r))
		}
	})
}

func TestIntoTheEmbeddedVault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, realLag)
		defer w.stop()
		w.start()
		q := w.request()
		q.Place = inventory.Place{Vault: inventory.Embedded, Name: "basware"}
		q.Consumers = []rotation.Use{{Consumer: "Basware", Reference: q.Place.String()}}
		r, err := w.keeper.Propose(t.Context(), nora, q)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.keeper.Approve(t.Context(), omar, r.ID, r.Hash); err != nil {
			t.Fatal(err)
		}
		if r = w.live(r.ID, 100); r.State != rotation.Done {
			t.Fatalf("ended %s", where(r))
		}
		sys, err := w.keeper.Systems(w.tenant.ID, inventory.InApplications)
		if err != nil {
			t.Fatal(err)
		}
		vault, err := sys.Vault(inventory.Embedded)
		if err != nil {
			t.Fatal(err)
		}
		d, err := vault.Get(t.Context(), "basware")
		if err != nil {
			t.Fatal(err)
		}
		if err := sys.Verifier.SignIn(t.Context(), r.Terms.Application, d.Value); err != nil {
			t.Errorf("the value in the embedded vault does not sign in: %v", err)
		}
	})
}
