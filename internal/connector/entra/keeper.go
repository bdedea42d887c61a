package entra

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"rekey.example/rekey/internal/connector/rest"
)

// Keeper keeps the reads of one identity in one tenant inside Graph's resource
// units, and leaves a part of them for what cannot wait. Give its Before and
// After to the rest.Client that all feeds of the tenant share. See
// https://learn.microsoft.com/graph/throttling-limits
type Keeper struct {
	Units   int     // a window's; 0 means 8,000, those of a tenant with more than 500 users
	Reserve float64 // share that is left alone; 0 means 0.2, negative means none

	mu      sync.Mutex
	limiter *rate.Limiter
	until   time.Time // nothing is sent before
	slow    time.Time // others use the same budget: half the pace until then
}

const (
	window = 10 * time.Second
	burst  = 25 // the 25th part of a window's units may go at once, to catch up after a stall
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

// prepare makes the limiter. Burst and steady pace together never pass the share
// of a window, wherever the service lets its windows begin. The caller holds mu.
func (k *Keeper) prepare() {
	if k.limiter != nil {
		return
	}
	units := k.Units
	if units == 0 {
		units = 8000
	}
	mine := float64(units) * k.share()
	first := max(4, int(mine/burst))
	k.limiter = rate.NewLimiter(rate.Limit((mine-float64(first))/window.Seconds()), first)
}

// Before waits until a request may be sent.
func (k *Keeper) Before(ctx context.Context, r *http.Request) error {
	k.mu.Lock()
	k.prepare()
	n := cost(r)
	if time.Now().Before(k.slow) {
		n *= 2
	}
	limiter, pause := k.limiter, time.Until(k.until)
	k.mu.Unlock()
	if pause > 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
	return limiter.WaitN(ctx, min(n, limiter.Burst()))
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
		k.slow = time.Now().Add(window)
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
