package daemon

import (
	"context"
	"errors"
	"io"
	"net/http"

	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/server/api"
)

// inProcess carries requests to a handler without a network. What acts is in the
// request's context, where nothing from outside can put it.
type inProcess struct {
	handler http.Handler
	actor   *access.Actor // nil: the request has a token, as from anywhere
	guests  *guests
}

var errClosed = errors.New("rekey is stopping")

// Client is a client of the API in this process that acts as a.
func (d *Daemon) Client(a access.Actor) *client.Client { return d.client(&a, nil) }

// As is a client of the API in this process that acts as whom the token is for.
func (d *Daemon) As(token secret.Value) (*client.Client, error) {
	if token.IsZero() {
		return nil, errors.New("the token is empty")
	}
	return d.client(nil, token.Reveal), nil
}

func (d *Daemon) client(a *access.Actor, token func() string) *client.Client {
	c, err := client.New(client.Config{
		Server: "http://in-process", Token: token,
		HTTP: &http.Client{Transport: &inProcess{handler: d.api, actor: a, guests: &d.guests}},
	})
	if err != nil {
		panic(err) // the address is ours
	}
	return c
}

// RoundTrip runs the handler beside the caller, so that a long answer is read
// while it is written.
func (p *inProcess) RoundTrip(out *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(out.Context())
	if p.actor != nil {
		ctx = api.WithActor(ctx, *p.actor)
	}
	in := out.Clone(ctx)
	in.RequestURI, in.RemoteAddr, in.Host = out.URL.RequestURI(), "in-process", out.URL.Host
	if in.Body == nil {
		in.Body = http.NoBody
	}
	pr, pw := io.Pipe()
	w := &reply{header: http.Header{}, begun: make(chan struct{}), body: pw}
	admitted := p.guests.admit(func() {
		defer cancel()
		defer w.end()
		p.handler.ServeHTTP(w, in)
	})
	if !admitted {
		cancel()
		return nil, errClosed
	}
	select {
	case <-w.begun:
	case <-ctx.Done():
		pr.CloseWithError(ctx.Err())
		return nil, out.Context().Err()
	}
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: closer{pr, cancel}, ContentLength: -1, Request: out,
	}, nil
}

// closer ends the handler with the answer, if the reader has had enough.
type closer struct {
	*io.PipeReader
	cancel func()
}

func (c closer) Close() error {
	c.cancel()
	return c.PipeReader.Close()
}

// reply is the ResponseWriter of one request.
type reply struct {
	header http.Header
	sent   http.Header // as it was when the answer began
	status int
	begun  chan struct{}
	body   *io.PipeWriter
}

func (w *reply) Header() http.Header { return w.header }

func (w *reply) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	w.status, w.sent = status, w.header.Clone()
	close(w.begun)
}

func (w *reply) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// end ends the answer; after a panic in its middle, as one that broke off.
func (w *reply) end() {
	v := recover()
	w.WriteHeader(http.StatusOK)
	if v != nil {
		w.body.CloseWithError(io.ErrUnexpectedEOF)
		return
	}
	w.body.Close()
}
