// Package ui is the web console: server-rendered pages over rekey's own REST API.
//
// It is a client of that API like everybody else, in process, acting as whoever
// is signed in: so a page can show and do exactly what its person may, and what a
// page needs has to be a route of the API first. Every page reads and acts without
// JavaScript; the one script adds live updates and the warning before a session ends.
//
// # To add a page
//
//  1. x.go: a method `func (c *Console) x(w http.ResponseWriter, q *visit) error`.
//     It asks q.api, prepares everything its template shows (words, links, dates,
//     colours: see text.go, when.go, parts.go, table.go) and ends with
//     `return c.show(w, q, "x", Page{Title: ..., Section: "rotations", Crumbs: ..., Body: ...})`.
//     An error that it returns becomes the right page: sign-in, step-up, not allowed,
//     not found, or what failed and what to do (failed.go).
//  2. templates/x.html: `{{define "body"}}...{{end}}`. No logic but if and range, no
//     style and no script in it: a test reads them all. The parts of parts.html take a
//     view model each: {{template "table" .Table}}, "text", "when", "badge", "link",
//     "facts", "filter", "pager", "empty", "notice", "tabs", "steps".
//  3. routes.go: one line, with what one has to be allowed to. An entry of the
//     navigation shows as soon as its page is there (sections.go).
//
// To act: a form posts to the address of the page that shows it (GET asks, POST acts),
// so that a step-up can lead back to it. The handler reads q.field("name"), calls the
// API and ends with `return c.see(w, q, "/rotations/"+id, good("It was proposed."))`:
// after a POST always a redirect, and what happened stands on the page after it. What
// cannot be taken back gets a page of its own before: `c.ask(w, q, Confirm{...})`.
//
// Names come from directories that others fill. They reach a page only as a Text
// (text.go), which shows control characters, bidi overrides and invisible runes for
// what they are, and cuts what is too long with the whole of it in reach.
package ui

import (
	"cmp"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
)

// Config says who may come and what they see.
type Config struct {
	Client func(access.Actor) *client.Client  // of the API, in this process, acting as the actor
	Who    func(*http.Request) (Visit, error) // who is signed in; ErrSignedOut if nobody is

	Version string
	Tenant  string       // the tenant's name, for the head of every page
	SignOut string       // where to post to sign out; empty: there is nothing to sign out of
	Extend  string       // an address to post to that keeps a session alive; empty: none
	Logger  *slog.Logger // nil: none
}

// Visit is somebody signed in.
type Visit struct {
	Actor access.Actor
	Ends  time.Time // of the session; zero: it does not end
}

// ErrSignedOut means that nobody is signed in, or the session has ended.
var ErrSignedOut = errors.New("nobody is signed in")

// Where signing in happens; internal/server/signin answers there. Both take return=.
const (
	signIn = "/signin"
	stepUp = "/signin/again"
)

// Console answers requests for pages.
type Console struct {
	config    Config
	mux       *http.ServeMux
	templates map[string]*template.Template
	sections  []section
	routes    map[string]bool
}

// New returns the console.
func New(c Config) (*Console, error) {
	c.Version = cmp.Or(c.Version, "development")
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	t, err := parse()
	if err != nil {
		return nil, err
	}
	o := &Console{config: c, mux: http.NewServeMux(), templates: t, routes: map[string]bool{}}
	for _, r := range o.pages() {
		o.mux.Handle(r.pattern, o.page(r))
		o.routes[r.pattern] = true
	}
	o.mux.HandleFunc("POST /theme", o.setTheme)
	o.mux.Handle("/", o.page(route{need: access.ReadInventory, do: func(http.ResponseWriter, *visit) error { return errNoPage }}))
	o.sections = built(o.routes)
	return o, nil
}

// Patterns lists the routes of all pages, such as "GET /credentials".
func (c *Console) Patterns() (list []string) {
	for _, r := range c.pages() {
		list = append(list, r.pattern)
	}
	return list
}

func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	policy(w.Header())
	c.mux.ServeHTTP(w, r)
}

// policy lets a page load the server's own style and script, post its forms back to
// it, and nothing else.
func policy(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}
