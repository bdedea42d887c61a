// Package arm answers as Azure Resource Manager, management.azure.com, out of
// the world's one subscription: tenants, subscriptions, resource groups,
// providers, key vaults, what has access keys (Event Grid topics, storage
// accounts, rules of Service Bus and Event Hubs, Cosmos DB accounts), and role
// assignments. It also answers as the publishing endpoints of
// the Event Grid topics, so that a key can be proved by a real call.
//
// Paths are compared without regard to case, every request names an
// api-version, and the caller's roles decide what it may do and, in lists of
// groups and resources, what it sees. Keys are in answers to listKeys and
// regenerateKey, nowhere else.
package arm

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// Handler answers as the manager, and for hosts below eventgrid.azure.net as Publish does.
func Handler(w *world.World) http.Handler {
	return &service{w: w, meter: newMeter(), publish: Publish(w)}
}

type service struct {
	w       *world.World
	meter   *meter
	publish http.Handler
}

// call is one request on its way through the service.
type call struct {
	*service
	r      *http.Request
	path   []string // segments as they came
	args   map[string]string
	claims world.Claims
}

// answer is what an operation says when nothing went wrong.
type answer struct {
	status int
	body   any
	header map[string]string
}

func ok(body any) (*answer, error) { return &answer{status: http.StatusOK, body: body}, nil }

func list[T any](items []T) (*answer, error) {
	if items == nil {
		items = []T{}
	}
	return ok(map[string]any{"value": items})
}

func (s *service) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(hostOf(r), ".eventgrid.azure.net") {
		s.publish.ServeHTTP(rw, r)
		return
	}
	c := &call{service: s, r: r, path: segments(r.URL.Path), args: map[string]string{}}
	found, err := c.serve(rw.Header())
	c.headers(rw.Header())
	if err != nil {
		refuse(rw, err)
		return
	}
	for name, value := range found.header {
		rw.Header().Set(name, value)
	}
	if found.body == nil {
		rw.WriteHeader(found.status)
		return
	}
	write(rw, found.status, found.body)
}

func (c *call) serve(h http.Header) (*answer, error) {
	if err := c.authenticate(); err != nil {
		return nil, err
	}
	if err := c.checkVersion(); err != nil {
		return nil, err
	}
	if err := c.throttle(h); err != nil {
		return nil, err
	}
	route, err := c.route()
	if err != nil {
		return nil, err
	}
	if route.action != "" {
		if err := c.authorize(route.action, route.scope); err != nil {
			return nil, err
		}
	}
	return route.do()
}

// may reports whether the caller may do action on the resource. The caller of
// may holds the world's lock.
func (c *call) may(action, resource string) bool {
	_, allowed := c.w.Azure.Allowed(c.claims.ObjectID, action, false, resource, time.Now(), c.w.Lag.Role)
	return allowed
}

func (c *call) authorize(action, scope string) error {
	allowed := false
	c.w.Read(func() { allowed = c.may(action, scope) })
	if allowed {
		return nil
	}
	return unauthorized(c.claims, action, scope)
}

// record notes what the caller did. The caller of record holds Change.
func (c *call) record(what, object, key string) {
	c.w.Record(world.Fact{What: what, Object: object, Key: key, By: c.claims.AppID, Request: c.r.Header.Get("x-ms-client-request-id")})
}

// largestBody is what the manager takes, see
// https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits
const largestBody = 4 << 20

// read decodes the request's body.
func (c *call) read(v any) error {
	body, err := io.ReadAll(io.LimitReader(c.r.Body, largestBody+1))
	if err != nil || len(body) > largestBody {
		return fail(http.StatusRequestEntityTooLarge, "RequestContentTooLarge", "The request content size exceeds the maximum size of 4 MB.")
	}
	if json.Unmarshal(bytes.TrimSpace(body), v) != nil {
		return fail(http.StatusBadRequest, "InvalidRequestContent", "The request content was invalid and could not be deserialized.")
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

func hostOf(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		return strings.ToLower(host)
	}
	return strings.ToLower(r.Host)
}

func segments(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(s string) bool { return s == "" })
}
