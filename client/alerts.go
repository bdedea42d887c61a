package client

import (
	"context"
	"iter"
	"time"

	"rekey.example/rekey/api"
)

// Alerts walks what somebody should know, the worst first.
func (c *Client) Alerts(ctx context.Context, q api.ListAlertsParams) iter.Seq2[api.Alert, error] {
	return pages(func(after string) (page[api.Alert], error) {
		q.After = after
		return answer[page[api.Alert]](c.raw.ListAlerts(ctx, &q))
	})
}

// Alert tells where an alert stands, and who was told of it when.
func (c *Client) Alert(ctx context.Context, id string) (api.AlertDetail, error) {
	return answer[api.AlertDetail](c.raw.GetAlert(ctx, id))
}

// AcknowledgeAlert says that somebody looks after an alert. The note may be empty.
func (c *Client) AcknowledgeAlert(ctx context.Context, id, note string) (api.Alert, error) {
	return answer[api.Alert](c.raw.AcknowledgeAlert(ctx, id, api.AlertAcknowledgement{Note: note}))
}

// SnoozeAlert lays an alert aside until a time.
func (c *Client) SnoozeAlert(ctx context.Context, id string, until time.Time, reason string) (api.Alert, error) {
	return answer[api.Alert](c.raw.SnoozeAlert(ctx, id, api.AlertSnooze{Until: until, Reason: reason}))
}

// Channels says how the channels do that alerts go through.
func (c *Client) Channels(ctx context.Context) ([]api.Channel, error) {
	list, err := answer[api.ChannelList](c.raw.ListChannels(ctx))
	return list.Value, err
}

// TestChannel sends a test through a channel; to is an address, for mail.
func (c *Client) TestChannel(ctx context.Context, name, to string) error {
	_, err := answer[struct{}](c.raw.TestChannel(ctx, name, api.ChannelTest{To: to}))
	return err
}

// Calendars lists the calendar feeds.
func (c *Client) Calendars(ctx context.Context) ([]api.Calendar, error) {
	list, err := answer[api.CalendarList](c.raw.ListCalendars(ctx))
	return list.Value, err
}

// CreateCalendar makes a calendar feed. Its path is in this answer and nowhere else.
func (c *Client) CreateCalendar(ctx context.Context, q api.CalendarRequest) (api.NewCalendar, error) {
	return answer[api.NewCalendar](c.raw.CreateCalendar(ctx, q))
}

// RevokeCalendar ends a calendar feed.
func (c *Client) RevokeCalendar(ctx context.Context, id string) error {
	_, err := answer[struct{}](c.raw.RevokeCalendar(ctx, id))
	return err
}

// AlertPage returns one page of the alerts.
func (c *Client) AlertPage(ctx context.Context, q api.ListAlertsParams) (api.AlertPage, error) {
	return answer[api.AlertPage](c.raw.ListAlerts(ctx, &q))
}
