package daemon

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/alert/ical"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim/rooms"
)

func (w *town) withChannels() {
	w.close()
	w.config.Alerts.PublicURL = "https://rekey.contoso.com"
	w.config.Channels = []Channel{
		{Name: "team-room", Type: "teams", URLSecret: secret.New(rooms.TeamsURL)},
		{Name: "slack-hook", Type: "slack", URLSecret: secret.New(rooms.SlackURL)},
		{Name: "slack-bot", Type: "slack", Secret: secret.New(rooms.SlackToken), Room: rooms.SlackRoom},
		{Name: "duty", Type: "pagerduty", Secret: secret.New(rooms.PagerKey)},
		{Name: "table", Type: "azuremonitor", Endpoint: rooms.Endpoint, Rule: rooms.Rule, Stream: rooms.Stream},
	}
	w.open()
}

// TestAlertsGoThroughEveryChannel reads the pretended tenant and tells of it.
func TestAlertsGoThroughEveryChannel(t *testing.T) {
	w := newTown(t, 0)
	w.withChannels()
	if s := w.sync(); s.State != wire.SyncStateDone {
		t.Fatalf("%+v", s)
	}
	if err := w.daemon.alerts.Tend(t.Context(), w.tenant.ID); err != nil {
		t.Fatal(err)
	}
	c := w.local()
	var open []wire.Alert
	stops := false
	for a, err := range c.Alerts(t.Context(), wire.ListAlertsParams{Kind: "credential.ending"}) {
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, a)
		stops = stops || strings.Contains(a.Headline, " stop")
	}
	if len(open) == 0 || !stops {
		t.Fatalf("%d alerts, one names what stops: %v", len(open), stops)
	}
	sim := w.cloud.Rooms()
	if len(sim.Rows()) < len(open) || len(sim.Incidents()) < len(open) {
		t.Errorf("%d alerts, %d rows, %d incidents", len(open), len(sim.Rows()), len(sim.Incidents()))
	}
	urgent := slices.ContainsFunc(open, func(a wire.Alert) bool { return a.Severity == "high" })
	if urgent && (len(sim.Cards()) != 1 || len(sim.Posts()) != 2) {
		t.Errorf("%d cards, %d posts", len(sim.Cards()), len(sim.Posts()))
	}
	channels, err := c.Channels(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range channels {
		if h.State != wire.ChannelStateOk {
			t.Errorf("%+v", h)
		}
		if err := c.TestChannel(t.Context(), h.Name, ""); err != nil {
			t.Errorf("%s: %v", h.Name, err)
		}
	}
	if _, err := c.AcknowledgeAlert(t.Context(), open[0].ID, "seen"); err != nil {
		t.Fatal(err)
	}
	if err := w.daemon.alerts.Tend(t.Context(), w.tenant.ID); err != nil {
		t.Fatal(err)
	}
	if got := sim.Incidents(); !slices.Contains(values(got), "acknowledged") {
		t.Errorf("%v", got)
	}
	for _, raw := range append(sim.Cards(), append(sim.Posts(), sim.Rows()...)...) {
		for _, hidden := range []string{rooms.SlackToken, rooms.PagerKey, "sig=", w.tenant.Reader.Secret} {
			if strings.Contains(string(raw), hidden) {
				t.Errorf("a message has a secret in it: %.100s", raw)
			}
		}
		if !json.Valid(raw) {
			t.Errorf("%.100s", raw)
		}
	}
}

func values(m map[string]string) (list []string) {
	for _, v := range m {
		list = append(list, v)
	}
	return list
}

func TestAnOffWorkflowSaysSo(t *testing.T) {
	w := newTown(t, 0)
	w.withChannels()
	sim := w.cloud.Rooms()
	sim.Off, sim.Publisher = true, false
	for name, want := range map[string]string{"team-room": "turned off in Power Automate", "table": "status 403"} {
		err := w.local().TestChannel(t.Context(), name, "")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "sig") {
			t.Errorf("%s: %v", name, err)
		}
	}
	list, err := w.local().Channels(t.Context())
	if err != nil || list[0].State != wire.ChannelStateDead {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestACalendarIsServed reads a feed over HTTP, twice, and after it was ended.
func TestACalendarIsServed(t *testing.T) {
	w := newTown(t, 0)
	if s := w.sync(); s.State != wire.SyncStateDone {
		t.Fatalf("%+v", s)
	}
	made, err := w.local().CreateCalendar(t.Context(), wire.CalendarRequest{Name: "All, of us"})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRecorder()
		w.daemon.Handler().ServeHTTP(r, httptest.NewRequest("GET", path, nil))
		return r
	}
	first := get(made.Path)
	c, err := ical.Decode(first.Body.Bytes())
	if err != nil || first.Code != http.StatusOK || len(c.Events) == 0 || c.Name != "All, of us" {
		t.Fatalf("%d: %d events, %v", first.Code, len(c.Events), err)
	}
	time.Sleep(10 * time.Millisecond)
	again, err := ical.Decode(get(made.Path).Body.Bytes())
	if err != nil || len(again.Events) != len(c.Events) || !again.Events[0].Stamp.Equal(c.Events[0].Stamp) || again.Events[0].Sequence != 0 {
		t.Errorf("it is different the second time: %v", err)
	}
	if err := w.local().RevokeCalendar(t.Context(), made.Calendar.ID); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{made.Path, "/calendar/cal_x.ics", "/calendar/x", strings.TrimSuffix(made.Path, ".ics")} {
		if r := get(path); r.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, r.Code)
		}
	}
}
