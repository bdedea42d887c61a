package api

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/inventory"
)

// TestEndingIsToldOnce: a poller that asks with what it got before hears of each
// credential once, when it comes within the time or is made within it.
func TestEndingIsToldOnce(t *testing.T) {
	const within = 30 * 24 * time.Hour
	day := func(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }
	began := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	rows := map[string]inventory.Row{}
	plant := func(id string, starts, expires time.Duration) {
		rows[id] = inventory.Row{Credential: inventory.Credential{KeyID: id, Starts: began.Add(starts), Expires: began.Add(expires)}}
	}
	plant("soon", -day(100), day(3))
	plant("edge", -day(100), day(30))
	plant("later", -day(100), day(31))
	plant("far", -day(100), day(400))
	plant("short, made on day 2", day(2), day(12))
	told := map[string]int{}
	m := mark{To: began}
	for n := range 60 {
		now := began.Add(day(n))
		for id, r := range rows {
			if r.Starts.After(now) || !r.Expires.After(now) {
				continue // not there yet, or no longer ending
			}
			if m.tells(r, within) {
				told[id]++
			}
		}
		m = mark{From: m.To, To: now.Add(day(1))}
	}
	want := map[string]int{"soon": 1, "edge": 1, "later": 1, "short, made on day 2": 1}
	for id := range rows {
		if told[id] != want[id] {
			t.Errorf("%s is told %d times, want %d", id, told[id], want[id])
		}
	}
}

func TestEndingByTheAPI(t *testing.T) {
	h := newHouse(t)
	h.live()
	first := decode[wire.EndingPage](t, h.ask("user", "GET", "/v1/ending?within=52w", ""))
	if len(first.Value) == 0 || first.Since == "" {
		t.Fatalf("the first answer is %+v", first)
	}
	if !slices.ContainsFunc(first.Value, func(c wire.Credential) bool { return c.KeyID == ending.KeyID }) {
		t.Errorf("%s is missing", ending.KeyID)
	}
	second := decode[wire.EndingPage](t, h.ask("user", "GET", "/v1/ending?within=52w&since="+url.QueryEscape(first.Since), ""))
	if len(second.Value) != 0 {
		t.Errorf("told again: %+v", second.Value)
	}
	for _, since := range []string{"x", "e30", "eyJ0IjoiOTk5OS0wMS0wMVQwMDowMDowMFoifQ"} {
		if p := refused(t, h.ask("user", "GET", "/v1/ending?since="+since, "")); p.Code != "invalid_request" {
			t.Errorf("since=%s: %+v", since, p)
		}
	}
}

// TestDecision: what people decide, and nothing else, ends the waiting.
func TestDecision(t *testing.T) {
	h := newHouse(t)
	h.live()
	get := func(query string) wire.Decision {
		t.Helper()
		return decode[wire.Decision](t, h.ask("user", "GET", "/v1/rotations/"+h.rotation+"/decision"+query, ""))
	}
	if d := get("?wait=1"); d.Decided || d.Outcome != wire.DecisionOutcomeWaiting {
		t.Errorf("nobody has decided: %+v", d)
	}
	answer := make(chan wire.Decision)
	go func() { answer <- get("?wait=30") }()
	if a := h.ask("administrator", "POST", "/v1/rotations/"+h.rotation+"/refuse", `{"reason":"the partner ends it in May"}`); a.StatusCode != 200 {
		t.Fatalf("%d", a.StatusCode)
	}
	if d := <-answer; !d.Decided || d.Outcome != wire.DecisionOutcomeRefused || !strings.Contains(d.Reason, "the partner ends it in May") {
		t.Errorf("refused: %+v", d)
	}
}
