// Package webhook plays consumer for whatever can answer a signed request.
//
// The request is a CloudEvents document signed after Standard Webhooks; it tells
// which credential was replaced and where the new value lies, never the value.
// It goes to the configured address only, over HTTPS, is never redirected, and
// never reaches a network that the guard keeps closed. Each call sends one
// request: when to try again is the rotation's business.
package webhook

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/secret"
)

// Config is one webhook.
type Config struct {
	Name         string         // what references call it
	URL          string         // https://host/path; treated as a secret in errors
	Secret       secret.Value   // what requests are signed with: whsec_ and base64, or at least 24 bytes
	AllowPrivate bool           // the address may lie on this machine or in a private network
	Allowed      []netip.Prefix // ... or in one of these ranges
	Timeout      time.Duration  // of one request; 0 means 30 s
	Roots        *x509.CertPool // nil means the system's
}

// Webhook is a consumer that is told by a signed request.
type Webhook struct {
	name    string
	address *url.URL
	key     secret.Value
	timeout time.Duration
	client  *http.Client
}

var _ connector.Consumer = (*Webhook)(nil)

// largestAnswer bounds what is read of an answer.
const largestAnswer = 64 << 10

// Open checks a webhook's configuration. Nothing is sent.
func Open(c Config) (*Webhook, error) {
	guard := rest.Guard{Private: c.AllowPrivate, Allowed: c.Allowed}
	u, err := guard.Address(c.URL)
	if err != nil {
		return nil, fmt.Errorf("cannot use webhook %q: its address: %w", c.Name, err)
	}
	guard.Here = u.Scheme == "http"
	key, err := signingKey(c.Secret)
	if err != nil {
		return nil, fmt.Errorf("cannot use webhook %q: %w", c.Name, err)
	}
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	return &Webhook{name: c.Name, address: u, key: key, timeout: c.Timeout, client: guard.Client(c.Roots)}, nil
}

// Tell posts the change. The id is that of the change, so that a receiver that
// keeps ids takes a repeated request once.
func (w *Webhook) Tell(ctx context.Context, c connector.Change) error {
	if _, err := w.post(ctx, c, connector.Switched, c.Request); err != nil {
		return fmt.Errorf("cannot tell %s: %w", w, err)
	}
	return nil
}

// Moved asks whether the new value is used. The receiver says so with 200 and
// {"moved":true,"version":"..."}; 202 or anything else well-formed means not yet.
func (w *Webhook) Moved(ctx context.Context, c connector.Change) (connector.Moved, error) {
	a, err := w.post(ctx, c, connector.Check, c.Request+".check."+rand.Text())
	if err != nil {
		return connector.Moved{}, fmt.Errorf("cannot ask %s: %w", w, err)
	}
	m := connector.Moved{Wait: a.after, Why: rest.Clean(a.Why, 200), Person: rest.Clean(a.Person, 200)}
	version := rest.Clean(a.Version, 64)
	switch {
	case a.status == http.StatusAccepted || !a.Moved:
		if m.Why == "" {
			m.Why = fmt.Sprintf("%s has taken the request and not said that it uses the new value", w)
		}
		return m, nil
	case version != "" && version != c.Place.Version:
		m.Why = fmt.Sprintf("%s says it uses version %s, not %s", w, version, c.Place.Version)
		return m, nil
	}
	proof := fmt.Sprintf("%s says it uses the new value", w)
	if version != "" {
		proof = fmt.Sprintf("%s says it uses version %s", w, version)
	}
	return connector.Moved{Yes: true, Proof: proof}, nil
}

// String names the webhook without its path, which may hold a token.
func (w *Webhook) String() string { return "webhook " + w.name }

type answer struct {
	Moved   bool   `json:"moved"`
	Version string `json:"version"`
	Why     string `json:"why"`
	Person  string `json:"person"`
	status  int
	after   time.Duration
}

func (w *Webhook) post(ctx context.Context, c connector.Change, kind, id string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	body := c.Event(kind, id)
	// Without a body that can be rewound net/http has nothing to send twice.
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address.String(), struct{ io.Reader }{bytes.NewReader(body)})
	if err != nil {
		return answer{}, errors.New("the request cannot be made")
	}
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "rekey")
	sign(r.Header, w.key, id, time.Now(), body)
	resp, err := w.client.Do(r)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // its text shows the whole address
		}
		return answer{}, fmt.Errorf("%s: %w", w.address.Host, err)
	}
	defer resp.Body.Close()
	return w.read(resp)
}

func (w *Webhook) read(resp *http.Response) (answer, error) {
	a := answer{status: resp.StatusCode, after: rest.RetryAfter(resp.Header)}
	switch {
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable:
		return a, &connector.ThrottledError{After: a.after}
	case resp.StatusCode/100 == 3:
		return a, fmt.Errorf("%w: status %d", rest.ErrRedirect, resp.StatusCode)
	case resp.StatusCode/100 != 2:
		return a, fmt.Errorf("%s answers with status %d", w.address.Host, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, largestAnswer+1))
	if err != nil {
		return a, rest.ErrTruncated
	}
	if len(body) > largestAnswer {
		return a, rest.ErrTooLarge
	}
	return a, a.decode(body)
}

// decode reads what a receiver says. Silence is no lie, but a document that
// cannot be read is an error: it could have said anything.
func (a *answer) decode(body []byte) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if json.Unmarshal(body, a) != nil {
		return rest.ErrNotJSON
	}
	return nil
}
