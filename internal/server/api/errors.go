package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/alert"
	"rekey.example/rekey/internal/alert/calendar"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/delivery"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/schedule"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// This file is the one place where errors meet people. Every code is listed in
// docs/reference/api.md and never changes its meaning.

// What the API itself can refuse.
var (
	errNoToken     = errors.New("the request carries no API token")
	errNoRoute     = errors.New("the API has no such address")
	errMethod      = errors.New("the address does not take this method")
	errTooLarge    = errors.New("the request is larger than 1 MB")
	errCutOff      = errors.New("the request ended before its body did")
	errMediaType   = errors.New("the body is not application/json")
	errChanged     = errors.New("the rotation has changed since it was shown")
	errKeyReused   = errors.New("the Idempotency-Key was used for another request")
	errNotFound    = errors.New("not found")
	errAmbiguous   = errors.New("more than one fits")
	errNotPossible = errors.New("this cannot be done")
	errNotJSON     = invalid("body", "is not a JSON document")
)

// invalidError says which parts of a request are not as they have to be.
type invalidError struct{ fields []wire.InvalidField }

func (e *invalidError) Error() string {
	return e.fields[0].Name + " " + e.fields[0].Reason
}

func invalid(name, reason string) error {
	return &invalidError{fields: []wire.InvalidField{{Name: name, Reason: reason}}}
}

// describedError is one of the errors above with what is particular to the case.
type describedError struct {
	kind error
	text string
	hint string
}

func (e *describedError) Error() string { return e.text }
func (e *describedError) Unwrap() error { return e.kind }

// known are the errors that callers can branch on, the more particular first.
var known = []struct {
	err    error
	status int
	code   string
	hint   string
}{
	{errNoToken, 401, "unauthenticated", "send Authorization: Bearer with an API token; an administrator makes one with rekey token create"},
	{access.ErrUnauthenticated, 401, "unauthenticated", "an administrator makes another token with rekey token create"},
	{access.ErrIssuer, 503, "issuer_unreachable", "try again in a minute; rekey's log says why the issuer of your token cannot be asked"},
	{access.ErrNoSession, 401, "unauthenticated", "sign in at /signin"},
	{access.ErrPerson, 422, "not_possible", ""},
	{access.ErrNoPerson, 404, "not_found", "rekey people list shows who there is"},
	{errNoRoute, 404, "no_route", "the addresses are in /openapi.json"},
	{errMethod, 405, "method_not_allowed", "the methods are in /openapi.json"},
	{errTooLarge, 413, "too_large", "send less at once"},
	{errCutOff, 400, "cut_off", "send the request again"},
	{errMediaType, 415, "unsupported_media_type", "send Content-Type: application/json"},
	{errChanged, 412, "changed", "read the rotation again and decide on what it is now"},
	{errKeyReused, 409, "idempotency_conflict", "use a new Idempotency-Key for a new request"},
	{errAmbiguous, 409, "ambiguous", ""},
	{errNotPossible, 422, "not_possible", ""},
	{rotation.ErrOpen, 409, "rotation_open", "rekey rotations list --state open shows it; approve, refuse or cancel it first"},
	{rotation.ErrConflict, 409, "conflict", "rekey rotations show says where it stands"},
	{rotation.ErrOvertaken, 409, "overtaken", "read it again and decide on what it is now"},
	{rotation.ErrHeld, 503, "held", "rekey reconcile show says what journal and world say; an administrator accepts it"},
	{rotation.ErrNotHeld, 409, "not_held", "nothing has to be done"},
	{rotation.ErrReport, 412, "changed", "look at rekey reconcile show again and accept what it says now"},
	{rotation.ErrNotFound, 404, "not_found", "rekey rotations list shows what there is"},
	{delivery.ErrNotFound, 404, "not_found", "rekey tasks list shows what there is"},
	{delivery.ErrEnded, 409, "conflict", "rekey tasks show says how it ended"},
	{alert.ErrNotFound, 404, "not_found", "rekey alert list shows what there is"},
	{alert.ErrNoChannel, 404, "not_found", "rekey alert channels shows what there is"},
	{alert.ErrSettled, 409, "conflict", "nothing has to be done"},
	{calendar.ErrNotFound, 404, "not_found", "rekey calendar list shows what there is"},
	{rotation.ErrNoIncident, 404, "not_found", "rekey incident list shows what there is"},
	{access.ErrNoToken, 404, "not_found", "rekey token list shows what there is"},
	{inventory.ErrNotFound, 404, "not_found", "rekey sync reads the directory again, rekey applications list shows what is known"},
	{inventory.ErrCursor, 400, "invalid_request", "begin the list without after"},
	{policy.ErrNotFound, 404, "not_found", "rekey findings list shows what there is"},
	{errNotFound, 404, "not_found", ""},
	{store.ErrFull, 507, "disk_full", "make room on the disk of the data folder and try again; nothing is lost"},
	{store.ErrBusy, 503, "busy", "try again in a moment"},
	{store.ErrCorrupt, 500, "database_damaged", "stop the server, keep a copy of the data folder, restore the last backup"},
	{secret.ErrTooMany, 409, "conflict", "rekey keys status shows what is still to be sealed again; try again when that is done"},
	{secret.ErrMoved, 409, "overtaken", "look at rekey keys status, and try again if need be"},
	{audit.ErrTampered, 500, "audit_tampered", "rekey audit verify says where; keep the data folder as it is and find out who wrote to it"},
	{connector.ErrDenied, 502, "remote_denied", "rekey doctor says which right rekey's own identity lacks"},
	{connector.ErrNotFound, 502, "remote_not_found", "rekey sync reads the directory again; rekey doctor checks the vaults"},
	{context.DeadlineExceeded, 504, "timeout", "try again; rekey doctor checks what can be reached"},
	{context.Canceled, 503, "stopping", "the request was given up or the server is stopping; try again"},
}

// problem says what an error means to a person.
func problem(ctx context.Context, err error) (wire.Problem, time.Duration) {
	p := wire.Problem{Status: 500, Code: "internal", Detail: err.Error()}
	var retry time.Duration
	if e, ok := errors.AsType[*invalidError](err); ok {
		p.Status, p.Code, p.Invalid = 400, "invalid_request", e.fields
		p.Hint = "correct the request; the API is described in /openapi.json"
	} else if e, ok := errors.AsType[*access.DeniedError](err); ok {
		p.Status, p.Code, p.Detail = 403, "forbidden", e.Error()
		p.Hint = "ask somebody whose role permits it; GET /v1/me says who you are to the server"
	} else if e, ok := errors.AsType[*access.StepUpError](err); ok {
		p.Status, p.Code, p.Detail = 403, "step_up_required", e.Error()
		p.Hint = "sign in once more at /signin/again and do it again"
	} else if e, ok := errors.AsType[*rotation.InvalidError](err); ok {
		p.Status, p.Code, p.Detail = 422, "not_possible", e.Error()
	} else if e, ok := errors.AsType[*policy.InvalidError](err); ok {
		p.Status, p.Code, p.Detail = 422, "not_possible", e.Error()
	} else if e, ok := errors.AsType[*schedule.InvalidError](err); ok {
		p.Status, p.Code, p.Detail = 422, "not_possible", e.Error()
	} else if e, ok := errors.AsType[*delivery.InvalidError](err); ok {
		p.Status, p.Code, p.Detail = 422, "not_possible", e.Error()
	} else if e, ok := errors.AsType[*alert.InvalidError](err); ok {
		p.Status, p.Code, p.Detail = 422, "not_possible", e.Error()
	} else if e, ok := errors.AsType[*calendar.InvalidError](err); ok {
		p.Status, p.Code, p.Detail = 422, "not_possible", e.Error()
	} else if e, ok := errors.AsType[*alert.FailedError](err); ok {
		p.Status, p.Code, p.Detail, p.Hint = 502, "channel_failed", e.Error(), "docs/reference/alerts.md says what each channel needs"
	} else if e, ok := errors.AsType[*connector.ThrottledError](err); ok {
		retry = max(e.After, time.Second)
		p.Status, p.Code, p.Hint = 429, "remote_throttled", "wait and try again; nothing was changed"
	} else if e, ok := errors.AsType[*azure.SignInError](err); ok {
		p.Status, p.Code, p.Detail, p.Hint = 502, "remote_sign_in", "rekey cannot sign in to the cloud: "+e.Text, e.Cure
		if p.Hint == "" {
			p.Hint = "rekey doctor looks closer"
		}
	} else if k, ok := sentinel(err); ok {
		p.Status, p.Code, p.Hint = known[k].status, known[k].code, known[k].hint
		if errors.Is(err, store.ErrBusy) {
			retry = time.Second
		}
	} else if _, ok := errors.AsType[*rest.Error](err); ok {
		p.Status, p.Code, p.Hint = 502, "remote_failed", "try again later; rekey doctor looks closer"
	}
	if e, ok := errors.AsType[*describedError](err); ok && e.hint != "" {
		p.Hint = e.hint
	}
	if p.Code == "internal" {
		p.Hint = "look for the request id in the server's log, and report it as a bug"
		if !within(ctx) {
			p.Detail = "something went wrong that rekey has no name for"
		}
	}
	p.Type, p.Title, p.RequestID = "urn:rekey:problem:"+p.Code, http.StatusText(p.Status), requestID(ctx)
	return p, retry
}

func sentinel(err error) (int, bool) {
	for i, k := range known {
		if errors.Is(err, k.err) {
			return i, true
		}
	}
	return 0, false
}

// fail answers with the problem that err is.
func (s *service) fail(w http.ResponseWriter, r *http.Request, err error) {
	p, retry := problem(r.Context(), err)
	level := slog.LevelInfo
	switch {
	case r.Context().Err() != nil: // the caller has gone
		level = slog.LevelDebug
	case p.Status >= 500:
		level = slog.LevelWarn
	}
	s.Logger.Log(r.Context(), level, "request failed", "code", p.Code, "status", p.Status, "request", p.RequestID,
		"route", r.Pattern, "actor", actorOf(r.Context()).ID, "error", err.Error())
	if retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(retry.Seconds()))))
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="rekey"`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(p) // the caller may be gone; there is nobody else to tell
}
