package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/server/signin"
	"rekey.example/rekey/internal/store"
)

// doors lets people sign in to the house.
func (h *house) doors(c *Config) {
	h.door = &access.Door{Store: h.db, Tenant: home, Record: func(tx *store.Tx, d access.Deed) error {
		outcome := audit.Done
		if d.Refused {
			outcome = audit.Refused
		}
		e := audit.By(d.By, d.Action, d.Subject, outcome)
		e.Title, e.Detail = d.Title, d.Detail
		return h.log.Record(tx, e)
	}}
	gate, err := signin.New(signin.Config{Door: h.door})
	if err != nil {
		h.t.Fatal(err)
	}
	c.Door, c.Visit = h.door, gate.Who
}

// enter begins a session for somebody of the directory.
func (h *house) enter(who string, object string, role access.Role, proved time.Time) {
	h.t.Helper()
	alias := who + "@contoso.com"
	if object == nora {
		alias = people["user"].Person // the address that a token of hers was made for
	}
	p, err := h.door.Meet(h.t.Context(), home, object, who, alias, role)
	if err != nil {
		h.t.Fatal(err)
	}
	s, kept, err := h.door.Enter(h.t.Context(), access.Arrival{Person: p, How: "entra", Proved: proved}, secret.Value{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.cookies[who], h.session = kept.Reveal(), s.ID
}

// signedIn fills the house with people, sessions and what is left of sessions.
func (h *house) signedIn() {
	h.t.Helper()
	ada := access.Actor{ID: "local:0", Name: "Root", Person: "root", Role: access.Administrator, Tenant: home}
	p, _, _, err := h.door.Invite(h.t.Context(), ada, access.NewPerson{Login: "anna", Role: access.User})
	if err != nil {
		h.t.Fatal(err)
	}
	h.person = p.ID
	object := func(n string) string { return strings.Replace(nora, "000001", n, 1) }
	for who, change := range map[string]string{"session that ended": "ended = 1", "session that is idle": "idle = 1"} {
		h.enter(who, object("000009"), access.Administrator, time.Now())
		err := h.db.Do(h.t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(`UPDATE access_session SET `+change+` WHERE id = $1`, h.session)
			return err
		})
		if err != nil {
			h.t.Fatal(err)
		}
	}
	h.cookies["session of nobody"] = strings.Repeat("A", 43)
	h.enter("stale administrator", object("000003"), access.Administrator, time.Now().Add(-time.Hour))
	h.enter("signed-in auditor", object("000004"), access.Auditor, time.Now())
	h.enter("signed-in administrator", object("000002"), access.Administrator, time.Now())
	h.enter("signed-in user", nora, access.User, time.Now())
}

// expired is a token whose time is over.
func (h *house) expired() string {
	h.t.Helper()
	made := decode[wire.NewToken](h.t, h.ask("administrator", "POST", "/v1/tokens", `{"name":"old","role":"administrator"}`))
	err := h.db.Do(h.t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE access_token SET expires = 1 WHERE id = $1`, made.Token.ID)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return made.Secret
}

// TestSessionsHaveTheRightsOfTheirRole asks each route as people who have signed
// in, and as an administrator whose sign-in is an hour old.
func TestSessionsHaveTheRightsOfTheirRole(t *testing.T) {
	asked, stepped := 0, 0
	for pattern, allowed := range permits {
		t.Run(pattern, func(t *testing.T) {
			h := newHouse(t)
			h.live()
			h.signedIn()
			method, target, body := h.target(pattern)
			own := strings.HasPrefix(pattern, "GET /v1/sessions") || strings.HasPrefix(pattern, "DELETE /v1/sessions") // everybody sees and ends their own
			for letter, who := range map[string]string{"u": "signed-in user", "a": "signed-in auditor"} {
				asked++
				answer := h.ask(who, method, target, body)
				may := strings.Contains(allowed.who, letter) || own && letter == "u"
				if denied := answer.StatusCode == http.StatusForbidden; answer.StatusCode == http.StatusUnauthorized || answer.StatusCode >= 500 || denied == may {
					t.Errorf("%s: %d, may = %v", who, answer.StatusCode, may)
				}
			}
			if !strings.Contains(allowed.who, "m") {
				return
			}
			asked++
			answer := h.ask("stale administrator", method, target, body)
			wants := slices.Contains([]string{
				"POST /v1/rotations/{id}/permit", "POST /v1/incidents", "POST /v1/incidents/{id}/approve", "POST /v1/tasks/{id}/link", "POST /v1/tokens", "DELETE /v1/tokens/{id}",
				"POST /v1/people", "POST /v1/people/{id}/invitation", "POST /v1/people/{id}/lock", "DELETE /v1/people/{id}/lock",
			}, pattern)
			if wants {
				stepped++
				if p := refused(t, answer); p.Code != "step_up_required" || p.Status != http.StatusForbidden {
					t.Errorf("%+v", p)
				}
				if answer := h.ask("signed-in administrator", method, target, body); answer.StatusCode == http.StatusUnauthorized || answer.StatusCode >= 500 {
					t.Errorf("freshly signed in: %d", answer.StatusCode)
				}
			} else if answer.StatusCode >= 500 || answer.StatusCode == http.StatusUnauthorized {
				t.Errorf("stale: %d", answer.StatusCode)
			}
		})
	}
	t.Logf("%d requests of %d routes; %d of them want a fresh sign-in", asked, len(permits), stepped)
}

// TestAUserSeesOnlyWhatIsTheirs: what another owns does not exist for a user, in
// any list and by any id.
func TestAUserSeesOnlyWhatIsTheirs(t *testing.T) {
	h := newHouse(t)
	h.live()
	h.enter("stranger", strings.Replace(nora, "000001", "000077", 1), access.User, time.Now())
	for _, target := range []string{"/v1/credentials", "/v1/applications", "/v1/rotations", "/v1/findings", "/v1/schedule/due", "/v1/tasks", "/v1/credentials?app=Basware", "/v1/rotations?application=" + string(basware.ObjectID), "/v1/findings?application=" + string(basware.ObjectID)} {
		type list struct {
			Value []any `json:"value"`
		}
		answer := h.ask("stranger", "GET", target, "")
		if answer.StatusCode != http.StatusOK {
			t.Errorf("GET %s: %d", target, answer.StatusCode)
			continue
		}
		if got := decode[list](t, answer); len(got.Value) != 0 {
			t.Errorf("GET %s: %v", target, got.Value)
		}
	}
	for _, target := range []string{"/v1/credentials/" + ending.KeyID, "/v1/applications/" + string(basware.ObjectID), "/v1/applications/" + string(basware.ClientID), "/v1/rotations/" + h.rotation, "/v1/rotations/" + h.rotation + "/events", "/v1/tasks/" + h.task} {
		if p := refused(t, h.ask("stranger", "GET", target, "")); p.Status != http.StatusNotFound {
			t.Errorf("GET %s: %+v", target, p)
		}
	}
	for target, body := range map[string]string{
		"/v1/rotations": `{"application":"` + string(basware.ObjectID) + `","place":"embedded/x","dryRun":true}`,
		"/v1/rotations/" + h.rotation + "/cancel":  `{}`,
		"/v1/rotations/" + h.rotation + "/confirm": `{"consumer":"x","proof":"x"}`,
		"/v1/tasks/" + h.task + "/done":            `{"note":"x"}`,
	} {
		if p := refused(t, h.ask("stranger", "POST", target, body)); p.Status != http.StatusNotFound {
			t.Errorf("POST %s: %+v", target, p)
		}
	}
	status := decode[wire.Status](t, h.ask("stranger", "GET", "/v1/status", ""))
	if c := status.Tenants[0].Counts; c.Applications != 0 || c.Credentials != 0 || status.Tenants[0].Rotations.Open != 0 || status.Tenants[0].Findings != 0 {
		t.Errorf("counted %+v", status.Tenants[0])
	}
	own := decode[wire.Status](t, h.ask("user", "GET", "/v1/status", ""))
	if c := own.Tenants[0].Counts; c.Applications != 1 || c.Credentials != 1 || own.Tenants[0].Rotations.Open != 1 {
		t.Errorf("the owner counts %+v", own.Tenants[0])
	}
}

// TestATokenCanBeNarrower than its role, and counts as its person.
func TestATokenCanBeNarrower(t *testing.T) {
	h := newHouse(t)
	made := decode[wire.NewToken](t, h.ask("administrator", "POST", "/v1/tokens", `{"name":"reader","role":"administrator","actions":["inventory.read","policy.read"]}`))
	h.tokens["narrow"] = made.Secret
	if answer := h.ask("narrow", "GET", "/v1/credentials", ""); answer.StatusCode != http.StatusOK {
		t.Errorf("what it is for: %d", answer.StatusCode)
	}
	if p := refused(t, h.ask("narrow", "GET", "/v1/tokens", "")); p.Code != "forbidden" {
		t.Errorf("what it is not for: %+v", p)
	}
	if p := refused(t, h.ask("administrator", "POST", "/v1/tokens", `{"name":"x","role":"user","actions":["rotation.approve"]}`)); p.Code != "invalid_request" {
		t.Errorf("more than the role: %+v", p)
	}
}

// TestASessionIsNoUseToOtherSites: a cookie that a foreign page makes the browser
// send changes nothing.
func TestASessionIsNoUseToOtherSites(t *testing.T) {
	h := newHouse(t)
	h.signedIn()
	for _, site := range []string{"cross-site", "same-site", "none"} {
		if p := refused(t, h.ask("signed-in administrator", "POST", "/v1/syncs", `{}`, "Sec-Fetch-Site", site)); p.Status != http.StatusUnauthorized {
			t.Errorf("%s: %+v", site, p)
		}
	}
	if answer := h.ask("signed-in administrator", "POST", "/v1/syncs", `{}`, "Sec-Fetch-Site", "same-origin"); answer.StatusCode >= 400 {
		t.Errorf("our own page: %d", answer.StatusCode)
	}
}
