// Package entra answers as Microsoft Entra's sign-in service, that is as
// login.microsoftonline.com and its aliases: instance and OpenID discovery, the
// signing keys, the two token endpoints for clients that sign in as
// themselves, with a secret, a certificate or a federated token, and the page
// where people sign in (authorize.go), without passwords.
//
// It knows what the directory knew a moment ago: every replica hears of a new or
// removed credential in its own time. Tokens are signed JWTs that the other
// surfaces check. Errors carry the AADSTS codes, in the order in which the service
// looks: tenant, client, credential, resource, policy. See
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
package entra

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"rekey.example/rekey/internal/sim/world"
)

// Handler answers for the sign-in hosts of w's tenant.
func Handler(w *world.World) http.Handler {
	return &service{w: w, issued: map[string]issuedToken{}, codes: map[string]*code{}}
}

type service struct {
	w *world.World

	mu     sync.Mutex
	issued map[string]issuedToken // by client and audience: the last token, for the token-cache fault
	codes  map[string]*code       // by their text
}

// aliases are the names of the service in the public cloud.
var aliases = []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"}

// call is one request on its way through the service.
type call struct {
	*service
	rw          http.ResponseWriter
	r           *http.Request
	host        string // the alias that was asked
	tenant      string // as the path has it
	trace       string // our name for this request
	correlation string // the client's, or ours if it sent none
}

func (s *service) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	c := &call{service: s, rw: rw, r: r, host: hostOf(r), trace: world.RandomGUID()}
	c.headers()
	first, rest, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	c.tenant = first
	rest = strings.ToLower(rest)
	switch {
	case rest == "discovery/instance" && strings.EqualFold(first, "common"):
		c.instanceDiscovery()
	case rest == ".well-known/openid-configuration":
		c.configuration(1)
	case rest == "v2.0/.well-known/openid-configuration":
		c.configuration(2)
	case rest == "discovery/keys" || rest == "discovery/v2.0/keys":
		c.keys()
	case strings.HasPrefix(rest, "userrealm/"):
		c.userRealm()
	case rest == "oauth2/v2.0/authorize":
		c.authorize()
	case rest == "oauth2/v2.0/logout":
		c.logout()
	case rest == "oauth2/token":
		c.token(1)
	case rest == "oauth2/v2.0/token":
		c.token(2)
	default:
		http.NotFound(rw, r)
	}
}

// headers are those of every answer. The client's own request id comes back in a
// header only to those who ask for it; in error bodies it is always there.
func (c *call) headers() {
	h := c.rw.Header()
	h.Set("Cache-Control", "no-store, no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "-1")
	h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("x-ms-request-id", c.trace)
	h.Set("x-ms-ests-server", "2.1.22076.5 - WEULR1 ProdSlices")

	sent := c.r.Header.Get("client-request-id")
	if sent != "" && strings.EqualFold(c.r.Header.Get("return-client-request-id"), "true") {
		h.Set("client-request-id", sent)
	}
	if c.correlation = strings.ToLower(sent); !isGUID(c.correlation) {
		c.correlation = world.RandomGUID()
	}
}

// hostOf is the alias that was asked; a request that came by another road counts
// as one to the service's first name.
func hostOf(r *http.Request) string {
	host := strings.ToLower(r.Host)
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if slices.Contains(aliases, host) {
		return host
	}
	return aliases[0]
}

// operation names the request as faults match it.
func (c *call) operation() string { return c.r.Method + " " + c.host + c.r.URL.Path }

func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
			continue
		}
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return true
}
