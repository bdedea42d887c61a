package rotation_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync/atomic"
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

// TestPairsOfEffects lets one effect of a rotation fail, and then a later one, each
// in every way (SAFETY T3): what holds under one fault holds under two. A sample by
// default; REKEY_PAIRS=all runs every ordered pair of every plan and kind,
// REKEY_PAIRS=n so many. An effect that no longer comes after the first fault is
// one that did not fail.
func TestPairsOfEffects(t *testing.T) {
	effects, all := make([]int, len(scenes)), 0
	for i, sc := range scenes {
		synctest.Test(t, func(t *testing.T) { effects[i] = sc.run(t) })
		all += pairsOf(effects[i])
	}
	wanted := all
	if os.Getenv("REKEY_PAIRS") != "all" {
		wanted = min(all, number(t, "REKEY_PAIRS", 600/slow))
	}
	rnd := rand.New(rand.NewPCG(uint64(number(t, "REKEY_SEED", 1)), 6))
	pick := func(n int) int { return n }
	if wanted < all {
		picked := make([]int, wanted)
		for i := range picked {
			picked[i] = rnd.IntN(all)
		}
		pick = func(n int) int { return picked[n] }
	}
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for n := int(next.Add(1) - 1); n < wanted && !t.Failed(); n = int(next.Add(1) - 1) {
				sc, strikes := pairAt(effects, pick(n))
				synctest.Test(t, func(t *testing.T) { sc.run(t, strikes...) })
			}
		})
	}
	t.Cleanup(func() {
		t.Logf("%d of %d ordered pairs of faults, at the effects of %d plans and kinds", wanted, all, len(scenes))
	})
}

// pairsOf is how many ordered pairs of faults so many effects have.
func pairsOf(effects int) int { return effects * (effects - 1) / 2 * len(hows) * len(hows) }

// pairAt is the n-th of all pairs of all scenes.
func pairAt(effects []int, n int) (scene, []strike) {
	i := 0
	for n >= pairsOf(effects[i]) {
		n -= pairsOf(effects[i])
		i++
	}
	first, second, n := hows[n%len(hows)], hows[n/len(hows)%len(hows)], n/len(hows)/len(hows)
	at := 1
	for left := effects[i] - 1; n >= left; left-- {
		n -= left
		at++
	}
	return scenes[i], []strike{{at: at, how: first}, {at: at + 1 + n, how: second}}
}

// Every pair is there once.
func TestPairsAreCounted(t *testing.T) {
	effects, seen := []int{4, 3, 5, 2, 2, 2, 2, 2}, map[string]bool{}
	all := 0
	for _, n := range effects {
		all += pairsOf(n)
	}
	for n := range all {
		sc, s := pairAt(effects, n)
		if s[0].at < 1 || s[0].at >= s[1].at || s[1].at > 5 {
			t.Fatalf("pair %d is %+v", n, s)
		}
		seen[fmt.Sprint(sc.name, s)] = true
	}
	if len(seen) != all || all == 0 {
		t.Errorf("%d pairs, %d of them different", all, len(seen))
	}
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
