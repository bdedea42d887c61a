package azurekeys

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rekey.example/rekey/internal/secret"
)

// topicDoor publishes no events: an empty list. A topic that wants CloudEvents, or
// another form, may call it wrong, which it does after it has looked at the key.
// https://learn.microsoft.com/azure/event-grid/post-to-custom-topic
func topicDoor(address) door {
	return door{
		endpoint: func(p properties) string { return p.Endpoint },
		request:  publishNothing,
		judge:    judgeTopic,
	}
}

func publishNothing(ctx context.Context, to *url.URL, key secret.Value, _ time.Time) (*http.Request, error) {
	u := *to
	u.RawQuery = "api-version=2018-01-01"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader("[]"))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("aeg-sas-key", key.Reveal())
	return r, nil
}

func judgeTopic(status int, body []byte) verdict {
	var in struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &in) // without a text the status has to do
	switch {
	case status/100 == 2:
		return taken()
	case status == http.StatusUnauthorized:
		return refused("Unauthorized", in.Error.Message, !strings.Contains(strings.ToLower(in.Error.Message), "local auth"))
	case status == http.StatusForbidden:
		return refused("Forbidden", in.Error.Message, false)
	}
	v := refused("BadRequest", in.Error.Message, false)
	v.unclear = true
	return v
}
