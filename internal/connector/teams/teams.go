// Package teams plays channel: it posts Adaptive Cards to a room of Microsoft
// Teams, through a workflow that begins with "When a Teams webhook request is
// received".
//
// The workflow's address carries its signature, so it is a secret: it is in no
// error and no log. Only the hosts that such addresses have are spoken to. A
// workflow keeps no ids: after a lost answer nobody knows whether the card is there.
package teams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/secret"
)

// Config is one room.
type Config struct {
	Name      string
	URL       secret.Value // as the workflow shows it
	Transport http.RoundTripper
}

// Room is a channel.
type Room struct {
	name   string
	url    secret.Value
	host   string
	client *http.Client
}

var _ connector.Channel = (*Room)(nil)

// hosts are those of workflows' addresses.
// https://learn.microsoft.com/power-automate/ip-address-configuration
var hosts = []string{
	".logic.azure.com", ".logic.azure.us", ".logic.azure.cn", ".environment.api.powerplatform.com", ".environment.api.gov.powerplatform.microsoft.us", ".powerautomate.com", ".powerautomate.us",
}

// Open checks an address. Nothing is sent.
func Open(c Config) (*Room, error) {
	u, err := url.Parse(c.URL.Reveal())
	wrong := ""
	switch {
	case c.URL.IsZero():
		wrong = "its address is missing"
	case err != nil || u.Host == "" || u.Opaque != "":
		wrong = "its address is not one"
	case u.Scheme != "https":
		wrong = "its address is not https"
	case u.User != nil || u.Fragment != "":
		wrong = "its address has a user name or a fragment"
	case u.Port() != "" && u.Port() != "443":
		wrong = "its address has another port than 443"
	case !known(u.Hostname()):
		wrong = "its address is not that of a workflow: those are at logic.azure.com, environment.api.powerplatform.com or powerautomate.com"
	case u.Query().Get("sig") == "":
		wrong = "its address has no sig; copy all of it"
	}
	if wrong != "" {
		return nil, fmt.Errorf("cannot use Teams channel %q: %s", c.Name, wrong)
	}
	return &Room{name: c.Name, url: c.URL, host: u.Hostname(), client: rest.Plain(c.Transport)}, nil
}

func known(host string) bool {
	for _, suffix := range hosts {
		if label, ok := strings.CutSuffix(strings.ToLower(host), suffix); ok && label != "" {
			return true
		}
	}
	return false
}

// Traits says that it is one place for people, and that cards can be there twice.
func (*Room) Traits() connector.Traits { return connector.Traits{} }

// Send posts one card.
func (r *Room) Send(ctx context.Context, m connector.Message) error {
	u, err := url.Parse(r.url.Reveal())
	if err != nil {
		return connector.Undeliverable("the address is not one")
	}
	a, err := rest.Post(ctx, r.client, u, nil, Card(m))
	if err != nil {
		return fmt.Errorf("cannot post to Teams channel %s: %w", r.name, err)
	}
	var said struct {
		Error struct{ Code, Message string }
	}
	_ = json.Unmarshal(a.Body, &said) // nothing understandable is nothing
	err = a.Taken(r.host, said.Error.Code)
	if no, ok := errors.AsType[*connector.UndeliverableError](err); ok && said.Error.Code == "WorkflowTriggerIsNotEnabled" {
		no.Why += "; the workflow is turned off in Power Automate"
	}
	if err != nil {
		return fmt.Errorf("cannot post to Teams channel %s: %w", r.name, err)
	}
	return nil
}
