package rest

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"time"
)

type reading struct {
	into []byte
	peek func([]byte)
}

// read asks until there is a whole answer that accept takes, the tries are used
// up, or waiting longer than the context allows would be needed.
func (c *Client) read(ctx context.Context, path string, how *reading, accept func(Answer) error) error {
	target, err := c.target(path)
	if err != nil {
		return err
	}
	if how == nil {
		how = &reading{}
	}
	claims := ""
	for try := 1; ; try++ {
		answer, err := c.ask(ctx, target, claims, how)
		if err == nil {
			if err = accept(answer); err == nil {
				return nil
			}
		}
		if challenge := claimsOf(err); challenge != "" && claims == "" {
			claims = challenge
			continue
		}
		pause, again := worth(err, try)
		if !again || try >= c.Tries || ctx.Err() != nil {
			return err
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// worth reports whether a read that failed so should be tried again, and when.
func worth(err error, try int) (time.Duration, bool) {
	pause := min(500*time.Millisecond<<min(try-1, 6), 30*time.Second)
	pause = pause/2 + rand.N(pause/2+1)
	e, answered := errors.AsType[*Error](err)
	if !answered {
		var t *transportError
		return pause, errors.As(err, &t) || errors.Is(err, ErrTruncated)
	}
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return max(pause, e.RetryAfter), true
	}
	return 0, false
}

// transportError is a read that no answer came to.
type transportError struct{ error }

func (e *transportError) Unwrap() error { return e.error }

// challengeError is a refused token together with what the next one must claim.
type challengeError struct {
	error
	claims string
}

func (e *challengeError) Unwrap() error { return e.error }

func claimsOf(err error) string {
	if e, ok := errors.AsType[*challengeError](err); ok {
		return e.claims
	}
	return ""
}

// ask sends one GET.
func (c *Client) ask(ctx context.Context, target, claims string, how *reading) (Answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return Answer{}, fmt.Errorf("%w: it cannot be read", ErrForeignLink)
	}
	c.headers(r)
	if err := c.authorize(ctx, r, claims); err != nil {
		return Answer{}, err
	}
	if c.Before != nil {
		if err := c.Before(ctx, r); err != nil {
			return Answer{}, err
		}
	}
	resp, err := c.reads.Do(r)
	if err != nil {
		return Answer{}, &transportError{bare(r, err)}
	}
	defer resp.Body.Close()
	if c.After != nil {
		c.After(resp)
	}
	if err := refused(r, resp); err != nil {
		return Answer{}, err
	}
	body, err := c.body(resp, how)
	if errors.Is(err, ErrTooLarge) {
		return Answer{}, bare(r, err)
	}
	if err != nil {
		return Answer{}, &transportError{bare(r, err)}
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// refused is the error of an answer that is none of the JSON asked for.
func refused(r *http.Request, resp *http.Response) error {
	if resp.StatusCode/100 == 3 {
		return bare(r, fmt.Errorf("%w: status %d", ErrRedirect, resp.StatusCode))
	}
	if resp.StatusCode/100 != 2 {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, largestError)) // an error's text may be missing; its status counts
		e := newError(r, resp, body)
		if claims := challenge(resp.Header); claims != "" {
			return &challengeError{e, claims}
		}
		return e
	}
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	if resp.StatusCode != http.StatusNoContent && resp.ContentLength != 0 && !strings.HasSuffix(strings.TrimSpace(strings.ToLower(kind)), "json") {
		return bare(r, ErrNotJSON)
	}
	return nil
}

// body reads a whole answer. The JSON documents spoken here are objects, so one
// that does not end with a brace was cut, even if its length looks right.
func (c *Client) body(resp *http.Response, how *reading) ([]byte, error) {
	if resp.ContentLength > c.Largest {
		return nil, ErrTooLarge
	}
	buf := how.into[:0]
	if want := int(resp.ContentLength) + 1; want > cap(buf) {
		buf = make([]byte, 0, want)
	}
	peeked := false
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, make([]byte, max(64<<10, cap(buf)))...)[:len(buf)]
		}
		n, err := resp.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if n > 0 && !peeked && how.peek != nil {
			peeked = len(buf) >= 2048 || err != nil
			how.peek(buf)
		}
		if int64(len(buf)) > c.Largest {
			return nil, ErrTooLarge
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrTruncated, err)
		}
	}
	if end := bytes.TrimRight(buf, " \t\r\n"); len(end) > 0 && end[len(end)-1] != '}' && end[len(end)-1] != ']' {
		return nil, ErrTruncated
	}
	return buf, nil
}

var claimsParameter = regexp.MustCompile(`claims="([A-Za-z0-9+/=_-]+)"`)

// challenge reads what continuous access evaluation wants a new token to claim.
func challenge(h http.Header) string {
	for _, v := range h.Values("WWW-Authenticate") {
		if !strings.Contains(v, "insufficient_claims") {
			continue
		}
		if m := claimsParameter.FindStringSubmatch(v); m != nil {
			if raw, err := base64.StdEncoding.DecodeString(m[1]); err == nil {
				return string(raw)
			}
		}
	}
	return ""
}
