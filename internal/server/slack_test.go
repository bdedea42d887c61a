package server

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/alert"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

const signingSecret = "8f742231b10e8888abcd99yyyzzz85a5"

func press(action, alertID string, days int) []byte {
	a := map[string]any{"action_id": action, "value": alertID}
	if days > 0 {
		a = map[string]any{"action_id": action, "selected_option": map[string]string{"value": fmt.Sprintf("%s %d", alertID, days)}}
	}
	raw, _ := json.Marshal(map[string]any{ // plain data
		"type": "block_actions", "user": map[string]string{"id": "U1", "username": "nora"}, "team": map[string]string{"id": "T1"}, "api_app_id": "A1",
		"response_url": "https://hooks.slack.com/actions/x", "actions": []any{a},
	})
	return []byte(url.Values{"payload": {string(raw)}}.Encode())
}

func signed(key string, at time.Time, body []byte) http.Header {
	stamp := fmt.Sprint(at.Unix())
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte("v0:" + stamp + ":"))
	m.Write(body)
	return http.Header{"X-Slack-Request-Timestamp": {stamp}, "X-Slack-Signature": {"v0=" + hex.EncodeToString(m.Sum(nil))}, "Content-Type": {"application/x-www-form-urlencoded"}}
}

// TestSlackIsBelievedOnce is SAFETY T33: what was recorded is taken once, also
// after a restart, and nothing is that is old, changed or of another app.
func TestSlackIsBelievedOnce(t *testing.T) {
	storetest.Each(t, []store.Schema{audit.Schema, access.Schema, alert.Schema}, func(t *testing.T, db *store.DB) {
		log, err := audit.New(bytes.Repeat([]byte{7}, 32))
		if err != nil {
			t.Fatal(err)
		}
		keeper := &alert.Keeper{Tenant: "contoso", Config: alert.Default(), Store: db, Log: log, Sources: []alert.Source{{Name: "x", Every: time.Hour, Look: func(_ context.Context, _ string, found func(alert.Matter) error) error {
			for _, subject := range []string{"k-1", "k-2"} {
				if err := found(alert.Matter{Kind: alert.Ending, Subject: subject, Severity: alert.High, Rung: 7, Headline: "x", Ends: time.Now().Add(80 * time.Hour)}); err != nil {
					return err
				}
			}
			return nil
		}}}}
		if err := keeper.Tend(t.Context(), "contoso"); err != nil {
			t.Fatal(err)
		}
		omar := access.Actor{ID: "o", Name: "Omar", Role: access.Administrator, Tenant: "contoso"}
		list, _, err := keeper.List(t.Context(), omar, alert.Filter{})
		if err != nil || len(list) != 2 {
			t.Fatal(list, err)
		}
		s := &Slack{Alerts: keeper, Tenant: "contoso", Signing: secret.New(signingSecret), Team: "T1", Users: []string{"U1"}, Logger: slog.New(slog.DiscardHandler)}
		ask := func(s *Slack, h http.Header, body []byte) int {
			r := httptest.NewRequest("POST", "/slack/interactions", bytes.NewReader(body))
			r.Header = h
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			return w.Code
		}
		state := func(i int) alert.State {
			a, _, err := keeper.Get(t.Context(), omar, list[i].ID)
			if err != nil {
				t.Fatal(err)
			}
			return a.State
		}
		now := time.Now()
		good := press("rekey_acknowledge", list[0].ID, 0)
		other := press("rekey_acknowledge", list[1].ID, 0)
		h := signed(signingSecret, now, good)
		long := signed(signingSecret, now, good)
		long["X-Slack-Signature"] = append(long["X-Slack-Signature"], long["X-Slack-Signature"][0])
		refused := 0
		for name, c := range map[string]struct {
			h    http.Header
			body []byte
		}{
			"six minutes old": {signed(signingSecret, now.Add(-6*time.Minute), other), other}, "six minutes ahead": {signed(signingSecret, now.Add(6*time.Minute), other), other},
			"another body": {h, other}, "another app": {signed("another signing secret of an app", now, other), other}, "no signature": {http.Header{}, other},
			"two signatures": {long, good}, "an empty signature": {http.Header{"X-Slack-Request-Timestamp": h["X-Slack-Request-Timestamp"], "X-Slack-Signature": {""}}, good},
			"a stamp with a plus": {http.Header{"X-Slack-Request-Timestamp": {"+" + h.Get("X-Slack-Request-Timestamp")}, "X-Slack-Signature": h["X-Slack-Signature"]}, good},
		} {
			if got := ask(s, c.h, c.body); got != http.StatusUnauthorized {
				t.Errorf("%s: %d", name, got)
			}
			refused++
		}
		if state(0) != alert.Open || state(1) != alert.Open {
			t.Fatal("something was taken")
		}
		if got := ask(s, h, good); got != http.StatusOK || state(0) != alert.Acknowledged {
			t.Fatalf("%d, %s", got, state(0))
		}
		again := *s
		again.Alerts = &alert.Keeper{Tenant: "contoso", Config: alert.Default(), Store: db, Log: log} // as after a restart
		for _, server := range []*Slack{s, &again} {
			for range 20 {
				if got := ask(server, h, good); got != http.StatusUnauthorized {
					t.Errorf("replayed: %d", got)
				}
				refused++
			}
		}
		if got := ask(s, signed(signingSecret, now, press("rekey_snooze", list[1].ID, 1)), press("rekey_snooze", list[1].ID, 1)); got != http.StatusOK || state(1) != alert.Snoozed {
			t.Errorf("%d, %s", got, state(1))
		}
		for name, body := range map[string][]byte{
			"another team": bytes.Replace(good, []byte("T1"), []byte("T2"), 1), "another user": bytes.Replace(good, []byte("U1"), []byte("U2"), 1), "no payload": []byte("x=1"),
			"an approval": press("rekey_approve", list[0].ID, 0), "an id that is none": press("rekey_acknowledge", "a-'; --", 0), "nine days": press("rekey_snooze", list[0].ID, 9),
			"an unknown alert": press("rekey_acknowledge", "a-0000000000000000", 0), "two payloads": append(append([]byte{}, good...), []byte("&payload=x")...),
		} {
			if got := ask(s, signed(signingSecret, now, body), body); got < 400 || got >= 500 {
				t.Errorf("%s: %d", name, got)
			}
			refused++
		}
		events, err := audit.List(t.Context(), db, omar, audit.Query{Action: "alert.acknowledge"})
		if err != nil || len(events) != 1 || !strings.HasPrefix(events[0].Actor, "slack:T1:U1") {
			t.Errorf("%+v, %v", events, err)
		}
		t.Logf("%d refused", refused)
	})
}
