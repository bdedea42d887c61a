package schedule

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

// replicas are budgets of several processes on one database.
func replicas(db *store.DB, n, writes int, window time.Duration) []*Budget {
	var list []*Budget
	for range n {
		list = append(list, &Budget{Store: db, Tenant: "contoso", Writer: "w", Writes: writes, Window: window})
	}
	return list
}

// bubble runs f where time is virtual, with a database inside.
func bubble(t *testing.T, f func(t *testing.T, db *store.DB)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "rekey.db"), Schema)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		f(t, db)
	})
}

// most is the largest number of times within any window.
func most(times []time.Time, window time.Duration) (n int) {
	from := 0
	for i, at := range times {
		for at.Sub(times[from]) >= window {
			from++
		}
		n = max(n, i-from+1)
	}
	return n
}

// TestNoWindowSeesMoreThanTheLimit lets three replicas write as much as they get,
// with bursts of emergencies, and looks at every window there is.
func TestNoWindowSeesMoreThanTheLimit(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		seed := rand.Uint64()
		start := time.Now()
		var mu sync.Mutex
		var sent, planned []time.Time
		var wg sync.WaitGroup
		for i, b := range replicas(db, 3, 0, 0) {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(seed, uint64(i)))
				for time.Since(start) < 20*time.Minute {
					emergency := time.Since(start)%(7*time.Minute) > 5*time.Minute && rnd.IntN(2) == 0
					wait, err := b.Take(context.Background(), 1, emergency)
					if err != nil {
						t.Error(err)
						return
					}
					if wait > 0 {
						time.Sleep(min(wait, time.Duration(1+rnd.IntN(500))*time.Millisecond))
						continue
					}
					mu.Lock()
					sent = append(sent, time.Now())
					if !emergency {
						planned = append(planned, time.Now())
					}
					mu.Unlock()
					if rnd.IntN(20) == 0 {
						time.Sleep(time.Duration(rnd.IntN(50)) * time.Millisecond)
					}
				}
			})
		}
		wg.Wait()
		if n := most(sent, graphWindow); n > graphWrites || n < graphWrites*8/10 {
			t.Errorf("seed %d: %d writes in one window", seed, n)
		}
		if n := most(planned, graphWindow); n > graphWrites*8/10 || n < graphWrites*7/10 {
			t.Errorf("seed %d: %d planned writes in one window", seed, n)
		}
	})
}

// TestPlannedWorkUsesItsShare: all of it but for a few percent, at a few commits,
// and an emergency in the middle does not wait.
func TestPlannedWorkUsesItsShare(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		all := replicas(db, 2, 0, 0)
		start := time.Now()
		var sent atomic.Int64
		var wg sync.WaitGroup
		for _, b := range all {
			wg.Go(func() {
				for time.Since(start) < time.Hour {
					wait, err := b.Take(context.Background(), 1, false)
					if err != nil {
						t.Error(err)
						return
					}
					if wait == 0 {
						sent.Add(1)
					}
					time.Sleep(wait)
				}
			})
		}
		time.Sleep(30 * time.Minute)
		for i := range 100 {
			if wait, err := all[i%2].Take(t.Context(), 1, true); wait != 0 || err != nil {
				t.Errorf("emergency %d waits %s, %v", i, wait, err)
			}
		}
		wg.Wait()
		allowed := int64(graphWrites * 8 / 10 * int(time.Hour/graphWindow))
		commits := int64(all[0].commits + all[1].commits)
		t.Logf("%d of %d writes, %.1f %%, %d commits", sent.Load(), allowed, 100*float64(sent.Load())/float64(allowed), commits)
		if sent.Load() < allowed*95/100 || sent.Load() > allowed {
			t.Errorf("%d of %d writes", sent.Load(), allowed)
		}
		if 20*commits > sent.Load() {
			t.Errorf("%d commits for %d writes", commits, sent.Load())
		}
	})
}

// TestSilenceIsKeptByAllReplicas: what one was told, the others heed.
func TestSilenceIsKeptByAllReplicas(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		all := replicas(db, 2, 0, 0)
		for _, b := range all {
			if wait, err := b.Take(t.Context(), 1, true); wait != 0 || err != nil {
				t.Fatal(wait, err)
			}
		}
		time.Sleep(leaseLife)
		if err := all[0].Empty(t.Context(), 45*time.Second); err != nil {
			t.Fatal(err)
		}
		for i, b := range all {
			for _, emergency := range []bool{false, true} {
				if wait, err := b.Take(t.Context(), 1, emergency); wait < 44*time.Second || wait > 46*time.Second || err != nil {
					t.Errorf("replica %d, emergency %v: %s, %v", i, emergency, wait, err)
				}
			}
		}
		time.Sleep(46 * time.Second)
		if wait, err := all[1].Take(t.Context(), 1, true); wait != 0 || err != nil {
			t.Errorf("afterwards: %s, %v", wait, err)
		}
	})
}

// TestReplicasShareOneRow runs on both databases, in real time: whatever they do
// at once, they do not get more than has flown in.
func TestReplicasShareOneRow(t *testing.T) {
	storetest.Each(t, []store.Schema{Schema}, func(t *testing.T, db *store.DB) {
		all := replicas(db, 4, 1000, 8*time.Second)
		start := time.Now()
		var mu sync.Mutex
		taken := [2]int{}
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				b, emergency := all[i%4], i >= 6
				tries := 150
				if emergency {
					tries = 15 // as long as they want all there is, planned writes get nothing
				}
				for range tries {
					wait, err := b.Take(context.Background(), 1, emergency)
					if err != nil {
						t.Error(err)
						return
					}
					if wait > 0 {
						time.Sleep(min(wait, 5*time.Millisecond))
						continue
					}
					mu.Lock()
					taken[i/6]++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		whole, planned := all[0].paces()
		seconds := time.Since(start).Seconds() + 0.002
		if bound := planned.burst + planned.rate*seconds; float64(taken[0]) > bound || taken[0] == 0 {
			t.Errorf("%d planned writes in %.3f s, at most %.1f", taken[0], seconds, bound)
		}
		if bound := whole.burst + whole.rate*seconds; float64(taken[0]+taken[1]) > bound || taken[1] == 0 {
			t.Errorf("%d writes in %.3f s, at most %.1f", taken[0]+taken[1], seconds, bound)
		}
	})
}

// TestWritesThatWouldWaitLongGiveUpTheirPlace: a short wait is waited, a long one
// is told.
func TestWritesThatWouldWaitLongGiveUpTheirPlace(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		w := &Writes{Budget: replicas(db, 1, 0, 0)[0]}
		post, _ := http.NewRequestWithContext(t.Context(), "POST", "https://graph.microsoft.com/v1.0/applications", nil)
		get, _ := http.NewRequestWithContext(t.Context(), "GET", "https://graph.microsoft.com/v1.0/applications", nil)
		start := time.Now()
		for range 2 * portion {
			if err := w.Before(t.Context(), post); err != nil {
				t.Fatal(err)
			}
		}
		if waited := time.Since(start); waited == 0 || waited > 10*time.Second {
			t.Errorf("waited %s for the second portion", waited)
		}
		resp := &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {"100"}}, Request: post}
		w.After(resp)
		err := w.Before(t.Context(), post)
		if e, ok := errors.AsType[*connector.ThrottledError](err); !ok || e.After < 99*time.Second || e.After > 201*time.Second {
			t.Errorf("told to wait 100 s: %v", err)
		}
		if err := w.Before(t.Context(), get); err != nil {
			t.Errorf("a read: %v", err)
		}
		urgent := WithEmergency(t.Context())
		if e, ok := errors.AsType[*connector.ThrottledError](w.Before(urgent, post)); !ok || e.After > 102*time.Second {
			t.Errorf("an emergency is told %v", e)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("stopped"))
		time.Sleep(98 * time.Second)
		if err := w.Before(ctx, post); err == nil || err.Error() != "stopped" {
			t.Errorf("a stopped write: %v", err)
		}
	})
}
