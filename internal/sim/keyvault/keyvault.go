// Package keyvault answers as the data plane of Azure Key Vault, that is as
// every host {vault}.vault.azure.net, out of the world's vaults.
//
// Secrets are whole: versions, dates, tags, soft delete with its slow steps,
// recover, purge, backup and restore. Certificates are there as far as list,
// get, versions, import, policy, creation and deletion; keys as far as a client
// lists, reads, creates and deletes them. Errors, the 401 challenge, RBAC and
// access policies speak as the service does, see
// https://learn.microsoft.com/rest/api/keyvault/
//
// Values live in the world and in answers, nowhere else: not in an error, not
// in a fact.
package keyvault

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// Handler answers for every vault of w; the Host header says which one is meant.
func Handler(w *world.World) http.Handler { return &service{w: w, meter: newMeter()} }

type service struct {
	w     *world.World
	meter *meter
}

// call is one request on its way through the service.
type call struct {
	*service
	r      *http.Request
	method string
	host   string       // without port
	vault  string       // name, lower case
	path   []string     // segments of the path
	seen   *world.Vault // to be touched under the world's lock only
	claims world.Claims
	role   string // id of the assignment that let the caller in, if RBAC did
}

// answer is what an operation says when nothing went wrong.
type answer struct {
	status   int
	body     any
	location string
}

func ok(body any) *answer { return &answer{status: http.StatusOK, body: body} }

func (s *service) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	c := &call{service: s, r: r, method: method(r), host: hostOf(r), path: segments(r.URL.Path)}
	name, _, _ := strings.Cut(c.host, ".")
	c.vault = strings.ToLower(name)

	found, err := c.serve()
	c.headers(rw.Header())
	if err != nil {
		refuse(rw, err)
		return
	}
	if found.location != "" {
		rw.Header().Set("Location", found.location)
	}
	if found.body == nil {
		rw.WriteHeader(found.status)
		return
	}
	write(rw, found.status, found.body)
}

func (c *call) serve() (*answer, error) {
	c.w.Read(func() { c.seen = c.w.Azure.Vaults[c.vault] })
	if c.seen == nil {
		return nil, &failure{status: http.StatusNotFound, code: "NotFound", message: "No vault answers at " + c.host + "."}
	}
	if err := c.authenticate(); err != nil {
		return nil, err
	}
	if err := c.checkVersion(); err != nil {
		return nil, err
	}
	if err := c.network(); err != nil {
		return nil, err
	}
	op, err := c.route()
	if err != nil {
		return nil, err
	}
	if err := c.authorize(op); err != nil {
		return nil, err
	}
	if err := c.throttle(op); err != nil {
		return nil, err
	}
	if err := c.settle(); err != nil {
		return nil, err
	}
	return op.do()
}

// base is the start of every id of the vault.
func (c *call) base() string { return "https://" + c.host }

// strikes asks whether a fault of that name has caught this request.
func (c *call) strikes(fault string) bool {
	_, struck := c.w.Faults.Strike(fault, c.r.Method+" "+c.host+c.r.URL.Path)
	return struck
}

// record notes what the caller did to an object. The caller holds Change.
func (c *call) record(what, name, version string) {
	c.w.Record(world.Fact{
		What: what, Object: c.seen.Name + "/" + name, Key: version,
		By: c.claims.AppID, Request: c.r.Header.Get("x-ms-client-request-id"),
	})
}

// largestBody is more than any request the service accepts: the value limit in
// the longest JSON spelling, or a certificate with its chain.
const largestBody = 1 << 20

// read decodes the request's body into v, which may have more fields than the body.
func (c *call) read(v any) error {
	body, err := io.ReadAll(io.LimitReader(c.r.Body, largestBody+1))
	if err != nil {
		return badParameter("The request body cannot be read.")
	}
	if len(body) > largestBody {
		return &failure{status: http.StatusRequestEntityTooLarge, code: "BadParameter", message: "The request body is too large."}
	}
	if len(body) == 0 {
		return badParameter("The request body must be specified.")
	}
	if err := json.Unmarshal(body, v); err != nil {
		if wrong, is := errors.AsType[*json.UnmarshalTypeError](err); is {
			return badParameter("Property " + wrong.Field + " has invalid value")
		}
		return badParameter("The request body is not well-formed JSON.")
	}
	return nil
}

func write(rw http.ResponseWriter, status int, body any) {
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	rw.WriteHeader(status)
	e := json.NewEncoder(rw)
	e.SetEscapeHTML(false)
	_ = e.Encode(body) // the client has gone if this fails; nobody is left to be told
}

// method honours the method tunnelled through a POST.
func method(r *http.Request) string {
	if m := r.Header.Get("X-HTTP-METHOD"); m != "" && r.Method == http.MethodPost {
		return strings.ToUpper(m)
	}
	return r.Method
}

func hostOf(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		return strings.ToLower(host)
	}
	return strings.ToLower(r.Host)
}

func segments(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(s string) bool { return s == "" })
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
