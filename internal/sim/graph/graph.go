// Package graph answers as Microsoft Graph, that is as graph.microsoft.com: the
// applications, service principals, users and owners of the directory, their
// credentials, delta queries, batches and the directory audit log.
//
// It shows what a replica would show. Reads may lag behind writes, lists come in
// pages behind opaque links, permissions follow from the token's roles, limits from
// the documented resource units. A mutation leaves three traces: a change for
// delta queries, a directoryAudits record, and a fact that only tests can see. See
// https://learn.microsoft.com/graph/api/overview
//
// Listing is made for tenants of 100,000 applications: objects are encoded by
// appending to a byte slice, kept encoded until they change, and a page costs what
// the page holds, wherever it begins.
package graph

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

const host = "graph.microsoft.com"

// Handler answers for the directory of w, below /v1.0 and /beta.
func Handler(w *world.World) http.Handler {
	s := &service{w: w, cache: newCache(), meter: newMeter(), orders: newOrders(), routes: routes()}
	for _, r := range s.routes {
		s.patterns = append(s.patterns, strings.Split(r.pattern, "/"))
	}
	return s
}

type service struct {
	w        *world.World
	cache    *cache
	meter    *meter
	orders   *orders
	routes   []route
	patterns [][]string // of routes, cut at the slashes
}

// call is one request on its way through the service.
type call struct {
	*service
	r         *http.Request
	method    string
	version   string   // v1.0 or beta
	path      []string // segments behind the version, keys in parentheses apart
	query     url.Values
	body      []byte
	claims    world.Claims
	requestID string
	clientID  string // client-request-id, the request id if the client sent none
	sentID    string // client-request-id as sent
	replica   int
	units     int // resource units this call costs
	header    http.Header
}

// answer is what an operation says when nothing went wrong.
type answer struct {
	status   int
	body     []byte
	location string
	page     *[]byte // the buffer behind body, to be used again once it is written
}

func ok(body []byte) (*answer, *failure) { return &answer{status: http.StatusOK, body: body}, nil }

func noContent() (*answer, *failure) { return &answer{status: http.StatusNoContent}, nil }

func (s *service) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	c, f := s.newCall(rw, r)
	var a *answer
	if f == nil {
		a, f = c.serve()
	}
	c.write(rw, a, f)
	if a != nil && a.page != nil {
		pageBuffers.Put(a.page)
	}
}

func (s *service) newCall(rw http.ResponseWriter, r *http.Request) (*call, *failure) {
	c := &call{service: s, r: r, method: r.Method, requestID: world.RandomGUID(), header: http.Header{}, units: 1}
	c.sentID = r.Header.Get("client-request-id")
	if c.clientID = c.sentID; c.clientID == "" {
		c.clientID = c.requestID
	}
	if f := c.read(rw); f != nil {
		return c, f
	}
	return c, c.setPath(r.URL)
}

// setPath takes the address apart.
func (c *call) setPath(u *url.URL) *failure {
	segments, err := split(u.EscapedPath())
	if err != nil || len(segments) == 0 {
		return malformed("Invalid URL.")
	}
	c.version, c.path = strings.ToLower(segments[0]), segments[1:]
	if c.version != "v1.0" && c.version != "beta" {
		return malformed("Invalid version: %s", segments[0])
	}
	if c.query, err = url.ParseQuery(u.RawQuery); err != nil {
		return malformed("Invalid query string.")
	}
	return nil
}

// serve is the way of every request, alone or in a batch: who asks, what for, is
// there room, may he, then the act.
func (c *call) serve() (*answer, *failure) {
	if f := c.authenticate(); f != nil {
		return nil, f
	}
	if len(c.path) == 1 && c.path[0] == "$batch" {
		return c.batch()
	}
	return c.one()
}

func (c *call) one() (*answer, *failure) {
	found, keys, f := c.route()
	if f != nil {
		return nil, f
	}
	if f := c.charge(found); f != nil {
		return nil, f
	}
	if len(found.roles) > 0 && !c.has(found.roles...) {
		return nil, denied()
	}
	if c.method != http.MethodGet {
		if f := c.collide(); f != nil {
			return nil, f
		}
	}
	c.replica = c.w.Replica()
	return found.do(c, keys)
}

// operation names the request as faults match it.
func (c *call) operation() string { return c.method + " " + host + c.r.URL.Path }

func (c *call) strikes(fault string) (world.Fault, bool) {
	return c.w.Faults.Strike(fault, c.operation())
}

// collide is the fault of two writers at the same object.
func (c *call) collide() *failure {
	if _, struck := c.strikes(world.Concurrent); !struck {
		return nil
	}
	return &failure{
		status: http.StatusBadRequest, code: "Request_BadRequest",
		message: "The request could not be processed because of concurrent requests that change the same object. Please try again later.",
		details: []detail{{Target: "concurrentRequests", Code: "ConcurrencyViolation"}},
	}
}

// context is the @odata.context of a set, as the version at hand writes it.
func (c *call) context(what string) string {
	return "https://" + host + "/" + c.version + "/$metadata#" + what
}

// now is when the call happens, cut to what the directory keeps.
func now() time.Time { return time.Now().UTC().Truncate(100 * time.Nanosecond) }
