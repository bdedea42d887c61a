package arm

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// meter holds the token buckets, one for each subscription, principal and class
// of request, see
// https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
type meter struct {
	mu     sync.Mutex
	bucket map[string]*rate.Limiter
}

type class struct {
	name   string
	size   int
	refill rate.Limit // tokens a second
}

var (
	reads   = class{"reads", 250, 25}
	writes  = class{"writes", 200, 10}
	deletes = class{"deletes", 200, 10}
)

func newMeter() *meter { return &meter{bucket: map[string]*rate.Limiter{}} }

func (m *meter) of(principal string, k class) *rate.Limiter {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := principal + " " + k.name
	b := m.bucket[key]
	if b == nil {
		b = rate.NewLimiter(k.refill, k.size)
		m.bucket[key] = b
	}
	return b
}

func (c *call) class() class {
	switch c.r.Method {
	case http.MethodGet, http.MethodHead:
		return reads
	case http.MethodDelete:
		return deletes
	}
	return writes
}

// throttle takes a token and tells how many are left. Without limits the bucket
// is only looked at.
func (c *call) throttle(h http.Header) error {
	k := c.class()
	now := time.Now()
	bucket := c.meter.of(c.claims.ObjectID, k)
	allowed := !c.w.Limits || bucket.AllowN(now, 1)
	left := max(0, int(bucket.TokensAt(now)))
	if !c.w.Limits {
		left = k.size - 1
	}
	h.Set("x-ms-ratelimit-remaining-subscription-"+k.name, strconv.Itoa(left))
	if allowed {
		return nil
	}
	f := fail(http.StatusTooManyRequests, "TooManyRequests", "The request is being throttled as the limit has been reached for operation type - "+k.name+". Please try again later.")
	f.retryAfter = 1 + int((1-bucket.TokensAt(now))/float64(k.refill))
	return f
}

// headers are those of every answer.
func (c *call) headers(h http.Header) {
	id, correlation := newGUID(), c.r.Header.Get("x-ms-correlation-request-id")
	if correlation == "" {
		correlation = id
	}
	h.Set("x-ms-request-id", id)
	h.Set("x-ms-correlation-request-id", correlation)
	h.Set("x-ms-routing-request-id", fmt.Sprintf("WESTEUROPE:%s:%s", time.Now().UTC().Format("20060102T150405Z"), id))
	h.Set("Cache-Control", "no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "-1")
	h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	h.Set("X-Content-Type-Options", "nosniff")
	if client := c.r.Header.Get("x-ms-client-request-id"); client != "" && strings.EqualFold(c.r.Header.Get("x-ms-return-client-request-id"), "true") {
		h.Set("x-ms-client-request-id", client)
	}
}

func newGUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-4" + s[13:16] + "-a" + s[17:20] + "-" + s[20:]
}
