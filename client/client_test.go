package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/api"
)

// serve returns a client of a server that answers with h.
func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := New(Config{Server: s.URL, Token: func() string { return "rk_x" }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAProblemArrivesAsAnError(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(429)
		fmt.Fprint(w, `{"type":"t","title":"T","status":429,"code":"remote_throttled","detail":"wait","hint":"try again"}`)
	})
	_, err := c.Me(t.Context())
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Code != "remote_throttled" || e.Hint != "try again" || e.RetryAfter != 7*time.Second || e.Error() != "wait" {
		t.Errorf("the error is %#v", err)
	}
}

func TestAnAnswerOfSomethingElseIsSeen(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(502)
		fmt.Fprint(w, "<html>canary")
	})
	_, err := c.Status(t.Context())
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Status != 502 || e.Hint == "" || strings.Contains(err.Error(), "canary") {
		t.Errorf("the error is %#v", err)
	}
}

func TestWhatIsNotGivenIsNotSent(t *testing.T) {
	var got *http.Request
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		fmt.Fprint(w, `{"value":[]}`)
	})
	for range c.Credentials(t.Context(), api.ListCredentialsParams{Expiring: "30d", NoOwner: true}) {
	}
	if got.URL.RawQuery != "expiring=30d&noOwner=true" {
		t.Errorf("sent ?%s", got.URL.RawQuery)
	}
	if _, err := c.Approve(t.Context(), "r-1", "h"); err != nil {
		t.Fatal(err)
	}
	if _, ok := got.Header["If-Match"]; ok || got.Header.Get("Authorization") != "Bearer rk_x" || got.Header.Get("client-request-id") == "" {
		t.Errorf("sent %v", got.Header)
	}
	if _, err := c.TryName(t.Context(), "0"); err != nil || got.URL.RawQuery != "name=0" {
		t.Errorf("sent ?%s, %v", got.URL.RawQuery, err)
	}
	if _, err := c.Propose(t.Context(), api.RotationRequest{Application: "x", DryRun: true}, ""); err != nil || len(got.Header.Get("Idempotency-Key")) < 8 {
		t.Errorf("proposed with %v, %v", got.Header, err)
	}
}

// TestPagesAreFollowedOnThisServerOnly lets the server send the client elsewhere.
func TestPagesAreFollowedOnThisServerOnly(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the token went elsewhere") }))
	defer elsewhere.Close()
	n := 0
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n++
		switch r.URL.Query().Get("after") {
		case "":
			fmt.Fprintf(w, `{"value":[{"id":"1"},{"id":"2"}],"nextLink":"%s/v1/rotations?after=p2"}`, elsewhere.URL)
		case "p2":
			fmt.Fprint(w, `{"value":[{"id":"3"}],"nextLink":"/v1/rotations?after=p3"}`)
		case "p3":
			fmt.Fprint(w, `{"value":[]}`)
		}
	})
	var ids []string
	for r, err := range c.Rotations(t.Context(), api.ListRotationsParams{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.ID)
	}
	if strings.Join(ids, " ") != "1 2 3" || n != 3 {
		t.Errorf("walked %v in %d requests", ids, n)
	}
	n = 0
	for range c.Rotations(t.Context(), api.ListRotationsParams{}) {
		break
	}
	if n != 1 {
		t.Errorf("who stops at the first has asked %d times", n)
	}
}

func TestAListThatLeadsInCirclesEnds(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"value":[{"id":"1"}],"nextLink":"/v1/rotations?after=same"}`)
	})
	n := 0
	for _, err := range c.Rotations(t.Context(), api.ListRotationsParams{}) {
		if err != nil {
			return
		}
		if n++; n > 10 {
			t.Fatal("it goes on and on")
		}
	}
	t.Error("it ended without an error")
}

func TestAWatchYieldsEachVersionOnce(t *testing.T) {
	answers := []string{
		`{"version":"1","rotation":{"state":"open"}}`, `{"version":"1","rotation":{"state":"open"}}`,
		`{"version":"2","rotation":{"state":"open"}}`, `{"version":"3","rotation":{"state":"done"}}`,
	}
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query().Get("after"))
		fmt.Fprint(w, answers[len(asked)-1])
	})
	var states []string
	for r, err := range c.Watch(t.Context(), "r-1") {
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, string(r.State))
	}
	if strings.Join(states, " ") != "open open done" || strings.Join(asked, ",") != ",1,1,2" {
		t.Errorf("saw %v, asked after %v", states, asked)
	}
}

func TestAnExportThatBreaksOffIsAnError(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	if err := c.ExportAudit(t.Context(), io.Discard); err == nil {
		t.Error("half a log passed for a whole one")
	}
}

func TestErrorsShowNoAddressWithItsQuery(t *testing.T) {
	c, err := New(Config{Server: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := c.TryName(ctx, "canary"); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("the error is %v", err)
	}
	for _, bad := range []string{"", "example.com", "ftp://x", "https://user:canary@host", "https://host/?t=canary", "http://[::1"} {
		if _, err := New(Config{Server: bad}); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
