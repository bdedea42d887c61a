package office

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
)

type subscription struct {
	Type    string `json:"contentType"`
	Status  string `json:"status"`
	Webhook *struct {
		Status  string `json:"status"`
		Address string `json:"address"`
	} `json:"webhook"`
}

// subscribe starts the subscription if it is off. What happened while it was off
// is lost: the service collects nothing then.
func (f *Feed) subscribe(ctx context.Context) (*connector.Loss, error) {
	var list []subscription
	if err := f.API.Get(ctx, f.path("subscriptions/list"), &list); err != nil {
		return nil, err
	}
	was := "there was none"
	for _, s := range list {
		if s.Type != f.content() {
			continue
		}
		if s.Status == "enabled" && !f.deaf(s) {
			return nil, nil
		}
		if was = "it was " + s.Status; s.Status == "enabled" {
			was = ""
		}
	}
	if time.Since(f.started) < startPause {
		if was == "" {
			return nil, nil // the webhook is off, and the content is there all the same
		}
		return nil, fmt.Errorf("the subscription is off (%s), and it may be asked for once in %s", was, startPause)
	}
	f.started = time.Now()
	if err := f.start(ctx); err != nil {
		if was == "" {
			return nil, nil
		}
		return nil, fmt.Errorf("cannot start the subscription: %w", err)
	}
	if was == "" {
		return nil, nil
	}
	return &connector.Loss{To: time.Now().UTC(), Why: "the subscription was off (" + was + "), and the service collects nothing meanwhile"}, nil
}

// deaf reports whether notifications are wanted and switched off.
func (f *Feed) deaf(s subscription) bool {
	return f.Webhook.Address != "" && (s.Webhook == nil || s.Webhook.Status != "enabled" || s.Webhook.Address != f.Webhook.Address)
}

// start asks for the subscription. "Already enabled" is what was wanted.
func (f *Feed) start(ctx context.Context) error {
	var body []byte
	if f.Webhook.Address != "" {
		var err error
		body, err = json.Marshal(map[string]any{"webhook": map[string]string{"address": f.Webhook.Address, "authId": f.Webhook.AuthID.Reveal(), "expiration": ""}})
		if err != nil {
			return errors.New("the webhook cannot be encoded")
		}
	}
	q := rest.Request{Method: http.MethodPost, Path: f.path("subscriptions/start", "contentType", f.content())}
	if body != nil {
		q.Body = json.RawMessage(body)
	}
	_, err := f.API.Send(ctx, q)
	if e, ok := errors.AsType[*rest.Error](err); ok && e.Code == "AF20024" {
		return nil
	}
	return err
}
