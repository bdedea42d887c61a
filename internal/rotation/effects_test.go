package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/sim/world"
)

// strike is one fault at one effect: the n-th commit, request or look of a
// rotation (SAFETY T2).
type strike struct {
	at         int
	how        string
	persistent bool // strikes every effect of that name for hours
}

// hows are the ways an effect can fail.
var hows = []string{"error before", "applied then error", "applied then crash", "crash before", "answer after the deadline", "duplicate"}

const strikesFor = 6 * time.Hour

var errStruck = errors.New("the connection was reset")

// hit lets an effect fail.
func hit(ctx context.Context, how string, do func(context.Context) error) error {
	switch how {
	case "error before":
		return errStruck
	case "crash before":
		panic(crash{})
	case "applied then error":
		_ = do(ctx) // whatever it says is lost
		return errStruck
	case "applied then crash":
		_ = do(ctx)
		panic(crash{})
	case "answer after the deadline":
		_ = do(ctx)
		time.Sleep(45 * time.Second)
		return context.DeadlineExceeded
	case "duplicate":
		_ = do(ctx)
		return do(ctx)
	}
	panic("no such fault: " + how)
}

// scene is a rotation of one kind of credential by one plan.
type scene struct {
	name    string
	request func(*town) rotation.Request
	revoked bool // the plan ends the old credential without a successor
	both    bool // the plan leaves the old credential as it is
	subject func(*town) subject
}

// subject is what is rotated, as the clouds know it in truth.
type subject interface {
	current() string       // what consumers read
	accepts(v string) bool // every replica takes it
	refuses(v string) bool // every replica refuses it
	left() int             // credentials that there are
}

// TestEveryEffect lets every effect of every plan and kind fail in every way, once
// and for hours. Consumers never read a refused value on the way, and each
// rotation ends as it should within 200 hours.
func TestEveryEffect(t *testing.T) {
	points, schedules := 0, 0
	for _, sc := range scenes {
		if only := os.Getenv("REKEY_SCENE"); only != "" && only != sc.name {
			continue
		}
		n := 0
		synctest.Test(t, func(t *testing.T) { n = sc.run(t) })
		points += n
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			for at := 1; at <= n; at += slow {
				for _, how := range hows {
					for _, persistent := range []bool{false, true} {
						s := strike{at, how, persistent}
						synctest.Test(t, func(t *testing.T) { sc.run(t, s) })
						if t.Failed() {
							return
						}
					}
				}
			}
		})
		schedules += n * len(hows) * 2 / slow
	}
	if points < 60 && os.Getenv("REKEY_SCENE") == "" {
		t.Errorf("%d effects are fewer than 60", points)
	}
	fmt.Printf("%d effect points of %d plans and kinds, %d schedules\n", points, len(scenes), schedules)
}

// run carries one rotation out under some strikes, each at another effect, and
// returns how many effects it had.
func (sc scene) run(t *testing.T, strikes ...strike) (effects int) {
	defer func() {
		if t.Failed() {
			t.Logf("%s: %+v", sc.name, strikes)
		}
	}()
	w := newTown(t, realLag)
	defer w.stop()
	w.doubled = slices.ContainsFunc(strikes, func(s strike) bool { return s.how == "duplicate" })
	type ill struct {
		how   string
		until time.Time
	}
	struck := map[string]ill{} // by the name of the effect
	armed := false
	what := sc.subject(w)
	w.effect = func(ctx context.Context, point string, do func(context.Context) error) error {
		if !armed {
			return do(ctx)
		}
		effects++
		sc.instant(t, what, fmt.Sprintf("effect %d (%s)", effects, point))
		for _, s := range strikes {
			if effects != s.at {
				continue
			}
			if s.persistent {
				struck[point] = ill{s.how, time.Now().Add(strikesFor)}
			}
			return hit(ctx, s.how, do)
		}
		if i := struck[point]; time.Now().Before(i.until) {
			return hit(ctx, i.how, do)
		}
		return do(ctx)
	}
	w.start()
	old := what.current()
	r := w.beginWith(sc.request(w))
	armed = true
	began := time.Now()
	w.nap = 20 * time.Minute // after a crash: nobody restarts a process that dies at once every second
	r = w.live(r.ID, 1000)
	armed = false
	if spent := time.Since(began); spent > 200*time.Hour {
		t.Errorf("it took %s", spent)
	}
	sc.settled(t, w, what, r, old)
	return effects
}

// instant asserts what holds at every instant (SAFETY I1b).
func (sc scene) instant(t *testing.T, what subject, when string) {
	t.Helper()
	if !sc.revoked && !what.accepts(what.current()) {
		t.Errorf("%s: what consumers read is not accepted everywhere", when)
	}
}

func (sc scene) settled(t *testing.T, w *town, what subject, r *rotation.Rotation, old string) {
	t.Helper()
	if r.State != rotation.Done {
		t.Errorf("ended %s", where(r))
		return
	}
	switch {
	case sc.both:
		if !what.accepts(old) {
			t.Errorf("the old value is not accepted any more")
		}
	case !what.refuses(old):
		t.Errorf("the old value is still accepted")
	}
	want := 1
	switch {
	case sc.revoked:
		want = 0
	case sc.both:
		want = 2
	}
	if sc.both { // what a lost answer left is cleared by the next reading of the inventory
		time.Sleep(25 * time.Hour)
		w.strays()
		time.Sleep(time.Hour)
		w.strays()
	}
	if r.Terms.Old.Kind != inventory.AccessKey && what.left() != want {
		t.Errorf("%d credentials are left, want %d", what.left(), want)
	}
	for id, n := range w.sent {
		if n > 1 && !w.doubled {
			t.Errorf("request %s was on the wire %d times", id, n)
		}
	}
	if w.db == nil {
		w.start()
	}
	if _, err := w.log.Verify(context.Background(), w.db); err != nil {
		t.Error(err)
	}
}

// A rotation that has nothing to wait for costs at most 14 commits, each of which
// is on the disk before the next thing happens.
func TestARotationCostsFewCommits(t *testing.T) {
	for _, sc := range scenes {
		synctest.Test(t, func(t *testing.T) {
			w := newTown(t, world.Lag{})
			defer w.stop()
			commits := 0
			w.effect = func(ctx context.Context, point string, do func(context.Context) error) error {
				if point == rotation.PointJournal {
					commits++
				}
				return do(ctx)
			}
			sc.subject(w)
			w.start()
			w.keeper.Timings = map[string]rotation.Timing{}
			for _, plan := range rotation.Plans {
				w.keeper.Timings[plan] = rotation.Timing{Successes: rotation.Timings[plan].Successes}
			}
			r := w.live(w.beginWith(sc.request(w)).ID, 400)
			commits++ // the proposal
			if r.State != rotation.Done || commits > 14 {
				t.Errorf("%s: %d commits, %s", sc.name, commits, where(r))
			}
			t.Logf("%s: %d commits", sc.name, commits)
		})
	}
}
