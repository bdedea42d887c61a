package entra

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// asked is what an application sends a browser with. See
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
type asked struct {
	clientID, redirect, mode, state, nonce, challenge, method, prompt, hint string
}

//go:embed authorize.html
var authorizeText string

var authorizePage = template.Must(template.New("authorize").Parse(authorizeText))

// choice is somebody who can sign in with one click: there are no passwords here.
type choice struct{ ID, Name, UPN, Roles string }

// authorize is the page where a person signs in. What is wrong with the
// application or its address is told to the person; what is wrong with the rest,
// to the application.
func (c *call) authorize() {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodPost {
		http.Error(c.rw, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	q := c.r.URL.Query()
	a := asked{
		clientID: strings.ToLower(q.Get("client_id")), redirect: q.Get("redirect_uri"), mode: q.Get("response_mode"), state: q.Get("state"), nonce: q.Get("nonce"),
		challenge: q.Get("code_challenge"), method: q.Get("code_challenge_method"), prompt: q.Get("prompt"), hint: strings.ToLower(q.Get("login_hint")),
	}
	app, people, f := c.sender(a)
	if f != nil {
		c.page(http.StatusBadRequest, map[string]any{"Failure": f.Error(), "Tenant": c.w.Tenant.Name})
		return
	}
	if f := a.wrong(q); f != nil {
		c.back(a, url.Values{"error": {f.name}, "error_description": {f.Error()}})
		return
	}
	if c.r.Method == http.MethodGet {
		c.page(http.StatusOK, map[string]any{"App": app, "People": people, "Tenant": c.w.Tenant.Name, "Again": a.prompt == "login", "Hint": a.hint})
		return
	}
	c.picked(a, people)
}

// sender finds the application that a browser comes from, and who can sign in to it.
func (c *call) sender(a asked) (app string, people []choice, f *failure) {
	tenant, f := c.resolve()
	if f != nil {
		return "", nil, f
	}
	if a.clientID == "" {
		return "", nil, missing("client_id")
	}
	who, f := c.find(&request{clientID: a.clientID}, c.w.Replica(), tenant)
	if f != nil {
		return "", nil, f
	}
	if who.app == nil || !slices.ContainsFunc(who.app.Redirects, func(known string) bool { return sameRedirect(known, a.redirect) }) {
		return "", nil, invalidRequest(50011, "The redirect URI '%s' specified in the request does not match the redirect URIs configured for the application '%s'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal. Navigate to https://aka.ms/redirectUriMismatchError to learn more about how to troubleshoot this error.", a.redirect, a.clientID)
	}
	c.w.Read(func() { people = c.people(who.principal) })
	return who.name, people, nil
}

// people are those who have a role at the application, then some who have none.
// The caller holds Read.
func (c *call) people(p *world.ServicePrincipal) (list []choice) {
	roles := map[string][]string{}
	var order []string
	for _, g := range p.Assigned {
		if roles[g.UserID] == nil {
			order = append(order, g.UserID)
		}
		roles[g.UserID] = append(roles[g.UserID], g.Role)
	}
	var others []choice
	for id, u := range c.w.Directory.Users {
		if roles[id] == nil && u.Enabled {
			others = append(others, choice{ID: id, Name: u.Name, UPN: u.UPN})
		}
	}
	slices.SortFunc(others, func(a, b choice) int { return strings.Compare(a.UPN, b.UPN) })
	for _, id := range order {
		if u := c.w.Directory.Users[id]; u != nil {
			list = append(list, choice{ID: id, Name: u.Name, UPN: u.UPN, Roles: strings.Join(roles[id], ", ")})
		}
	}
	return append(list, others[:min(len(others), 3)]...)
}

// wrong is what the application is told.
func (a asked) wrong(q url.Values) *failure {
	switch {
	case q.Get("response_type") == "":
		return missing("response_type")
	case q.Get("response_type") != "code":
		return &failure{code: 700054, name: "unsupported_response_type", message: "response_type 'id_token' is not enabled for the application."}
	case !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		return &failure{code: 70011, name: "invalid_scope", message: "The provided value for the input parameter 'scope' is not valid."}
	case a.mode != "" && a.mode != "query" && a.mode != "form_post":
		return invalidRequest(900561, "'response_mode' '%s' is not supported for the 'code' response type.", a.mode)
	case a.challenge != "" && (len(a.challenge) < 43 || len(a.challenge) > 128):
		return &failure{code: 501491, name: "invalid_request", message: "Invalid size of Code_Challenge parameter."}
	case a.prompt == "none":
		return &failure{code: 50058, name: "login_required", message: "A silent sign-in request was sent but no user is signed in."}
	}
	return nil
}

// picked ends a sign-in: somebody was chosen, or the person went away.
func (c *call) picked(a asked, people []choice) {
	c.r.Body = http.MaxBytesReader(c.rw, c.r.Body, 64<<10)
	if err := c.r.ParseForm(); err != nil {
		http.Error(c.rw, "the form is too long or damaged", http.StatusBadRequest)
		return
	}
	id := c.r.PostForm.Get("person")
	if id == "" {
		c.back(a, url.Values{"error": {"access_denied"}, "error_subcode": {"cancel"}})
		return
	}
	if f := c.may(a, id); f != nil {
		c.page(http.StatusBadRequest, map[string]any{"Failure": f.Error(), "Tenant": c.w.Tenant.Name})
		return
	}
	text := c.newCode(&code{asked: a, person: id, at: time.Now()})
	c.back(a, url.Values{"code": {text}, "session_state": {world.RandomGUID()}})
}

// may refuses people who are locked out, and those without an assignment where
// one is required.
func (c *call) may(a asked, id string) (f *failure) {
	c.w.Read(func() {
		u := c.w.Directory.Users[id]
		p := c.w.Directory.ServicePrincipalByClient(a.clientID)
		switch {
		case u == nil || p == nil:
			f = &failure{code: 50034, name: "invalid_grant", message: "The user account does not exist in the " + c.w.Tenant.Name + " directory. To sign into this application, the account must be added to the directory."}
		case !u.Enabled:
			f = &failure{code: 50057, name: "invalid_grant", message: "The user account is disabled."}
		case p.Closed && !slices.ContainsFunc(p.Assigned, func(g world.PersonRole) bool { return g.UserID == id }):
			f = &failure{code: 50105, name: "access_denied", message: "Your administrator has configured the application " + p.Name + " ('" + a.clientID + "') to block users unless they are specifically granted ('assigned') access to the application."}
		}
	})
	return f
}

// back sends the browser to the application.
func (c *call) back(a asked, q url.Values) {
	if a.state != "" {
		q.Set("state", a.state)
	}
	if a.mode == "form_post" {
		c.page(http.StatusOK, map[string]any{"Post": a.redirect, "Fields": q, "Tenant": c.w.Tenant.Name})
		return
	}
	sign := "?"
	if strings.Contains(a.redirect, "?") {
		sign = "&"
	}
	http.Redirect(c.rw, c.r, a.redirect+sign+q.Encode(), http.StatusFound)
}

// logout ends what there is of a session here: nothing.
func (c *call) logout() {
	c.page(http.StatusOK, map[string]any{"Out": true, "Tenant": c.w.Tenant.Name})
}

func (c *call) page(status int, data map[string]any) {
	c.rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.rw.Header().Set("X-Frame-Options", "DENY")
	c.rw.WriteHeader(status)
	_ = authorizePage.Execute(c.rw, data) // the browser has gone if this fails
}

// sameRedirect compares addresses as the service does: letter by letter, but for
// the port of this machine.
func sameRedirect(known, sent string) bool {
	if known == sent {
		return known != ""
	}
	a, err := url.Parse(known)
	b, err2 := url.Parse(sent)
	if err != nil || err2 != nil || a.Scheme != "http" || b.Scheme != "http" || b.User != nil || b.Fragment != "" {
		return false
	}
	loopback := a.Hostname() == "localhost" || a.Hostname() == "127.0.0.1"
	return loopback && a.Hostname() == b.Hostname() && a.Path == b.Path && a.RawQuery == b.RawQuery
}
