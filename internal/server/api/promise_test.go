package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/store"
)

// TestNoAnswerCarriesASecret walks all answers in the description (SAFETY T21):
// the only secrets in any of them are a new API token, the link of a task, the
// address of a calendar feed, and the page of an invitation.
func TestNoAnswerCarriesASecret(t *testing.T) {
	document, err := openapi3.NewLoader().LoadFromData(wire.Description)
	if err != nil {
		t.Fatal(err)
	}
	suspicious := regexp.MustCompile(`(?i)secret|password|passwd|privatekey|credentialvalue|plaintext`)
	found := 0
	var walk func(where string, ref *openapi3.SchemaRef, seen []*openapi3.Schema)
	walk = func(where string, ref *openapi3.SchemaRef, seen []*openapi3.Schema) {
		if ref == nil || slices.Contains(seen, ref.Value) {
			return
		}
		s := ref.Value
		seen = append(slices.Clone(seen), s)
		for name, p := range s.Properties {
			at := where + "." + name
			if !p.Value.Type.Is("object") && !p.Value.Type.Is("array") && (suspicious.MatchString(name) || p.Value.Format == "password" || p.Value.WriteOnly) {
				if at != "POST /v1/tokens 201.secret" && at != "POST /v1/tasks/{id}/link 201.path" && at != "POST /v1/calendars 201.path" &&
					at != "POST /v1/people 201.path" && at != "POST /v1/people/{id}/invitation 201.path" {
					t.Errorf("%s may carry a secret", at)
				}
				found++
			}
			walk(at, p, seen)
		}
		walk(where+"[]", s.Items, seen)
		walk(where+"{}", s.AdditionalProperties.Schema, seen)
	}
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			for status, response := range operation.Responses.Map() {
				for _, media := range response.Value.Content {
					walk(method+" "+path+" "+status, media.Schema, nil)
				}
			}
		}
	}
	if found != 5 {
		t.Errorf("%d places were found, want the new token, the link, the calendar's address and two invitations", found)
	}
}

func TestEveryProblemIsInTheReference(t *testing.T) {
	raw, err := os.ReadFile("../../../docs/reference/api.md")
	if err != nil {
		t.Fatal(err)
	}
	inTable := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (\\d+) \\|").FindAllStringSubmatch(string(raw), -1) {
		inTable[m[1]] = m[2]
	}
	cases := []error{
		invalid("x", "y"), &access.DeniedError{}, &rotation.InvalidError{}, &connector.ThrottledError{After: time.Second}, &azure.SignInError{},
		&rest.Error{Status: 500}, errors.New("no name"),
	}
	for _, k := range known {
		cases = append(cases, k.err)
	}
	for _, err := range cases {
		p, _ := problem(t.Context(), fmt.Errorf("wrapped: %w", err))
		if inTable[p.Code] != fmt.Sprint(p.Status) {
			t.Errorf("%v is %s %d; the reference has %q", err, p.Code, p.Status, inTable[p.Code])
		}
		if p.Title == "" || p.Type != "urn:rekey:problem:"+p.Code {
			t.Errorf("problem %+v", p)
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		err    error
		code   string
		status int
		retry  time.Duration
	}{
		{fmt.Errorf("cannot write: %w", store.ErrFull), "disk_full", 507, 0},
		{store.ErrBusy, "busy", 503, time.Second},
		{fmt.Errorf("x: %w", &connector.ThrottledError{After: 17 * time.Second}), "remote_throttled", 429, 17 * time.Second},
		{fmt.Errorf("x: %w", &rest.Error{Status: 403}), "remote_denied", 502, 0},
		{fmt.Errorf("x: %w", &rest.Error{Status: 429, RetryAfter: 9 * time.Second}), "remote_throttled", 429, 9 * time.Second},
		{fmt.Errorf("x: %w", &rest.Error{Status: 500}), "remote_failed", 502, 0},
		{fmt.Errorf("x: %w", audit.ErrTampered), "audit_tampered", 500, 0},
		{fmt.Errorf("x: %w", rotation.ErrOpen), "rotation_open", 409, 0},
		{fmt.Errorf("x: %w", inventory.ErrNotFound), "not_found", 404, 0},
		{&describedError{errAmbiguous, "two fit", "say which"}, "ambiguous", 409, 0},
		{errors.Join(&access.DeniedError{Why: "no"}, store.ErrBusy), "forbidden", 403, 0},
	} {
		p, retry := problem(t.Context(), c.err)
		if p.Code != c.code || p.Status != c.status || retry != c.retry || p.Hint == "" {
			t.Errorf("%v: %+v, retry %s; want %s %d %s", c.err, p, retry, c.code, c.status, c.retry)
		}
	}
	p, _ := problem(t.Context(), errors.New("pq: relation rotation does not exist"))
	if strings.Contains(p.Detail, "relation") {
		t.Errorf("a stranger is told %q", p.Detail)
	}
}

func TestARotationIsDecidedAsItWasShown(t *testing.T) {
	h := newHouse(t)
	h.live()
	shown := h.ask("user", "GET", "/v1/rotations/"+h.rotation, "")
	etag := shown.Header.Get("ETag")
	if etag == "" {
		t.Fatal("no ETag")
	}
	approve := "/v1/rotations/" + h.rotation + "/approve"
	if p := refused(t, h.ask("administrator", "POST", approve, `{"hash":"`+h.hash+`"}`, "If-Match", `"999"`)); p.Code != "changed" || p.Status != http.StatusPreconditionFailed {
		t.Errorf("another version: %+v", p)
	}
	if p := refused(t, h.ask("administrator", "POST", approve, `{"hash":"`+strings.Repeat("0", 64)+`"}`)); p.Code != "forbidden" {
		t.Errorf("another plan: %+v", p)
	}
	approved := h.ask("administrator", "POST", approve, `{"hash":"`+h.hash+`"}`, "If-Match", etag)
	r := decode[wire.Rotation](t, approved)
	if approved.StatusCode != 200 || r.Consent == nil || r.Consent.By.Name != "Omar" || approved.Header.Get("ETag") == etag {
		t.Errorf("approved: %d %+v", approved.StatusCode, r.Consent)
	}
	if p := refused(t, h.ask("administrator", "POST", approve, `{"hash":"`+h.hash+`"}`)); p.Code != "conflict" {
		t.Errorf("twice: %+v", p)
	}
}

func TestTheSameRequestIsDoneOnce(t *testing.T) {
	h := newHouse(t)
	h.live()
	h.ask("administrator", "POST", "/v1/rotations/"+h.rotation+"/refuse", `{"reason":"to make room"}`)
	body := `{"application":"` + basware.Name + `","place":"embedded/basware-secret"}`
	ask := func(who, body string) *http.Response {
		return h.ask(who, "POST", "/v1/rotations", body, "Idempotency-Key", "once-0001")
	}
	first := ask("user", body)
	r := decode[wire.Rotation](t, first)
	if first.StatusCode != 201 || first.Header.Get("Location") != "/v1/rotations/"+r.ID {
		t.Fatalf("%d %v", first.StatusCode, first.Header)
	}
	if again := decode[wire.Rotation](t, ask("user", body)); again.ID != r.ID {
		t.Errorf("the same request made %s after %s", again.ID, r.ID)
	}
	if p := refused(t, ask("user", strings.Replace(body, "}", `,"reason":"other"}`, 1))); p.Code != "idempotency_conflict" {
		t.Errorf("another request with the key: %+v", p)
	}
	if p := refused(t, ask("administrator", body)); p.Code != "rotation_open" {
		t.Errorf("another caller with the key: %+v", p)
	}
	h.ask("administrator", "POST", "/v1/rotations/"+r.ID+"/refuse", `{"reason":"x"}`)
	if again := decode[wire.Rotation](t, ask("user", body)); again.ID != r.ID || again.State != wire.RotationStateRefused {
		t.Errorf("after its end the same request answers %s %s", again.ID, again.State)
	}
}

func TestAWatchAnswersWhenSomethingChanges(t *testing.T) {
	h := newHouse(t)
	h.live()
	now := decode[wire.RotationChange](t, h.ask("user", "GET", "/v1/rotations/"+h.rotation+"/events", ""))
	if now.Rotation.Current != "approve" || now.Version == "" {
		t.Fatalf("now %+v", now)
	}
	began := time.Now()
	same := decode[wire.RotationChange](t, h.ask("user", "GET", "/v1/rotations/"+h.rotation+"/events?wait=1&after="+now.Version, ""))
	if took := time.Since(began); same.Version != now.Version || took < time.Second || took > 3*time.Second {
		t.Errorf("version %s after %s", same.Version, took)
	}
	changed := make(chan wire.RotationChange)
	go func() {
		changed <- decode[wire.RotationChange](t, h.ask("user", "GET", "/v1/rotations/"+h.rotation+"/events?wait=20&after="+now.Version, ""))
	}()
	time.Sleep(300 * time.Millisecond)
	began = time.Now()
	h.ask("administrator", "POST", "/v1/rotations/"+h.rotation+"/refuse", `{"reason":"x"}`)
	got := <-changed
	if took := time.Since(began); got.Rotation.State != wire.RotationStateRefused || took > 2*time.Second {
		t.Errorf("state %s after %s", got.Rotation.State, took)
	}
}

func TestListsAreWalkedPageByPage(t *testing.T) {
	h := newHouse(t)
	h.live()
	for i := range 4 {
		h.ask("administrator", "POST", "/v1/rotations/"+h.rotation+"/refuse", `{"reason":"x"}`)
		r := decode[wire.Rotation](t, h.ask("user", "POST", "/v1/rotations", fmt.Sprintf(`{"application":"%s","place":"embedded/basware-secret","reason":"%d"}`, basware.ObjectID, i)))
		h.rotation = r.ID
	}
	type page struct {
		Value []struct {
			ID  string `json:"id"`
			Seq int64  `json:"seq"`
		} `json:"value"`
		NextLink string `json:"nextLink"`
	}
	for _, list := range []string{"/v1/rotations", "/v1/rotations?state=refused", "/v1/audit/events", "/v1/audit/events?action=rotation.", "/v1/findings"} {
		u, err := url.Parse(list)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		q.Set("limit", "1000")
		whole := decode[page](t, h.ask("administrator", "GET", u.Path+"?"+q.Encode(), ""))
		q.Set("limit", "2")
		var walked page
		for at := u.Path + "?" + q.Encode(); at != ""; {
			p := decode[page](t, h.ask("administrator", "GET", at, ""))
			if len(p.Value) > 2 {
				t.Fatalf("%s: a page of %d", at, len(p.Value))
			}
			walked.Value = append(walked.Value, p.Value...)
			at = p.NextLink
		}
		if len(whole.Value) == 0 || !slices.Equal(walked.Value, whole.Value) {
			t.Errorf("%s: page by page %v, at once %v", list, walked.Value, whole.Value)
		}
	}
}

func TestAnAmbiguousRequestSaysWhatFits(t *testing.T) {
	h := newHouse(t)
	h.live()
	for body, want := range map[string]string{
		`{"dryRun":true}`:                        "invalid_request",
		`{"application":"nobody","dryRun":true}`: "not_found",
		`{"application":"` + basware.Name + `","credential":"nothing","dryRun":true}`:               "not_found",
		`{"application":"` + basware.Name + `","dryRun":true}`:                                      "not_possible", // nobody knows where the value is
		`{"application":"` + basware.Name + `","place":"nonsense","dryRun":true}`:                   "invalid_request",
		`{"application":"` + basware.Name + `","place":"embedded/a b","dryRun":true}`:               "invalid_request",
		`{"application":"` + basware.Name + `","place":"embedded/x","lifetime":"1h","dryRun":true}`: "not_possible",
	} {
		if p := refused(t, h.ask("user", "POST", "/v1/rotations", body)); p.Code != want {
			t.Errorf("%s: %+v, want %s", body, p, want)
		}
	}
}

func TestLengthsOfTime(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 0, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "2w": 14 * 24 * time.Hour, "180d": 180 * 24 * time.Hour} {
		if got, err := span("x", text); err != nil || got != want {
			t.Errorf("span(%q) = %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"999999w", "5", "d", "1d5", "999999999999999999999d"} {
		if got, err := span("x", text); err == nil {
			t.Errorf("span(%q) = %s", text, got)
		}
	}
}

func TestDaysLeftAreWholeDays(t *testing.T) {
	now := time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		starts, expires time.Time
		state           wire.CredentialState
		days            int
	}{
		{now.AddDate(-1, 0, 0), now.Add(time.Hour), wire.CredentialStateValid, 0},
		{now.AddDate(-1, 0, 0), now.Add(25 * time.Hour), wire.CredentialStateValid, 1},
		{now.AddDate(-1, 0, 0), now, wire.CredentialStateExpired, 0},
		{now.AddDate(-1, 0, 0), now.Add(-time.Second), wire.CredentialStateExpired, -1},
		{now.AddDate(-1, 0, 0), now.Add(-24 * time.Hour), wire.CredentialStateExpired, -1},
		{now.Add(time.Hour), now.AddDate(0, 0, 10), wire.CredentialStateEarly, 10},
	} {
		state, days := remaining(c.starts, c.expires, now)
		if state != c.state || days == nil || *days != c.days {
			t.Errorf("%s to %s: %s %v, want %s %d", c.starts, c.expires, state, days, c.state, c.days)
		}
	}
	if state, days := remaining(now, time.Time{}, now); state != wire.CredentialStateUnknown || days != nil {
		t.Errorf("without an end: %s %v", state, days)
	}
}
