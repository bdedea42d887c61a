package api

import (
	"net/http"
	"testing"
	"time"

	wire "rekey.example/rekey/api"
)

// TestWhatIsDueIsShownAndPostponed goes through the routes as a user does.
func TestWhatIsDueIsShownAndPostponed(t *testing.T) {
	h := newHouse(t)
	h.live()
	due := func() []wire.DueItem {
		return decode[wire.DuePage](t, h.ask("user", "GET", "/v1/schedule/due?days=365", "")).Value
	}
	list := due()
	if len(list) != 1 || list[0].Credential.KeyID != ending.KeyID || list[0].Due.IsZero() || list[0].Why == "" {
		t.Fatalf("due: %+v", list)
	}
	picture := decode[wire.Schedule](t, h.ask("user", "GET", "/v1/schedule?days=365", ""))
	sum := 0
	for _, d := range picture.Days {
		sum += d.Due
	}
	if len(picture.Days) != 365 || sum != 1 || picture.Proposing || !picture.Open {
		t.Errorf("%d days with %d due; proposing %v, open %v", len(picture.Days), sum, picture.Proposing, picture.Open)
	}
	until := list[0].Credential.Expires.Add(-time.Minute).UTC().Truncate(time.Second)
	path := "/v1/schedule/postponed/" + ending.KeyID
	made := decode[wire.Postponement](t, h.ask("user", "PUT", path, `{"until":"`+until.Format(time.RFC3339)+`","reason":"partner is closed"}`))
	if !made.Until.Equal(until) || made.By != "Nora" {
		t.Errorf("%+v", made)
	}
	if list = due(); list[0].State != wire.DueStatePostponed || list[0].Postponed.Reason != "partner is closed" {
		t.Errorf("afterwards: %+v", list[0])
	}
	late := until.AddDate(0, 0, 1)
	if p := refused(t, h.ask("user", "PUT", path, `{"until":"`+late.Format(time.RFC3339)+`","reason":"x"}`)); p.Code != "not_possible" {
		t.Errorf("behind its end: %+v", p)
	}
	if p := refused(t, h.ask("user", "PUT", path, `{"until":"`+until.Format(time.RFC3339)+`","reason":""}`)); p.Status != http.StatusBadRequest {
		t.Errorf("without a reason: %+v", p)
	}
	if answer := h.ask("user", "DELETE", path, ""); answer.StatusCode != http.StatusNoContent {
		t.Errorf("resumed: %d", answer.StatusCode)
	}
	if p := refused(t, h.ask("user", "DELETE", path, "")); p.Status != http.StatusNotFound {
		t.Errorf("a second time: %+v", p)
	}
}
