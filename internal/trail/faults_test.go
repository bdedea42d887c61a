package trail_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/sim/world"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/trail"
)

// everySickness that the sources have, at once.
var everySickness = []world.Fault{
	{Name: world.ContentTwice, Rate: 0.5},
	{Name: world.ContentLate, Rate: 0.4, Delay: 7 * time.Hour},
	{Name: world.ContentReordered},
	{Name: world.ContentMissing, Rate: 0.2},
	{Name: world.Throttled, Match: "GET manage.office.com/*/*/*/*/*/*/*", Rate: 0.1, Value: "3"},
	{Name: world.Throttled, Match: "GET graph.microsoft.com/*/*/*", Rate: 0.1, Value: "3"},
	{Name: world.TruncatedBody, Match: "GET manage.office.com/*/*/*/*/*/*", Rate: 0.25},
	{Name: world.ErrorBefore, Match: "GET graph.microsoft.com/*/*/*", Rate: 0.6},
	{Name: world.LostAnswer, Match: "GET manage.office.com/*/*/*/*/*/*", Rate: 0.4},
}

// crash ends a transaction around its commit: before it, after it, or not, as the
// dice fall. Over the test every kind of commit meets both.
type crash struct {
	dice           *rand.Rand
	before, behind int
}

type crashed struct{}

func (c *crash) arm(db *store.DB) {
	db.Committing = func() {
		if c.dice.IntN(6) == 0 {
			c.before++
			panic(crashed{})
		}
	}
	db.Committed = func() {
		if c.dice.IntN(6) == 0 {
			c.behind++
			panic(crashed{})
		}
	}
}

// attempt reads a source until a crash, or to the end. Whatever else goes wrong is
// as in life: the next cycle comes.
func (w *town) attempt(s connector.Recorder) (done bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, ours := r.(crashed); !ours {
				panic(r)
			}
			done = false
		}
	}()
	_, err = w.trail.Read(w.Context(), w.tenant(), s)
	return true, err
}

// Every event is there once, whatever the sources and the power supply do, and
// nothing is lost that a source still has.
func TestEveryEventOnceWhateverHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, world.Config{Seed: 7, Lag: world.Lag{Audit: time.Hour, Office: 90 * time.Minute}})
		w.read(w.audits)
		w.read(w.feed)
		time.Sleep(time.Minute)
		for _, f := range everySickness {
			if err := w.cloud.World().Faults.Set(f); err != nil {
				t.Fatal(err)
			}
		}
		c := crash{dice: rand.New(rand.NewPCG(1, 2))}
		c.arm(w.db)
		var made []string
		troubles, restarts := 0, 0
		cycle := func() {
			for _, s := range []connector.Recorder{w.audits, w.feed} {
				for {
					done, err := w.attempt(s)
					if done {
						if err != nil {
							troubles++
						}
						break
					}
					restarts++
					w.db.Committing, w.db.Committed = nil, nil
					w.db.Close()
					w.open()
					c.arm(w.db)
				}
			}
		}
		app := w.cloud.Tenant().Demo
		for hour := range 48 {
			key, _ := w.cloud.AddSecret(mallory, app.ClientID, fmt.Sprintf("secret %d, [odd]", hour), time.Hour)
			made = append(made, key)
			time.Sleep(time.Hour)
			if hour%4 == 3 {
				cycle()
			}
		}
		for range 12 { // until nothing can be late any more
			time.Sleep(4 * time.Hour)
			cycle()
		}
		w.db.Committing, w.db.Committed = nil, nil
		events := w.timeline(trail.Query{Applications: []string{app.ApplicationID}, Limit: 1000})
		once, both := 0, 0
		for _, key := range made {
			n := 0
			for _, e := range events {
				if e.KeyID == key && e.Action == connector.CredentialAdded {
					if n++; len(e.Sources) == 2 {
						both++
					}
				}
			}
			if n == 1 {
				once++
			} else {
				t.Errorf("%s is there %d times", key, n)
			}
		}
		if both != len(made) {
			t.Errorf("%d of %d events are known from both sources", both, len(made))
		}
		if c.before == 0 || c.behind == 0 || troubles == 0 {
			t.Errorf("the test had no trouble: %+v, %d cycles that failed", c, troubles)
		}
		for _, s := range []string{w.audits.Name(), w.feed.Name()} {
			if g := w.source(s).Gaps; slices.ContainsFunc(g, func(g trail.Gap) bool { return g.State != trail.GapClosed }) {
				t.Errorf("%s has gaps that are not closed: %+v", s, g)
			}
		}
		t.Logf("%d events made, %d there exactly once, %d known from both sources; %d crashes before and %d behind a commit, %d cycles that failed", len(made), once, both, c.before, c.behind, troubles)
	})
}
