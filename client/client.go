// Package client speaks to a rekey server over its REST API.
//
// Lists are iterators that fetch page after page. Every error that the server
// answers with is an *Error and carries its stable code and what to do next.
// The requests themselves are generated from api/openapi.yaml (raw.gen.go).
package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"rekey.example/rekey/api"
)

//go:generate go tool -modfile=../tools/go.mod oapi-codegen -config oapi-codegen.yaml ../api/openapi.yaml

// Config says which server, and as whom.
type Config struct {
	Server string        // https://rekey.example:8417
	Token  func() string // reveals the API token, for each request; nil if the transport says who it is
	HTTP   *http.Client  // nil: http.DefaultClient
}

// Client is a server, seen by one actor.
type Client struct {
	raw *Raw
}

// New returns a client. It does not connect yet.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.Server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the server's address is not of the form https://host:port") // it may hold a password
	}
	if u.User != nil || u.RawQuery != "" {
		return nil, errors.New("the server's address must not carry a user, a password or a query")
	}
	if c.HTTP == nil {
		c.HTTP = http.DefaultClient
	}
	raw, err := NewClient(c.Server, WithHTTPClient(c.HTTP), WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		leaveOut(r)
		r.Header.Set("client-request-id", rand.Text())
		if c.Token != nil {
			r.Header.Set("Authorization", "Bearer "+c.Token())
		}
		return nil
	}))
	if err != nil {
		return nil, fmt.Errorf("cannot make a client: %w", err)
	}
	return &Client{raw: raw}, nil
}

// leaveOut takes out of a request what the generated code wrote for parameters
// that nobody gave. For none of them does the API tell zero from missing.
func leaveOut(r *http.Request) {
	zero := map[string]string{"limit": "0", "wait": "0", "days": "0", "now": "false", "expired": "false", "noOwner": "false", "unused": "false", "unmanaged": "false", "since": "0001-01-01T00:00:00Z",
		"shared": "false", "stray": "false", "waiting": "false", "unmatched": "false", "from": "0001-01-01T00:00:00Z", "before": "0001-01-01T00:00:00Z"}
	q := r.URL.Query()
	for name := range q {
		if v := q.Get(name); v == "" || v == zero[name] {
			q.Del(name)
		}
	}
	r.URL.RawQuery = q.Encode()
	for name, values := range r.Header {
		if len(values) == 1 && values[0] == "" {
			r.Header.Del(name)
		}
	}
}

// Error is what the server answered instead of what was asked for.
type Error struct {
	api.Problem
	RetryAfter time.Duration // 0 if the server did not say
}

func (e *Error) Error() string {
	if e.Detail != "" {
		return e.Detail
	}
	return e.Title
}

const maxAnswer = 64 << 20

// answer decodes a response, or returns the *Error that it carries.
func answer[T any](response *http.Response, err error) (T, error) {
	var v T
	body, err := open(response, err)
	if err != nil {
		return v, err
	}
	defer body.Close()
	if response.StatusCode == http.StatusNoContent {
		return v, nil
	}
	if err := json.NewDecoder(io.LimitReader(body, maxAnswer)).Decode(&v); err != nil {
		return v, fmt.Errorf("cannot read the server's answer: %w", err)
	}
	return v, nil
}

// open returns the body of a good response.
func open(response *http.Response, err error) (io.ReadCloser, error) {
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the address and its query
		}
		return nil, fmt.Errorf("cannot reach the server: %w", err)
	}
	if response.StatusCode < 300 {
		return response.Body, nil
	}
	defer response.Body.Close()
	return nil, failure(response)
}

func failure(response *http.Response) error {
	e := &Error{Problem: api.Problem{Status: response.StatusCode, Title: http.StatusText(response.StatusCode), Code: "http_" + strconv.Itoa(response.StatusCode)}}
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind == "application/problem+json" {
		var p api.Problem
		if json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&p) == nil {
			e.Problem = p
		}
	} else {
		e.Detail = fmt.Sprintf("the server answered %s, and not as a rekey server does", response.Status)
		e.Hint = "look whether the address is right and what stands between you and the server"
	}
	if n, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && n >= 0 {
		e.RetryAfter = time.Duration(n) * time.Second
	}
	return e
}
