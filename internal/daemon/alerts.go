package daemon

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"rekey.example/rekey/internal/alert"
	"rekey.example/rekey/internal/alert/calendar"
	"rekey.example/rekey/internal/alert/ical"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/azuremonitor"
	"rekey.example/rekey/internal/connector/pagerduty"
	"rekey.example/rekey/internal/connector/slack"
	"rekey.example/rekey/internal/connector/smtp"
	"rekey.example/rekey/internal/connector/teams"
	"rekey.example/rekey/internal/connector/webhook"
	"rekey.example/rekey/internal/server"
)

// Every kind of channel has its line in this file, and nowhere else.

// open opens a channel. Nothing is sent.
func (h *Channel) open(c *Config, wire http.RoundTripper, reader azcore.TokenCredential) (connector.Channel, error) {
	switch h.Type {
	case "smtp":
		return smtp.Open(smtp.Config{
			Name: h.Name, Host: h.Host, Port: h.Port, TLS: h.TLS, Plain: h.Plain, User: h.User, Password: h.Secret, From: h.From, Roots: roots(c.CAFile), Calendar: attachment,
		})
	case "teams":
		return teams.Open(teams.Config{Name: h.Name, URL: h.URLSecret, Transport: wire})
	case "slack":
		return slack.Open(slack.Config{Name: h.Name, URL: h.URLSecret, Token: h.Secret, Room: h.Room, Buttons: h.Buttons, Transport: wire})
	case "pagerduty":
		return pagerduty.Open(pagerduty.Config{Name: h.Name, Key: h.Secret, Region: h.Region, Transport: wire})
	case "azuremonitor":
		if wire == nil {
			wire = http.DefaultTransport // only checked, not used
		}
		return azuremonitor.Open(azuremonitor.Config{Name: h.Name, Endpoint: h.Endpoint, Rule: h.Rule, Stream: h.Stream, Transport: wire, Credential: reader})
	case "webhook":
		allowed, err := prefixes(h.AllowRanges)
		if err != nil {
			return nil, err
		}
		return webhook.OpenChannel(webhook.Config{Name: h.Name, URL: h.URLSecret.Reveal(), Secret: h.Secret, Allowed: allowed, Roots: roots(c.CAFile)})
	}
	return nil, fmt.Errorf("%s is no type of channel; write smtp, teams, slack, pagerduty, webhook or azuremonitor", show(h.Type))
}

// route is a channel and what goes through it.
func (h *Channel) route(c *Config, wire http.RoundTripper, reader azcore.TokenCredential) (r alert.Route, err error) {
	r = alert.Route{Name: h.Name, Type: h.Type, Kinds: h.Kinds, Least: alert.Severity(h.Least), Instant: h.Instant}
	if r.Joins = slices.Index(append([]string{""}, alert.Levels...), h.Joins) - 1; h.Joins == "" {
		r.Joins = 0
	} else if r.Joins < 0 {
		return r, fmt.Errorf("channel %s joins %s, which is not owner, backup or team", show(h.Name), show(h.Joins))
	}
	if h.Least != "" && !slices.Contains(alert.Severities, r.Least) {
		return r, fmt.Errorf("channel %s takes at least %s, which is not high, medium or low", show(h.Name), show(h.Least))
	}
	for _, k := range h.Kinds {
		if !slices.Contains(alert.Kinds, k) {
			return r, fmt.Errorf("channel %s takes %s, which is no kind of alert", show(h.Name), show(k))
		}
	}
	if h.Buttons && c.Alerts.Slack.SigningSecret.IsZero() {
		return r, fmt.Errorf("channel %s has buttons, and alerts.slack no signing secret to know by that Slack sends what they do", show(h.Name))
	}
	r.Channel, err = h.open(c, wire, reader)
	return r, err
}

// attachment is the calendar in a mail: the ends that it is about.
func attachment(m connector.Message) []byte {
	c := ical.Calendar{Name: "rekey"}
	for _, i := range m.Items {
		if i.UID == "" || i.Ends.IsZero() {
			continue
		}
		c.Events = append(c.Events, ical.Event{UID: i.UID, Stamp: m.Made, Start: i.Ends, AllDay: true, Summary: i.Headline, Text: i.Text, URL: i.Link, Free: true})
	}
	if len(c.Events) == 0 {
		return nil
	}
	return c.Encode()
}

// alarms makes the keeper of alerts and the desk of calendars.
func (d *Daemon) alarms() error {
	c, err := d.config.Alerts.config()
	if err != nil {
		return err
	}
	k := &alert.Keeper{Tenant: d.config.Tenant.ID, Config: c, Store: d.store, Log: d.log, Name: d.config.Tenant.Name, Logger: d.logger, Wake: d.wakeAlerts}
	d.bell = make(chan struct{}, 1)
	if d.around != nil {
		for i := range d.config.Channels {
			r, err := d.config.Channels[i].route(&d.config, d.around.wire, d.around.reader)
			if err != nil {
				return err
			}
			k.Routes = append(k.Routes, r)
		}
	}
	if d.guard != nil {
		k.Held = d.guard.Held
	}
	d.alerts = k
	k.Sources = append(d.sources(), k.DeadRoutes())
	d.feeds = &calendar.Desk{Store: d.store, Log: d.log, Entries: d.entries}
	return nil
}

// wakeAlerts lets the chore look at once.
func (d *Daemon) wakeAlerts() {
	select {
	case d.bell <- struct{}{}:
	default: // it is on its way already
	}
}

// alertEvery is how often the log is followed.
const alertEvery = 15 * time.Second

// tendAlerts is the chore.
func (d *Daemon) tendAlerts(ctx context.Context) {
	for ctx.Err() == nil {
		if err := d.alerts.Tend(ctx, d.config.Tenant.ID); err != nil && ctx.Err() == nil {
			d.logger.Warn("cannot look after the alerts", "error", err.Error())
		}
		select {
		case <-time.After(alertEvery):
		case <-d.bell:
		case <-ctx.Done():
		}
	}
}

// slackButtons answers what Slack sends; nil if no secret is configured.
func (d *Daemon) slackButtons() http.Handler {
	s := d.config.Alerts.Slack
	if s.SigningSecret.IsZero() || d.config.Tenant.ID == "" {
		return nil
	}
	return &server.Slack{Alerts: d.alerts, Tenant: d.config.Tenant.ID, Signing: s.SigningSecret, Team: s.Workspace, Users: s.Users, Logger: d.logger}
}
