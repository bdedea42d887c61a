package signin

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/secret"
)

// What an attempt at Entra is for.
const (
	purposeEnter = "entra"
	purposeAgain = "entra-again"
)

const (
	plainBrowser  = "rekey-signin"
	secureBrowser = "__Host-rekey-signin"
	browserLife   = 10 * 60 // seconds
)

var errNoAddress = errors.New("the server does not know the address that people reach it at")

// toEntra sends the browser to Entra.
func (g *Gate) toEntra(w http.ResponseWriter, r *http.Request) {
	if g.c.Entra == nil {
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
		return
	}
	g.begin(w, r, access.Attempt{Purpose: purposeEnter, Goal: goal(r.URL.Query().Get("return"))}, "")
}

func (g *Gate) begin(w http.ResponseWriter, r *http.Request, a access.Attempt, hint string) {
	if g.c.Entra == nil {
		g.show(w, r, http.StatusOK, page{Title: "Sign in", Kind: "enter", Goal: a.Goal})
		return
	}
	back, err := g.address(r)
	if err != nil {
		g.trouble(w, r, err)
		return
	}
	if !g.pace.begins(from(r)) {
		g.trouble(w, r, access.ErrTooMany)
		return
	}
	browser := g.browser(r)
	if !access.IsBrowser(browser) {
		browser = access.NewBrowser()
	}
	state, err := g.c.Door.Begin(r.Context(), browser, a)
	if err != nil {
		g.trouble(w, r, err)
		return
	}
	to, err := g.c.Entra.Address(r.Context(), access.Asked{Browser: browser, State: state, Return: back + "/signin/return", Again: a.Purpose == purposeAgain, Hint: hint})
	if err != nil {
		g.trouble(w, r, err)
		return
	}
	g.cookie(w, r, plainBrowser, secureBrowser, browser.Reveal(), browserLife)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// fromEntra takes a person back.
func (g *Gate) fromEntra(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if g.c.Entra == nil || len(r.URL.RawQuery) > 16<<10 {
		g.trouble(w, r, access.ErrAttempt)
		return
	}
	browser, state := g.browser(r), secret.New(q.Get("state"))
	a, err := g.c.Door.End(r.Context(), browser, state, purposeEnter, purposeAgain)
	if err != nil {
		g.trouble(w, r, err)
		return
	}
	if name := q.Get("error"); name != "" {
		g.trouble(w, r, access.RefusedInBrowser(name, aadsts(q.Get("error_description"))))
		return
	}
	back, err := g.address(r)
	if err != nil {
		g.trouble(w, r, err)
		return
	}
	who, err := g.c.Entra.Redeem(r.Context(), access.Asked{Browser: browser, State: state, Return: back + "/signin/return"}, q.Get("code"))
	if err != nil {
		g.trouble(w, r, err)
		return
	}
	g.arrived(w, r, a, who)
}

// arrived lets a person in whom Entra has vouched for, if they have a role.
func (g *Gate) arrived(w http.ResponseWriter, r *http.Request, a access.Attempt, who access.Identity) {
	role := who.Role()
	if role == "" {
		g.c.Door.TurnAway(r.Context(), access.EntraPerson(who.Tenant, who.Object), who.Name, "no role")
		g.show(w, r, http.StatusForbidden, page{Title: "You have no role in rekey yet", Kind: "roleless", Name: who.Name, Alias: who.Alias})
		return
	}
	p, err := g.c.Door.Meet(r.Context(), who.Tenant, who.Object, who.Name, who.Alias, role)
	if err != nil {
		g.trouble(w, r, err)
		return
	}
	proved := who.At
	if proved.IsZero() { // it may have been hours ago: Entra remembers people
		proved = time.Now().Add(-24 * time.Hour)
	}
	if a.Purpose == purposeEnter {
		g.welcome(w, r, p, "entra", proved, a.Goal)
		return
	}
	g.confirmed(w, r, a, p, who.At, "entra")
}

// confirmed notes that a signed-in person has proved anew who they are.
func (g *Gate) confirmed(w http.ResponseWriter, r *http.Request, a access.Attempt, p access.Person, at time.Time, how string) {
	switch {
	case at.IsZero():
		g.show(w, r, http.StatusBadGateway, page{Title: "Entra does not say when you signed in", Kind: "timeless"})
		return
	case p.ID != a.Person:
		g.show(w, r, http.StatusForbidden, page{Title: "That was somebody else", Kind: "other", Name: p.Name, Goal: a.Goal})
		return
	case time.Since(at) >= access.FreshFor:
		g.show(w, r, http.StatusForbidden, page{Title: "That sign-in was not a fresh one", Kind: "stale", Goal: a.Goal})
		return
	}
	_, fresh, err := g.c.Door.Again(r.Context(), g.kept(r), access.Arrival{Person: p, How: how, From: from(r), Proved: at})
	if err != nil {
		g.trouble(w, r, err)
		return
	}
	g.keep(w, r, fresh)
	g.forgetBrowser(w, r)
	http.Redirect(w, r, a.Goal, http.StatusSeeOther)
}

// aadsts is the number of an error in the text that came with it. The text itself
// is anybody's.
func aadsts(text string) int {
	rest, found := strings.CutPrefix(text, "AADSTS")
	if !found {
		return 0
	}
	end := 0
	for end < len(rest) && end < 9 && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	n, _ := strconv.Atoi(rest[:end]) // 0 if there is none
	return n
}

// browser is what the browser keeps while it signs in.
func (g *Gate) browser(r *http.Request) secret.Value {
	name := plainBrowser
	if g.overTLS(r) {
		name = secureBrowser
	}
	list := r.CookiesNamed(name)
	if len(list) != 1 {
		return secret.Value{}
	}
	return secret.New(list[0].Value)
}

func (g *Gate) forgetBrowser(w http.ResponseWriter, r *http.Request) {
	g.cookie(w, r, plainBrowser, secureBrowser, "", -1)
}

// address is where people reach this server: as configured, or as the browser
// asked if that is this machine itself. Any other name that a request brings is
// anybody's.
func (g *Gate) address(r *http.Request) (string, error) {
	if g.c.Address != "" {
		return g.c.Address, nil
	}
	if !local(r.Host) {
		return "", errNoAddress
	}
	if r.TLS != nil {
		return "https://" + r.Host, nil
	}
	return "http://" + r.Host, nil
}
