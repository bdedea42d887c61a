package api

import (
	"io"
	"net/http"
	"strings"
	"testing"

	wire "rekey.example/rekey/api"
)

// Everything that is named is an item: what is found, what is not, what is of
// another tenant, and what is named twice is one.
func TestAnIncidentDropsNothing(t *testing.T) {
	h := newHouse(t)
	h.live()
	h.ask("user", "POST", "/v1/rotations/"+h.rotation+"/cancel", `{}`)
	body := `{"plan":"revoke","reason":"leaked on a web site","applications":["` + string(basware.ObjectID) + `","nobody","NOBODY","` + ending.KeyID + `"],"name":"ice_Exp"}`
	i := decode[wire.Incident](t, h.ask("administrator", "POST", "/v1/incidents", body))
	if i.Counts.Items != 3 || i.Counts.Failed != 2 || i.Items[0].Rotation == "" || !strings.HasPrefix(i.Items[1].What, "not found: ") || i.Items[1].Cure == "" {
		t.Fatalf("%+v", i)
	}
	if i.State != wire.IncidentStateWaiting || i.Hash == "" || i.Items[0].State != wire.ItemStateWaiting {
		t.Errorf("it waits for nobody: %+v", i)
	}
	for format, want := range map[string]string{"csv": "\r\nnobody,", "markdown": "| nobody |", "json": `"complete":false`} {
		raw, err := io.ReadAll(h.ask("auditor", "GET", "/v1/incidents/"+i.ID+"/report?format="+format, "").Body)
		if err != nil || !strings.Contains(string(raw), want) {
			t.Errorf("%s: %v %s", format, err, raw)
		}
	}
	foreign := decode[wire.Incident](t, h.ask("foreigner", "POST", "/v1/incidents", body))
	if foreign.Counts.Failed != foreign.Counts.Items || foreign.Counts.Items != 4 {
		t.Errorf("of another tenant: %+v", foreign)
	}
	for _, wrong := range []string{`{"plan":"planned","reason":"x"}`, `{"plan":"emergency","reason":"x","applications":["nobody"]}`, `{"plan":"revoke","reason":"x"}`, `{"plan":"revoke","applications":["x"]}`} {
		refused(t, h.ask("administrator", "POST", "/v1/incidents", wrong))
	}
}

// An emergency and a revocation go through the API with what is kept and removed.
func TestARevocationIsProposedWithItsBreakGlass(t *testing.T) {
	h := newHouse(t)
	h.live()
	h.ask("user", "POST", "/v1/rotations/"+h.rotation+"/cancel", `{}`)
	target := `"application":"` + string(basware.ObjectID) + `"`
	if p := refused(t, h.ask("user", "POST", "/v1/rotations", `{"plan":"revoke",`+target+`,"breakGlass":"night"}`)); p.Code != "forbidden" {
		t.Errorf("a user breaks the glass: %+v", p)
	}
	r := decode[wire.Rotation](t, h.ask("administrator", "POST", "/v1/rotations", `{"plan":"revoke",`+target+`,"breakGlass":"it is night","reason":"leaked"}`))
	if r.Course != "revoke" || r.Terms.BreakGlass == "" || r.Consent == nil || r.Current != "revoke" {
		t.Errorf("%+v", r)
	}
	if p := refused(t, h.ask("administrator", "POST", "/v1/rotations/"+r.ID+"/permit", `{"reason":"x"}`)); p.Code != "conflict" {
		t.Errorf("permit before the switch: %+v", p)
	}
}

func TestTheSameIncidentIsOpenedOnce(t *testing.T) {
	h := newHouse(t)
	h.live()
	body := `{"plan":"revoke","reason":"leaked","applications":["nobody"]}`
	ask := func(who, body string) *http.Response {
		return h.ask(who, "POST", "/v1/incidents", body, "Idempotency-Key", "once-0001")
	}
	before := len(decode[wire.IncidentPage](t, h.ask("auditor", "GET", "/v1/incidents", "")).Value)
	first := decode[wire.Incident](t, ask("administrator", body))
	again := ask("administrator", body)
	if i := decode[wire.Incident](t, again); i.ID != first.ID || again.Header.Get("Location") != "/v1/incidents/"+first.ID {
		t.Errorf("the same request opened %s after %s", i.ID, first.ID)
	}
	if p := refused(t, ask("administrator", strings.Replace(body, "leaked", "other", 1))); p.Code != "idempotency_conflict" {
		t.Errorf("another request with the key: %+v", p)
	}
	if list := decode[wire.IncidentPage](t, h.ask("auditor", "GET", "/v1/incidents", "")); len(list.Value) != before+1 {
		t.Errorf("%d incidents, %d before", len(list.Value), before)
	}
}
