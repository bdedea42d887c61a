package entra

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"rekey.example/rekey/internal/connector/rest"
)

// Keeper keeps the reads of one identity in one tenant inside Graph's resource
// units, and leaves a part of them for what cannot wait. Give its Before and
// After to the rest.Client that all feeds of the tenant share. See
// https://learn.microsoft.com/graph/throttling-limits
type Keeper struct {
	Units   int     // a window's; 0 means 8,000, those of a tenant with more than 500 users
	Reserve float64 // share that is left alone; 0 means 0.2, negative means none

	mu    sync.Mutex
	spent []expense // of the last window, the oldest first
	total int       // their sum
	until time.Time // nothing is sent before
	slow  time.Time // others use the same budget: half of ours until then
}

// expense is what was sent in a short piece of time.
type expense struct {
	from  time.Time
	units int
}

const (
	window = 10 * time.Second
	// What is sent evenly may arrive unevenly; our window is longer by so much.
	spread = 200 * time.Millisecond
	piece  = 25 * time.Millisecond
	memory = window + spread + piece
)

func (k *Keeper) share() float64 {
	switch {
	case k.Reserve == 0:
		return 0.8
	case k.Reserve < 0:
		return 1
	}
	return 1 - k.Reserve
}

// budget is what may be sent in any window.
func (k *Keeper) budget() int {
	units := k.Units
	if units == 0 {
		units = 8000
	}
	mine := int(float64(units) * k.share())
	if time.Now().Before(k.slow) {
		mine /= 2
	}
	return mine
}

// Before waits until a request may be sent: wherever the service lets its windows
// begin, none of them sees more than our share.
func (k *Keeper) Before(ctx context.Context, r *http.Request) error {
	n := cost(r)
	for {
		pause := k.take(n)
		if pause <= 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// take books n units, or says how long to wait before asking again.
func (k *Keeper) take(n int) (pause time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if pause := k.until.Sub(now); pause > 0 {
		return pause
	}
	for len(k.spent) > 0 && now.Sub(k.spent[0].from) >= memory {
		k.total -= k.spent[0].units
		k.spent = k.spent[1:]
	}
	if k.total > 0 && k.total+n > k.budget() {
		return max(k.spent[0].from.Add(memory).Sub(now), time.Millisecond)
	}
	k.total += n
	if last := len(k.spent) - 1; last >= 0 && now.Sub(k.spent[last].from) < piece {
		k.spent[last].units += n
	} else {
		k.spent = append(k.spent, expense{now, n})
	}
	return 0
}

// After heeds what an answer says of the budget.
func (k *Keeper) After(resp *http.Response) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if resp.StatusCode == http.StatusTooManyRequests {
		if pause := rest.RetryAfter(resp.Header); pause > 0 {
			k.until = time.Now().Add(pause)
		}
		return
	}
	used, err := strconv.ParseFloat(resp.Header.Get("x-ms-throttle-limit-percentage"), 64)
	if err == nil && used > k.share()+0.05 {
		k.slow = time.Now().Add(3 * window)
	}
}

// cost is what Graph will charge for a read.
func cost(r *http.Request) int {
	n := 1
	path := strings.TrimPrefix(r.URL.Path, "/v1.0/")
	if path == "applications" || path == "servicePrincipals" || strings.HasSuffix(path, "/delta") {
		n = 2
	}
	q := r.URL.Query()
	if q.Has("$select") {
		n--
	}
	if q.Has("$expand") {
		n++
	}
	if top, err := strconv.Atoi(q.Get("$top")); err == nil && top < 20 {
		n--
	}
	return max(1, n)
}
