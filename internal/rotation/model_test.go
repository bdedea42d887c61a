//go:build !race

package rotation

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
)

// TestModel takes the rules through every state of the model's world, and then
// leaves out one protective rule after the other: each time a promise has to break
// (SAFETY T1). REKEY_MODEL=nightly lets more go wrong at once.
func TestModel(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(40)) // gigabytes, of which little is garbage
	states := 0
	histories, most := histories, 6_000_000
	if os.Getenv("REKEY_MODEL") == "nightly" {
		histories, most = nightly, 40_000_000
	}
	for _, b := range histories {
		g := explore(begin(b), mutation{}, most)
		if g.states.len() >= most && g.wrong == "" {
			t.Fatalf("%+v has more than %d states", b, most)
		}
		states += g.states.len()
		t.Logf("%+v: %d states", b, g.states.len())
		if g.wrong != "" {
			t.Fatalf("%s", g.wrong)
		}
		if stuck := g.stuck(); stuck != "" {
			t.Fatalf("a rotation that never ends (I10):\n%s", stuck)
		}
	}
	left := []mutation{{fence: true}, {intent: true}, {brief: true}}
	for _, promise := range promises() {
		left = append(left, mutation{rule: promise})
	}
	var caught atomic.Int64
	each(left, func(m mutation) {
		start := append(begin(bounds{faults: 1, clocks: 1}), begin(bounds{edits: 1})...)
		if m.rule == "" {
			start = begin(bounds{faults: 1, sleepers: 1})
		}
		g := explore(start, m, 6_000_000)
		broken := g.wrong
		if broken == "" {
			broken = g.stuck()
		}
		if broken == "" {
			t.Errorf("nothing breaks without %+v", m)
			return
		}
		caught.Add(1)
		if testing.Verbose() {
			t.Logf("without %+v: %s", m, broken)
		}
	})
	fmt.Printf("%d states, %d rules removed, %d caught\n", states, len(left), caught.Load())
	if states < 1_000_000 {
		t.Errorf("%d states are fewer than a million", states)
	}
}

// each calls fn for every member of the list, so many at once as there are cores.
func each[T any](list []T, fn func(T)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for n := next.Add(1) - 1; int(n) < len(list); n = next.Add(1) - 1 {
				fn(list[n])
			}
		})
	}
	all.Wait()
}

// histories are how much goes wrong at once: many faults, or a foreign
// administrator, or a process that sleeps, or a clock that jumps, beside one fault.
var histories = []bounds{{faults: 1, clocks: 1}, {edits: 1}, {sleepers: 1}}

var nightly = []bounds{{faults: 2, clocks: 1}, {faults: 1, edits: 1}, {sleepers: 1, faults: 1}}

// broken is what must not be so in any state.
func (w *world) broken() string {
	if w.excused || w.newGone || w.vault >= creds || w.vault == foreign {
		return ""
	}
	if w.dead {
		return "a lost request changes the key that consumers read (F45)"
	}
	revoked := planNames[w.plan] == "revoke" && w.vault == oldCred
	if !w.accepted(w.vault) && !revoked && !(w.kind == 1 && w.vault == try1) {
		return "consumers read a value that is not accepted everywhere (I1b)"
	}
	return ""
}
