package metrics

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
)

func (w *world) tenant(ctx context.Context, by access.Actor) error {
	if err := w.inventory(ctx, by); err != nil {
		return err
	}
	if err := w.first(ctx, by); err != nil {
		return err
	}
	t, err := w.Rotations.Tally(ctx, by)
	if err != nil {
		return err
	}
	for state, n := range t.States {
		if state != rotation.Open {
			w.list = append(w.list, prometheus.MustNewConstMetric(rots, prometheus.CounterValue, float64(n), by.Tenant, string(state)))
		}
	}
	w.gauge(open, float64(t.States[rotation.Open]), by.Tenant)
	w.gauge(mark, float64(t.Watched), by.Tenant)
	w.gauge(lost, float64(t.Strays), by.Tenant)
	n, err := w.Policy.Count(ctx, by)
	if err != nil {
		return err
	}
	w.gauge(find, float64(n), by.Tenant)
	return nil
}

func (w *world) inventory(ctx context.Context, by access.Actor) error {
	sum, err := w.Inventory.Summary(ctx, by)
	if err != nil {
		return err
	}
	for _, b := range []struct {
		name string
		n    int
	}{
		{"expired", sum.Expired}, {"7d", sum.Within[0]}, {"30d", sum.Within[1]}, {"90d", sum.Within[2]}, {"later", sum.Later}, {"unknown", sum.Endless},
	} {
		w.gauge(ends, float64(b.n), by.Tenant, b.name)
	}
	for _, f := range sum.Feeds {
		if !f.Read.IsZero() {
			w.gauge(read, float64(f.Read.UnixMilli())/1000, by.Tenant, label(f.Feed))
		}
	}
	return nil
}

const year = 365 * 24 * time.Hour

// first are the credentials that end first, those that have ended before the others.
func (w *world) first(ctx context.Context, by access.Actor) error {
	q := inventory.Query{Expired: true, Expiring: 100 * year, Limit: 500}
	left := w.Series
	named, told := map[inventory.ClientID]bool{}, map[[3]string]bool{}
	for left > 0 {
		q.Limit = min(left, q.Limit)
		page, err := w.Inventory.Credentials(ctx, by, q)
		if err != nil {
			return err
		}
		for _, r := range page.Rows {
			id := r.Application.ClientID
			series := [3]string{label(string(id)), label(r.KeyID), string(r.Kind)}
			if r.Expires.IsZero() || told[series] { // an issuer that tells no end; one key that two objects hold
				continue
			}
			told[series] = true
			w.gauge(expiry, float64(r.Expires.Unix()), by.Tenant, series[0], series[1], series[2])
			if !named[id] {
				named[id] = true
				w.gauge(info, 1, by.Tenant, label(string(id)), label(r.Application.Name))
			}
		}
		left -= len(page.Rows)
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
	return nil
}

// label makes a name that somebody else chose fit for a label: short, one line,
// without what steers terminals or turns the direction of writing.
func label(s string) string {
	const most = 120
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most-1]) + "…"
	}
	return s
}
