package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"rekey.example/rekey/internal/connector"
)

// What a caller can branch on, beside the errors of package connector.
var (
	// ErrForeignLink means that an answer pointed to another host.
	ErrForeignLink = errors.New("refused a link out of an answer")
	// ErrTruncated means that an answer ended in the middle, or was not the JSON
	// it said it was.
	ErrTruncated = errors.New("the answer is cut off or damaged")
	// ErrTooLarge means that an answer was larger than any real one.
	ErrTooLarge = errors.New("the answer is too large")
	// ErrNotJSON means that something else answered: a proxy, a sign-in page.
	ErrNotJSON = errors.New("the answer is no JSON; a proxy or a sign-in page may have answered in its place")
	// ErrRedirect means that an answer sent us elsewhere.
	ErrRedirect = errors.New("refused a redirect")
)

// Error is an answer outside 2xx.
type Error struct {
	Method, Host, Path string // the path without its query
	Status             int
	Code               string        // Request_ResourceNotFound, Forbidden, ...
	Inner              string        // the innermost code, where there is one: SecretDisabled, ForbiddenByRbac, ...
	Message            string        // the service's own sentence, shortened; print it as foreign text
	RequestID          string        // to quote to the service's support
	RetryAfter         time.Duration // as asked for, else 0
}

func (e *Error) Error() string {
	code := e.Code
	if e.Inner != "" && e.Inner != e.Code {
		code += "/" + e.Inner
	}
	text := fmt.Sprintf("%s %s%s: status %d", e.Method, e.Host, e.Path, e.Status)
	if code != "" {
		text += " " + code
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// Unwrap tells what the status means to every system alike.
func (e *Error) Unwrap() error {
	switch {
	case e.Status == http.StatusForbidden && e.Inner != "SecretDisabled":
		return connector.ErrDenied
	case e.Status == http.StatusNotFound:
		return connector.ErrNotFound
	case e.Status == http.StatusTooManyRequests:
		return &connector.ThrottledError{After: e.RetryAfter}
	}
	return nil
}

// Refused reports whether the service has surely changed nothing: it understood
// the request and said no.
func (e *Error) Refused() bool {
	return e.Status >= 400 && e.Status < 500 && e.Status != http.StatusRequestTimeout && e.Status != 499
}

// largestError bounds what is read of an error's body.
const largestError = 64 << 10

// newError reads the envelopes of Graph, Azure Resource Manager and Key Vault,
// which are one but for the casing of innerError, and that of OAuth 2.0.
func newError(r *http.Request, resp *http.Response, body []byte) *Error {
	e := &Error{
		Method: r.Method, Host: r.URL.Host, Path: clean(r.URL.Path, 200), Status: resp.StatusCode,
		RequestID: clean(first(resp.Header, "request-id", "x-ms-request-id"), 64), RetryAfter: RetryAfter(resp.Header),
	}
	var envelope struct {
		Error       json.RawMessage `json:"error"`
		Description string          `json:"error_description"`
	}
	if json.Unmarshal(body, &envelope) != nil {
		return e
	}
	var oauth string
	if json.Unmarshal(envelope.Error, &oauth) == nil {
		sentence, _, _ := strings.Cut(envelope.Description, "Trace ID:")
		e.Code, e.Message = clean(oauth, 100), clean(sentence, 400)
		return e
	}
	var detail struct {
		Code    string
		Message string
		Inner   inner `json:"innererror"` // encoding/json takes innerError as well
	}
	if json.Unmarshal(envelope.Error, &detail) == nil {
		e.Code, e.Message, e.Inner = clean(detail.Code, 100), clean(detail.Message, 400), clean(detail.Inner.deepest(), 100)
	}
	return e
}

type inner struct {
	Code  string
	Inner *inner `json:"innererror"`
}

func (i *inner) deepest() string {
	code := i.Code
	for n := i.Inner; n != nil; n = n.Inner {
		if n.Code != "" {
			code = n.Code
		}
	}
	return code
}

func first(h http.Header, names ...string) string {
	for _, n := range names {
		if v := h.Get(n); v != "" {
			return v
		}
	}
	return ""
}

// clean makes a foreign text fit for one line of a log: no control characters,
// not longer than it says.
func clean(s string, longest int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > longest {
		return string(runes[:longest]) + "..."
	}
	return s
}

// RetryAfter is how long an answer asks to wait, in seconds or until a date; 0 if
// it does not say.
func RetryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	if s, err := strconv.Atoi(v); err == nil {
		return max(0, time.Duration(min(s, 24*3600))*time.Second)
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, min(time.Until(at), 24*time.Hour))
	}
	return 0
}

// bare takes the address, which can hold a position token, out of an error of net/http.
func bare(r *http.Request, err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return fmt.Errorf("%s %s%s: %w", r.Method, r.URL.Host, clean(r.URL.Path, 200), err)
}
