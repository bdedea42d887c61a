package graph

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The limits of the service for one application in one large tenant, see
// https://learn.microsoft.com/graph/throttling-limits
const (
	unitLimit, unitWindow   = 8000, 10 * time.Second
	writeLimit, writeWindow = 3000, 150 * time.Second
	auditLimit, auditWindow = 5, 10 * time.Second
)

// meter counts what each application has used in the window that runs.
type meter struct {
	mu   sync.Mutex
	used map[string]*window
}

type window struct {
	start time.Time
	used  int
}

func newMeter() *meter { return &meter{used: map[string]*window{}} }

// take books cost, or says how long to wait. A refused request is not booked.
func (m *meter) take(who string, cost, limit int, length time.Duration) (share float64, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.used[who]
	at := time.Now()
	if w == nil || at.Sub(w.start) >= length {
		w = &window{start: at}
		m.used[who] = w
	}
	if w.used+cost > limit {
		return float64(w.used+cost) / float64(limit), w.start.Add(length).Sub(at)
	}
	w.used += cost
	return float64(w.used) / float64(limit), 0
}

// charge works out what the call costs and books it when limits are on.
func (c *call) charge(found *route) *failure {
	c.units = c.cost(found)
	if !c.w.Limits {
		return nil
	}
	who := c.claims.AppID
	if strings.HasPrefix(found.pattern, "auditLogs/") || strings.HasPrefix(found.pattern, "reports/") {
		if _, wait := c.meter.take("audit "+who, 1, auditLimit, auditWindow); wait > 0 {
			return c.throttled("Tenant_Application/ReadOnly", "ResourceUnitLimitExceeded", 1, wait)
		}
		return nil
	}
	if c.method != http.MethodGet {
		if share, wait := c.meter.take("write "+who, 1, writeLimit, writeWindow); wait > 0 {
			return c.throttled("Tenant_Application/WriteOnly", "WriteLimitExceeded", share, wait)
		}
	}
	share, wait := c.meter.take("units "+who, c.units, unitLimit, unitWindow)
	if wait > 0 {
		return c.throttled("Tenant_Application/ReadWrite", "ResourceUnitLimitExceeded", share, wait)
	}
	if share >= 0.8 {
		c.header.Set("x-ms-throttle-limit-percentage", fmt.Sprintf("%.2f", min(share, 1.8)))
	}
	return nil
}

// cost is in resource units: lists 2, the rest 1, less for $select and small pages,
// more for $expand, never under 1.
func (c *call) cost(found *route) int {
	n := 1
	if c.method != http.MethodGet {
		return n
	}
	if found.pattern == "applications" || found.pattern == "servicePrincipals" || strings.HasSuffix(found.pattern, "/delta") {
		n = 2
	}
	if c.query.Has("$select") {
		n--
	}
	if c.query.Has("$expand") {
		n++
	}
	if top, err := strconv.Atoi(c.query.Get("$top")); err == nil && top < 20 {
		n--
	}
	return max(1, n)
}

func (c *call) throttled(scope, reason string, share float64, wait time.Duration) *failure {
	return &failure{
		status: http.StatusTooManyRequests, code: "TooManyRequests", message: "Too many requests.",
		header: http.Header{
			"Retry-After":                    {strconv.Itoa(max(1, int(math.Ceil(wait.Seconds()))))},
			"X-Ms-Throttle-Limit-Percentage": {fmt.Sprintf("%.2f", min(share, 1.8))},
			"X-Ms-Throttle-Scope":            {scope + "/" + c.claims.AppID + "/" + c.w.Tenant.ID},
			"X-Ms-Throttle-Information":      {reason},
		},
	}
}
