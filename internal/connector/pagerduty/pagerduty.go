// Package pagerduty plays channel: it opens, acknowledges and resolves incidents
// through PagerDuty's Events API v2.
//
// An incident is known by its dedup_key, the alert and the step of the ladder: the
// same event sent twice opens nothing twice.
package pagerduty

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/secret"
)

// Config is one service.
type Config struct {
	Name      string
	Key       secret.Value // integration key: 32 characters
	Region    string       // "" or "eu"
	Transport http.RoundTripper
}

// Service is a channel.
type Service struct {
	name    string
	key     secret.Value
	address *url.URL
	client  *http.Client
}

var _ connector.Channel = (*Service)(nil)

// Open checks a configuration. Nothing is sent.
func Open(c Config) (*Service, error) {
	host := map[string]string{"": "events.pagerduty.com", "us": "events.pagerduty.com", "eu": "events.eu.pagerduty.com"}[c.Region]
	switch {
	case host == "":
		return nil, fmt.Errorf("cannot use PagerDuty channel %q: its region is neither us nor eu", c.Name)
	case c.Key.Len() != 32:
		return nil, fmt.Errorf("cannot use PagerDuty channel %q: its integration key has not 32 characters", c.Name)
	}
	return &Service{name: c.Name, key: c.Key, address: &url.URL{Scheme: "https", Host: host, Path: "/v2/enqueue"}, client: rest.Plain(c.Transport)}, nil
}

// Traits says that events are known by their dedup_key.
func (*Service) Traits() connector.Traits { return connector.Traits{Machine: true, Repeatable: true} }

// severities are PagerDuty's words for ours.
var severities = map[string]string{"high": "critical", "medium": "warning", "low": "info"}

// https://developer.pagerduty.com/docs/send-alert-event
type event struct {
	Key     string   `json:"routing_key"`
	Action  string   `json:"event_action"`
	Dedup   string   `json:"dedup_key"`
	Client  string   `json:"client,omitempty"`
	URL     string   `json:"client_url,omitempty"`
	Links   []link   `json:"links,omitempty"`
	Payload *payload `json:"payload,omitempty"`
}

type link struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

type payload struct {
	Summary   string            `json:"summary"`
	Source    string            `json:"source"`
	Severity  string            `json:"severity"`
	Time      time.Time         `json:"timestamp"`
	Component string            `json:"component,omitempty"`
	Group     string            `json:"group,omitempty"`
	Class     string            `json:"class,omitempty"`
	Detail    map[string]string `json:"custom_details,omitempty"`
}

// Send sends what a message means: one event, or for what ends an alert one for each
// incident that it opened.
func (s *Service) Send(ctx context.Context, m connector.Message) error {
	if len(m.Items) != 1 {
		return connector.Undeliverable("an event is about one alert, not %d", len(m.Items))
	}
	i := m.Items[0]
	e := event{Key: s.key.Reveal(), Action: "trigger", Dedup: i.Key, Client: "rekey", URL: i.Link}
	switch {
	case m.Test:
		e.Dedup = m.ID
	case i.Act == connector.Acknowledged, i.Act == connector.Settled:
		action := map[connector.Act]string{connector.Acknowledged: "acknowledge", connector.Settled: "resolve"}[i.Act]
		keys := slices.Clone(i.Keys)
		slices.Sort(keys)
		for _, key := range slices.Compact(keys) {
			if err := s.post(ctx, event{Key: e.Key, Action: action, Dedup: key}); err != nil {
				return err
			}
		}
		return nil
	}
	e.Payload = &payload{
		Summary: rest.Clean(i.Headline, 1000), Source: cmp.Or(rest.Clean(m.Name, 100), m.Tenant), Severity: cmp.Or(severities[i.Severity], "warning"), Time: m.Made.UTC(),
		Component: rest.Clean(i.Application, 200), Group: "credentials", Class: i.Kind, Detail: map[string]string{},
	}
	for _, f := range i.Facts {
		e.Payload.Detail[rest.Clean(f.Name, 60)] = rest.Clean(f.Value, 500)
	}
	if i.Text != "" {
		e.Payload.Detail["What to do"] = rest.Clean(i.Text, 1000)
	}
	if i.Link != "" {
		e.Links = []link{{i.Link, "Look at it in rekey"}}
	}
	if err := s.post(ctx, e); err != nil || !m.Test {
		return err
	}
	return s.post(ctx, event{Key: e.Key, Action: "resolve", Dedup: m.ID}) // a test wakes nobody for long
}

func (s *Service) post(ctx context.Context, e event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return connector.Undeliverable("the event does not encode")
	}
	a, err := rest.Post(ctx, s.client, s.address, nil, body)
	if err != nil {
		return fmt.Errorf("cannot tell PagerDuty channel %s: %w", s.name, err)
	}
	var said struct {
		Status, Message string
		Errors          []string
	}
	_ = json.Unmarshal(a.Body, &said) // nothing understandable is nothing
	if err := a.Taken(s.address.Host, strings.Join(append([]string{said.Message}, said.Errors...), ", ")); err != nil {
		return fmt.Errorf("cannot tell PagerDuty channel %s: %w", s.name, err)
	}
	return nil
}
