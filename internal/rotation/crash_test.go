package rotation_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

var realLag = world.Lag{Secret: 40 * time.Second, List: 8 * time.Second, Vault: 10 * time.Second}

// TestCrashAnywhere kills the process before and after every request and before
// and after every commit of a rotation, and starts it again: it always ends with
// exactly one valid secret, and at no instant do consumers read a refused one.
func TestCrashAnywhere(t *testing.T) {
	points := 0
	synctest.Test(t, func(t *testing.T) { points = runWithCrash(t, 0) })
	if points < 60 {
		t.Fatalf("the rotation passed %d points; the harness has lost its way", points)
	}
	t.Logf("%d points", points)
	for n := 1; n <= points; n += slow {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runWithCrash(t, n) })
		})
	}
}

// TestCrashAgainAndAgain kills the process at every n-th point, for ever.
func TestCrashAgainAndAgain(t *testing.T) {
	for _, every := range []int{97, 61, 43, 31} {
		t.Run(fmt.Sprint(every), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t, realLag)
				defer w.stop()
				w.start()
				old := w.current()
				r := w.begin()
				points := 0
				w.point = func() {
					w.check(fmt.Sprintf("point %d", points))
					if points++; points%every == 0 {
						panic(crash{points})
					}
				}
				r = w.live(r.ID, 2000)
				w.point = func() {}
				w.settled(fmt.Sprintf("crash at every %d", every), r, old)
			})
		})
	}
}

// runWithCrash runs a rotation that dies once, at point n, and returns how many
// points there were.
func runWithCrash(t *testing.T, n int) (points int) {
	w := newTown(t, realLag)
	defer w.stop()
	w.start()
	old := w.current()
	r := w.begin()
	w.point = func() {
		points++
		w.check(fmt.Sprintf("point %d", points))
		if points == n {
			panic(crash{n})
		}
	}
	r = w.live(r.ID, 200)
	w.point = func() {}
	w.settled(fmt.Sprintf("crash at %d", n), r, old)
	return points
}
