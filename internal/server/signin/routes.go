package signin

import (
	"net/http"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/secret"
)

// Routes adds the pages to a server.
//
//	GET  /signin          how to sign in; ?return=/path says where to go on
//	GET  /signin/entra    to Entra
//	GET  /signin/return   back from Entra
//	GET  /signin/again    the same person proves anew who they are; ?return=/path
//	POST /signin/password, /signin/passkey/...  for local people
//	GET  /signin/keys     one's own passkeys and password
//	GET  /signin/session  when the session ends, as JSON
//	POST /signin/stay     it goes on
//	GET  /signout, POST /signout
//	GET  /setup, POST /setup  with a one-time token
func (g *Gate) Routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /signin", g.enter)
	mux.HandleFunc("GET /signin/entra", g.toEntra)
	mux.HandleFunc("GET /signin/return", g.fromEntra)
	mux.HandleFunc("GET /signin/again", g.again)
	mux.HandleFunc("GET /signin/session", g.session)
	mux.HandleFunc("POST /signin/stay", g.stay)
	mux.HandleFunc("GET /signin/style.css", static("signin.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET /signin/stay.js", script("stay.js"))
	mux.HandleFunc("GET /signout", g.askOut)
	mux.HandleFunc("POST /signout", g.out)
	g.localRoutes(mux)
}

// enter shows the ways in.
func (g *Gate) enter(w http.ResponseWriter, r *http.Request) {
	to := goal(r.URL.Query().Get("return"))
	if _, err := g.Who(r); err == nil {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	g.show(w, r, http.StatusOK, page{Title: "Sign in", Kind: "enter", Goal: to})
}

// again sends a signed-in person to prove anew who they are.
func (g *Gate) again(w http.ResponseWriter, r *http.Request) {
	to := goal(r.URL.Query().Get("return"))
	v, err := g.Who(r)
	if err != nil {
		g.show(w, r, http.StatusOK, page{Title: "Sign in", Kind: "enter", Goal: to})
		return
	}
	if access.FromEntra.Owns(v.Actor) {
		g.begin(w, r, access.Attempt{Purpose: purposeAgain, Person: v.Actor.ID, Goal: to}, v.Actor.Alias)
		return
	}
	g.show(w, r, http.StatusOK, page{Title: "Confirm that it is you", Kind: "again", Goal: to, Name: v.Actor.Name})
}

func (g *Gate) askOut(w http.ResponseWriter, r *http.Request) {
	v, err := g.Who(r)
	if err != nil {
		g.show(w, r, http.StatusOK, page{Title: "You are signed out", Kind: "out"})
		return
	}
	g.show(w, r, http.StatusOK, page{Title: "Sign out", Kind: "askOut", Name: v.Actor.Name})
}

// out ends the session, here and in the browser.
func (g *Gate) out(w http.ResponseWriter, r *http.Request) {
	if err := g.c.Door.Leave(r.Context(), g.kept(r)); err != nil {
		g.trouble(w, r, err)
		return
	}
	g.forget(w, r)
	w.Header().Set("Clear-Site-Data", `"cache"`)
	g.show(w, r, http.StatusOK, page{Title: "You are signed out", Kind: "out"})
}

// welcome begins a session and sends the person on.
func (g *Gate) welcome(w http.ResponseWriter, r *http.Request, p access.Person, how string, proved time.Time, to string) {
	kept, err := g.admit(r, p, how, proved)
	if err != nil {
		g.trouble(w, r, err)
		return
	}
	g.keep(w, r, kept)
	g.forgetBrowser(w, r)
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (g *Gate) admit(r *http.Request, p access.Person, how string, proved time.Time) (kept secret.Value, err error) {
	_, kept, err = g.c.Door.Enter(r.Context(), access.Arrival{Person: p, How: how, From: from(r), Agent: r.UserAgent(), Proved: proved}, g.kept(r))
	return kept, err
}
