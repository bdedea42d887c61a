package signin

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/secret"
)

const largestForm = 16 << 10

func (g *Gate) localRoutes(mux *http.ServeMux) {
	if !g.c.Local {
		return
	}
	mux.HandleFunc("POST /signin/password", g.password)
	mux.HandleFunc("GET /setup", g.askSetup)
	mux.HandleFunc("POST /setup", g.setup)
	mux.HandleFunc("GET /signin/setup.js", script("setup.js"))
	g.passkeyRoutes(mux)
}

// form reads what a page of ours has sent.
func form(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, largestForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form is too long or damaged", http.StatusBadRequest)
		return false
	}
	return true
}

// password lets a person in, or takes it as a fresh proof from one who is in.
func (g *Gate) password(w http.ResponseWriter, r *http.Request) {
	if !form(w, r) {
		return
	}
	to, name := goal(r.PostForm.Get("return")), r.PostForm.Get("name")
	again := r.PostForm.Get("again") != ""
	p, err := g.c.Door.CheckPassword(r.Context(), name, secret.New(r.PostForm.Get("password")), from(r))
	if errors.Is(err, access.ErrCredentials) {
		kind, title := "enter", "Sign in"
		if again {
			kind, title = "again", "Confirm that it is you"
		}
		g.show(w, r, http.StatusForbidden, page{Title: title, Kind: kind, Goal: to, Typed: name, Why: "The name or the password is not right."})
		return
	}
	if err != nil {
		g.trouble(w, r, err)
		return
	}
	g.proved(w, r, p, "password", again, to)
}

// proved lets a local person in, or notes the fresh proof.
func (g *Gate) proved(w http.ResponseWriter, r *http.Request, p access.Person, how string, again bool, to string) {
	v, err := g.Who(r)
	if !again || err != nil {
		g.welcome(w, r, p, how, time.Now(), to)
		return
	}
	g.confirmed(w, r, access.Attempt{Person: strings.TrimPrefix(v.Actor.ID, "person:"), Goal: to}, p, time.Now(), how)
}

func (g *Gate) askSetup(w http.ResponseWriter, r *http.Request) {
	g.show(w, r, http.StatusOK, page{Title: "Set up your sign-in", Kind: "setup"})
}

// setup takes a one-time token and lets its person in.
func (g *Gate) setup(w http.ResponseWriter, r *http.Request) {
	if !form(w, r) {
		return
	}
	if !g.pace.begins(from(r)) {
		g.trouble(w, r, access.ErrTooMany)
		return
	}
	f := r.PostForm
	p, err := g.c.Door.Join(r.Context(), access.Joining{
		Token: secret.New(strings.TrimSpace(f.Get("token"))), Login: f.Get("name"), Name: f.Get("display"), Password: secret.New(f.Get("password")),
	})
	if errors.Is(err, access.ErrPerson) || errors.Is(err, access.ErrInvitation) {
		why := strings.TrimPrefix(err.Error(), access.ErrPerson.Error()+": ")
		g.show(w, r, http.StatusBadRequest, page{Title: "Set up your sign-in", Kind: "setup", Typed: f.Get("name"), Name: f.Get("display"), Why: sentence(why)})
		return
	}
	if err != nil {
		g.trouble(w, r, err)
		return
	}
	g.welcome(w, r, p, "password", time.Now(), "/signin/keys")
}

// sentence makes an error a sentence.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
