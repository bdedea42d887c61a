package signin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"rekey.example/rekey/internal/access"
)

func TestPeopleSignInAtEntraAndGetTheirRole(t *testing.T) {
	h := newHouse(t, false)
	p := h.cloud.Tenant().People
	for role, person := range map[access.Role]string{access.User: p.User.ObjectID, access.Administrator: p.Administrator.ObjectID, access.Auditor: p.Auditor.ObjectID} {
		b := h.browser()
		back := b.enter(person, "/credentials?expiring=7d")
		if back.status != http.StatusSeeOther || back.to != "/credentials?expiring=7d" {
			t.Fatalf("%s: %+v", role, back)
		}
		if got, want := b.get("/").body, access.EntraPerson(h.cloud.Tenant().ID, person)+" "+string(role); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		cookies := back.header.Values("Set-Cookie")
		for _, c := range cookies {
			if !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") || !strings.Contains(c, "Path=/;") || strings.Contains(c, "Domain") {
				t.Errorf("cookie %s", c)
			}
		}
		if b.cookie(plainBrowser) != "" {
			t.Error("the browser still holds what bound the attempt")
		}
	}
}

func TestOverTLSTheCookieIsTheHostsOwn(t *testing.T) {
	h := newHouse(t, false)
	gate, err := New(Config{Door: h.door, Address: "https://rekey.contoso.com", Entra: h.gate.c.Entra})
	if err != nil {
		t.Fatal(err)
	}
	h.gate.c, h.gate.secure = gate.c, true
	begun := h.browser().get("/signin/entra")
	c := begun.header.Get("Set-Cookie")
	if !strings.HasPrefix(c, "__Host-rekey-signin=") || !strings.Contains(c, "Secure") {
		t.Errorf("cookie %s", c)
	}
	u, _ := url.Parse(begun.to)
	if got := u.Query().Get("redirect_uri"); got != "https://rekey.contoso.com/signin/return" {
		t.Errorf("it comes back to %s", got)
	}
}

func TestWhoHasNoRoleIsToldWhatToAskFor(t *testing.T) {
	h := newHouse(t, false)
	emma := h.anybody()
	b := h.browser()
	back := b.enter(emma, "/")
	if back.status != http.StatusForbidden || !strings.Contains(back.body, "You have no role in rekey yet") || !strings.Contains(back.body, "Users and groups") {
		t.Errorf("%d %s", back.status, back.body)
	}
	if b.cookie(plainCookie) != "" {
		t.Error("there is a session")
	}
	if len(h.deeds) != 1 || !h.deeds[0].Refused {
		t.Errorf("recorded %+v", h.deeds)
	}
}

// anybody is somebody of the directory without a role.
func (h *house) anybody() (id string) {
	p := h.cloud.Tenant().People
	h.cloud.World().Read(func() {
		for _, u := range h.cloud.World().Directory.Users {
			if u.Enabled && u.ID != p.User.ObjectID && u.ID != p.Administrator.ObjectID && u.ID != p.Auditor.ObjectID {
				id = u.ID
			}
		}
	})
	return id
}

func TestAnAttemptBelongsToItsBrowserAndCountsOnce(t *testing.T) {
	h := newHouse(t, false)
	nora := h.cloud.Tenant().People.User.ObjectID
	tries := 0
	refuse := func(what string, got answered, b *browser) {
		t.Helper()
		tries++
		if got.status != http.StatusForbidden || b.cookie(plainCookie) != "" {
			t.Errorf("%s: %d", what, got.status)
		}
	}

	attacker, victim := h.browser(), h.browser()
	planted := attacker.pick(attacker.get("/signin/entra").to, nora)
	refuse("login CSRF: a code that another browser asked for", victim.get(planted), victim)
	victim.get("/signin/entra") // has an attempt of its own
	planted = attacker.pick(attacker.get("/signin/entra").to, nora)
	refuse("login CSRF beside an own attempt", victim.get(planted), victim)
	refuse("an attempt that another browser came with", attacker.get(planted), attacker)

	b := h.browser()
	back := b.pick(b.get("/signin/entra").to, nora)
	held := b.cookie(plainBrowser)
	if got := b.get(back); got.status != http.StatusSeeOther {
		t.Fatalf("%+v", got)
	}
	replay := h.browser()
	replay.set(plainBrowser, held)
	refuse("code and state once more", replay.get(back), replay)

	u, _ := url.Parse(back)
	other := h.browser()
	state := query(t, other.get("/signin/entra").to, "state")
	refuse("a used code with a fresh state", other.get("/signin/return?"+url.Values{"code": {u.Query().Get("code")}, "state": {state}}.Encode()), other)

	one, two := h.browser(), h.browser()
	stolen, _ := url.Parse(one.pick(one.get("/signin/entra").to, nora))
	state = query(t, two.get("/signin/entra").to, "state")
	refuse("somebody's fresh code with one's own state (PKCE, nonce)", two.get("/signin/return?"+url.Values{"code": {stolen.Query().Get("code")}, "state": {state}}.Encode()), two)

	for _, q := range []string{"", "?code=x", "?state=x", "?code=x&state=" + strings.Repeat("A", 43), "?error=access_denied&state=x", "?code=" + strings.Repeat("x", 20000)} {
		b := h.browser()
		b.get("/signin/entra")
		refuse("return"+q[:min(20, len(q))], b.get("/signin/return"+q), b)
	}
	t.Logf("%d ways to come back wrongly were refused", tries)
}

func query(t *testing.T, address, name string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get(name)
}

func TestWhatABrowserHeldBeforeIsWorthNothing(t *testing.T) {
	h := newHouse(t, false)
	p := h.cloud.Tenant().People
	b := h.browser()
	b.set(plainCookie, strings.Repeat("A", 43)) // planted by somebody
	b.enter(p.User.ObjectID, "/")
	first := b.cookie(plainCookie)
	if first == strings.Repeat("A", 43) || first == "" {
		t.Fatal("the planted session was taken on")
	}
	b.client.Jar.SetCookies(mustURL(b.server.URL), []*http.Cookie{{Name: plainCookie, MaxAge: -1, Path: "/"}})
	b.set(plainCookie, first)
	again := b.get("/signin/again?return=/x")
	if !strings.Contains(again.to, "prompt=login") || !strings.Contains(again.to, "max_age=0") {
		t.Fatalf("%+v", again)
	}
	back := b.get(b.pick(again.to, p.User.ObjectID))
	if back.status != http.StatusSeeOther || back.to != "/x" {
		t.Fatalf("%+v", back)
	}
	second := b.cookie(plainCookie)
	old := h.browser()
	old.set(plainCookie, first)
	if second == first || old.get("/").status != http.StatusUnauthorized || b.get("/").status != http.StatusOK {
		t.Error("the session's secret was not exchanged")
	}

	again = b.get("/signin/again?return=/x")
	if got := b.get(b.pick(again.to, p.Administrator.ObjectID)); got.status != http.StatusForbidden || !strings.Contains(got.body, "somebody else") {
		t.Errorf("another person proves it: %d", got.status)
	}
	if b.get("/").body != access.EntraPerson(h.cloud.Tenant().ID, p.User.ObjectID)+" user" {
		t.Error("the session is another's")
	}

	if got := b.do("POST", "/signout", url.Values{}); got.status != http.StatusOK || b.get("/").status != http.StatusUnauthorized {
		t.Errorf("sign out: %d", got.status)
	}
	old.set(plainCookie, second)
	if old.get("/").status != http.StatusUnauthorized {
		t.Error("a session that was left is still good")
	}
}

func mustURL(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil {
		panic(err)
	}
	return u
}
