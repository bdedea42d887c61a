//go:build !race

package rotation

import (
	"fmt"
	"hash/maphash"
)

// graph is what exploration has found: states in the order of their distance from
// the beginning, so that the first thing wrong has the shortest story. It takes
// about 130 bytes a state; nightly has tens of millions.
type graph struct {
	states chunks[world]
	from   chunks[int32]  // the state each was first reached from
	by     chunks[uint16] // how, in names
	good   chunks[edge]   // what leads on without a fault or mischief
	names  []string
	named  map[string]uint16
	table  []int32 // open addressing, by the hash of the state: its number and one
	seed   maphash.Seed
	wrong  string
}

type edge struct{ from, to int32 }

// chunks is a list that does not move when it grows: a slice of gigabytes would be
// there twice meanwhile.
type chunks[T any] struct {
	list [][]T
	n    int
}

const chunk = 1 << 16

func (c *chunks[T]) len() int      { return c.n }
func (c *chunks[T]) at(i int32) *T { return &c.list[i/chunk][i%chunk] }

func (c *chunks[T]) add(v T) {
	if c.n%chunk == 0 {
		c.list = append(c.list, make([]T, 0, chunk))
	}
	last := &c.list[len(c.list)-1]
	*last = append(*last, v)
	c.n++
}

func newGraph() *graph {

	return &graph{named: map[string]uint16{}, table: make([]int32, 1<<16), seed: maphash.MakeSeed()}
}

// add is the number of a state, which is new or not.
func (g *graph) add(w world, from int32, by string) int32 {
	if g.states.len()*3 > len(g.table)*2 {
		g.grow()
	}
	slot := g.slot(&w)
	if n := g.table[slot]; n != 0 {
		return n - 1
	}
	n := int32(g.states.len())
	g.table[slot] = n + 1
	g.states.add(w)
	g.from.add(from)
	g.by.add(g.name(by))
	return n
}

func (g *graph) slot(w *world) uint64 {
	mask := uint64(len(g.table) - 1)
	for slot := maphash.Comparable(g.seed, *w) & mask; ; slot = (slot + 1) & mask {
		if n := g.table[slot]; n == 0 || *g.states.at(n - 1) == *w {
			return slot
		}
	}
}

func (g *graph) grow() {
	g.table = make([]int32, 2*len(g.table))
	for i := range int32(g.states.len()) {
		g.table[g.slot(g.states.at(i))] = i + 1
	}
}

func (g *graph) name(by string) uint16 {
	n, ok := g.named[by]
	if !ok {
		n = uint16(len(g.names))
		g.names, g.named[by] = append(g.names, by), n
	}
	return n
}

func explore(start []world, m mutation, limit int) *graph {
	g := newGraph()
	for _, w := range start {
		g.add(w, -1, "begin")
	}
	for i := int32(0); int(i) < g.states.len() && g.states.len() < limit; i++ {
		w := *g.states.at(i)
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
				n := g.add(o.world, i, o.name)
				if o.good {
					g.good.add(edge{i, n})
				}
			}
		}
	}
	return g
}

// stuck is the story of a state from which no end can be reached without a fault
// or somebody's mischief, if there is one.
func (g *graph) stuck() string {
	first, back := g.reversed()
	ends := make([]bool, g.states.len())
	var list []int32
	for i := range int32(len(ends)) {
		if w := g.states.at(i); w.end != 0 || w.excused || w.newGone {
			ends[i] = true
			list = append(list, i)
		}
	}
	for len(list) > 0 {
		last := list[len(list)-1]
		list = list[:len(list)-1]
		for _, i := range back[first[last]:first[last+1]] {
			if !ends[i] {
				ends[i] = true
				list = append(list, i)
			}
		}
	}
	for i, ok := range ends {
		if !ok {
			w := g.states.at(int32(i))
			return "never ends\n" + g.story(int32(i)) + fmt.Sprintf("  %s of %s: %+v", w.stepName(), planNames[w.plan], *w)
		}
	}
	return ""
}

// reversed are the good edges by where they lead: those into state n come from
// back[first[n]:first[n+1]].
func (g *graph) reversed() (first, back []int32) {
	first, back = make([]int32, g.states.len()+2), make([]int32, g.good.len())
	for i := range int32(len(back)) {
		first[g.good.at(i).to+2]++
	}
	for n := 1; n < len(first); n++ {
		first[n] += first[n-1]
	}
	for i := range int32(len(back)) {
		e := g.good.at(i)
		back[first[e.to+1]] = e.from
		first[e.to+1]++
	}
	return first, back
}

func (g *graph) story(i int32) string {
	if i < 0 {
		return ""
	}
	return g.story(*g.from.at(i)) + fmt.Sprintf("  %s -> %s\n", g.names[*g.by.at(i)], g.states.at(i).stepName())
}
