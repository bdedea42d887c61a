package azurekeys

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// door is how a key is tried at a resource: a request that changes nothing there,
// and what its answer means.
type door struct {
	endpoint func(properties) string
	request  func(ctx context.Context, endpoint *url.URL, key secret.Value, now time.Time) (*http.Request, error)
	judge    func(status int, body []byte) verdict
}

// verdict is what an answer says of the key: it was taken, it was refused, the
// service refused for another reason (both empty: it could not be asked), or it
// said something that only makes sense beside its answer to a wrong key.
type verdict struct {
	taken    bool
	rejected *connector.RejectedError
	unclear  bool
}

// properties are those of a resource that tell where its data is served.
type properties struct {
	Endpoint         string `json:"endpoint"`           // Event Grid, with its path
	InputSchema      string `json:"inputSchema"`        // Event Grid
	ServiceBus       string `json:"serviceBusEndpoint"` // Service Bus, Event Hubs
	Document         string `json:"documentEndpoint"`   // Cosmos DB
	PrimaryEndpoints struct {
		Blob string `json:"blob"`
	} `json:"primaryEndpoints"` // storage
}

// SignIn tries a key at the resource, on a connection of its own. A connection
// string is tried by the key in it.
func (k *Keys) SignIn(ctx context.Context, holder inventory.Application, v secret.Value) error {
	at, err := find(holder)
	if err != nil {
		return err
	}
	to, err := k.endpoint(ctx, at)
	if err != nil {
		return fmt.Errorf("cannot find the endpoint of %q: %w", holder.Name, err)
	}
	d := at.kind.door(at)
	judged, err := k.try(ctx, d, to, KeyOf(v))
	if err == nil && judged.unclear {
		judged, err = k.compare(ctx, d, to, judged)
	}
	if err != nil {
		return fmt.Errorf("cannot try the key at %s: %w", to.Host, err)
	}
	if judged.rejected != nil {
		return judged.rejected
	}
	return nil
}

// compare tries a key that is surely wrong. If that is refused as such, an answer
// that was no refusal of the key was given to the right one.
func (k *Keys) compare(ctx context.Context, d door, to *url.URL, first verdict) (verdict, error) {
	wrong := make([]byte, 32)
	rand.Read(wrong)
	judged, err := k.try(ctx, d, to, secret.New(base64.StdEncoding.EncodeToString(wrong)))
	if err != nil {
		return judged, err
	}
	if judged.rejected != nil && judged.rejected.Secret {
		return verdict{taken: true}, nil
	}
	return judged, errors.New("the service answers a wrong key as it does this one")
}

// spans are the domains in which these services are, in Azure's clouds. A key is
// shown to nobody else, whatever a resource's properties say.
var spans = []string{
	".eventgrid.azure.net", ".eventgrid.azure.us", ".eventgrid.azure.cn",
	".core.windows.net", ".core.usgovcloudapi.net", ".core.chinacloudapi.cn", ".storage.azure.net",
	".servicebus.windows.net", ".servicebus.usgovcloudapi.net", ".servicebus.chinacloudapi.cn",
	".documents.azure.com", ".documents.azure.us", ".documents.azure.cn",
}

// endpoint asks the manager where the resource's data is served.
func (k *Keys) endpoint(ctx context.Context, at address) (*url.URL, error) {
	var resource struct {
		Properties properties `json:"properties"`
	}
	if err := k.ARM.Get(ctx, at.outermost(), &resource); err != nil {
		return nil, err
	}
	u, err := url.Parse(at.kind.door(at).endpoint(resource.Properties))
	if err != nil || u.Scheme != "https" || u.User != nil {
		return nil, errors.New("the resource does not tell it")
	}
	u.Host = strings.ToLower(strings.TrimSuffix(u.Host, ":443"))
	if !slices.ContainsFunc(spans, func(span string) bool { return strings.HasSuffix(u.Host, span) && len(u.Host) > len(span) }) {
		return nil, errors.New("the address that the resource tells is not one of Azure's")
	}
	return u, nil
}

const largestAnswer = 64 << 10

// try sends one request with a key.
func (k *Keys) try(ctx context.Context, d door, to *url.URL, key secret.Value) (verdict, error) {
	r, err := d.request(ctx, to, key, time.Now())
	if err != nil {
		return verdict{}, err
	}
	r.Close = true
	r.Header.Set("User-Agent", "rekey")
	resp, err := k.client().Do(r)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return verdict{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, largestAnswer))
	if err != nil {
		return verdict{}, rest.ErrTruncated
	}
	switch s := resp.StatusCode; {
	case s == http.StatusTooManyRequests:
		return verdict{}, &connector.ThrottledError{After: rest.RetryAfter(resp.Header)}
	case s/100 == 5 || s/100 == 3 || s == http.StatusRequestTimeout || s == http.StatusNotFound:
		return verdict{}, fmt.Errorf("status %d", s)
	case strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html"):
		return verdict{}, rest.ErrNotJSON // something on the way answered
	}
	return d.judge(resp.StatusCode, body), nil
}

// client opens a connection for each request and follows no redirect, which would
// take the key elsewhere.
func (k *Keys) client() *http.Client {
	wire := k.Wire
	if t, ok := wire.(*http.Transport); ok {
		t = t.Clone()
		t.DisableKeepAlives = true
		wire = t
	}
	return &http.Client{Transport: wire, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func taken() verdict { return verdict{taken: true} }

// refused means that the service answered and did not take the key; wrongKey, that
// it was for the key's sake.
func refused(name, text string, wrongKey bool) verdict {
	return verdict{rejected: &connector.RejectedError{Name: name, Text: sentence(text), Secret: wrongKey}}
}

// sentence is the first one of a foreign text, on one line. What services add to
// it can quote the request.
func sentence(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if first, _, found := strings.Cut(text, ". "); found {
		text = first + "."
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if r := []rune(text); len(r) > 200 {
		return string(r[:200]) + "..."
	}
	return strings.TrimSpace(text)
}
