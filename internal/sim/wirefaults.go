package sim

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// How a connection can end without a whole answer. To the client the first
// looks the same whether the request was applied or not.
var (
	errCut       = errors.New("connection cut before the answer")
	errTruncated = errors.New("connection cut in the middle of the answer")
)

// soLate is the delay of faults that name none.
const soLate = 30 * time.Second

// sickness is what the faults of the wire do to one request.
type sickness struct {
	before  *world.Fault // not applied: lost-request, error-before, throttled, late-effect
	after   *world.Fault // applied: lost-answer, error-after, truncated-body, wrong-body
	late    time.Duration
	twice   *world.Fault
	skew    time.Duration
	visible string // the name of what struck, for whoever watches
}

// strike asks each fault of the wire whether it strikes an operation. Those that
// keep a request from being applied come first; when one strikes, the others
// have not seen the request.
func (c *Cloud) strike(op string) (s sickness) {
	ask := func(name string) *world.Fault {
		fault, struck := c.world.Faults.Strike(name, op)
		if !struck {
			return nil
		}
		s.visible = cmp.Or(s.visible, name)
		return &fault
	}
	if fault := ask(world.SkewedClock); fault != nil {
		s.skew = cmp.Or(fault.Delay, time.Hour)
	}
	for _, name := range []string{world.LostRequest, world.ErrorBefore, world.Throttled, world.LateEffect} {
		if s.before = ask(name); s.before != nil {
			return s
		}
	}
	s.twice = ask(world.Duplicate)
	if fault := ask(world.LateAnswer); fault != nil {
		s.late = cmp.Or(fault.Delay, soLate)
	}
	for _, name := range []string{world.LostAnswer, world.ErrorAfter, world.TruncatedBody, world.WrongBody} {
		if s.after = ask(name); s.after != nil {
			break
		}
	}
	return s
}

// serve is the front door: it finds the system, lets the faults strike and
// writes the answer. body is the whole body of r. The error says how the
// connection ends when it does not end well; nothing was written then, except
// the first half of a truncated answer.
func (c *Cloud) serve(w http.ResponseWriter, r *http.Request, body []byte) (fault string, err error) {
	if c.file != nil {
		c.file.refresh()
	}
	to, err := c.system(r.Host)
	if err != nil {
		return "", err
	}
	op := r.Method + " " + bareHost(r.Host) + r.URL.Path
	s := c.strike(op)
	if s.visible != "" {
		c.world.Change(func() {
			c.world.Record(world.Fact{What: "fault", Object: op, Label: s.visible, Request: r.Header.Get("client-request-id")})
		})
	}
	w.Header().Set("Date", time.Now().Add(s.skew).UTC().Format(http.TimeFormat))
	if s.before != nil {
		return s.visible, c.unapplied(w, r, body, to, s.before)
	}
	return s.visible, c.applied(w, r, body, to, s)
}

// unapplied answers a request that the service never sees, or sees too late.
func (c *Cloud) unapplied(w http.ResponseWriter, r *http.Request, body []byte, to system, fault *world.Fault) error {
	switch fault.Name {
	case world.LateEffect:
		later := again(r, body)
		later = later.WithContext(context.WithoutCancel(r.Context()))
		c.late.after(cmp.Or(fault.Delay, soLate), func() { to.handler.ServeHTTP(newRecorder(), later) })
		return errCut
	case world.LostRequest:
		return errCut
	case world.Throttled:
		w.Header().Set("Retry-After", cmp.Or(fault.Value, "5"))
		refuse(w, to, http.StatusTooManyRequests, "")
	default:
		status, code := statusOf(fault.Value, http.StatusServiceUnavailable)
		refuse(w, to, status, code)
	}
	return nil
}

// applied lets the service do its work and then spoils the answer, if a fault
// wants it so.
func (c *Cloud) applied(w http.ResponseWriter, r *http.Request, body []byte, to system, s sickness) error {
	if s.after == nil && s.late == 0 && s.twice == nil {
		to.handler.ServeHTTP(w, again(r, body))
		return nil
	}
	answer := newRecorder()
	to.handler.ServeHTTP(answer, again(r, body))
	if s.twice != nil {
		second := newRecorder()
		to.handler.ServeHTTP(second, again(r, body))
		if s.twice.Value != "first" {
			answer = second
		}
	}
	if s.late > 0 && !wait(r.Context(), s.late) {
		return errCut
	}
	if s.after == nil {
		answer.copyTo(w, answer.body.Bytes())
		return nil
	}
	switch s.after.Name {
	case world.LostAnswer:
		return errCut
	case world.ErrorAfter:
		status, code := statusOf(s.after.Value, http.StatusInternalServerError)
		refuse(w, to, status, code)
	case world.WrongBody:
		status, _ := statusOf(s.after.Value, http.StatusOK)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		io.WriteString(w, proxyPage)
	case world.TruncatedBody:
		whole := answer.body.Bytes()
		if len(whole) < 2 {
			return errCut // there is no middle to cut at
		}
		answer.header.Set("Content-Length", strconv.Itoa(len(whole)))
		answer.copyTo(w, whole[:len(whole)/2])
		return errTruncated
	}
	return nil
}

// again is r as the service gets it, with a body of its own.
func again(r *http.Request, body []byte) *http.Request {
	r2 := r.Clone(r.Context())
	r2.Body, r2.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if len(body) == 0 {
		r2.Body = http.NoBody
	}
	return r2
}

func refuse(w http.ResponseWriter, to system, status int, code string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	w.Write(to.trouble(status, cmp.Or(code, troubleCode(status))))
}

// statusOf reads a fault's value such as "500" or "503 serviceNotAvailable".
func statusOf(value string, otherwise int) (status int, code string) {
	number, code, _ := strings.Cut(value, " ")
	if n, err := strconv.Atoi(number); err == nil && n >= 200 && n <= 599 {
		return n, code
	}
	return otherwise, ""
}

// wait reports whether the time passed before the client gave up.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
