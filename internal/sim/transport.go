package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// Hooks are called around every request of a RoundTripper. Before sees it before
// the clouds do; After sees it when the clouds are done with it and the client
// has not heard yet. A test that wants the client to die at either moment panics
// there or ends the goroutine.
type Hooks struct {
	Before, After func(*http.Request)
}

// RoundTripper reaches the clouds without a network: no sockets, no goroutines,
// so that a bubble of testing/synctest is idle whenever its own goroutines are.
// Names that do not exist, cut connections and deadlines give the errors that
// net/http gives.
func (c *Cloud) RoundTripper(hooks Hooks) http.RoundTripper {
	return &transport{cloud: c, hooks: hooks}
}

type transport struct {
	cloud *Cloud
	hooks Hooks
	from  string // the client's IP address; empty means that of the host rekey runs on
}

// errReset is what a client reads from a connection that was cut.
var errReset = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := readBody(req)
	if err != nil {
		return nil, err
	}
	if err := context.Cause(req.Context()); err != nil {
		return nil, err
	}
	if req.URL.Scheme != "https" {
		return nil, fmt.Errorf("the clouds answer https only, not %q", req.URL.Scheme)
	}
	if t.hooks.Before != nil {
		t.hooks.Before(req)
		if err := context.Cause(req.Context()); err != nil { // whoever sent it has slept too long; what comes late all the same is a fault
			return nil, err
		}
	}
	began, answer := time.Now(), newRecorder()
	in := inbound(req, body)
	if t.from != "" {
		in.RemoteAddr = net.JoinHostPort(t.from, "50000")
	}
	fault, cut := t.cloud.serve(answer, in, body)
	t.cloud.tell(in, answer.status, fault, began, cut)
	if t.hooks.After != nil {
		t.hooks.After(req)
	}
	switch {
	case errors.Is(cut, errNoHost):
		return nil, dnsError(req.URL.Host)
	case req.Context().Err() != nil:
		return nil, context.Cause(req.Context())
	case errors.Is(cut, errCut):
		return nil, errReset
	}
	return answer.response(req, cut), nil
}

func readBody(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer req.Body.Close()
	return io.ReadAll(req.Body)
}

// inbound is the request as a server sees it.
func inbound(req *http.Request, body []byte) *http.Request {
	in := again(req, body)
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/1.1", 1, 1
	in.RequestURI = req.URL.RequestURI()
	in.RemoteAddr = "192.0.2.10:50000"
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	if in.Header == nil {
		in.Header = http.Header{}
	}
	return in
}

// response is the answer as a client sees it, cut in the middle if it must be.
func (r *recorder) response(req *http.Request, cut error) *http.Response {
	r.WriteHeader(http.StatusOK)
	res := &http.Response{
		Status: strconv.Itoa(r.status) + " " + http.StatusText(r.status), StatusCode: r.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.header, Body: io.NopCloser(&r.body), ContentLength: int64(r.body.Len()), Request: req,
	}
	if n, err := strconv.ParseInt(r.header.Get("Content-Length"), 10, 64); err == nil {
		res.ContentLength = n
	}
	if cut != nil {
		res.Body = io.NopCloser(io.MultiReader(&r.body, broken{}))
	}
	return res
}

// broken is the rest of a body that never comes.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// tell reports a visit to whoever asked for it.
func (c *Cloud) tell(r *http.Request, status int, fault string, began time.Time, cut error) {
	if c.config.Seen == nil {
		return
	}
	if cut != nil {
		status = 0
	}
	c.config.Seen(Visit{Operation: r.Method + " " + bareHost(r.Host) + r.URL.Path, Status: status, Fault: fault, Took: time.Since(began)})
}
