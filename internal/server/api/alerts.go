package api

import (
	"context"
	"strconv"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/alert"
	"rekey.example/rekey/internal/alert/calendar"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
)

// ListAlerts lists what somebody should know, the worst first.
func (s *service) ListAlerts(ctx context.Context, in ListAlertsRequestObject) (ListAlertsResponseObject, error) {
	p := in.Params
	f := alert.Filter{State: alert.State(p.State), Kind: p.Kind, Application: inventory.ObjectID(p.Application), KeyID: p.KeyID, Limit: p.Limit}
	u := requestOf(ctx).URL
	keys, err := after(u, 3)
	if err != nil {
		return nil, err
	}
	if keys != nil {
		ms, err := strconv.ParseInt(keys[1], 10, 64)
		if err != nil || keys[2] == "" {
			return nil, invalid("after", "is no page of this list")
		}
		f.After = alert.Cursor{Severity: alert.Severity(keys[0]), Opened: time.UnixMilli(ms), ID: keys[2]}
	}
	list, more, err := s.Alerts.List(ctx, actorOf(ctx), f)
	if err != nil {
		return nil, err
	}
	page := ListAlerts200JSONResponse{Value: each(list, wireAlert)}
	if more {
		last := list[len(list)-1]
		page.NextLink = next(u, string(last.Severity), strconv.FormatInt(last.Opened.UnixMilli(), 10), last.ID)
	}
	return page, nil
}

// GetAlert tells where an alert stands and who was told of it.
func (s *service) GetAlert(ctx context.Context, in GetAlertRequestObject) (GetAlertResponseObject, error) {
	a, told, err := s.Alerts.Get(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return GetAlert200JSONResponse{Alert: wireAlert(a), Told: each(told, func(t alert.Telling) wire.AlertTelling {
		return wire.AlertTelling{
			Channel: t.Channel, To: t.Recipient, Act: wire.AlertTellingAct(t.Act), State: wire.AlertTellingState(t.State), Due: t.Due, Ended: t.Ended, Again: t.Again, Problem: t.Problem,
		}
	})}, nil
}

// AcknowledgeAlert records that somebody looks after an alert.
func (s *service) AcknowledgeAlert(ctx context.Context, in AcknowledgeAlertRequestObject) (AcknowledgeAlertResponseObject, error) {
	a, err := s.Alerts.Acknowledge(ctx, actorOf(ctx), in.ID, in.Body.Note)
	if err != nil {
		return nil, err
	}
	return AcknowledgeAlert200JSONResponse(wireAlert(a)), nil
}

// SnoozeAlert lays an alert aside.
func (s *service) SnoozeAlert(ctx context.Context, in SnoozeAlertRequestObject) (SnoozeAlertResponseObject, error) {
	a, err := s.Alerts.Snooze(ctx, actorOf(ctx), in.ID, in.Body.Until, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return SnoozeAlert200JSONResponse(wireAlert(a)), nil
}

// ListChannels says how the channels do.
func (s *service) ListChannels(ctx context.Context, _ ListChannelsRequestObject) (ListChannelsResponseObject, error) {
	health, err := s.Alerts.Channels(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	list := make([]wire.Channel, len(health))
	for i, h := range health {
		r := s.Alerts.Routes[i]
		state := wire.ChannelStateOk
		switch {
		case h.Dead:
			state = wire.ChannelStateDead
		case h.Failures > 0:
			state = wire.ChannelStateFailing
		}
		list[i] = wire.Channel{
			Name: r.Name, Type: r.Type, Joins: wire.ChannelJoins(alert.Levels[r.Joins]), Kinds: r.Kinds, Least: string(r.Least), Machine: r.Channel.Traits().Machine,
			State: state, Failures: h.Failures, Since: h.Since, Paused: h.Paused, Taken: h.Taken, Problem: h.Problem, Waiting: h.Waiting,
		}
	}
	return ListChannels200JSONResponse{Value: list}, nil
}

// TestChannel sends a test.
func (s *service) TestChannel(ctx context.Context, in TestChannelRequestObject) (TestChannelResponseObject, error) {
	if err := s.Alerts.Try(ctx, actorOf(ctx), in.Name, in.Body.To); err != nil {
		return nil, err
	}
	return TestChannel204Response{}, nil
}

// ListCalendars lists the feeds there are.
func (s *service) ListCalendars(ctx context.Context, _ ListCalendarsRequestObject) (ListCalendarsResponseObject, error) {
	list, err := s.Calendars.List(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return ListCalendars200JSONResponse{Value: each(list, wireCalendar)}, nil
}

// CreateCalendar makes a feed.
func (s *service) CreateCalendar(ctx context.Context, in CreateCalendarRequestObject) (CreateCalendarResponseObject, error) {
	f, token, err := s.Calendars.Make(ctx, actorOf(ctx), calendar.Feed{Name: in.Body.Name, Owner: in.Body.Owner, Bare: in.Body.Bare})
	if err != nil {
		return nil, err
	}
	return CreateCalendar201JSONResponse{Calendar: wireCalendar(f), Path: "/calendar/" + token.Reveal() + ".ics"}, nil
}

// RevokeCalendar ends a feed.
func (s *service) RevokeCalendar(ctx context.Context, in RevokeCalendarRequestObject) (RevokeCalendarResponseObject, error) {
	if err := s.Calendars.Revoke(ctx, actorOf(ctx), in.ID); err != nil {
		return nil, err
	}
	return RevokeCalendar204Response{}, nil
}

func wireCalendar(f calendar.Feed) wire.Calendar {
	return wire.Calendar{ID: f.ID, Name: f.Name, Owner: f.Owner, Bare: f.Bare, Made: f.Made, By: f.By, Read: f.Read}
}

func wireAlert(a alert.Alert) wire.Alert {
	w := wire.Alert{
		ID: a.ID, Kind: a.Kind, Subject: a.Subject, Severity: wire.AlertSeverity(a.Severity), State: wire.AlertState(a.State), Headline: a.Headline, Text: a.Text,
		Facts: each(a.Facts, func(f connector.Fact) wire.AlertFact { return wire.AlertFact{Name: f.Name, Value: f.Value} }),
		Page:  a.Path, Ends: a.Ends, Owner: a.Owner, Backup: a.Backup, Level: a.Level, Application: a.Application, ObjectID: string(a.ObjectID), ClientID: string(a.ClientID), KeyID: a.KeyID,
		Opened: a.Opened, Changed: a.Changed, Escalates: a.Due, Until: a.Until, Judge: a.Judge, Why: a.Why, Settled: a.Settled, Told: a.Told,
	}
	if a.Rung != alert.NoRung {
		w.DaysBefore = a.Rung
	}
	return w
}
