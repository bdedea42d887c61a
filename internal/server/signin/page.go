package signin

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net/http"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

//go:embed page
var files embed.FS

var pages = template.Must(template.ParseFS(files, "page/*.html"))

// page is what one of the pages shows. Kind names its template.
type page struct {
	Title string
	Kind  string
	Goal  string // where to go on
	Name  string // the person's
	Alias string
	Why   string // what went wrong
	Next  string // and what to do about it

	Entra    bool // people can sign in there
	Local    bool // and here
	Passkeys bool // the address is one that passkeys work at
	SignedIn bool
	Token    bool // a setup token is asked for
	Typed    string
	Keys     []access.Passkey
	Password bool
	Least    int // characters of a password
	Roles    []access.Role
}

const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

func (g *Gate) show(w http.ResponseWriter, r *http.Request, status int, p page) {
	p.Entra, p.Local, p.Passkeys, p.Least, p.Roles = g.c.Entra != nil, g.c.Local, g.passkeysWork(r), access.LeastPassword, access.Roles
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, "page.html", p); err != nil {
		g.c.Logger.Error("a sign-in page cannot be made", "page", p.Kind)
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Set("Content-Security-Policy", policy)
	w.WriteHeader(status)
	w.Write(out.Bytes())
}

// trouble says why somebody is not let in, as far as they may know it. The whole
// reason is in the log.
func (g *Gate) trouble(w http.ResponseWriter, r *http.Request, err error) {
	p := page{Title: "That did not work", Kind: "trouble", Goal: "/"}
	status := http.StatusForbidden
	denied, isDenied := errors.AsType[*access.DeniedError](err)
	entra, isEntra := errors.AsType[*access.SignInError](err)
	switch {
	case errors.Is(err, access.ErrAttempt):
		p.Why, p.Next = "This sign-in was not begun in this browser, took longer than ten minutes, or has ended already.", "Begin again. If it stays so, let the browser keep cookies of this address."
	case errors.Is(err, access.ErrNoSession):
		status, p.Why, p.Next = http.StatusUnauthorized, "You are no longer signed in.", "Sign in and try again."
	case errors.Is(err, access.ErrTooMany):
		status, p.Why, p.Next = http.StatusTooManyRequests, "Too many sign-ins were tried from here.", "Wait a minute and try again."
		w.Header().Set("Retry-After", "60")
	case isDenied:
		p.Why, p.Next = "You are not let in: "+denied.Why+".", "Ask an administrator of rekey."
	case isEntra:
		p.Why, p.Next = "Entra answered "+entra.Code+".", entra.Text+"."
	case errors.Is(err, errNoAddress):
		status, p.Why, p.Next = http.StatusInternalServerError, "This server does not know the address that people reach it at.", "An administrator sets signIn.address, such as https://rekey.contoso.com."
	case errors.Is(err, access.ErrToken):
		p.Why, p.Next = "What Entra sent does not fit this sign-in.", "Begin again. If it stays so, an administrator finds the reason in the log."
	case errors.Is(err, access.ErrInvitation):
		p.Why, p.Next = "This setup token is not known, was used, or has ended.", "Start rekey serve again for a new one, or ask an administrator for another invitation."
	case errors.Is(err, store.ErrBusy), errors.Is(err, store.ErrFull):
		status, p.Why, p.Next = http.StatusServiceUnavailable, "The server cannot write at the moment.", "Try again in a moment."
	default:
		status, p.Why, p.Next = http.StatusBadGateway, "The sign-in could not be finished.", "Try again; an administrator finds the reason in the log."
	}
	g.c.Logger.Warn("a sign-in failed", "error", err.Error(), "from", from(r))
	g.show(w, r, status, p)
}

func script(name string) http.HandlerFunc { return static(name, "text/javascript; charset=utf-8") }

func static(name, kind string) http.HandlerFunc {
	raw, err := files.ReadFile("page/" + name)
	if err != nil {
		panic(err) // it is embedded
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "no-cache")
		w.Write(raw)
	}
}
