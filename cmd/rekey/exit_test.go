package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rekey.example/rekey/api"
)

func TestExitCodesTellScriptsWhatHappened(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		want   int
	}{
		{400, "invalid_request", exitUsage}, {401, "unauthenticated", exitDenied}, {403, "forbidden", exitDenied}, {404, "not_found", exitNotFound},
		{409, "conflict", exitConflict}, {412, "changed", exitConflict}, {422, "not_possible", exitFailure}, {429, "throttled", exitThrottled},
		{503, "remote_throttled", exitThrottled}, {502, "remote_denied", exitDenied}, {502, "remote_failed", exitFailure}, {500, "internal", exitFailure}, {507, "disk_full", exitFailure},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(c.status)
			json.NewEncoder(w).Encode(api.Problem{Status: c.status, Code: c.code, Detail: "it \x1b[31mdid not work", Invalid: []api.InvalidField{{Name: "limit", Reason: "is odd"}}}) // to a recorder of ours
		}))
		s, out, problems := quiet(t)
		env := s.env
		s.env = func(k string) (string, bool) {
			if k == "REKEY_TOKEN" {
				return "rk_x", true
			}
			return env(k)
		}
		got := run(t.Context(), s, []string{"status", "--server", server.URL})
		server.Close()
		if got != c.want {
			t.Errorf("%d %s ends with %d, want %d", c.status, c.code, got, c.want)
		}
		if out.Len() != 0 {
			t.Errorf("%d %s prints %q on stdout", c.status, c.code, out)
		}
		for _, want := range []string{`rekey: it \u001b[31mdid not work`, "rekey: limit: is odd", "  rekey explain " + c.code + " tells more"} {
			if !strings.Contains(problems.String(), want) {
				t.Errorf("%d %s says %q, want it to contain %q", c.status, c.code, problems, want)
			}
		}
	}
}

func TestAServerThatIsNoneIsToldApart(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	s, _, problems := quiet(t)
	s.env = func(k string) (string, bool) { return "rk_x", k == "REKEY_TOKEN" }
	if got := run(t.Context(), s, []string{"status", "--server", server.URL}); got != exitNotFound {
		t.Errorf("it ends with %d", got)
	}
	if !strings.Contains(problems.String(), "not as a rekey server does") {
		t.Errorf("it says %q", problems)
	}
}
