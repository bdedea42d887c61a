package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/sim/world"
	"rekey.example/rekey/internal/store"
)

const wellKnown = "GET login.microsoftonline.com/*/v2.0/.well-known/openid-configuration"

// TestChaos lets chance write the schedule: sick clouds, crashes, two processes
// of which one sleeps, replicas with leases that stop and start, clocks that jump,
// older backups that are restored, people who approve, cancel and confirm when
// they like, and a foreign administrator. Whatever the schedule, what
// checks_test.go says holds.
//
// REKEY_CHAOS is how many schedules are run, REKEY_SEED the first of them; a
// failure names its seed, and REKEY_SEED=n REKEY_CHAOS=1 runs it again.
func TestChaos(t *testing.T) {
	first, n := uint64(number(t, "REKEY_SEED", 1)), uint64(number(t, "REKEY_CHAOS", 5000/slow/slow))
	newTown(t, world.Lag{}) // the people are of its tenant, before many ask
	var mu sync.Mutex
	ends, did := map[string]int{}, map[string]int{}
	var next atomic.Uint64
	for range runtime.GOMAXPROCS(0) {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for seed := first + next.Add(1) - 1; seed < first+n && !t.Failed(); seed = first + next.Add(1) - 1 {
				synctest.Test(t, func(t *testing.T) {
					end, acts := runChaos(t, seed)
					mu.Lock()
					defer mu.Unlock()
					ends[end]++
					for _, a := range acts {
						did[a]++
					}
				})
				if t.Failed() {
					t.Logf("REKEY_SEED=%d REKEY_CHAOS=1 shows it", seed)
				}
			}
		})
	}
	t.Cleanup(func() { t.Logf("%d schedules from seed %d ended %v; in them: %v", n, first, ends, did) })
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// chaos is a town with a schedule.
type chaos struct {
	*town
	rnd   *rand.Rand
	id    string
	began time.Time
	over  time.Time // when the last fault and act is over

	mu     sync.Mutex
	points int
	plan   map[int][]act // by point
	later  []timed
	story  []string // what was done, for whoever has to understand it
	ended  bool
	acting bool // something of later is being done
	acted  time.Time
	wake   [2]chan struct{} // the processes look again
	stops  [2]context.CancelFunc

	backups
	replicas
	truth
}

// act is something that chance does.
type act struct {
	name  string
	do    func()
	kills bool // may be done in the middle of a commit
}

type timed struct {
	at time.Time
	act
}

func runChaos(t *testing.T, seed uint64) (end string, acts []string) {
	rnd := rand.New(rand.NewPCG(seed, 9))
	pick := func(of ...time.Duration) time.Duration { return of[rnd.IntN(len(of))] }
	lag := world.Lag{Secret: pick(0, 5*time.Second, 40*time.Second, 2*time.Minute), List: pick(0, 8*time.Second, 2*time.Minute), Vault: 10 * time.Second}
	c := &chaos{town: newTownOf(t, seed, lag), rnd: rnd, plan: map[int][]act{}, wake: [2]chan struct{}{make(chan struct{}, 1), make(chan struct{}, 1)}}
	c.tries = 1 // repeated reads wait for times that no seed tells
	defer c.stop()
	c.guarded = rnd.IntN(6) == 0
	c.opened()
	c.truth.begin(c.town)
	defer func() {
		if t.Failed() {
			t.Logf("seed %d, lag %+v:\n%s", seed, lag, strings.Join(c.story, "\n"))
		}
	}()

	q := c.request()
	manual := rnd.IntN(5) == 0
	if manual {
		q.Consumers = append(q.Consumers, rotation.Use{Consumer: "Partner portal", Reference: "typed in by hand"})
	}
	r, err := c.keeper.Propose(t.Context(), nora, q)
	if err != nil {
		t.Fatal(err)
	}
	c.id, c.began = r.ID, time.Now()
	c.spot = c.reached
	c.write(r.Hash, manual)
	c.run()
	return c.judge(), c.kinds()
}

// write makes the schedule.
func (c *chaos) write(hash string, manual bool) {
	c.over = c.began.Add([]time.Duration{10 * time.Minute, time.Hour, 5 * time.Hour, 30 * time.Hour, 100 * time.Hour}[c.rnd.IntN(5)])
	c.after(c.over, act{name: "the clouds are well again", do: func() { c.cloud.World().Faults.Clear("") }})
	for range c.rnd.IntN(5) {
		f := c.sickness()
		c.sometime(act{name: fmt.Sprintf("fault %+v", f), do: func() {
			if time.Now().Before(c.over) {
				c.fault(f)
			}
		}})
	}
	for range c.rnd.IntN(4) * c.rnd.IntN(3) {
		c.somewhere(act{name: "crash", kills: true, do: func() { panic(crash{}) }})
	}
	if c.rnd.IntN(2) == 0 {
		for range 1 + c.rnd.IntN(3) {
			c.sometime(c.foreignAct())
		}
	}
	if c.rnd.IntN(5) < 2 {
		c.two = true
		for range 1 + c.rnd.IntN(4) {
			d := time.Duration(1+c.rnd.IntN(60)) * []time.Duration{time.Second, time.Minute, 3 * time.Minute}[c.rnd.IntN(3)]
			c.somewhere(act{name: "a process sleeps " + d.String(), do: func() { time.Sleep(d) }})
		}
	}
	for range c.rnd.IntN(3) {
		c.somewhere(act{name: "told to stop", do: c.shutdown})
	}
	if c.rnd.IntN(4) == 0 {
		c.jump()
	}
	if c.guarded {
		c.keepBackups()
	}
	if c.two && c.rnd.IntN(2) == 0 {
		c.share()
	}
	c.people(hash, manual)
}

// shutdown tells all processes to stop in the middle of what they do.
func (c *chaos) shutdown() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, stop := range c.stops {
		if stop != nil {
			stop()
		}
	}
}

// people approve, now, late or never, and cancel and confirm when they like.
func (c *chaos) people(hash string, manual bool) {
	approve := act{name: "approve", do: func() {
		_, err := c.person().Approve(context.Background(), omar, c.id, hash)
		c.tolerate("approve", err)
	}}
	switch c.rnd.IntN(20) {
	case 0: // nobody does
	case 1:
		c.after(c.began.Add(time.Duration(c.rnd.IntN(80))*time.Hour), approve)
	case 2:
		c.after(c.began.Add(time.Hour), act{name: "refuse", do: func() {
			_, err := c.person().Refuse(context.Background(), omar, c.id, "no")
			c.tolerate("refuse", err)
		}})
	default:
		c.after(c.began.Add(time.Second), approve)
	}
	if c.rnd.IntN(4) == 0 {
		c.sometime(approve)
	}
	if c.rnd.IntN(4) == 0 {
		c.sometime(act{name: "cancel", do: func() {
			_, err := c.person().Cancel(context.Background(), omar, c.id, "chaos")
			c.tolerate("cancel", err)
		}})
	}
	if manual {
		confirm := act{name: "confirm", do: func() {
			_, err := c.person().Confirm(context.Background(), nora, c.id, "Partner portal", "seen")
			c.tolerate("confirm", err)
		}}
		c.sometime(confirm)
		c.after(c.began.Add(time.Duration(100+c.rnd.IntN(60))*time.Hour), confirm)
	}
}

// person is a process for somebody who acts, perhaps while another is in the
// middle of a commit: its journal has a pen of its own.
func (c *chaos) person() *rotation.Keeper {
	k := c.hire(c.db, c.ring, c.reached)
	k.Held = c.keeper.Held
	return k
}

// tolerate fails the test for an error that no person should ever be told.
func (c *chaos) tolerate(what string, err error) {
	_, invalid := errors.AsType[*rotation.InvalidError](err)
	if err != nil && !invalid && !errors.Is(err, rotation.ErrConflict) && !errors.Is(err, rotation.ErrOvertaken) && !errors.Is(err, rotation.ErrHeld) {
		c.t.Errorf("%s: %v", what, err)
	}
}

// sickness is any fault, anywhere.
func (c *chaos) sickness() world.Fault {
	where := []string{addPassword, addPassword, removePassword, readObject, signIn, putSecret, getSecret, wellKnown, ""}
	what := []string{
		world.LostRequest, world.LostAnswer, world.ErrorBefore, world.ErrorAfter, world.LateAnswer, world.LateEffect, world.Duplicate, world.Throttled,
		world.TruncatedBody, world.WrongBody, world.SkewedClock, world.StaleList, world.Concurrent, world.NoSecretText, world.SlotLimit,
		world.PolicyRefusal, world.ConditionalAccess, world.SoftDeleted, world.Firewall, world.StaleVault, world.Mangled, world.TokenCache,
	}
	f := world.Fault{Name: what[c.rnd.IntN(len(what))], Match: where[c.rnd.IntN(len(where))], Skip: c.rnd.IntN(4), Times: 1 + c.rnd.IntN(5)}
	if c.rnd.IntN(3) == 0 {
		f.Times, f.Rate = 0, 0.1+0.7*c.rnd.Float64()
	}
	switch f.Name {
	case world.LateAnswer:
		f.Delay = time.Duration(1+c.rnd.IntN(90)) * time.Second
	case world.LateEffect:
		f.Delay = time.Duration(1+c.rnd.IntN(50)) * []time.Duration{time.Second, time.Minute, time.Hour}[c.rnd.IntN(3)]
		c.late = c.late || f.Delay > 20*time.Hour
	case world.StaleList:
		f.Delay, f.Match = time.Duration(1+c.rnd.IntN(120))*time.Second, readObject
	case world.SkewedClock:
		f.Delay = time.Duration(c.rnd.IntN(120)-60) * time.Hour / 2
		f.Match = wellKnown
	case world.Throttled:
		f.Value = strconv.Itoa(1 + c.rnd.IntN(100))
	}
	return f
}

// foreignAct is what an administrator does who knows nothing of rekey.
func (c *chaos) foreignAct() act {
	hours := time.Duration(c.rnd.IntN(60)) * time.Hour
	switch c.rnd.IntN(10) {
	case 0:
		return act{name: "foreign: adds a secret", do: func() { c.foreignAdd("by hand") }}
	case 1:
		return act{name: "foreign: adds a secret with a forged marker", do: func() { c.foreignAdd("by hand rk-aaaaaaaaaaaa") }}
	case 2:
		return act{name: "foreign: removes the old secret", do: func() { c.foreignDrop(c.old.KeyID) }}
	case 3, 4:
		return act{name: "foreign: removes a secret of ours", do: func() {
			if list := c.made(); len(list) > 0 {
				c.foreignDrop(list[len(list)-1].KeyID)
			}
		}}
	case 5:
		return act{name: "foreign: edits the vault", do: func() { c.foreignPut("edited by hand") }}
	case 6:
		return act{name: "foreign: deploys the old value", do: func() { c.foreignPut(c.old.Text) }}
	case 7:
		back := c.rnd.IntN(2) == 0
		return act{name: fmt.Sprintf("foreign: deletes the application (back after %s: %v)", hours, back), do: func() {
			c.deleteApplication()
			if back {
				c.after(time.Now().Add(hours), act{name: "foreign: restores the application", do: c.restoreApplication})
			}
		}}
	case 8:
		return act{name: "foreign: disables the application for " + hours.String(), do: func() {
			c.enable(false)
			c.after(time.Now().Add(hours), act{name: "foreign: enables the application", do: func() { c.enable(true) }})
		}}
	default:
		return act{name: "foreign: takes the owner right away for " + hours.String(), do: func() {
			c.own(false)
			c.after(time.Now().Add(hours), act{name: "foreign: gives the owner right back", do: func() { c.own(true) }})
		}}
	}
}

// somewhere puts an act at a point of the course, sometime at a point or a time.
func (c *chaos) somewhere(a act) {
	n := 1 + c.rnd.IntN([]int{12, 50, 150}[c.rnd.IntN(3)])
	c.plan[n] = append(c.plan[n], a)
}

func (c *chaos) sometime(a act) {
	if c.rnd.IntN(3) > 0 {
		c.somewhere(a)
		return
	}
	c.after(c.began.Add(time.Duration(c.rnd.Int64N(int64([]time.Duration{5 * time.Minute, 2 * time.Hour, 60 * time.Hour}[c.rnd.IntN(3)])))), a)
}

func (c *chaos) after(at time.Time, a act) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.later = append(c.later, timed{at, a})
}

// reached is called at every request and commit of every process.
func (c *chaos) reached(s spot) {
	c.see(s)
	c.always(s)
	c.quiet(s)
	c.mu.Lock()
	c.points++
	now := c.plan[c.points]
	if s.commit && !s.after { // a transaction is open: only a crash can happen here
		i := slices.IndexFunc(now, func(a act) bool { return a.kills })
		waits := slices.DeleteFunc(slices.Clone(now), func(a act) bool { return a.kills })
		c.plan[c.points+1] = append(waits, c.plan[c.points+1]...)
		if now = now[:0]; i >= 0 {
			now = []act{{name: "crash", do: func() { panic(crash{}) }}}
		}
	}
	n := c.points
	c.mu.Unlock()
	for _, a := range now {
		c.perform(fmt.Sprintf("point %d (%s)", n, s), a)
	}
}

func (s spot) String() string {
	switch {
	case s.commit && s.after:
		return "after a commit"
	case s.commit:
		return "before a commit"
	case s.after:
		return "after " + s.request.Method + " " + s.request.URL.Path
	}
	return "before " + s.request.Method + " " + s.request.URL.Path
}

func (c *chaos) perform(when string, a act) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return
	}
	c.acted = time.Now()
	c.story = append(c.story, fmt.Sprintf("%12s %s: %s", time.Since(c.began).Round(time.Millisecond), when, a.name))
	c.mu.Unlock()
	a.do()
}

// run lets the processes and the people live until the rotation is over, or waits
// for somebody for good.
func (c *chaos) run() {
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() { c.direct(stop) })
	var carriers sync.WaitGroup
	carriers.Go(func() { c.process(0) })
	if c.two {
		carriers.Go(func() { c.process(1) })
	}
	carriers.Wait()
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	close(stop)
	all.Wait()
}

// direct does at its time what is not bound to a point.
func (c *chaos) direct(stop chan struct{}) {
	for {
		c.mu.Lock()
		slices.SortStableFunc(c.later, func(a, b timed) int { return a.at.Compare(b.at) })
		var next *timed
		pause := 10 * time.Minute
		if len(c.later) > 0 {
			pause = min(pause, time.Until(c.later[0].at))
			if pause <= 0 {
				next, c.later, c.acting = &c.later[0], c.later[1:], true
			}
		}
		c.mu.Unlock()
		if next != nil {
			c.survive(func() { c.perform("time", next.act) })
			c.mu.Lock()
			c.acting = false
			c.mu.Unlock()
			for _, process := range c.wake {
				select {
				case process <- struct{}{}:
				default:
				}
			}
			continue
		}
		select {
		case <-time.After(pause):
		case <-stop:
			return
		}
	}
}

// survive runs fn and reports whether it died of a planned crash.
func (c *chaos) survive(fn func()) (died bool) {
	defer func() {
		if p := recover(); p != nil {
			if _, planned := p.(crash); !planned {
				panic(p)
			}
			died = true
		}
	}()
	fn()
	return false
}

// process is one installation's life after life.
func (c *chaos) process(number int) {
	parked, at := time.Time{}, 0 // since when somebody is needed, and for which step
	for {
		began := time.Now()
		c.enter(number)
		died := c.survive(func() { c.advance(number) })
		state, due := c.standing()
		var r *rotation.Rotation
		if !died && state == rotation.Open && c.settledDown() { // only now it matters what it waits for
			var err error
			if r, err = c.keeper.Get(context.Background(), omar, c.id); err != nil {
				c.t.Fatal(err)
			}
		}
		c.leave()
		switch {
		case died:
			c.hired[number] = nil
			time.Sleep(3 * time.Second)
			continue
		case state != rotation.Open && !c.settling(): // a backup may bring it back
			c.mu.Lock()
			if !c.ended {
				c.ended, c.lastVisit = true, began
			}
			c.mu.Unlock()
			return
		case r != nil:
			if r.Needs == "" || r.At != at || parked.IsZero() {
				at, parked = r.At, time.Now()
			}
			if r.Needs != "" && time.Since(parked) > 26*time.Hour || time.Since(c.over) > 200*time.Hour {
				return
			}
		}
		pause := min(max(time.Until(due), time.Second), 6*time.Hour)
		if state != rotation.Open || c.holds() {
			pause = 10 * time.Minute
		}
		select {
		case <-time.After(pause + time.Duration(number)*137*time.Millisecond):
		case <-c.wake[number]:
			time.Sleep(time.Second + time.Duration(number)*137*time.Millisecond)
		}
	}
}

// advance is one visit of one process, if it has the lease where there are some.
func (c *chaos) advance(number int) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	c.mu.Lock()
	c.stops[number] = stop
	c.mu.Unlock()
	k := c.carrier(number)
	if !c.mine(k, number) {
		return
	}
	if err := k.Advance(ctx, c.tenant.ID, c.id); err != nil && ctx.Err() == nil && !errors.Is(err, rotation.ErrHeld) {
		c.t.Errorf("advance: %v", err)
	}
	c.giveBack(k, number) // whoever dies does not
	c.beat()
}

// standing is the state of the rotation and when it is due, for a fraction of what
// it takes to load it.
func (c *chaos) standing() (state rotation.State, due time.Time) {
	var at int64
	err := c.db.View(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT state, due FROM rotation WHERE tenant = $1 AND id = $2`, c.tenant.ID, c.id).Scan(&state, &at)
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return state, time.UnixMilli(at)
}

// settledDown reports whether nothing more will happen by chance.
func (c *chaos) settledDown() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().After(c.over) && len(c.later) == 0 && !c.acting && time.Since(c.acted) > time.Hour
}

// afterwards lets late effects come in and the inventory look twice.
func (c *chaos) afterwards() {
	c.spot = func(spot) {}
	c.cloud.World().Faults.Clear("")
	c.own(true)
	time.Sleep(51 * time.Hour)
	for range 2 {
		c.town.strays()
		time.Sleep(15 * time.Minute)
	}
}

// TestSchedulesThatOnceFailed are kept for what they have found: a cancel a day after
// a write to the vault that a wrong clock kept from being recorded (1599).
func TestSchedulesThatOnceFailed(t *testing.T) {
	for _, seed := range []uint64{1599} {
		synctest.Test(t, func(t *testing.T) { runChaos(t, seed) })
	}
}
