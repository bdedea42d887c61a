package daemon

import (
	"context"
	"net/http"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/server/metrics"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/telemetry"
)

// observe prepares what tells others how rekey fares. It comes before everything
// that speaks to the clouds.
func (d *Daemon) observe(ctx context.Context, c Config) (Config, error) {
	var err error
	d.trace, err = telemetry.Open(ctx, telemetry.Config{Version: c.Version, Installation: d.others.installation.ID, Exporter: c.Spans})
	if err != nil || d.trace == nil {
		return c, err
	}
	next, err := azure.Wire{Proxy: c.Proxy, CAFile: c.CAFile, Round: c.Round}.Transport()
	if err != nil {
		return c, err
	}
	c.Round = d.trace.Transport(next)
	return c, nil
}

// scraped is what stands under /metrics.
func (d *Daemon) scraped() http.Handler {
	if d.config.Metrics.Open {
		return d.metrics
	}
	return d.api.Guard(access.ReadInventory, d.metrics)
}

func (d *Daemon) newMetrics() *metrics.Metrics {
	var tenants []string
	if d.config.Tenant.ID != "" {
		tenants = []string{d.config.Tenant.ID}
	}
	return metrics.New(metrics.Config{
		Version: d.config.Version, Tenants: tenants, Inventory: d.inventory, Rotations: d.rotations, Policy: d.policy, Backlog: d.backlog,
		Series: d.config.Metrics.Series, Logger: d.logger,
	})
}

// backlog is how many events of the log no checkpoint outside the database covers.
func (d *Daemon) backlog(ctx context.Context) (n int64, err error) {
	kept, err := d.log.Kept(d.checkpoints())
	if err != nil {
		return 0, err
	}
	err = d.store.View(ctx, func(tx *store.Tx) error {
		n, err = audit.Size(tx)
		return err
	})
	if len(kept) > 0 {
		n -= kept[len(kept)-1].Size
	}
	return n, err
}

// passed hears of a step that is over.
func (d *Daemon) passed(r *rotation.Rotation, s rotation.Step) {
	if d.metrics != nil && !s.Began.IsZero() {
		d.metrics.Step(r.Terms.Plan, s.Name, s.Ended.Sub(s.Began))
	}
	d.trace.Step(r.ID, r.Terms.Plan, s.Name, string(s.State), s.Began, s.Ended)
}

const lastSpans = 3 * time.Second

// unobserve sends what is left.
func (d *Daemon) unobserve() error {
	ctx, cancel := context.WithTimeout(context.Background(), lastSpans)
	defer cancel()
	return d.trace.Close(ctx)
}
