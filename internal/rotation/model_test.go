//go:build !race

package rotation

import (
	"fmt"
	"os"
	"testing"
)

// TestModel takes the rules through every state of the model's world, and then
// leaves out one protective rule after the other: each time a promise has to break
// (SAFETY T1). REKEY_MODEL=nightly lets more go wrong at once.
func TestModel(t *testing.T) {
	states := 0
	histories, most := histories, 6_000_000
	if os.Getenv("REKEY_MODEL") == "nightly" {
		histories, most = nightly, 40_000_000
	}
	for _, b := range histories {
		g := explore(begin(b), mutation{}, most)
		if len(g.states) >= most && g.wrong == "" {
			t.Fatalf("%+v has more than %d states", b, most)
		}
		states += len(g.states)
		t.Logf("%+v: %d states", b, len(g.states))
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
	caught := 0
	for _, m := range left {
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
			continue
		}
		caught++
		if testing.Verbose() {
			t.Logf("without %+v: %s", m, broken)
		}
	}
	fmt.Printf("%d states, %d rules removed, %d caught\n", states, len(left), caught)
	if states < 1_000_000 {
		t.Errorf("%d states are fewer than a million", states)
	}
}

// histories are how much goes wrong at once: many faults, or a foreign
// administrator, or a process that sleeps, or a clock that jumps, beside one fault.
var histories = []bounds{{faults: 1, clocks: 1}, {edits: 1}, {sleepers: 1}}

var nightly = []bounds{{faults: 2, clocks: 1}, {faults: 1, edits: 1}, {sleepers: 1, faults: 1}}

// graph is what exploration has found: states in the order of their distance from
// the beginning, so that the first thing wrong has the shortest story.
type graph struct {
	states []world
	from   []int32 // the state each was first reached from
	by     []string
	back   [][]int32 // good edges, reversed
	wrong  string
}

func explore(start []world, m mutation, limit int) *graph {
	g := &graph{}
	known := map[world]int32{}
	add := func(w world, from int32, by string) int32 {
		if n, ok := known[w]; ok {
			return n
		}
		n := int32(len(g.states))
		known[w] = n
		g.states, g.from, g.by, g.back = append(g.states, w), append(g.from, from), append(g.by, by), append(g.back, nil)
		return n
	}
	for _, w := range start {
		add(w, -1, "begin")
	}
	for i := int32(0); int(i) < len(g.states) && len(g.states) < limit; i++ {
		w := g.states[i]
		for _, list := range [][]outcome{visits(w, m), events(w, m), cancelling(w, m)} {
			for _, o := range list {
				wrong := o.wrong
				if wrong == "" {
					wrong = o.world.broken()
				}
				if wrong != "" && !w.excused {
					g.wrong = wrong + "\n" + g.story(i) + "  " + o.name
					return g
				}
				n := add(o.world, i, o.name)
				if o.good {
					g.back[n] = append(g.back[n], i)
				}
			}
		}
	}
	return g
}

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

// stuck is the story of a state from which no end can be reached without a fault
// or somebody's mischief, if there is one.
func (g *graph) stuck() string {
	ends := make([]bool, len(g.states))
	var list []int32
	for i, w := range g.states {
		if w.end != 0 || w.excused || w.newGone {
			ends[i] = true
			list = append(list, int32(i))
		}
	}
	for len(list) > 0 {
		last := list[len(list)-1]
		list = list[:len(list)-1]
		for _, i := range g.back[last] {
			if !ends[i] {
				ends[i] = true
				list = append(list, i)
			}
		}
	}
	for i, ok := range ends {
		if !ok {
			return "never ends\n" + g.story(int32(i)) + fmt.Sprintf("  %s of %s: %+v", g.states[i].stepName(), planNames[g.states[i].plan], g.states[i])
		}
	}
	return ""
}

func (g *graph) story(i int32) string {
	if i < 0 {
		return ""
	}
	w := g.states[i]
	return g.story(g.from[i]) + fmt.Sprintf("  %s -> %s\n", g.by[i], w.stepName())
}
