package signin

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/secret"
)

func (g *Gate) passkeyRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /signin/keys", g.keys)
	mux.HandleFunc("POST /signin/keys/password", g.changePassword)
	mux.HandleFunc("POST /signin/keys/remove", g.removeKey)
	mux.HandleFunc("POST /signin/passkey/ask", g.askPasskey)
	mux.HandleFunc("POST /signin/passkey/answer", g.answerPasskey)
	mux.HandleFunc("POST /signin/passkey/begin", g.beginPasskey)
	mux.HandleFunc("POST /signin/passkey/add", g.addPasskey)
	mux.HandleFunc("GET /signin/passkey.js", script("passkey.js"))
}

// site is where passkeys of this request hold.
func (g *Gate) site(r *http.Request) (access.Site, error) {
	address, err := g.address(r)
	if err != nil {
		return access.Site{}, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return access.Site{}, err
	}
	return access.Site{Host: u.Hostname(), Origin: address}, nil
}

// passkeysWork reports whether browsers make passkeys for the address: it needs a
// name, not numbers.
func (g *Gate) passkeysWork(r *http.Request) bool {
	at, err := g.site(r)
	if err != nil || !g.c.Local {
		return false
	}
	_, err = netip.ParseAddr(strings.Trim(at.Host, "[]"))
	return err != nil
}

// message is what the script and the server tell each other.
type message struct {
	Options any             `json:"options,omitempty"`
	State   string          `json:"state,omitempty"`
	Answer  json.RawMessage `json:"answer,omitempty"`
	Name    string          `json:"name,omitempty"`
	Again   bool            `json:"again,omitempty"`
	Goal    string          `json:"goal,omitempty"`
	Why     string          `json:"why,omitempty"`
}

func read(w http.ResponseWriter, r *http.Request) (m message, ok bool) {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
		say(w, http.StatusUnsupportedMediaType, message{Why: "Send JSON."})
		return m, false
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 100<<10))
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		say(w, http.StatusBadRequest, message{Why: "The request cannot be read."})
	}
	return m, err == nil
}

func say(w http.ResponseWriter, status int, m message) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(m) // the browser may be gone
}

// whyNot tells the script what a person may know.
func (g *Gate) whyNot(w http.ResponseWriter, r *http.Request, err error) {
	g.c.Logger.Warn("a passkey was not taken", "error", err.Error(), "from", from(r))
	status, why := http.StatusForbidden, "The passkey was not taken. Try again, or use your password."
	_, stale := errors.AsType[*access.StepUpError](err)
	switch {
	case stale:
		why = "Confirm that it is you first: sign in again."
	case errors.Is(err, access.ErrNoSession):
		status, why = http.StatusUnauthorized, "You are no longer signed in."
	case errors.Is(err, access.ErrTooMany):
		status, why = http.StatusTooManyRequests, "Too many sign-ins were tried from here. Wait a minute."
	case errors.Is(err, access.ErrAttempt):
		why = "That took too long or was begun elsewhere. Try again."
	case errors.Is(err, access.ErrPerson):
		why = sentence(strings.TrimPrefix(err.Error(), access.ErrPerson.Error()+": "))
	}
	say(w, status, message{Why: why})
}

// askPasskey begins a sign-in with a passkey.
func (g *Gate) askPasskey(w http.ResponseWriter, r *http.Request) {
	at, err := g.site(r)
	if err != nil {
		g.whyNot(w, r, err)
		return
	}
	if !g.pace.begins(from(r)) {
		g.whyNot(w, r, access.ErrTooMany)
		return
	}
	browser := g.bind(w, r)
	options, state, err := g.c.Door.AskPasskey(r.Context(), at, browser)
	if err != nil {
		g.whyNot(w, r, err)
		return
	}
	say(w, http.StatusOK, message{Options: options, State: state.Reveal()})
}

// bind gives the browser what attempts belong to.
func (g *Gate) bind(w http.ResponseWriter, r *http.Request) secret.Value {
	browser := g.browser(r)
	if !access.IsBrowser(browser) {
		browser = access.NewBrowser()
	}
	g.cookie(w, r, plainBrowser, secureBrowser, browser.Reveal(), browserLife)
	return browser
}

// answerPasskey lets a person in, or takes it as a fresh proof.
func (g *Gate) answerPasskey(w http.ResponseWriter, r *http.Request) {
	m, ok := read(w, r)
	if !ok {
		return
	}
	at, err := g.site(r)
	if err != nil {
		g.whyNot(w, r, err)
		return
	}
	p, err := g.c.Door.CheckPasskey(r.Context(), at, g.browser(r), secret.New(m.State), m.Answer)
	if err != nil {
		g.whyNot(w, r, err)
		return
	}
	kept, err := g.entered(r, p, m.Again)
	if err != nil {
		g.whyNot(w, r, err)
		return
	}
	g.keep(w, r, kept)
	g.forgetBrowser(w, r)
	say(w, http.StatusOK, message{Goal: goal(m.Goal)})
}

// entered is what the browser holds from now on.
func (g *Gate) entered(r *http.Request, p access.Person, again bool) (secret.Value, error) {
	a := access.Arrival{Person: p, How: "passkey", From: from(r), Agent: r.UserAgent()}
	if _, err := g.Who(r); again && err == nil {
		_, fresh, err := g.c.Door.Again(r.Context(), g.kept(r), a)
		return fresh, err
	}
	_, kept, err := g.c.Door.Enter(r.Context(), a, g.kept(r))
	return kept, err
}

// keys shows a local person their own ways in.
func (g *Gate) keys(w http.ResponseWriter, r *http.Request) { g.showKeys(w, r, http.StatusOK, "") }

func (g *Gate) showKeys(w http.ResponseWriter, r *http.Request, status int, why string) {
	v, err := g.Who(r)
	if err != nil {
		http.Redirect(w, r, "/signin?return=%2F", http.StatusSeeOther)
		return
	}
	if access.FromEntra.Owns(v.Actor) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	list, err := g.c.Door.Passkeys(r.Context(), v)
	if err != nil {
		g.trouble(w, r, err)
		return
	}
	g.show(w, r, status, page{Title: "How you sign in", Kind: "keys", Name: v.Actor.Name, Keys: list, SignedIn: true, Why: why})
}

// changed ends a change of one's own ways in.
func (g *Gate) changed(w http.ResponseWriter, r *http.Request, err error) {
	_, stale := errors.AsType[*access.StepUpError](err)
	switch {
	case err == nil:
		http.Redirect(w, r, "/signin/keys", http.StatusSeeOther)
	case stale:
		g.showKeys(w, r, http.StatusForbidden, "Your last sign-in is more than five minutes ago. Confirm that it is you, then change it.")
	case errors.Is(err, access.ErrPerson):
		g.showKeys(w, r, http.StatusBadRequest, sentence(strings.TrimPrefix(err.Error(), access.ErrPerson.Error()+": ")))
	default:
		g.trouble(w, r, err)
	}
}

func (g *Gate) changePassword(w http.ResponseWriter, r *http.Request) {
	if !form(w, r) {
		return
	}
	v, err := g.Who(r)
	if err == nil {
		err = g.c.Door.SetPassword(r.Context(), v, secret.New(r.PostForm.Get("password")))
	}
	g.changed(w, r, err)
}

func (g *Gate) removeKey(w http.ResponseWriter, r *http.Request) {
	if !form(w, r) {
		return
	}
	v, err := g.Who(r)
	if err == nil {
		err = g.c.Door.RemovePasskey(r.Context(), v, r.PostForm.Get("key"))
	}
	g.changed(w, r, err)
}

// beginPasskey begins to make one for a signed-in person.
func (g *Gate) beginPasskey(w http.ResponseWriter, r *http.Request) {
	v, err := g.Who(r)
	var at access.Site
	if err == nil {
		at, err = g.site(r)
	}
	if err != nil {
		g.whyNot(w, r, err)
		return
	}
	options, state, err := g.c.Door.BeginPasskey(r.Context(), at, v, g.bind(w, r))
	if err != nil {
		g.whyNot(w, r, err)
		return
	}
	say(w, http.StatusOK, message{Options: options, State: state.Reveal()})
}

func (g *Gate) addPasskey(w http.ResponseWriter, r *http.Request) {
	m, ok := read(w, r)
	if !ok {
		return
	}
	v, err := g.Who(r)
	var at access.Site
	if err == nil {
		at, err = g.site(r)
	}
	if err == nil {
		err = g.c.Door.AddPasskey(r.Context(), at, v, g.browser(r), secret.New(m.State), m.Name, m.Answer)
	}
	if err != nil {
		g.whyNot(w, r, err)
		return
	}
	say(w, http.StatusOK, message{Goal: "/signin/keys"})
}
