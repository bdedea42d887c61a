package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"rekey.example/rekey/internal/connector"
)

// Client sends to addresses that people configure, and to nothing behind them: it
// follows no redirects, uses no proxy (which would resolve the name itself, behind
// the guard's back) and keeps no connection. roots may be nil for the system's.
func (g Guard) Client(roots *x509.CertPool) *http.Client {
	return plain(&http.Transport{
		DialContext: g.Dialer().DialContext, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		DisableKeepAlives: true, TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: false,
	})
}

// Plain is a client over a transport that returns redirects instead of following them.
func Plain(t http.RoundTripper) *http.Client { return plain(t) }

// largestReceipt bounds what is read of an answer to Post.
const largestReceipt = 64 << 10

// Post sends one document, once, to an address that may be a secret: its path and
// query are in no error. The error wraps connector.ErrNotApplied if no connection
// came about; an answer of any status is no error.
func Post(ctx context.Context, c *http.Client, to *url.URL, h http.Header, body []byte) (Answer, error) {
	var traced, connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GetConn: func(string) { traced.Store(true) }, GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	// Without a body that can be rewound net/http has nothing to send twice.
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), struct{ io.Reader }{bytes.NewReader(body)})
	if err != nil {
		return Answer{}, notApplied(errors.New("the request cannot be made"))
	}
	r.ContentLength = int64(len(body))
	for name, values := range h {
		r.Header[name] = values
	}
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("User-Agent", "rekey")
	r.Close = true
	resp, err := c.Do(r)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // its text shows the whole address
		}
		err = fmt.Errorf("%s: %w", to.Host, err)
		if traced.Load() && !connected.Load() || errors.Is(err, ErrGuarded) {
			return Answer{}, notApplied(err)
		}
		return Answer{}, err
	}
	defer resp.Body.Close()
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	a.Body, err = io.ReadAll(io.LimitReader(resp.Body, largestReceipt+1))
	if len(a.Body) > largestReceipt {
		a.Body = a.Body[:largestReceipt]
	}
	if err != nil && a.Status/100 == 2 {
		return a, fmt.Errorf("%s: %w", to.Host, ErrTruncated)
	}
	return a, nil
}

// Taken says what a status means for a message: nil if it was taken, a
// *connector.ThrottledError if it is to be sent later, *connector.UndeliverableError
// if it never will be; otherwise nobody knows. why is what the service said.
func (a Answer) Taken(host, why string) error {
	text := fmt.Sprintf("%s answers with status %d", host, a.Status)
	if why = clean(why, 200); why != "" {
		text += ": " + why
	}
	after := RetryAfter(a.Header)
	switch {
	case a.Status/100 == 2:
		return nil
	case a.Status == http.StatusTooManyRequests, a.Status == http.StatusServiceUnavailable && after > 0:
		return fmt.Errorf("%s: %w", text, &connector.ThrottledError{After: after})
	case a.Status/100 == 3:
		return &connector.UndeliverableError{Why: text + ", a redirect, which is not followed"}
	case a.Status == http.StatusRequestTimeout, a.Status/100 == 5:
		return errors.New(text)
	}
	return &connector.UndeliverableError{Why: text}
}
