package rotation_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/sim/world"
)

// The museum keeps every fault that reading or chaos has found, each as the
// shortest course that shows it. None of them may ever come back.

// approved begins the rotation that inTown proposed.
func (w *town) approved(r *rotation.Rotation) *rotation.Rotation {
	w.t.Helper()
	r, err := w.keeper.Approve(context.Background(), omar, r.ID, r.Hash)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// sleep carries the rotation on for so long, whether it waits for a person or not.
func (w *town) carry(id string, d time.Duration) *rotation.Rotation {
	w.t.Helper()
	end := time.Now().Add(d)
	for {
		r := w.visit(id)
		if r.State != rotation.Open || !time.Now().Before(end) {
			return r
		}
		time.Sleep(max(min(time.Until(r.Due), time.Until(end)), time.Second))
	}
}

func (w *town) fault(f world.Fault) {
	w.t.Helper()
	if err := w.cloud.World().Faults.Set(f); err != nil {
		w.t.Fatal(err)
	}
}

func (w *town) removed(keyID string) bool {
	return slices.ContainsFunc(w.cloud.World().Facts("removePassword"), func(f world.Fact) bool { return f.Key == keyID })
}

// drop takes a secret away behind rekey's back.
func (w *town) drop(keyID string) {
	w.cloud.World().Change(func() {
		a := w.cloud.World().Directory.Applications[w.tenant.Demo.ApplicationID]
		for i, p := range a.Passwords {
			if p.KeyID == keyID {
				gone := *p
				gone.Removed = time.Now()
				a.Passwords[i] = &gone
			}
		}
	})
}

// A Date header that is a day ahead for a while must not end the overlap: old
// and new both work for as long as was approved (SAFETY F40, I7).
func TestSkewForAWhileDoesNotShortenTheOverlap(t *testing.T) {
	for name, skew := range map[string]time.Duration{"ahead during the overlap": 26 * time.Hour, "behind at the deposit": -26 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
				w.approved(r)
				if skew > 0 {
					r = w.until(r.ID, "overlap")
				}
				w.fault(world.Fault{Name: world.SkewedClock, Delay: skew})
				began := time.Now()
				r = w.carry(r.ID, 8*time.Hour)
				w.cloud.World().Faults.Clear("")
				r = w.carry(r.ID, 14*time.Hour)
				if w.removed(r.Terms.Old.KeyID) {
					t.Fatalf("the old secret went %s after the switch", time.Since(began))
				}
				if r = w.live(r.ID, 200); r.State != rotation.Done {
					t.Errorf("ended %s", where(r))
				}
			})
		})
	}
}

// Somebody else's version in the vault parks the deposit and tells the person to
// cancel; then cancelling has to be possible.
func TestParkedDepositCanBeCancelled(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		old := w.current()
		w.until(r.ID, "verify")
		w.deploy(old)
		if r = w.until(r.ID, "propagate"); r.Current().Name != "deposit" {
			t.Fatalf("it is %s", where(r))
		}
		r, err := w.keeper.Cancel(t.Context(), omar, r.ID, "it was us")
		if err != nil {
			t.Fatal(err)
		}
		if r = w.live(r.ID, 100); r.State != rotation.Cancelled {
			t.Errorf("ended %s", where(r))
		}
		if list := w.cloud.Passwords(w.tenant.Demo.ClientID); len(list) != 1 || w.current() != old {
			t.Errorf("left are %v", names(list))
		}
	})
}

// A vault whose firewall refuses every write has surely changed nothing, so the
// rotation can still be cancelled.
func TestRefusedDepositCanBeCancelled(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		w.until(r.ID, "verify")
		w.fault(world.Fault{Name: world.Firewall, Match: putSecret})
		if r = w.carry(r.ID, 2*time.Hour); r.Current().Name != "deposit" {
			t.Fatalf("it is %s", where(r))
		}
		if _, err := w.keeper.Cancel(t.Context(), omar, r.ID, "no"); err != nil {
			t.Fatal(err)
		}
		if r = w.live(r.ID, 100); r.State != rotation.Cancelled {
			t.Errorf("ended %s", where(r))
		}
		w.check("after the cancel")
	})
}

// As long as a write to the vault may still be on its way, there is no way back.
func TestUnansweredDepositCannotBeCancelled(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		w.until(r.ID, "verify")
		w.fault(world.Fault{Name: world.LateEffect, Match: putSecret, Times: 1, Delay: 20 * time.Minute})
		w.fault(world.Fault{Name: world.Firewall, Match: putSecret})
		if r = w.carry(r.ID, 10*time.Minute); r.Current().Name != "deposit" {
			t.Fatalf("it is %s", where(r))
		}
		if _, err := w.keeper.Cancel(t.Context(), omar, r.ID, "no"); !errors.Is(err, rotation.ErrConflict) {
			t.Fatalf("cancel: %v, want ErrConflict", err)
		}
		w.cloud.World().Faults.Clear("")
		old := ""
		r = w.live(r.ID, 200)
		w.settled("a late write", r, old)
	})
}

// A need that is met is no longer shown, even while something else fails.
func TestFailureDoesNotKeepAnOlderNeed(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		w.until(r.ID, "verify")
		w.fault(world.Fault{Name: world.ConditionalAccess})
		if r = w.carry(r.ID, 10*time.Minute); r.Needs == "" {
			t.Fatalf("it is %s", where(r))
		}
		w.cloud.World().Faults.Clear("")
		w.fault(world.Fault{Name: world.LostAnswer, Match: signIn})
		if r = w.carry(r.ID, time.Hour); r.Needs != "" || !strings.Contains(r.Problem, "cannot sign in") {
			t.Errorf("it is %s", where(r))
		}
	})
}

// What ended a rotation is still told after what it had made is cleared away.
func TestVoidAndCancelTellTheirReasonAtTheEnd(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		w.fault(world.Fault{Name: world.LateEffect, Match: addPassword, Times: 1, Delay: 3 * time.Hour})
		w.visit(r.ID)
		w.foreignSecret("added by hand")
		r = w.live(r.ID, 100)
		time.Sleep(4 * time.Hour)
		if list := w.cloud.Passwords(w.tenant.Demo.ClientID); len(list) != 2 {
			t.Errorf("left are %v, want the old one and the foreign one", names(list))
		}
		if r.State != rotation.Void || !strings.Contains(r.Problem, "added by hand") {
			t.Errorf("ended %s, want void and why", where(r))
		}
	})
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		w.until(r.ID, "verify")
		if _, err := w.keeper.Cancel(t.Context(), omar, r.ID, "wrong vault"); err != nil {
			t.Fatal(err)
		}
		r = w.live(r.ID, 100)
		if r.State != rotation.Cancelled || !strings.Contains(r.Problem, "Omar") || !strings.Contains(r.Problem, "wrong vault") {
			t.Errorf("ended %s, want cancelled, by whom and why", where(r))
		}
	})
}

// An application that is deleted under way ends its rotation at every step
// (SAFETY F26), but not before a day has passed: it may be restored.
func TestDeletedApplicationEndsTheRotation(t *testing.T) {
	for _, step := range []string{"issue", "verify", "overlap", "watch"} {
		t.Run(step, func(t *testing.T) {
			inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
				w.approved(r)
				if step != "issue" {
					w.until(r.ID, step)
				}
				d := &w.cloud.World().Directory
				var app *world.Application
				w.cloud.World().Change(func() {
					app = d.Applications[w.tenant.Demo.ApplicationID]
					d.DeleteApplication(app)
				})
				if r = w.carry(r.ID, 3*time.Hour); r.State != rotation.Open || r.Problem == "" {
					t.Fatalf("after three hours it is %s", where(r))
				}
				r = w.carry(r.ID, 72*time.Hour)
				if r.State == rotation.Open || !strings.Contains(r.Problem, "delete") {
					t.Errorf("it is %s, want ended because the application was deleted", where(r))
				}
			})
		})
	}
}

func TestRestoredApplicationGoesOn(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		old := w.current()
		w.approved(r)
		w.until(r.ID, "overlap")
		d := &w.cloud.World().Directory
		w.cloud.World().Change(func() { d.DeleteApplication(d.Applications[w.tenant.Demo.ApplicationID]) })
		w.carry(r.ID, 10*time.Hour)
		w.cloud.World().Change(func() {
			d.RestoreApplication(d.Deleted[w.tenant.Demo.ApplicationID])
			for _, s := range d.DeletedPrincipals {
				d.RestoreServicePrincipal(s)
			}
		})
		r = w.live(r.ID, 200)
		w.settled("restored", r, old)
	})
}

// One consumer with two references is confirmed as a whole.
func TestConsumerWithTwoReferencesIsConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, realLag)
		defer w.stop()
		w.start()
		q := w.request()
		q.Consumers = []rotation.Use{{Consumer: "Portal", Reference: w.place.String()}, {Consumer: "Portal", Reference: "typed in"}, {Consumer: "Portal", Reference: "typed in again"}}
		r, err := w.keeper.Propose(t.Context(), nora, q)
		if err != nil {
			t.Fatal(err)
		}
		w.approved(r)
		r = w.until(r.ID, "overlap")
		if _, err := w.keeper.Confirm(t.Context(), nora, r.ID, "Portal", "seen"); err != nil {
			t.Fatal(err)
		}
		if r = w.live(r.ID, 100); r.State != rotation.Done {
			t.Errorf("ended %s", where(r))
		}
	})
}

// A token endpoint that is busy has refused nobody.
func TestThrottledSignInIsNoRefusal(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		w.until(r.ID, "verify")
		w.fault(world.Fault{Name: world.Throttled, Match: signIn, Times: 2, Value: "7"})
		if r = w.carry(r.ID, 10*time.Minute); r.Current().Name != "overlap" || r.Needs != "" {
			t.Errorf("it is %s, want past the deposit", where(r))
		}
	})
}

// A cache that replays one token proves nothing, visit after visit (SAFETY F16).
func TestReplayedTokenNeverCountsTwice(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		w.until(r.ID, "verify")
		w.carry(r.ID, 90*time.Second)
		w.fault(world.Fault{Name: world.TokenCache, Match: signIn})
		r = w.carry(r.ID, 2*time.Hour)
		if r.Current().Name != "verify" {
			t.Errorf("it is %s, want still at verify", where(r))
		}
		w.cloud.World().Faults.Clear("")
		if r = w.live(r.ID, 200); r.State != rotation.Done {
			t.Errorf("ended %s", where(r))
		}
	})
}

// A process that slept between its list and its withdrawal must not take what
// another has adopted meanwhile (SAFETY F36).
func TestSleeperDoesNotWithdrawWhatAnotherAdopted(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		w.fault(world.Fault{Name: world.Throttled, Match: addPassword, Times: 1})
		r = w.visit(r.ID) // the attempt was declined; its marker is used again
		time.Sleep(time.Until(r.Due))

		// The other process reads the row and sleeps ahead of its list; what it
		// gets is the list of later, and then it sleeps again.
		other := w.hire(w.db, w.ring, func(s spot) {
			if s.request.Method != "GET" || !strings.Contains(s.request.URL.Path, "/applications/") {
				return
			}
			if !s.after {
				time.Sleep(2 * time.Minute)
			} else {
				time.Sleep(5 * time.Minute)
			}
		})
		first := make(chan error)
		go func() { first <- other.Advance(context.Background(), w.tenant.ID, r.ID) }()
		time.Sleep(time.Second)
		w.point = func() { w.check("beside a sleeper") }
		r = w.carry(r.ID, 20*time.Minute)
		if err := <-first; err != nil {
			t.Fatal(err)
		}
		if w.removed(r.Issued.KeyID) {
			t.Fatal("the secret that consumers read was withdrawn")
		}
		if r = w.live(r.ID, 200); r.State != rotation.Done {
			t.Errorf("ended %s", where(r))
		}
	})
}

// A process that slept between its intention and its request does not send it
// when it wakes: others have gone on long since (SAFETY F36).
func TestSleeperDoesNotSendItsRequestLater(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		old := w.current()
		w.approved(r)
		var slept atomic.Bool
		w.spot = func(s spot) {
			if s.commit && s.after && slept.CompareAndSwap(false, true) { // of the intention to issue
				time.Sleep(10 * time.Minute)
			}
		}
		other := w.hire(w.db, w.ring, func(spot) {})
		done := make(chan error)
		go func() { done <- other.Advance(context.Background(), w.tenant.ID, r.ID) }()
		time.Sleep(time.Second)
		r = w.carry(r.ID, 20*time.Minute)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if n := len(w.cloud.World().Facts("addPassword")); !slept.Load() || n != 1 {
			t.Errorf("%d secrets were made, want 1", n)
		}
		r = w.live(r.ID, 200)
		w.settled("beside a sleeper", r, old)
	})
}

// A second credential that one request made is gone within hours, not only when
// the overlap is over (SAFETY F6, T12).
func TestDuplicateIsGoneWithinHours(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		w.fault(world.Fault{Name: world.Duplicate, Match: addPassword})
		w.carry(r.ID, 8*time.Hour)
		if list := w.cloud.Passwords(w.tenant.Demo.ClientID); len(list) != 2 {
			t.Errorf("after eight hours there are %v, want the old and the new one", names(list))
		}
	})
}

// A rotation does not end well while what consumers read is refused, whoever
// made it so (SAFETY F20).
func TestDeadValueInTheVaultIsNoticedUntilTheEnd(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		old := w.current()
		w.until(r.ID, "watch")
		w.carry(r.ID, 2*time.Hour)
		ours := w.current()
		w.deploy(old)
		r = w.carry(r.ID, 48*time.Hour)
		if r.State != rotation.Open || r.Needs == "" || !strings.Contains(r.Problem, "vault") && !strings.Contains(r.Problem, w.place.String()) {
			t.Fatalf("it is %s, want parked because of the vault", where(r))
		}
		w.deploy(ours)
		if r = w.live(r.ID, 200); r.State != rotation.Done {
			t.Errorf("ended %s", where(r))
		}
	})
}

// A new secret that somebody removed while the vault could not be reached is not
// deposited afterwards.
func TestRemovedSecretIsNotDeposited(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		w.until(r.ID, "verify")
		w.fault(world.Fault{Name: world.Firewall})
		r = w.carry(r.ID, time.Hour)
		if r.Current().Name != "deposit" {
			t.Fatalf("it is %s", where(r))
		}
		w.drop(r.Issued.KeyID)
		time.Sleep(5 * time.Minute)
		w.cloud.World().Faults.Clear("")
		w.point = func() { w.check("after the new secret was removed") }
		r = w.carry(r.ID, 2*time.Hour)
		if r.Current().Name != "deposit" || r.Needs == "" {
			t.Errorf("it is %s, want parked at the deposit", where(r))
		}
		if _, err := w.keeper.Cancel(t.Context(), omar, r.ID, "somebody removed it"); err != nil {
			t.Error(err)
		}
	})
}

// What the issuer answered is written down although we are told to stop.
func TestShutdownDuringTheRequestKeepsTheAnswer(t *testing.T) {
	for name, f := range map[string]world.Fault{"answered": {}, "declined": {Name: world.Throttled, Match: addPassword, Times: 1}} {
		t.Run(name, func(t *testing.T) {
			inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
				w.approved(r)
				if f.Name != "" {
					w.fault(f)
				}
				ctx, cancel := context.WithCancel(context.Background())
				w.spot = func(s spot) {
					if s.request != nil && strings.HasSuffix(s.request.URL.Path, "addPassword") {
						cancel()
					}
				}
				if err := w.keeper.Advance(ctx, w.tenant.ID, r.ID); err != nil && !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				w.spot = func(spot) {}
				r, err := w.keeper.Get(t.Context(), omar, r.ID)
				if err != nil {
					t.Fatal(err)
				}
				want := rotation.Adopted
				if f.Name != "" {
					want = rotation.Declined
				}
				if r.Attempts[0].State != want {
					t.Errorf("the attempt is %s, want %s", r.Attempts[0].State, want)
				}
				r = w.live(r.ID, 200)
				if n := len(w.cloud.World().Facts("addPassword")); r.State != rotation.Done || n != 1 {
					t.Errorf("ended %s after %d secrets", where(r), n)
				}
			})
		})
	}
}

// A withdrawal of a stray is in the audit log although the process dies right
// after it (SAFETY I9).
func TestStrayIsNeverWithdrawnUnrecorded(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		w.fault(world.Fault{Name: world.LostAnswer, Match: addPassword, Times: 1})
		w.spot = func(s spot) {
			if s.after && s.request != nil && strings.HasSuffix(s.request.URL.Path, "removePassword") {
				panic(crash{})
			}
		}
		var gone string
		for range 20 {
			if got := w.visit(r.ID); got == nil {
				gone = w.cloud.World().Facts("removePassword")[0].Key
				break
			} else {
				time.Sleep(max(time.Until(got.Due), time.Second))
			}
		}
		w.spot = func(spot) {}
		w.start()
		if !strings.Contains(w.audited(), gone) {
			t.Errorf("secret %s was withdrawn, and the audit log does not know", gone)
		}
	})
}

// An effect so late that the rotation is over is withdrawn when the inventory
// sees it; what is in use, forged or older than the request is not touched.
func TestStrayAfterTheEnd(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		w.fault(world.Fault{Name: world.LateEffect, Match: addPassword, Times: 1, Delay: 100 * time.Hour})
		r = w.live(r.ID, 200)
		if r.State != rotation.Done {
			t.Fatalf("ended %s", where(r))
		}
		time.Sleep(100 * time.Hour)
		w.foreignSecret("Basware rk-aaaaaaaaaaaa")
		w.foreignSecret("rk-in-the-name")
		if n := len(w.cloud.Passwords(w.tenant.Demo.ClientID)); n != 4 {
			t.Fatalf("%d secrets, want the new one, a late one and two foreign ones", n)
		}
		for range 2 {
			time.Sleep(15 * time.Minute)
			w.strays()
		}
		list := w.cloud.Passwords(w.tenant.Demo.ClientID)
		if len(list) != 3 || !slices.ContainsFunc(list, func(p world.Password) bool { return p.KeyID == r.Issued.KeyID }) {
			t.Errorf("left are %v, want the new one and the two foreign ones", names(list))
		}
	})
}

// A marker that somebody copied long after the request is theirs, not ours.
func TestCopiedMarkerIsNotWithdrawn(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		r = w.live(r.ID, 200)
		time.Sleep(60 * 24 * time.Hour)
		w.foreignSecret("Basware " + r.Attempts[0].Marker)
		w.strays()
		if n := len(w.cloud.Passwords(w.tenant.Demo.ClientID)); n != 2 {
			t.Errorf("%d secrets are left, want 2", n)
		}
	})
}

// strays does what follows a sync of the inventory.
func (w *town) strays() {
	w.t.Helper()
	sys, err := w.keeper.Systems(w.tenant.ID, inventory.InApplications)
	if err != nil {
		w.t.Fatal(err)
	}
	seen, err := sys.Issuer.Credentials(w.t.Context(), w.request().Application)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.keeper.Strays(w.t.Context(), w.tenant.ID, slices.DeleteFunc(seen, func(c inventory.Credential) bool { return c.Kind != inventory.ClientSecret })); err != nil {
		w.t.Error(err)
	}
}

// A machine that was suspended between the last look and the withdrawal looks
// again when it wakes: somebody has brought the old value back meanwhile.
func TestSuspendedWithdrawLooksAgain(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		old := w.current()
		w.until(r.ID, "overlap")
		time.Sleep(25 * time.Hour)
		signIns, slept := 0, false
		w.spot = func(s spot) {
			w.check("around a suspension")
			if s.request == nil || !s.after || !strings.HasSuffix(s.request.URL.Path, "/token") || slept {
				return
			}
			if signIns++; signIns == 3 { // what the vault holds was just proved
				slept = true
				time.Sleep(2 * time.Hour)
				w.deploy(old)
			}
		}
		r = w.carry(r.ID, 8*time.Hour)
		if !slept || r.State != rotation.Open || r.Current().Name != "withdraw" || r.Needs == "" {
			t.Errorf("slept %v, it is %s; want parked at withdraw", slept, where(r))
		}
		if w.removed(r.Terms.Old.KeyID) {
			t.Error("the old secret was withdrawn while consumers read it")
		}
	})
}

// An approval that ends during a long outage gives leave to nothing any more:
// whatever a lost request made before is withdrawn, and nothing new is asked for.
func TestApprovalEndsDuringAnOutage(t *testing.T) {
	for name, lost := range map[string]bool{"before the first request": false, "after a lost one": true} {
		t.Run(name, func(t *testing.T) {
			inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
				old := w.current()
				r = w.approved(r)
				if lost {
					w.fault(world.Fault{Name: world.LostAnswer, Match: addPassword, Times: 1})
					w.visit(r.ID)
				}
				w.fault(world.Fault{Name: world.ErrorBefore})
				w.carry(r.ID, 80*time.Hour)
				w.cloud.World().Faults.Clear("")
				r = w.live(r.ID, 100)
				if r.State != rotation.Void || !strings.Contains(r.Problem, "approval") {
					t.Errorf("ended %s, want void and the approval named", where(r))
				}
				for _, a := range r.Attempts {
					if a.Sent.After(r.Consent.Expires) {
						t.Errorf("attempt %s was sent after the approval", a.Marker)
					}
				}
				if list := w.cloud.Passwords(w.tenant.Demo.ClientID); len(list) != 1 || w.current() != old {
					t.Errorf("left are %v", names(list))
				}
			})
		})
	}
}

// "Removed" is said only after the old value was really refused (SAFETY T10).
func TestRemovedIsSaidAfterARefusal(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		r = w.live(r.ID, 200)
		last := r.Steps[len(r.Steps)-1]
		if r.State != rotation.Done || !strings.Contains(last.Evidence, "refused (AADSTS7000215)") {
			t.Errorf("ended %s with %q", where(r), last.Evidence)
		}
	})
}

// A new secret that somebody removed at the last moment holds the old one, and the
// person is told what is the matter.
func TestNewSecretRemovedHoldsTheOldOne(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		r = w.until(r.ID, "overlap")
		for r.Current().Name != "withdraw" {
			stepOnce(t, w, r.ID)
			r, _ = w.keeper.Get(t.Context(), omar, r.ID)
		}
		w.drop(r.Issued.KeyID)
		time.Sleep(time.Minute)
		r = w.carry(r.ID, 30*time.Hour)
		if w.removed(r.Terms.Old.KeyID) || r.State != rotation.Open || !strings.Contains(r.Problem, "does not show the new secret") {
			t.Errorf("it is %s", where(r))
		}
	})
}

// An old secret that somebody else removed is watched as long as one that we did.
func TestOldSecretRemovedByOthersIsWatched(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		r = w.until(r.ID, "overlap")
		w.drop(r.Terms.Old.KeyID)
		r = w.live(r.ID, 200)
		if watched := r.Ended.Sub(r.Removed); r.State != rotation.Done || watched < 23*time.Hour || watched > 30*time.Hour {
			t.Errorf("ended %s after %s", where(r), watched)
		}
		if !strings.Contains(r.Steps[6].Evidence, "gone already") {
			t.Errorf("the withdraw says %q", r.Steps[6].Evidence)
		}
	})
}

// A cancel a day after an unanswered write looks into the vault first: if the
// write was applied after all, the new secret stays until a person decides.
func TestCancelAfterAnUnansweredWriteLooksIntoTheVault(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		old := w.current()
		w.until(r.ID, "verify")
		w.fault(world.Fault{Name: world.LostAnswer, Match: putSecret, Times: 1})
		w.fault(world.Fault{Name: world.Firewall, Match: getSecret, Skip: 1})
		if r = w.carry(r.ID, 25*time.Hour); r.Current().Name != "deposit" {
			t.Fatalf("it is %s", where(r))
		}
		if _, err := w.keeper.Cancel(t.Context(), omar, r.ID, "the vault is out of reach"); err != nil {
			t.Fatal(err)
		}
		w.point = func() { w.check("after the cancel") }
		w.carry(r.ID, 2*time.Hour)
		w.cloud.World().Faults.Clear("")
		if r = w.carry(r.ID, 2*time.Hour); r.Current().Name != "retract" || r.Needs == "" {
			t.Fatalf("it is %s, want parked at retract", where(r))
		}
		w.deploy(old)
		if r = w.live(r.ID, 200); r.State != rotation.Cancelled || len(w.cloud.Passwords(w.tenant.Demo.ClientID)) != 1 {
			t.Errorf("ended %s", where(r))
		}
	})
}

// An application that takes two secrets only gets its new one although an answer
// was lost and the stray fills the second slot.
func TestTwoSlotsAndALostAnswer(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		old := w.current()
		w.cloud.World().Change(func() {
			w.cloud.World().Directory.Applications[w.tenant.Demo.ApplicationID].Audience = "AzureADandPersonalMicrosoftAccount"
		})
		w.approved(r)
		w.fault(world.Fault{Name: world.LostAnswer, Match: addPassword, Times: 1})
		w.fault(world.Fault{Name: world.LostAnswer, Match: removePassword, Times: 1})
		r = w.live(r.ID, 200)
		w.settled("two slots", r, old)
	})
}

// A full application parks its rotation, names who can help, and goes on.
func TestNoFreeSlotIsToldAndWaitedFor(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		old := w.current()
		w.approved(r)
		w.fault(world.Fault{Name: world.SlotLimit})
		if r = w.carry(r.ID, 5*time.Hour); r.Needs == "" || !strings.Contains(r.Problem, "no further secret") {
			t.Errorf("it is %s", where(r))
		}
		w.cloud.World().Faults.Clear("")
		r = w.live(r.ID, 200)
		w.settled("a free slot", r, old)
	})
}

// Cancel comes at any point of the course: either it is refused and the rotation
// is done, or all that was made goes and the vault was never touched.
func TestCancelAnywhere(t *testing.T) {
	ends := map[rotation.State]int{}
	for n := 1; n <= 100; n += slow {
		inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
			old := w.current()
			w.approved(r)
			points, done := 0, false
			w.spot = func(s spot) {
				w.check("around a cancel")
				if points++; points < n || done || s.commit && !s.after { // nobody enters an open transaction
					return
				}
				done = true
				if _, err := w.elsewhere().Cancel(context.Background(), omar, r.ID, "anywhere"); err != nil && !errors.Is(err, rotation.ErrConflict) {
					t.Errorf("point %d: %v", n, err)
				}
			}
			r = w.live(r.ID, 200)
			w.spot = func(spot) {}
			ends[r.State]++
			if r.State == rotation.Done {
				w.settled("a cancel too late", r, old)
				return
			}
			if list := w.cloud.Passwords(w.tenant.Demo.ClientID); r.State != rotation.Cancelled || len(list) != 1 || w.current() != old {
				t.Errorf("point %d: ended %s, left are %v", n, where(r), names(list))
			}
		})
	}
	if ends[rotation.Done] == 0 || ends[rotation.Cancelled] == 0 {
		t.Errorf("the points are not those around the deposit: %v", ends)
	}
}

// rekey does not renew what it signs in with itself, unless it comes from a file of
// its own (SAFETY F33).
func TestOwnIdentityIsNotRotated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, realLag)
		defer w.stop()
		w.start()
		q := w.request()
		w.keeper.Own = map[inventory.ClientID]rotation.Own{q.Application.ClientID: {}}
		_, err := w.keeper.Propose(t.Context(), nora, q)
		if _, ok := errors.AsType[*rotation.InvalidError](err); !ok || !strings.Contains(err.Error(), "itself") {
			t.Errorf("got %v, want a refusal", err)
		}
	})
}

// An entry that was deleted from the vault is not made anew, and what rests on it
// waits; the rotation goes on when it is back.
func TestDeletedVaultEntryIsWaitedFor(t *testing.T) {
	for _, step := range []string{"deposit", "overlap", "watch"} {
		t.Run(step, func(t *testing.T) {
			inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
				old := w.current()
				w.approved(r)
				w.until(r.ID, map[string]string{"deposit": "verify", "overlap": "overlap", "watch": "watch"}[step])
				demo, azure := w.tenant.Demo, &w.cloud.World().Azure
				secrets := azure.Vaults[strings.ToLower(demo.Vault)].Secrets
				var entry *world.Secret
				w.cloud.World().Change(func() {
					entry = secrets[strings.ToLower(demo.Secret)]
					delete(secrets, strings.ToLower(demo.Secret))
				})
				r = w.carry(r.ID, 27*time.Hour)
				if r.State != rotation.Open || r.Current().Name != step || r.Needs == "" || !strings.Contains(r.Problem, "no longer in the vault") {
					t.Errorf("it is %s, want parked at %s", where(r), step)
				}
				w.cloud.World().Change(func() { secrets[strings.ToLower(demo.Secret)] = entry })
				r = w.live(r.ID, 200)
				w.settled("recovered", r, old)
			})
		})
	}
}

// A value that nobody accepts is noticed during the overlap, not only after it.
func TestDeadValueIsNoticedDuringTheOverlap(t *testing.T) {
	inTown(t, func(t *testing.T, w *town, r *rotation.Rotation) {
		w.approved(r)
		w.until(r.ID, "overlap")
		w.deploy("edited by hand")
		r = w.carry(r.ID, 7*time.Hour)
		if r.Current().Name != "overlap" || r.Needs == "" || !strings.Contains(r.Problem, "cut off") {
			t.Errorf("it is %s, want parked because consumers are cut off", where(r))
		}
	})
}
