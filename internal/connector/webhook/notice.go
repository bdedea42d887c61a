package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
)

// Channel carries alerts as signed CloudEvents. The id of an event, which is also
// its webhook-id, is the same at every try.
type Channel struct{ *Webhook }

// OpenChannel checks a configuration. Nothing is sent.
func OpenChannel(c Config) (*Channel, error) {
	w, err := Open(c)
	if err != nil {
		return nil, err
	}
	return &Channel{w}, nil
}

var _ connector.Channel = (*Channel)(nil)

// Traits says that receivers keep ids, as Standard Webhooks asks them to.
func (*Channel) Traits() connector.Traits { return connector.Traits{Machine: true, Repeatable: true} }

// Types are those of the events, by the kind of alert.
var Types = map[string]string{
	"credential.ending": "io.rekey.credential.near_expiry.v1",
	"rotation.waiting":  "io.rekey.rotation.waiting.v1",
	"rotation.stuck":    "io.rekey.rotation.stuck.v1",
	"task.due":          "io.rekey.task.due.v1",
	"finding.open":      "io.rekey.finding.opened.v1",
	"inventory.stale":   "io.rekey.inventory.stale.v1",
	"reconcile.held":    "io.rekey.installation.held.v1",
	"audit.tampered":    "io.rekey.audit.tampered.v1",
	"channel.dead":      "io.rekey.channel.dead.v1",
	"test":              "io.rekey.test.v1",
}

// Ended is the type for a credential whose end has passed; the other two tell what
// became of an alert.
const (
	Ended        = "io.rekey.credential.expired.v1"
	Acknowledged = "io.rekey.alert.acknowledged.v1"
	Settled      = "io.rekey.alert.settled.v1"
)

func typeOf(i connector.Item, at time.Time) string {
	switch {
	case i.Act == connector.Acknowledged:
		return Acknowledged
	case i.Act == connector.Settled:
		return Settled
	case i.Kind == "credential.ending" && !i.Ends.IsZero() && !i.Ends.After(at):
		return Ended
	}
	return Types[i.Kind]
}

// notice is the data of an event.
type notice struct {
	Alert       string           `json:"alert"`
	Key         string           `json:"key"`
	Act         connector.Act    `json:"act"`
	Kind        string           `json:"kind"`
	Severity    string           `json:"severity"`
	Headline    string           `json:"headline"`
	Text        string           `json:"text,omitempty"`
	Facts       []connector.Fact `json:"facts,omitempty"`
	Link        string           `json:"link,omitempty"`
	Opened      time.Time        `json:"opened"`
	Ends        time.Time        `json:"ends,omitzero"`
	DaysBefore  int              `json:"daysBefore,omitempty"`
	Level       int              `json:"level"`
	Judge       string           `json:"acknowledgedBy,omitempty"`
	Application string           `json:"application,omitempty"`
	ObjectID    string           `json:"objectId,omitempty"`
	ClientID    string           `json:"clientId,omitempty"`
	KeyID       string           `json:"keyId,omitempty"`
}

// Send posts one alert.
func (c *Channel) Send(ctx context.Context, m connector.Message) error {
	if len(m.Items) != 1 {
		return connector.Undeliverable("an event is about one alert, not %d", len(m.Items))
	}
	i := m.Items[0]
	body, err := json.Marshal(struct {
		Version     string    `json:"specversion"`
		ID          string    `json:"id"`
		Source      string    `json:"source"`
		Type        string    `json:"type"`
		Subject     string    `json:"subject"`
		Time        time.Time `json:"time"`
		ContentType string    `json:"datacontenttype"`
		Data        notice    `json:"data"`
	}{"1.0", m.ID, "urn:rekey:tenant:" + m.Tenant, typeOf(i, m.Made), i.Alert, m.Made.UTC(), "application/json", notice{
		Alert: i.Alert, Key: i.Key, Act: i.Act, Kind: i.Kind, Severity: i.Severity, Headline: i.Headline, Text: i.Text, Facts: i.Facts, Link: i.Link,
		Opened: i.Opened, Ends: i.Ends, DaysBefore: i.Rung, Level: i.Level, Judge: i.Judge,
		Application: i.Application, ObjectID: i.ObjectID, ClientID: i.ClientID, KeyID: i.KeyID,
	}})
	if err != nil {
		return connector.Undeliverable("the event does not encode")
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	h := http.Header{"Content-Type": {"application/cloudevents+json; charset=utf-8"}, "Accept": {"application/json"}}
	sign(h, c.key, m.ID, time.Now(), body)
	a, err := rest.Post(ctx, c.client, c.address, h, body)
	if err != nil {
		return fmt.Errorf("cannot tell %s: %w", c.Webhook, err)
	}
	if err := a.Taken(c.address.Host, strings.TrimSpace(string(a.Body[:min(len(a.Body), 200)]))); err != nil {
		return fmt.Errorf("cannot tell %s: %w", c.Webhook, err)
	}
	return nil
}
