package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/alert"
	"rekey.example/rekey/internal/alert/calendar"
	"rekey.example/rekey/internal/alert/ical"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/secret"
)

// quiet is a channel that takes everything.
type quiet struct{ got []connector.Message }

func (*quiet) Traits() connector.Traits { return connector.Traits{} }
func (q *quiet) Send(_ context.Context, m connector.Message) error {
	q.got = append(q.got, m)
	return nil
}

// furnishAlerts gives the house one matter, one channel, and feeds with one event.
func (h *house) furnishAlerts(c *Config) {
	ends := time.Now().Add(100 * time.Hour).UTC().Truncate(time.Second)
	h.alerts = &alert.Keeper{Tenant: home, Config: alert.Default(), Store: h.db, Log: h.log, Routes: []alert.Route{{Name: "room", Type: "teams", Channel: &quiet{}}}, Sources: []alert.Source{{
		Name: "ends", Every: time.Hour, Look: func(_ context.Context, tenant string, found func(alert.Matter) error) error {
			return found(alert.Matter{Kind: alert.Ending, Subject: "k-1", Severity: alert.High, Rung: 7, Headline: "Invoice export stops", Ends: ends, KeyID: "k-1"})
		},
	}}}
	c.Alerts = h.alerts
	c.Calendars = &calendar.Desk{Store: h.db, Log: h.log, Entries: func(context.Context, string, string, int) ([]calendar.Entry, error) {
		return []calendar.Entry{{ID: "e@rekey", Start: ends, AllDay: true, Summary: "Invoice export stops", Bare: "A credential ends"}}, nil
	}}
	h.calendars = c.Calendars
}

// liveAlerts raises the alert and makes a feed.
func (h *house) liveAlerts() {
	h.t.Helper()
	if err := h.alerts.Tend(h.t.Context(), home); err != nil {
		h.t.Fatal(err)
	}
	list := decode[wire.AlertPage](h.t, h.ask("auditor", "GET", "/v1/alerts", ""))
	h.alert = list.Value[0].ID
	made := decode[wire.NewCalendar](h.t, h.ask("user", "POST", "/v1/calendars", `{"name":"Nora's","owner":"nora@contoso.com"}`))
	h.feed = made.Calendar.ID
}

func TestAnAlertFromOpenToSettled(t *testing.T) {
	h := newHouse(t)
	h.liveAlerts()
	one := decode[wire.AlertDetail](t, h.ask("user", "GET", "/v1/alerts/"+h.alert, ""))
	if one.Alert.Headline != "Invoice export stops" || one.Alert.State != wire.AlertStateOpen || len(one.Told) != 1 || one.Told[0].State != "taken" || one.Alert.Told.IsZero() {
		t.Fatalf("%+v", one)
	}
	if p := refused(t, h.ask("user", "POST", "/v1/alerts/"+h.alert+"/snooze", `{"until":"2199-01-01T00:00:00Z","reason":"x"}`)); p.Code != "not_possible" {
		t.Errorf("%+v", p)
	}
	body := `{"until":"` + time.Now().Add(24*time.Hour).Format(time.RFC3339) + `","reason":"the partner is closed"}`
	if a := decode[wire.Alert](t, h.ask("user", "POST", "/v1/alerts/"+h.alert+"/snooze", body)); a.State != wire.AlertStateSnoozed || a.Why != "the partner is closed" {
		t.Errorf("%+v", a)
	}
	if a := decode[wire.Alert](t, h.ask("user", "POST", "/v1/alerts/"+h.alert+"/acknowledge", `{}`)); a.State != wire.AlertStateAcknowledged || a.Judge != "Nora" {
		t.Errorf("%+v", a)
	}
	if list := decode[wire.AlertPage](t, h.ask("user", "GET", "/v1/alerts?state=open", "")); len(list.Value) != 0 {
		t.Errorf("%+v", list)
	}
	if p := refused(t, h.ask("user", "GET", "/v1/alerts/a-0", "")); p.Status != http.StatusNotFound {
		t.Errorf("%+v", p)
	}
}

func TestChannelsAreListedAndTried(t *testing.T) {
	h := newHouse(t)
	if answer := h.ask("administrator", "POST", "/v1/channels/room/test", `{}`); answer.StatusCode != http.StatusNoContent {
		t.Errorf("%d", answer.StatusCode)
	}
	list := decode[wire.ChannelList](t, h.ask("auditor", "GET", "/v1/channels", ""))
	if len(list.Value) != 1 || list.Value[0].State != wire.ChannelStateOk || list.Value[0].Taken.IsZero() {
		t.Errorf("%+v", list)
	}
	if p := refused(t, h.ask("administrator", "POST", "/v1/channels/none/test", `{}`)); p.Code != "not_found" {
		t.Errorf("%+v", p)
	}
}

func TestAFeedIsReadUntilItEnds(t *testing.T) {
	h := newHouse(t)
	made := decode[wire.NewCalendar](t, h.ask("user", "POST", "/v1/calendars", `{"name":"All"}`))
	token := secret.New(strings.TrimSuffix(strings.TrimPrefix(made.Path, "/calendar/"), ".ics"))
	raw, err := h.calendars.Read(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := ical.Decode(raw); err != nil || len(c.Events) != 1 || c.Events[0].UID != "e@rekey" {
		t.Errorf("%+v, %v", c, err)
	}
	if answer := h.ask("user", "DELETE", "/v1/calendars/"+made.Calendar.ID, ""); answer.StatusCode != http.StatusNoContent {
		t.Errorf("%d", answer.StatusCode)
	}
	if _, err := h.calendars.Read(t.Context(), token); err == nil {
		t.Error("it is still there")
	}
}
