package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"

	"rekey.example/rekey/internal/connector"
)

// Request is what Once sends.
type Request struct {
	Method string
	Path   string // with a slash in front, and a query if there is one
	Header http.Header
	Body   []byte // JSON; nil for none
}

// Once sends one request, on a connection of its own, and never again, however
// it ends (SAFETY F6). The answer is decoded into v, which may be nil. The error
// wraps connector.ErrNotApplied if the request was surely not applied: it was
// refused with a status below 500, or no connection came about. Any other error
// means that nobody knows.
func (c *Client) Once(ctx context.Context, q Request, v any) error {
	return c.once(ctx, q, func(r *http.Request, resp *http.Response) error { return c.decode(r, resp, v) })
}

// Send is Once for an answer of which more counts than its document: its status
// and headers, as those of an operation that has only begun.
func (c *Client) Send(ctx context.Context, q Request) (a Answer, err error) {
	err = c.once(ctx, q, func(r *http.Request, resp *http.Response) error {
		err := refused(r, resp)
		if e, ok := errors.AsType[*Error](err); ok && e.Refused() {
			return notApplied(err)
		}
		if err != nil {
			return err
		}
		a.Status, a.Header = resp.StatusCode, resp.Header
		if a.Body, err = c.body(resp, &reading{}); err != nil {
			return bare(r, err)
		}
		return nil
	})
	return a, err
}

func (c *Client) once(ctx context.Context, q Request, take func(*http.Request, *http.Response) error) error {
	target, err := c.target(q.Path)
	if err != nil {
		return notApplied(err)
	}
	// The request is not bound to a body that could be rewound: net/http would
	// take that as leave to send it again.
	var body io.Reader
	if q.Body != nil {
		body = struct{ io.Reader }{bytes.NewReader(q.Body)}
	}
	var traced, connected atomic.Bool
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { traced.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	}), q.Method, target, body)
	if err != nil {
		return notApplied(fmt.Errorf("cannot make the request %s %s", q.Method, clean(q.Path, 100)))
	}
	for name, values := range q.Header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	c.headers(r)
	if q.Body != nil {
		r.ContentLength = int64(len(q.Body))
		if r.Header.Get("Content-Type") == "" {
			r.Header.Set("Content-Type", "application/json")
		}
	}
	r.Close = true
	if err := c.authorize(ctx, r, ""); err != nil {
		return notApplied(err)
	}
	if c.BeforeWrite != nil {
		if err := c.BeforeWrite(ctx, r); err != nil {
			return notApplied(bare(r, err))
		}
	}
	resp, err := c.writes.Do(r)
	if err != nil {
		err = bare(r, err)
		if traced.Load() && !connected.Load() {
			return notApplied(err) // a transport that reports its connections had none
		}
		return err
	}
	defer resp.Body.Close()
	if c.AfterWrite != nil {
		c.AfterWrite(resp)
	}
	return take(r, resp)
}

func (c *Client) decode(r *http.Request, resp *http.Response, v any) error {
	err := refused(r, resp)
	if e, ok := errors.AsType[*Error](err); ok && e.Refused() {
		return notApplied(err)
	}
	if err != nil || v == nil || resp.StatusCode == http.StatusNoContent {
		return err
	}
	body, err := c.body(resp, &reading{})
	if err != nil {
		return bare(r, err)
	}
	if json.Unmarshal(body, v) != nil {
		return bare(r, ErrTruncated) // the decoder's own error can quote the document
	}
	return nil
}

// notApplied marks an error as one that changed nothing.
func notApplied(err error) error {
	if errors.Is(err, connector.ErrNotApplied) {
		return err
	}
	return &harmless{err}
}

// harmless says what its cause says, and that nothing was changed.
type harmless struct{ error }

func (e *harmless) Unwrap() []error { return []error{e.error, connector.ErrNotApplied} }

// Path joins segments into a path, escaping what would end one early.
func Path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}
