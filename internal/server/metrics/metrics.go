// Package metrics tells Prometheus what there is, how soon it ends, and how the
// server fares.
//
// What the database knows is read when somebody asks, and at most once in
// a while, so that a scraper in a hurry costs nothing. Names of people and values
// of secrets are never part of it, and how many series there are is bounded: the
// credentials that end first have one each, and the rest is counted.
package metrics

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/rotation"
)

// Config is where the numbers come from.
type Config struct {
	Version   string
	Tenants   []string // whose numbers are told
	Inventory *inventory.Service
	Rotations *rotation.Keeper
	Policy    *policy.Policy
	Backlog   func(context.Context) (int64, error) // events of the audit log that no checkpoint outside covers yet
	Series    int                                  // credentials that have a series of their own; 0 means 2,000
	Fresh     time.Duration                        // how old numbers from the database may be; 0 means 15 s
	Logger    *slog.Logger                         // nil: none
}

// Metrics is all that a scraper gets.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	steps    *prometheus.HistogramVec
	pages    http.Handler
}

// New returns the metrics of one server.
func New(c Config) *Metrics {
	c.Series, c.Fresh = cmp.Or(c.Series, 2000), cmp.Or(c.Fresh, 15*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.requests = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "rekey_http_request_duration_seconds", Help: "How long requests took, by route.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30},
	}, []string{"method", "route", "status"})
	m.steps = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "rekey_saga_step_duration_seconds", Help: "How long the steps of rotations took, waits included, since this process began.",
		Buckets: []float64{1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 86400, 2 * 86400, 7 * 86400},
	}, []string{"plan", "step"})
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "rekey_build_info", Help: "Always 1; the version is in the label."}, []string{"version"})
	build.WithLabelValues(c.Version).Set(1)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests, m.steps, build, &world{Config: c})
	m.pages = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 20 * time.Second, ErrorHandling: promhttp.ContinueOnError})
	return m
}

// ServeHTTP answers a scraper.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.pages.ServeHTTP(w, r) }

// Request notes a request that was answered. The route is a pattern, never an address.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, class(status)).Observe(took.Seconds())
}

// class keeps the number of series small.
func class(status int) string {
	if status < 100 || status > 599 {
		return "other"
	}
	return string(rune('0'+status/100)) + "xx"
}

// Step notes a step of a rotation that is over.
func (m *Metrics) Step(plan, step string, took time.Duration) {
	m.steps.WithLabelValues(plan, step).Observe(took.Seconds())
}

var (
	expiry = prometheus.NewDesc("rekey_credential_expiry_timestamp_seconds", "When a credential ends; of those that end first.",
		[]string{"tenant", "app_id", "key_id", "kind"}, nil)
	info = prometheus.NewDesc("rekey_application_info", "Always 1; what people call an application is in the label. Only of applications whose credentials have a series.",
		[]string{"tenant", "app_id", "app_name"}, nil)
	ends = prometheus.NewDesc("rekey_credentials", "How many credentials end within which time; each counts once.", []string{"tenant", "ends"}, nil)
	read = prometheus.NewDesc("rekey_source_read_timestamp_seconds", "When a source of the inventory was last read to its end.", []string{"tenant", "source"}, nil)
	rots = prometheus.NewDesc("rekey_rotations_total", "Rotations that have ended, by how.", []string{"tenant", "result"}, nil)
	open = prometheus.NewDesc("rekey_rotations_open", "Rotations under way.", []string{"tenant"}, nil)
	mark = prometheus.NewDesc("rekey_watch_markers", "Markers of requests whose outcome nobody knows, watched for what may turn up.", []string{"tenant"}, nil)
	lost = prometheus.NewDesc("rekey_orphans", "Credentials that turned up with such a marker and are not withdrawn yet.", []string{"tenant"}, nil)
	find = prometheus.NewDesc("rekey_findings_open", "Findings that nobody has judged yet.", []string{"tenant"}, nil)
	held = prometheus.NewDesc("rekey_held", "1 while rekey changes nothing because journal and world may differ.", nil, nil)
	back = prometheus.NewDesc("rekey_audit_backlog", "Events of the audit log that no checkpoint outside the database covers yet.", nil, nil)
	took = prometheus.NewDesc("rekey_scrape_duration_seconds", "How long it took to read these numbers from the database.", nil, nil)
	bad  = prometheus.NewDesc("rekey_scrape_failed", "1 if some numbers could not be read.", nil, nil)
)

// world collects what the database knows.
type world struct {
	Config
	mu   sync.Mutex
	last time.Time
	list []prometheus.Metric
}

func (w *world) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{expiry, info, ends, read, rots, open, mark, lost, find, held, back, took, bad} {
		out <- d
	}
}

func (w *world) Collect(out chan<- prometheus.Metric) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last.IsZero() || time.Since(w.last) > w.Fresh {
		w.look()
	}
	for _, m := range w.list {
		out <- m
	}
}

// auditor is whom the numbers are read as: it sees everything but values.
func auditor(tenant string) access.Actor {
	return access.Actor{ID: "rekey:metrics", Name: "metrics", Person: "rekey", Role: access.Auditor, Tenant: tenant}
}

func (w *world) look() {
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	w.list = nil
	failed := 0.0
	for _, tenant := range w.Tenants {
		if err := w.tenant(ctx, auditor(tenant)); err != nil {
			failed = 1
			w.Logger.Warn("cannot read the numbers of a tenant for the metrics", "error", err.Error())
		}
	}
	if n, err := w.Backlog(ctx); err == nil {
		w.gauge(back, float64(n))
	} else {
		failed = 1
	}
	w.gauge(held, truth(w.Rotations.Held != nil && w.Rotations.Held() != ""))
	w.gauge(bad, failed)
	w.gauge(took, time.Since(began).Seconds())
	w.last = time.Now()
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (w *world) gauge(d *prometheus.Desc, v float64, labels ...string) {
	w.list = append(w.list, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...))
}
