package schedule

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"rekey.example/rekey/internal/store"
)

// Microsoft Graph takes so many writes of one application in one tenant in any
// such time. See https://learn.microsoft.com/graph/throttling-limits
const (
	graphWrites = 3000
	graphWindow = 150 * time.Second
)

const (
	portion = 32 // writes that are reserved with one commit
	slack   = 8  // what flows in while the next portion is asked for too late

	// What was reserved is sent within so long, or it is given up: the service
	// counts writes when they arrive.
	leaseLife = time.Second
)

// Budget keeps the writes of one application in one tenant inside the limits of
// the cloud, with all replicas together, and leaves a part of them to
// emergencies. It is a pair of buckets in one row of the database, one that all
// writes take from and one for planned ones, both filled at a steady pace; a
// replica takes a portion at a time. In no window of the service, wherever it
// begins, are more writes sent than the limit.
type Budget struct {
	Store   *store.DB
	Tenant  string
	Writer  string        // whose writes: its client id
	Writes  int           // in a window; 0 means 3,000
	Window  time.Duration // 0 means 150 s
	Reserve float64       // share that planned writes leave alone; 0 means 0.2, negative none

	mu      sync.Mutex
	taking  [2]sync.Mutex // one replica asks the row for one thing at a time
	lease   [2]lease      // by emergency
	empty   [2]time.Time  // until when it is known that nothing is there
	commits int
}

// lease is what this replica has reserved.
type lease struct {
	left  int
	until time.Time
	last  int // how many of the lease before were used
}

// pace is how a bucket fills and what it holds at most.
type pace struct{ burst, rate float64 } // writes, writes a second

// paces of the bucket of all writes and of the planned ones. A window sees at
// most what a full bucket holds, what flows in while it lasts, and what was
// reserved shortly before it.
func (b *Budget) paces() (all, planned pace) {
	writes, window, reserve := float64(b.Writes), b.Window, b.Reserve
	if writes == 0 {
		writes = graphWrites
	}
	if window == 0 {
		window = graphWindow
	}
	if reserve == 0 {
		reserve = 0.2
	}
	share := writes * (1 - max(0, reserve))
	seconds := (window + leaseLife).Seconds()
	planned = pace{burst: portion + slack, rate: (share - portion - slack) / seconds}
	burst := max(portion+slack, (writes-share)/2)
	all = pace{burst: burst, rate: (writes - burst) / seconds}
	planned.rate = min(planned.rate, all.rate)
	return all, planned
}

// bucket is the row.
type bucket struct {
	version      int64
	all, planned float64 // writes that may be sent
	at           time.Time
	closed       time.Time // the service asked for silence until then
}

// Take takes n writes out of the budget, or says how long to wait before asking
// again; then nothing was taken. An emergency may take what planned work leaves.
func (b *Budget) Take(ctx context.Context, n int, emergency bool) (wait time.Duration, err error) {
	if n > portion {
		return 0, fmt.Errorf("cannot take %d writes at once: %d at most", n, portion)
	}
	kind := 0
	if emergency {
		kind = 1
	}
	if b.fromLease(kind, n) {
		return 0, nil
	}
	b.taking[kind].Lock()
	defer b.taking[kind].Unlock()
	if b.fromLease(kind, n) { // another has just fetched a portion
		return 0, nil
	}
	if wait := b.known(kind); wait > 0 {
		return wait, nil
	}
	return b.fetch(ctx, kind, n)
}

// known is how long nothing is there, as far as this replica knows: thousands
// that wait do not ask the database for it.
func (b *Budget) known(kind int) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Until(b.empty[kind])
}

func (b *Budget) fromLease(kind, n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &b.lease[kind]
	if l.left < n || !time.Now().Before(l.until) {
		return false
	}
	l.left -= n
	l.last += n
	return true
}

// fetch reserves a portion: as much as the last one was used twice over, so that
// whoever writes little reserves little.
func (b *Budget) fetch(ctx context.Context, kind, n int) (wait time.Duration, err error) {
	b.mu.Lock()
	want := min(portion, max(n, 2*b.lease[kind].last))
	b.mu.Unlock()
	for try := range 20 {
		wait, err = b.reserve(ctx, kind, want)
		if !errors.Is(err, errOvertaken) {
			break
		}
		if try == 19 {
			return time.Second, nil // more replicas than one row can serve at once
		}
	}
	if err != nil {
		return 0, fmt.Errorf("cannot take from the write budget of %s: %w", b.Tenant, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if wait > 0 {
		b.empty[kind] = time.Now().Add(wait)
		return wait, nil
	}
	b.lease[kind] = lease{left: want - n, until: time.Now().Add(leaseLife), last: n}
	return 0, nil
}

// reserve takes from the row, if it has that much.
func (b *Budget) reserve(ctx context.Context, kind, want int) (wait time.Duration, err error) {
	all, planned := b.paces()
	err = b.Store.View(ctx, func(tx *store.Tx) error {
		row, err := readBucket(tx, b.Tenant, b.Writer)
		if err != nil {
			return err
		}
		wait = row.need(time.Now(), all, planned, float64(want), kind == 1)
		return nil
	})
	if err != nil || wait > 0 {
		return wait, err // waiting costs no commit
	}
	err = b.Store.Do(ctx, func(tx *store.Tx) error {
		row, err := readBucket(tx, b.Tenant, b.Writer)
		if err != nil {
			return err
		}
		if wait = row.need(time.Now(), all, planned, float64(want), kind == 1); wait > 0 {
			return nil
		}
		row.all -= float64(want)
		if kind == 0 {
			row.planned -= float64(want)
		}
		return writeBucket(tx, b.Tenant, b.Writer, row)
	})
	if err == nil && wait == 0 {
		b.mu.Lock()
		b.commits++
		b.mu.Unlock()
	}
	return wait, err
}

// need fills the buckets up to now and says how long it takes until they hold n.
// Planned writes leave half of what all may take at once to emergencies.
func (k *bucket) need(now time.Time, all, planned pace, n float64, emergency bool) time.Duration {
	now = now.Truncate(time.Millisecond) // as the row keeps it, or rounding would be income
	if k.version == 0 {
		k.all, k.planned, k.at = all.burst, planned.burst, now
	}
	if gone := now.Sub(k.at).Seconds(); gone > 0 { // another machine's clock may be ahead
		k.all = min(all.burst, k.all+gone*all.rate)
		k.planned = min(planned.burst, k.planned+gone*planned.rate)
		k.at = now
	}
	if pause := k.closed.Sub(now); pause > 0 {
		return pause
	}
	if emergency {
		return all.until(k.all, n)
	}
	left := max(0, min(all.burst/2, all.burst-portion-slack))
	return max(all.until(k.all, n+left), planned.until(k.planned, n))
}

// until is how long it takes to have n.
func (p pace) until(have, n float64) time.Duration {
	if have >= n-1e-6 {
		return 0
	}
	return time.Duration(math.Ceil((n-have)/p.rate*1000)) * time.Millisecond
}

// Empty heeds an answer that asks for silence: no replica writes until it is over.
func (b *Budget) Empty(ctx context.Context, pause time.Duration) error {
	b.mu.Lock()
	b.lease = [2]lease{}
	b.mu.Unlock()
	now := time.Now()
	all, planned := b.paces()
	for range 20 {
		err := b.Store.Do(ctx, func(tx *store.Tx) error {
			row, err := readBucket(tx, b.Tenant, b.Writer)
			if err != nil {
				return err
			}
			row.need(now, all, planned, 0, true)
			row.all, row.planned = 0, 0
			if until := now.Add(min(pause, time.Hour)); until.After(row.closed) {
				row.closed = until
			}
			return writeBucket(tx, b.Tenant, b.Writer, row)
		})
		if !errors.Is(err, errOvertaken) {
			return err
		}
	}
	return fmt.Errorf("cannot empty the write budget of %s: %w", b.Tenant, errOvertaken)
}
