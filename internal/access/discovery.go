package access

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// discovery is what an issuer says of itself, kept for a day.
type discovery struct {
	issuer string
	client *http.Client

	mu    sync.Mutex
	known *endpoints
	read  time.Time
}

type endpoints struct {
	authorize, token, keys string
}

// ask reads the issuer's document. The issuer it names has to be the one that was
// asked, and all addresses have to be of https.
func (d *discovery) ask(ctx context.Context) (endpoints, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known != nil && time.Since(d.read) < keysKept {
		return *d.known, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, d.client), d.issuer)
	if err != nil {
		if d.known != nil {
			return *d.known, nil // what held yesterday
		}
		return endpoints{}, fmt.Errorf("cannot reach the issuer %s: %w", d.issuer, err)
	}
	var more struct {
		Keys string `json:"jwks_uri"`
	}
	if err := p.Claims(&more); err != nil {
		return endpoints{}, fmt.Errorf("cannot read what the issuer %s says of itself: %w", d.issuer, err)
	}
	e := endpoints{p.Endpoint().AuthURL, p.Endpoint().TokenURL, more.Keys}
	for _, address := range []string{e.keys, e.authorize, e.token} {
		if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
			return endpoints{}, fmt.Errorf("the issuer %s names an address that is not of https", d.issuer)
		}
	}
	if e.keys == "" {
		return endpoints{}, fmt.Errorf("the issuer %s names no keys", d.issuer)
	}
	d.known, d.read = &e, time.Now()
	return e, nil
}

func (d *discovery) keysAddress(ctx context.Context) (string, error) {
	e, err := d.ask(ctx)
	return e.keys, err
}

// limitedBody keeps a library from reading more than fits.
type limitedBody struct{ round http.RoundTripper }

func (l limitedBody) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.round.RoundTrip(r)
	if err == nil {
		answer.Body = http.MaxBytesReader(nil, answer.Body, largestSet)
	}
	return answer, err
}

func trimSlash(s string) string { return strings.TrimSuffix(s, "/") }
