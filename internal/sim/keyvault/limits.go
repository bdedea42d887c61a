package keyvault

import (
	"net/http"
	"sync"
	"time"
)

// The service limits of one vault, see
// https://learn.microsoft.com/azure/key-vault/general/service-limits
const (
	window       = 10 * time.Second
	mostCreates  = 300
	mostRequests = 4000
)

// meter counts requests by vault and class. Rejected ones do not count.
type meter struct {
	mu    sync.Mutex
	count map[string]*counter
}

type counter struct {
	start time.Time
	n     int
}

func newMeter() *meter { return &meter{count: map[string]*counter{}} }

// take counts a request, or says how long to wait.
func (m *meter) take(key string, most int, at time.Time) (wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.count[key]
	if c == nil || at.Sub(c.start) >= window {
		c = &counter{start: at}
		m.count[key] = c
	}
	if c.n >= most {
		return c.start.Add(window).Sub(at)
	}
	c.n++
	return 0
}

func (c *call) throttle(op operation) error {
	if !c.w.Limits {
		return nil
	}
	class, most := "/other", mostRequests
	if op.creates {
		class, most = "/create", mostCreates
	}
	wait := c.meter.take(c.vault+class, most, now())
	if wait <= 0 {
		return nil
	}
	return &failure{
		status: http.StatusTooManyRequests, code: "Throttled", inner: "VaultRequestTypeLimitReached",
		message:    "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached",
		retryAfter: int((wait + time.Second - 1) / time.Second),
	}
}
