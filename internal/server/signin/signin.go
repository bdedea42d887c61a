// Package signin lets people in and shows them out: the pages under /signin,
// /signout and /setup.
//
// Who is asking at a request is Gate.Who's to say; what the browser holds for it
// is one cookie with 256 random bits, of which the server keeps a hash. People
// prove who they are at Entra, or, on a single machine without it, by a passkey
// or a password. All pages work without a script, but for passkeys, which are
// one; nothing is loaded from elsewhere.
package signin

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/secret"
)

// Config says how people sign in.
type Config struct {
	Door  *access.Door
	Entra *access.Entra // nil: people do not sign in there
	Local bool          // people sign in here, with a passkey or a password

	// Address is where people reach this server, such as https://rekey.contoso.com.
	// Empty: as the browser asked, on this machine only.
	Address string

	Logger *slog.Logger
}

// Gate is where people come in.
type Gate struct {
	c      Config
	secure bool // the address begins with https
	pace   pace
}

// New returns the gate for people.
func New(c Config) (*Gate, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	u, err := url.Parse(c.Address)
	if c.Address != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil) {
		return nil, errors.New("signIn.address is not of the form https://rekey.contoso.com")
	}
	c.Address = strings.TrimSuffix(c.Address, "/")
	return &Gate{c: c, secure: strings.HasPrefix(c.Address, "https://")}, nil
}

// The session's cookie. With TLS its name makes browsers refuse it from anybody
// but this very host.
const (
	plainCookie  = "rekey-session"
	secureCookie = "__Host-rekey-session"
)

// Who says who is signed in, and until when. Its error is access.ErrNoSession if
// nobody is. What a page asks for by itself, with fetch or an event source, does
// not keep a person signed in; what a person opens or sends does.
func (g *Gate) Who(r *http.Request) (access.Visit, error) {
	kept := g.kept(r)
	if kept.IsZero() {
		return access.Visit{}, access.ErrNoSession
	}
	return g.c.Door.Look(r.Context(), kept, byPerson(r))
}

// byPerson reports whether a person has caused the request. Browsers that do not
// say count as a person.
func byPerson(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return true
	}
	what := r.Header.Get("Sec-Fetch-Dest")
	return what == "" || what == "document"
}

// kept is what the browser holds of its session.
func (g *Gate) kept(r *http.Request) secret.Value {
	name := plainCookie
	if g.overTLS(r) {
		name = secureCookie
	}
	var found secret.Value
	for _, c := range r.CookiesNamed(name) {
		if !found.IsZero() {
			return secret.Value{} // two of one name: one of them was planted
		}
		found = secret.New(c.Value)
	}
	return found
}

func (g *Gate) overTLS(r *http.Request) bool { return g.secure || r.TLS != nil }

// keep gives the browser its session to hold.
func (g *Gate) keep(w http.ResponseWriter, r *http.Request, v secret.Value) {
	g.cookie(w, r, plainCookie, secureCookie, v.Reveal(), 0)
}

// forget takes the session from the browser.
func (g *Gate) forget(w http.ResponseWriter, r *http.Request) {
	g.cookie(w, r, plainCookie, secureCookie, "", -1)
}

// cookie sets a cookie that no script can read and that other sites' pages only
// send along when a person follows a link here, which changes nothing (Lax).
func (g *Gate) cookie(w http.ResponseWriter, r *http.Request, plain, secure, value string, age int) {
	c := &http.Cookie{Name: plain, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: age}
	if g.overTLS(r) {
		c.Name, c.Secure = secure, true
	}
	http.SetCookie(w, c)
}

// from is the address that a request came from, without its port.
func from(r *http.Request) string {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return a.Addr().Unmap().WithZone("").String()
}

// local reports whether a browser asked for this machine by its own name.
func local(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.IsLoopback()
}
