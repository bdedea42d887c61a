// Package slack plays channel: it posts Block Kit messages through an incoming
// webhook or as a bot, and reads the signed requests that Slack sends when
// somebody presses a button.
//
// All foreign text stands in plain_text objects, which Slack does not interpret.
// Slack keeps no ids of ours: after a lost answer nobody knows whether the message
// is there.
package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/secret"
)

// Config is one room. It has either a URL or a Token and a Room.
type Config struct {
	Name      string
	URL       secret.Value // of an incoming webhook: https://hooks.slack.com/services/...
	Token     secret.Value // of a bot: xoxb-...
	Room      string       // its channel: C0123456789, or a name
	Buttons   bool         // acknowledge and snooze; needs Signing at the server
	Transport http.RoundTripper
}

// Room is a channel.
type Room struct {
	Config
	client *http.Client
}

var _ connector.Channel = (*Room)(nil)

const postMessage = "https://slack.com/api/chat.postMessage"

// Open checks a configuration. Nothing is sent.
func Open(c Config) (*Room, error) {
	u, err := url.Parse(c.URL.Reveal())
	wrong := ""
	switch {
	case c.URL.IsZero() == c.Token.IsZero():
		wrong = "it needs the address of an incoming webhook or the token of a bot, one of the two"
	case !c.Token.IsZero() && c.Room == "":
		wrong = "it has a token and no room to post to"
	case !c.Token.IsZero() && !strings.HasPrefix(c.Token.Reveal(), "xoxb-"):
		wrong = "its token is not that of a bot, which begins with xoxb-"
	case c.URL.IsZero():
	case err != nil || u.Scheme != "https" || u.Host != "hooks.slack.com" && u.Host != "hooks.slack-gov.com" || !strings.HasPrefix(u.Path, "/services/") || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		wrong = "its address is not one like https://hooks.slack.com/services/..."
	}
	if wrong != "" {
		return nil, fmt.Errorf("cannot use Slack channel %q: %s", c.Name, wrong)
	}
	return &Room{Config: c, client: rest.Plain(c.Transport)}, nil
}

// Traits says that it is one place for people, and that messages can be there twice.
func (*Room) Traits() connector.Traits { return connector.Traits{} }

// Send posts one message.
func (r *Room) Send(ctx context.Context, m connector.Message) error {
	if err := r.send(ctx, m); err != nil {
		return fmt.Errorf("cannot post to Slack channel %s: %w", r.Name, err)
	}
	return nil
}

func (r *Room) send(ctx context.Context, m connector.Message) error {
	doc := Blocks(m, r.Buttons)
	if !r.URL.IsZero() {
		u, err := url.Parse(r.URL.Reveal())
		if err != nil {
			return connector.Undeliverable("the address is not one")
		}
		a, err := rest.Post(ctx, r.client, u, nil, encode(doc))
		if err != nil {
			return err
		}
		return a.Taken("Slack", string(a.Body[:min(len(a.Body), 100)])) // a word such as no_service
	}
	doc["channel"] = r.Room
	u, err := url.Parse(postMessage)
	if err != nil {
		return connector.Undeliverable("the address is not one")
	}
	a, err := rest.Post(ctx, r.client, u, http.Header{"Content-Type": {"application/json; charset=utf-8"}, "Authorization": {"Bearer " + r.Token.Reveal()}}, encode(doc))
	if err != nil {
		return err
	}
	if err := a.Taken("Slack", ""); err != nil {
		return err
	}
	var said struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	if json.Unmarshal(a.Body, &said) != nil {
		return rest.ErrNotJSON
	}
	switch {
	case said.OK:
		return nil
	case said.Error == "ratelimited", said.Error == "rate_limited":
		return &connector.ThrottledError{After: rest.RetryAfter(a.Header)}
	case said.Error == "internal_error", said.Error == "fatal_error", said.Error == "request_timeout", said.Error == "service_unavailable":
		return fmt.Errorf("Slack says %s", rest.Clean(said.Error, 60))
	}
	return connector.Undeliverable("Slack says %s", rest.Clean(said.Error, 60))
}

func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("a message does not encode: %v", err)) // plain data only; cannot happen
	}
	return raw
}
