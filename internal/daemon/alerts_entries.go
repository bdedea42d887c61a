package daemon

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/alert"
	"rekey.example/rekey/internal/alert/calendar"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
)

// How far calendars look ahead.
const (
	endsAhead     = 400 * day
	windowsAhead  = 60 * day
	mostOccasions = 100
)

// entries is what calendars say: what ends, rotations under way, windows and
// freezes. An owner is a name, an address or an object id, as rekey credentials
// --owner takes it.
func (d *Daemon) entries(ctx context.Context, tenant, owner string, limit int) (list []calendar.Entry, err error) {
	now := time.Now()
	for _, o := range d.scheduled.Schedule.Calendar.Occasions(now.Truncate(day), now.Add(windowsAhead), mostOccasions) {
		if owner != "" && !o.All {
			continue
		}
		e := calendar.Entry{ID: fmt.Sprintf("window-%d-%d@rekey", o.Index, o.From.Unix()), Start: o.From, End: o.To, Free: true, Summary: "Changes may be made: " + rest.Clean(o.Name, 120), Bare: "Maintenance window"}
		if o.Freeze {
			e.ID, e.Summary, e.Bare = fmt.Sprintf("freeze-%d-%d@rekey", o.Index, o.From.Unix()), "No changes: "+rest.Clean(o.Name, 120), "Change freeze"
		}
		list = append(list, e)
	}
	held := map[inventory.ObjectID]bool{} // of the owner
	q := inventory.Query{Expiring: endsAhead, Owner: owner, Limit: 500}
	for len(list) < limit {
		page, err := d.inventory.Credentials(ctx, looker(tenant), q)
		if err != nil {
			return nil, err
		}
		for i := range page.Rows {
			r := &page.Rows[i]
			held[r.Application.ObjectID] = true
			list = append(list, d.endEntry(tenant, r))
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	rotations, _, err := d.rotations.List(ctx, looker(tenant), rotation.Filter{State: rotation.Open, Limit: 1000})
	if err != nil {
		return nil, err
	}
	for _, r := range rotations {
		if r.Due.IsZero() || owner != "" && !held[r.Terms.Application.ObjectID] {
			continue
		}
		step := "the next step"
		if s := r.Current(); s != nil {
			step = s.Name
		}
		start := r.Due.UTC().Truncate(time.Minute)
		list = append(list, calendar.Entry{
			ID: r.ID + "@rekey", Start: start, End: start.Add(30 * time.Minute), Free: true, Summary: fmt.Sprintf("Rotation of %s: %s", rest.Clean(r.Terms.Application.Name, 120), step),
			Bare: "A rotation goes on", Text: rest.Clean(r.Needs, 300), URL: d.alerts.Link("/rotations/" + r.ID),
		})
	}
	return list[:min(len(list), limit)], nil
}

func (d *Daemon) endEntry(tenant string, r *inventory.Row) calendar.Entry {
	var users []string
	for _, c := range r.Consumers {
		users = append(users, rest.Clean(c.Consumer, 120))
	}
	name := rest.Clean(r.Application.Name, 120)
	e := calendar.Entry{
		ID: alert.EndUID(tenant, string(r.Holder)+"/"+r.KeyID), Start: r.Expires.In(d.alerts.Zone), AllDay: true, Free: true,
		Summary: fmt.Sprintf("The %s %s of %s ends", noun(r.Kind), called(r), name), Bare: "A " + noun(r.Kind) + " ends", URL: d.alerts.Link("/credentials/" + r.KeyID),
	}
	if len(users) > 0 {
		e.Summary = fmt.Sprintf("%s: last day, unless the %s of %s is renewed", several(users), noun(r.Kind), name)
		e.Text = "What breaks: " + strings.Join(users, "; ")
	}
	return e
}
