package azurekeys

import (
	"context"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/secret"
)

// busDoor reads the description of the queue, topic or event hub that the rule is
// of, or one page of their list for a rule of the namespace. Both are reads of the
// management interface over HTTPS; a message would have to be sent or taken to try
// the others. They need the right Manage. A rule without it is refused for that,
// with another answer than a wrong signature gets: then the two are compared.
// https://learn.microsoft.com/rest/api/servicebus/get-a-queue
func busDoor(at address) door {
	path, version := "/$Resources/Queues", "2021-05"
	if strings.HasPrefix(at.kind.name, hubType) {
		path, version = "/$Resources/EventHubs", "2014-01"
	}
	rule, scope := at.names[len(at.names)-1], ""
	if len(at.names) == 3 {
		scope = at.names[1]
		path = "/" + scope
	}
	return door{
		endpoint: func(p properties) string { return p.ServiceBus },
		request: func(ctx context.Context, to *url.URL, key secret.Value, now time.Time) (*http.Request, error) {
			u := url.URL{Scheme: to.Scheme, Host: to.Host, Path: path, RawQuery: "api-version=" + version + "&$skip=0&$top=1"}
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
			if err != nil {
				return nil, err
			}
			r.Header.Set("Authorization", busToken("https://"+to.Host+"/"+scope, rule, key, now))
			return r, nil
		},
		judge: judgeBus,
	}
}

// tokenLife is how long a token made here opens anything: it goes over the wire.
const tokenLife = 5 * time.Minute

// busToken is a shared access signature. The key is used as it is written.
// https://learn.microsoft.com/azure/service-bus-messaging/service-bus-sas
func busToken(resource, rule string, key secret.Value, now time.Time) string {
	resource = url.QueryEscape(strings.ToLower(resource))
	end := strconv.FormatInt(now.Add(tokenLife).Unix(), 10)
	signature := sign([]byte(key.Reveal()), resource+"\n"+end)
	return "SharedAccessSignature sr=" + resource + "&sig=" + url.QueryEscape(signature) + "&se=" + end + "&skn=" + url.QueryEscape(rule)
}

func judgeBus(status int, body []byte) verdict {
	if status/100 == 2 {
		return taken()
	}
	var in struct{ Detail string }
	_ = xml.Unmarshal(body, &in) // without a text the status has to do
	detail, _, _ := strings.Cut(in.Detail, "TrackingId:")
	name := "Unauthorized"
	if code, _, found := strings.Cut(detail, ":"); found && !strings.Contains(code, " ") {
		name = code // InvalidSignature, ExpiredToken, 40103
	}
	says := func(word string) bool { return strings.Contains(strings.ToLower(detail), word) }
	switch {
	case status != http.StatusUnauthorized:
		return refused(sentence(strconv.Itoa(status)+" "+http.StatusText(status)), detail, false)
	case says("signature") && !says("disabled"):
		return refused(sentence(name), detail, true)
	case says("disabled"), says("expired"), says("audience"), says("malformed"):
		return refused(sentence(name), detail, false)
	}
	v := refused(sentence(name), detail, false)
	v.unclear = true
	return v
}
