package ui

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
)

// route is a page.
type route struct {
	pattern string
	need    access.Action
	do      func(http.ResponseWriter, *visit) error
}

// visit is one request of somebody who is signed in.
type visit struct {
	*http.Request
	Visit
	api *client.Client // acts as them
	now time.Time
}

const longestForm = 64 << 10 // bytes

// page finds out who asks, lets the page be made, and turns errors into pages.
func (c *Console) page(r route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		who, err := c.config.Who(q)
		if errors.Is(err, ErrSignedOut) {
			c.toSignIn(w, q)
			return
		}
		v := &visit{Request: q, Visit: who, now: time.Now()}
		if err == nil {
			err = who.Actor.Check(r.need)
		}
		if err == nil && q.Method == http.MethodPost {
			q.Body = http.MaxBytesReader(w, q.Body, longestForm)
			if q.ParseForm() != nil {
				err = errForm
			}
		}
		if err == nil {
			v.api = c.config.Client(who.Actor)
			err = r.do(w, v)
		}
		if err != nil {
			c.fail(w, v, err)
		}
	})
}

// toSignIn sends somebody to the sign-in and back afterwards. The script is told
// plainly: it must not put that page into this one.
func (c *Console) toSignIn(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Rekey-Live") != "" {
		http.Error(w, "signed out", http.StatusUnauthorized)
		return
	}
	if r.URL.Path == signIn || strings.HasPrefix(r.URL.Path, signIn+"/") {
		http.Error(w, "Nobody can sign in here: no way to do so is set up on this server.", http.StatusNotFound)
		return // and not round in a circle
	}
	http.Redirect(w, r, signIn+"?return="+url.QueryEscape(back(r)), http.StatusSeeOther)
}

// back is where to return to after a detour: the page itself. A form posts to the
// address of the page that shows it, so that this holds for it too.
func back(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return r.URL.RequestURI()
	}
	return r.URL.EscapedPath()
}

// local makes sure that an address is one of this server's pages: no answer may
// send anybody elsewhere.
func local(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(address, "/") ||
		strings.HasPrefix(address, "//") || strings.ContainsAny(address, "\\\r\n\t") {
		return "/"
	}
	return address
}

// field is a field of the form that was posted, without space around it.
func (v *visit) field(name string) string { return strings.TrimSpace(v.PostForm.Get(name)) }

// query is a parameter of the address.
func (v *visit) query(name string) string { return strings.TrimSpace(v.URL.Query().Get(name)) }

// may reports whether the visitor's role permits an action, to show its button.
func (v *visit) may(a access.Action) bool { return v.Actor.Check(a) == nil }

// at is an address with a query; pairs of name and value, empty ones left out.
func at(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// escape makes a text from outside a part of an address.
func escape(part string) string { return url.PathEscape(part) }
