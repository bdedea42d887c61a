package rotation_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"

	"rekey.example/rekey/internal/sim/world"
)

// TestCrashAndFault kills the process at one point of a rotation that also meets
// one sickness of the clouds, before or after it. A sample of all such pairs by
// default; REKEY_PAIRS=all runs every one, REKEY_PAIRS=n so many.
func TestCrashAndFault(t *testing.T) {
	points := 0
	synctest.Test(t, func(t *testing.T) { points = runWithCrash(t, 0) })
	type pair struct {
		point int
		fault world.Fault
	}
	var pairs []pair
	for n := 1; n <= points; n++ {
		for _, f := range everyFault() {
			for skip := range 2 {
				f.Times, f.Skip = 1, skip
				pairs = append(pairs, pair{n, f})
			}
		}
	}
	rnd := rand.New(rand.NewPCG(uint64(number(t, "REKEY_SEED", 1)), 5))
	rnd.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	all := len(pairs)
	if os.Getenv("REKEY_PAIRS") != "all" {
		pairs = pairs[:min(all, number(t, "REKEY_PAIRS", 80/slow))]
	}
	for _, p := range pairs {
		synctest.Test(t, func(t *testing.T) { runWithCrashAndFault(t, p.point, p.fault) })
	}
	t.Logf("%d of %d pairs", len(pairs), all)
}

func runWithCrashAndFault(t *testing.T, n int, f world.Fault) {
	defer func() {
		if t.Failed() {
			t.Logf("a crash at point %d with %v", n, f)
		}
	}()
	w := newTown(t, realLag)
	defer w.stop()
	w.start()
	old := w.current()
	r := w.begin()
	w.fault(f)
	points := 0
	when := fmt.Sprintf("%s and a crash at %d", f.Name, n)
	w.point = func() {
		points++
		if f.Name != world.Mangled {
			w.check(when)
		}
		if points == n {
			panic(crash{n})
		}
	}
	r = w.live(r.ID, 400)
	w.point = func() {}
	w.settled(when, r, old)
	w.foreign(r)
}
