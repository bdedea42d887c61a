package api

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestMistakesAreNamedAndWhatWasSentIsNotRepeated(t *testing.T) {
	h := newHouse(t)
	const canary = "canaryQ~8f.secret-value"
	for _, c := range []struct {
		name, method, target, body string
		status                     int
		field                      string
	}{
		{"unknown field", "POST", "/v1/rotations", `{"` + canary + `":1}`, 400, "body"},
		{"unknown value in a known field", "POST", "/v1/tokens", `{"name":"x","role":"` + canary + `"}`, 400, "role"},
		{"wrong type", "POST", "/v1/syncs", `{"full":"` + canary + `"}`, 400, "full"},
		{"missing field", "POST", "/v1/rotations/r-1/approve", `{}`, 400, "hash"},
		{"pattern", "POST", "/v1/rotations/r-1/approve", `{"hash":"` + canary + `"}`, 400, "hash"},
		{"too long", "POST", "/v1/rotations", `{"application":"` + strings.Repeat(canary, 50) + `"}`, 400, "application"},
		{"length of time", "POST", "/v1/rotations", `{"lifetime":"` + canary + `"}`, 400, "lifetime"},
		{"not JSON", "POST", "/v1/syncs", canary, 400, "body"},
		{"a list", "POST", "/v1/syncs", `["` + canary + `"]`, 400, "body"},
		{"no body", "POST", "/v1/syncs", "", 400, "body"},
		{"number", "GET", "/v1/credentials?limit=" + canary, "", 400, "limit"},
		{"number too large", "GET", "/v1/credentials?limit=100000", "", 400, "limit"},
		{"enumeration", "GET", "/v1/credentials?kind=" + canary, "", 400, "kind"},
		{"boolean", "GET", "/v1/credentials?expired=" + canary, "", 400, "expired"},
		{"moment", "GET", "/v1/audit/events?since=" + canary, "", 400, "since"},
		{"unknown parameter", "GET", "/v1/credentials?" + canary + "=1", "", 400, "query"},
		{"repeated parameter", "GET", "/v1/credentials?app=" + canary + "&app=" + canary, "", 400, "app"},
		{"page token", "GET", "/v1/rotations?after=" + canary, "", 400, "after"},
		{"missing parameter", "GET", "/v1/policy/try", "", 400, "name"},
		{"address", "GET", "/v1/" + canary, "", 404, ""},
		{"method", "PATCH", "/v1/me", "", 405, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer := h.ask("administrator", c.method, c.target, c.body)
			raw, _ := io.ReadAll(answer.Body)
			if bytes.Contains(raw, []byte("canary")) {
				t.Errorf("the answer repeats what was sent: %s", raw)
			}
			answer.Body = io.NopCloser(bytes.NewReader(raw))
			p := refused(t, answer)
			if p.Status != c.status || answer.StatusCode != c.status || p.Hint == "" {
				t.Errorf("problem %+v", p)
			}
			if c.field != "" && (len(p.Invalid) == 0 || p.Invalid[0].Name != c.field) {
				t.Errorf("it names %+v, want %s", p.Invalid, c.field)
			}
		})
	}
	if strings.Contains(h.out.String(), "canary") {
		t.Errorf("the log repeats what was sent: %s", h.out.String())
	}
}

func TestRequestsAreBounded(t *testing.T) {
	h := newHouse(t)
	for want, token := range map[string]string{"too_large": h.tokens["user"], "unauthenticated": "rk_x"} {
		r := httptest.NewRequest("POST", "/v1/syncs", io.LimitReader(zeros{}, 1<<30))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.api.ServeHTTP(w, r)
		if p := refused(t, w.Result()); p.Code != want {
			t.Errorf("%+v, want %s", p, want)
		}
	}
	r := httptest.NewRequest("POST", "/v1/syncs", strings.NewReader("full=1"))
	r.Header.Set("Authorization", "Bearer "+h.tokens["user"])
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.api.ServeHTTP(w, r)
	if p := refused(t, w.Result()); p.Code != "unsupported_media_type" {
		t.Errorf("a form: %+v", p)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

func TestARequestIsKnownByItsID(t *testing.T) {
	h := newHouse(t)
	if got := h.ask("user", "GET", "/v1/me", "", "client-request-id", "abc-123").Header.Get("client-request-id"); got != "abc-123" {
		t.Errorf("echoed %q", got)
	}
	for _, bad := range []string{"", strings.Repeat("x", 65), "a b", "a\"b", "ä"} {
		if got := h.ask("user", "GET", "/v1/me", "", "client-request-id", bad).Header.Get("client-request-id"); got == bad || len(got) < 20 {
			t.Errorf("for %q it answered with %q", bad, got)
		}
	}
	p := refused(t, h.ask("", "GET", "/v1/me", "", "client-request-id", "abc-123"))
	if p.RequestID != "abc-123" {
		t.Errorf("problem %+v", p)
	}
}

// TestHostileRequestsAreAnswered sends what a fuzzer would (SAFETY T38).
func TestHostileRequestsAreAnswered(t *testing.T) {
	h := newHouse(t)
	h.live()
	n := 10_000
	if testing.Short() {
		n = 1_000
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	methods := []string{"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"}
	bits := []string{"", "{", "}", "[", "]", `"`, ",", ":", "null", "1e999999", "-0", "99999999999999999999", `"\ud800"`, `"\u0000"`, "\xff\xfe", "true", `{"a":1,"a":2}`,
		strings.Repeat("[", 5000), strings.Repeat(`{"a":`, 3000), `"hash"`, `"application"`, `"reason"`, `"dryRun"`, strings.Repeat("9", 3000)}
	parameters := []string{"limit", "after", "wait", "app", "expiring", "x", "%zz"}
	values := []string{"", "%00", "..%2f..%2fetc", "%ff", "'%20OR%201=1--", "{{7*7}}", "${x}", "%0d%0aSet-Cookie:a=b", strings.Repeat("A", 3000), "-1", "1e9", "true"}
	for i := range n {
		route := h.api.routes[rnd.IntN(len(h.api.routes))]
		method, path, _ := strings.Cut(route, " ")
		if rnd.IntN(5) == 0 {
			method = methods[rnd.IntN(len(methods))]
		}
		for _, name := range []string{"{id}", "{keyId}"} {
			path = strings.ReplaceAll(path, name, "x"+values[rnd.IntN(len(values))])
		}
		var query []string
		for range rnd.IntN(4) {
			query = append(query, parameters[rnd.IntN(len(parameters))]+"="+values[rnd.IntN(len(values))])
		}
		target := path + "?" + strings.Join(query, "&")
		var body strings.Builder
		for range rnd.IntN(8) {
			body.WriteString(bits[rnd.IntN(len(bits))])
		}
		r, err := http.NewRequest(method, "http://x"+target, strings.NewReader(body.String()))
		if err != nil {
			continue // no client could send it
		}
		r.Header.Set("Authorization", "Bearer "+h.tokens["administrator"])
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		began := time.Now()
		h.api.ServeHTTP(w, r)
		if took := time.Since(began); took > time.Second {
			t.Errorf("%d: %s %s took %s", i, method, target, took)
		}
		if w.Code >= 500 && w.Code != 502 && w.Code != 503 {
			t.Fatalf("%d: %s %s with %.200q: %d %s", i, method, target, body.String(), w.Code, w.Body)
		}
		if w.Code >= 400 && method != "HEAD" && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%d: %s %s: the answer is not JSON: %s", i, method, target, w.Body)
		}
	}
	if strings.Contains(h.out.String(), "panicked") {
		t.Error("a handler panicked; see the log")
	}
}
