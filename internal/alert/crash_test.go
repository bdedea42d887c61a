package alert

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/connector"
)

// death is how a process ends in these tests: in the middle of whatever it did.
type death struct{ point int }

// doomed counts the points at which a process can die, and dies at some.
type doomed struct {
	at   []int
	next int
}

func (d *doomed) point() {
	d.next++
	if slices.Contains(d.at, d.next) {
		panic(death{d.next})
	}
}

// hearing is that a recipient on a channel heard of a step of an alert.
type hearing struct {
	channel, to, alert string
	act                connector.Act
	rung, level        int
}

// closer reports whether h, or what includes it, was told to the same recipient: a
// later step of the same alert, or that nobody has answered.
func (t *tale) closer(h hearing) bool {
	for _, all := range []map[hearing]int{t.heard, t.marked} {
		for g := range all {
			same := g.channel == h.channel && g.to == h.to && g.alert == h.alert
			if same && g.rung <= h.rung && g.level >= h.level && (g.act == h.act || h.act == connector.Raised) {
				return true
			}
		}
	}
	return false
}

// tale is what receivers have seen in the end.
type tale struct {
	heard    map[hearing]int // how often, unmarked
	marked   map[hearing]int // and marked as perhaps the second time
	ids      map[string]bool
	points   int
	deaths   int
	messages int
}

// live lets five days pass, with everything that alerts go through, and a process
// that dies at the given points and is started again.
func live(t *testing.T, at ...int) tale {
	db := lite(t)
	d := &doomed{at: at}
	out := tale{heard: map[hearing]int{}, marked: map[hearing]int{}, ids: map[string]bool{}}
	var s *stand
	receiver := func(name string, traits connector.Traits) *box {
		b := &box{traits: traits}
		b.fail = func(connector.Message) error { d.point(); return nil }
		b.after = func(m connector.Message) error {
			out.messages++
			for _, i := range m.Items {
				key := hearing{name, m.To, i.Alert, i.Act, i.Rung, i.Level}
				switch {
				case traits.Repeatable && out.ids[m.ID]: // known to them already
				case i.Again:
					out.marked[key]++
				default:
					out.heard[key]++
				}
			}
			out.ids[m.ID] = true
			d.point() // taken, and we do not live to hear it
			return nil
		}
		return b
	}
	routes := []Route{
		{Name: "mail", Channel: receiver("mail", mailTraits)}, {Name: "room", Channel: receiver("room", roomTraits)},
		{Name: "call", Channel: receiver("call", callTraits)},
	}
	s = newStand(t, db, routes...)
	s.config.Ladder = map[Severity][]int{High: {1, 0}, Medium: {3}}
	s.config.Escalate = map[Severity]time.Duration{High: 3 * time.Hour}
	s.restart()
	db.Committing, db.Committed = d.point, d.point
	tend := func() {
		for {
			died := func() (died bool) {
				defer func() {
					if v := recover(); v != nil {
						if _, ok := v.(death); !ok {
							panic(v)
						}
						out.deaths++
						died = true
					}
				}()
				s.tend()
				return false
			}()
			if !died {
				return
			}
			s.restart()
			time.Sleep(5 * time.Second)
		}
	}
	start := time.Now()
	soon, later := start.Add(30*time.Hour), start.Add(75*time.Hour)
	for hour := range 14 {
		s.ends("soon", soon)
		s.ends("later", later)
		if hour >= 11 {
			delete(s.matters, "soon")
		}
		tend()
		time.Sleep(20 * time.Minute)
		tend()
		time.Sleep(8*time.Hour - 20*time.Minute)
	}
	db.Committing, db.Committed = nil, nil
	for range 4 { // whatever is left over
		time.Sleep(day)
		s.tend()
	}
	out.points = d.next
	db.Close()
	return out
}

// TestDyingAnywhereLosesAndRepeatsNothing stops the process before and after every
// commit, and before and after every message is taken.
func TestDyingAnywhereLosesAndRepeatsNothing(t *testing.T) {
	var clean tale
	synctest.Test(t, func(t *testing.T) { clean = live(t) })
	if len(clean.heard) < 20 || len(clean.marked) != 0 || clean.deaths != 0 {
		t.Fatalf("without a death: %+v", clean)
	}
	step := 9
	switch {
	case testing.Short():
		step = 40
	case os.Getenv("REKEY_DEATHS") == "all":
		step = 1
	}
	var runs [][]int
	for point := 1; point <= clean.points; point += step {
		runs = append(runs, []int{point})
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 40 / step {
		runs = append(runs, []int{1 + rnd.IntN(clean.points), 1 + rnd.IntN(clean.points), 1 + rnd.IntN(clean.points), 1 + rnd.IntN(clean.points)})
	}
	deaths, messages, marked, lost, twice := 0, 0, 0, 0, 0
	for _, at := range runs {
		synctest.Test(t, func(t *testing.T) {
			got := live(t, at...)
			deaths, messages = deaths+got.deaths, messages+got.messages
			for key, n := range got.heard {
				if n > 1 {
					twice++
					t.Errorf("dying at %v: %v was told %d times", at, key, n)
				}
			}
			for key := range got.marked {
				marked += got.marked[key]
			}
			for key := range clean.heard {
				if !got.closer(key) {
					lost++
					t.Errorf("dying at %v: nobody heard %v", at, key)
				}
			}
		})
		if t.Failed() {
			break
		}
	}
	t.Logf("%d points, %d runs, %d deaths, %d messages taken: %d lost, %d told twice, %d told again and marked", clean.points, len(runs), deaths, messages, lost, twice, marked)
	if deaths < len(runs) || marked == 0 && !testing.Short() {
		t.Errorf("%d deaths in %d runs, %d marked", deaths, len(runs), marked)
	}
}
