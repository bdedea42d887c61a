package api

import (
	"cmp"
	"context"
	"slices"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/schedule"
)

const usualDays = 90

// GetSchedule draws the next days.
func (s *service) GetSchedule(ctx context.Context, in GetScheduleRequestObject) (GetScheduleResponseObject, error) {
	days, err := s.Schedule.Days(ctx, actorOf(ctx), cmp.Or(in.Params.Days, usualDays))
	if err != nil {
		return nil, err
	}
	c := s.Schedule.Schedule.Config
	calendar := s.Schedule.Schedule.Calendar
	now := time.Now()
	out := GetSchedule200JSONResponse{
		Days: each(days, wireDay), Windows: each(c.Windows, wireWindow), Freezes: []wire.ChangeFreeze{},
		Proposing: c.Propose, AtOnce: c.Bulk.AtOnce,
	}
	for i, f := range c.Freezes {
		from, to := calendar.Bounds(i)
		out.Freezes = append(out.Freezes, wire.ChangeFreeze{
			Name: f.Name, From: from.UTC(), To: to.UTC(), Allow: f.Allow, Applications: scope(f.Apps, f.Tags, f.Owners),
		})
	}
	if out.Open, _ = calendar.Open(now, inventory.Application{}); !out.Open {
		out.Next = calendar.Next(now, inventory.Application{}).UTC()
	}
	return out, nil
}

// ListDue lists what is due, the first to end first.
func (s *service) ListDue(ctx context.Context, in ListDueRequestObject) (ListDueResponseObject, error) {
	q := schedule.Question{Until: time.Now(), Limit: limit(in.Params.Limit)}
	if !in.Params.Now {
		q.Until = q.Until.AddDate(0, 0, cmp.Or(in.Params.Days, usualDays))
	}
	on, err := counted(in.Params.Date)
	if err != nil {
		return nil, err
	}
	if in.Params.Date != "" {
		q.Until = on.AddDate(0, 0, 1)
	}
	u := requestOf(ctx).URL
	keys, err := after(u, 1)
	if err != nil {
		return nil, err
	}
	if keys != nil {
		q.After = keys[0]
	}
	list, position, err := s.Schedule.Items(ctx, actorOf(ctx), q)
	for in.Params.Date != "" && err == nil {
		list = slices.DeleteFunc(list, func(i schedule.Item) bool { return !i.On(on, time.Now()) })
		if len(list) > 0 || position == "" {
			break
		}
		q.After = position
		list, position, err = s.Schedule.Items(ctx, actorOf(ctx), q)
	}
	if err != nil {
		return nil, err
	}
	page := ListDue200JSONResponse{Value: each(list, wireDue)}
	if position != "" {
		page.NextLink = next(u, position)
	}
	return page, nil
}

// counted is the day that is asked for, in UTC.
func counted(date string) (day time.Time, err error) {
	if date == "" {
		return day, nil
	}
	if day, err = time.Parse(time.DateOnly, date); err != nil {
		return day, invalid("date", "must be a day such as 2026-05-03")
	}
	return day, nil
}

// PostponeDue keeps a credential from being proposed.
func (s *service) PostponeDue(ctx context.Context, in PostponeDueRequestObject) (PostponeDueResponseObject, error) {
	p, err := s.Schedule.Postpone(ctx, actorOf(ctx), in.KeyID, in.Body.Until, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return PostponeDue200JSONResponse(wirePostponement(p)), nil
}

// ResumeDue ends a postponement.
func (s *service) ResumeDue(ctx context.Context, in ResumeDueRequestObject) (ResumeDueResponseObject, error) {
	if err := s.Schedule.Resume(ctx, actorOf(ctx), in.KeyID); err != nil {
		return nil, err
	}
	return ResumeDue204Response{}, nil
}

func wireDay(d schedule.Day) wire.ScheduleDay {
	return wire.ScheduleDay{Date: d.Date, Due: d.Due, Ends: d.Ends, Frozen: d.Frozen}
}

func wireWindow(w schedule.Window) wire.MaintenanceWindow {
	days := w.Days
	if len(days) == 0 {
		days = []string{"mon..sun"}
	}
	return wire.MaintenanceWindow{Name: w.Name, Days: days, From: w.From, To: w.To, Zone: cmp.Or(w.Zone, "UTC"), Applications: scope(w.Apps, w.Tags, w.Owners)}
}

// scope puts what something holds for into one list.
func scope(apps, tags, owners []string) []string {
	list := append([]string{}, apps...)
	for _, tag := range tags {
		list = append(list, "#"+tag)
	}
	return append(list, owners...)
}

func wireDue(i schedule.Item) wire.DueItem {
	out := wire.DueItem{Credential: wireCredential(*i.Row), Due: i.At.UTC(), Ends: i.Due.Ends.UTC(), Why: i.Why, Warning: i.Warning, State: wire.DueState(i.State)}
	if i.Postponed != nil {
		out.Postponed = wirePostponement(*i.Postponed)
	}
	return out
}

func wirePostponement(p schedule.Postponement) wire.Postponement {
	return wire.Postponement{KeyID: p.KeyID, Until: p.Until, Reason: p.Reason, By: p.By, Since: p.Since}
}
