package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/alert"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/connector/slack"
	"rekey.example/rekey/internal/secret"
)

// Slack is how buttons in Slack reach alerts.
type Slack struct {
	Alerts  *alert.Keeper
	Tenant  string
	Signing secret.Value
	Team    string   // id of the workspace; empty: any that the app is in
	Users   []string // ids of those who may; empty: everybody in the workspace
	Logger  *slog.Logger
}

// ServeHTTP takes one signed request, once. Buttons acknowledge an alert or lay it
// aside; to approve anything one has to sign in to the page. Nothing is said about
// why a request is refused.
func (s *Slack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, slack.LargestBody))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "too_large", "the request is too large", "")
		return
	}
	status, err := s.take(r.Context(), r.Header, body)
	if err != nil {
		s.Logger.Warn("a request of Slack's was not taken", "status", status, "error", err.Error())
		refuse(w, status, map[int]string{401: "unauthenticated", 403: "forbidden", 400: "invalid_request", 404: "not_found", 409: "conflict", 422: "not_possible"}[status], "the request was not taken", "")
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (s *Slack) take(ctx context.Context, h http.Header, body []byte) (status int, err error) {
	digest, err := slack.Verify(s.Signing, h, body, time.Now())
	if err != nil {
		return http.StatusUnauthorized, err
	}
	if err := s.Alerts.Once(ctx, s.Tenant, digest); errors.Is(err, alert.ErrReplayed) {
		return http.StatusUnauthorized, err
	} else if err != nil {
		return http.StatusServiceUnavailable, err
	}
	p, err := slack.Parse(body)
	if err != nil {
		return http.StatusBadRequest, err
	}
	if s.Team != "" && p.Team != s.Team || len(s.Users) > 0 && !slices.Contains(s.Users, p.User) {
		return http.StatusForbidden, errors.New("nobody whom the configuration names pressed it")
	}
	if p.Alert == "" { // only a link was opened
		return http.StatusOK, nil
	}
	who := "slack:" + p.Team + ":" + p.User
	name := rest.Clean(p.UserName, 60)
	if name == "" {
		name = p.User
	}
	_, err = s.Alerts.Press(ctx, access.Actor{ID: who, Name: name + " (Slack)", Person: who, Role: access.User, Tenant: s.Tenant}, p.Alert, p.Days)
	_, invalid := errors.AsType[*alert.InvalidError](err)
	switch {
	case err == nil:
		return http.StatusOK, nil
	case errors.Is(err, alert.ErrNotFound):
		return http.StatusNotFound, err
	case errors.Is(err, alert.ErrSettled):
		return http.StatusConflict, err
	case invalid:
		return http.StatusUnprocessableEntity, err
	}
	return http.StatusServiceUnavailable, err
}
