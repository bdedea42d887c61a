package rotation_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/sim/world"
)

// TestLostAnswers loses answers of addPassword in all ways, hundreds of them, or
// as many as REKEY_LOST says: no secret that nobody has the value of lives for a
// day, nothing foreign is removed, no attempt is sent twice (SAFETY T12).
func TestLostAnswers(t *testing.T) {
	wanted := number(t, "REKEY_LOST", 200/slow)
	lost, rotations, ends := 0, 0, map[rotation.State]int{}
	for seed := uint64(number(t, "REKEY_SEED", 1)); lost < wanted; seed++ {
		synctest.Test(t, func(t *testing.T) {
			n, end := loseAnswers(t, seed)
			lost += n
			ends[end]++
		})
		rotations++
	}
	t.Logf("%d answers lost in %d rotations, which ended %v", lost, rotations, ends)
}

func loseAnswers(t *testing.T, seed uint64) (lost int, end rotation.State) {
	defer func() {
		if t.Failed() {
			t.Logf("REKEY_SEED=%d REKEY_LOST=1 shows it", seed)
		}
	}()
	rnd := rand.New(rand.NewPCG(seed, 12))
	w := newTownOf(t, seed, realLag)
	defer w.stop()
	w.start()
	w.foreignSecret("somebody's")
	r := w.begin()
	for range 2 + rnd.IntN(7) {
		for _, f := range lostInOneWay(rnd) {
			f.Match, f.Times = addPassword, 1
			w.fault(f)
		}
	}
	w.point = func() { w.check("answers are lost") }
	for range 600 {
		w.orphans(r)
		if r = w.visit(r.ID); r.State != rotation.Open {
			break
		}
		time.Sleep(max(time.Until(r.Due), time.Second))
	}
	if r.State == rotation.Open {
		t.Errorf("it has not ended: %s", where(r))
	}
	w.point = func() {}
	w.cloud.World().Faults.Clear("")
	for range 6 {
		time.Sleep(6 * time.Hour)
		w.strays()
		w.orphans(r)
	}
	w.foreign(r)
	if !slices.ContainsFunc(w.cloud.Passwords(w.tenant.Demo.ClientID), func(p world.Password) bool { return p.Name == "somebody's" }) {
		t.Errorf("the foreign secret is gone")
	}
	if len(w.sent) != len(r.Attempts) {
		t.Errorf("%d requests for %d attempts", len(w.sent), len(r.Attempts))
	}
	for id, n := range w.sent {
		if n != 1 {
			t.Errorf("request %s was on the wire %d times", id, n)
		}
	}
	for _, a := range r.Attempts {
		if a.State != rotation.Adopted {
			lost++
		}
	}
	return lost, r.State
}

// lostInOneWay are the faults that one lost answer is made of.
func lostInOneWay(rnd *rand.Rand) []world.Fault {
	switch rnd.IntN(9) {
	case 0, 1:
		return []world.Fault{{Name: world.LostAnswer}}
	case 2, 3:
		return []world.Fault{{Name: world.LateEffect, Delay: time.Duration(1+rnd.IntN(20*3600)) * time.Second}}
	case 4:
		return []world.Fault{{Name: world.Duplicate}, {Name: world.LostAnswer}}
	case 5:
		return []world.Fault{{Name: world.TruncatedBody}}
	case 6:
		return []world.Fault{{Name: world.WrongBody}}
	case 7:
		return []world.Fault{{Name: world.LateAnswer, Delay: time.Duration(31+rnd.IntN(600)) * time.Second}}
	}
	return []world.Fault{{Name: world.NoSecretText}, {Name: world.ErrorAfter}}
}

// orphans asserts that no secret of ours is a day old, but the adopted one.
func (w *town) orphans(r *rotation.Rotation) {
	w.t.Helper()
	made := map[string]bool{}
	for _, f := range w.cloud.World().Facts("addPassword") {
		made[f.Key] = true
	}
	for _, p := range w.cloud.Passwords(w.tenant.Demo.ClientID) {
		if made[p.KeyID] && (r.Issued == nil || p.KeyID != r.Issued.KeyID) && time.Since(p.Added) > 24*time.Hour {
			w.t.Errorf("secret %s (%s) is an orphan for %s", p.KeyID, p.Name, time.Since(p.Added))
		}
	}
}
