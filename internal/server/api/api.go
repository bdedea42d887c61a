// Package api answers the requests of rekey's REST API.
//
// The API is described in api/openapi.yaml; routes.gen.go is generated from it.
// A handler decodes, calls the one service that knows, and encodes: who may do
// what is decided there, not here. Before any handler sees a request its actor
// is known, its body is whole, and both body and parameters fit the description.
// All errors leave through errors.go.
package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"rekey.example/rekey/internal/access"
)

//go:generate go tool -modfile=../../../tools/go.mod oapi-codegen -config oapi-codegen.yaml ../../../api/openapi.yaml

// API is the handler of everything under /v1/.
type API struct {
	service *service
	mux     *http.ServeMux
	routes  []string
}

// New returns the API for these services.
func New(c Config) (*API, error) {
	described, err := describe()
	if err != nil {
		return nil, err
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s := &service{Config: c}
	a := &API{service: s, mux: http.NewServeMux()}
	strict := NewStrictHandlerWithOptions(s, []StrictMiddlewareFunc{withRequest}, StrictHTTPServerOptions{
		RequestErrorHandlerFunc:  func(w http.ResponseWriter, r *http.Request, _ error) { s.fail(w, r, errNotJSON) },
		ResponseErrorHandlerFunc: s.fail,
	})
	HandlerWithOptions(strict, StdHTTPServerOptions{
		BaseRouter: recorder{a},
		Middlewares: []MiddlewareFunc{func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := described.check(r); err != nil {
					s.fail(w, r, err)
					return
				}
				next.ServeHTTP(w, r)
			})
		}},
		ErrorHandlerFunc: func(w http.ResponseWriter, r *http.Request, err error) {
			s.fail(w, r, unbound(err))
		},
	})
	for _, pattern := range a.routes {
		if described.routes[pattern] == nil {
			return nil, fmt.Errorf("the API's description lacks %s", pattern)
		}
	}
	return a, nil
}

// recorder is the mux of an API, and keeps the list of its routes.
type recorder struct{ *API }

func (r recorder) HandleFunc(pattern string, handle func(http.ResponseWriter, *http.Request)) {
	r.routes = append(r.routes, pattern)
	r.mux.HandleFunc(pattern, handle)
}

func (r recorder) ServeHTTP(w http.ResponseWriter, q *http.Request) { r.mux.ServeHTTP(w, q) }

// Routes lists the patterns of all routes, such as "GET /v1/me".
func (a *API) Routes() []string { return slices.Clone(a.routes) }

// unbound names the parameter that could not be read, without its value.
func unbound(err error) error {
	if e, ok := errors.AsType[*InvalidParamFormatError](err); ok {
		return invalid(e.ParamName, "is not of the right type")
	}
	if e, ok := errors.AsType[*RequiredParamError](err); ok {
		return invalid(e.ParamName, "is missing")
	}
	if e, ok := errors.AsType[*RequiredHeaderError](err); ok {
		return invalid(e.ParamName, "is missing")
	}
	return invalid("request", "has a parameter that cannot be read")
}

type (
	requestKey   struct{}
	requestIDKey struct{}
)

// withRequest lets handlers see the request's address, for links to next pages.
func withRequest(next StrictHandlerFunc, _ string) StrictHandlerFunc {
	return func(ctx context.Context, w http.ResponseWriter, r *http.Request, in any) (any, error) {
		return next(context.WithValue(ctx, requestKey{}, r), w, r, in)
	}
}

func requestOf(ctx context.Context) *http.Request { return ctx.Value(requestKey{}).(*http.Request) }

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// ServeHTTP answers one request. The route is left in r.Pattern, for an access log.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	outer := r
	id := r.Header.Get("client-request-id")
	if !plain(id) {
		id = rand.Text()
	}
	w.Header().Set("client-request-id", id)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	r = r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id))
	defer a.recover(w, r)
	known, err := a.service.authenticate(r) // first, so that strangers cost nothing
	if err != nil {
		a.service.fail(w, r, err)
		return
	}
	if err := readBody(w, known); err != nil {
		a.service.fail(w, known, err)
		return
	}
	a.route(w, known)
	outer.Pattern = known.Pattern
}

// Guard lets those through who may do action, and answers all others as the API does.
func (a *API) Guard(action access.Action, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		known, err := a.service.authenticate(r)
		if err == nil {
			err = actorOf(known.Context()).Check(action)
		}
		if err != nil {
			a.service.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// plain reports whether a text from outside can stand in a header and in a log.
func plain(id string) bool {
	return id != "" && len(id) <= 64 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == ""
}

func (a *API) recover(w http.ResponseWriter, r *http.Request) {
	switch v := recover(); v {
	case nil:
	case http.ErrAbortHandler:
		panic(v)
	default: // only its type: a panic's value may quote anything
		a.service.Logger.Error("a handler panicked", "type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
		a.service.fail(w, r, errors.New("a handler panicked"))
	}
}

func (a *API) route(w http.ResponseWriter, r *http.Request) {
	h, pattern := a.mux.Handler(r)
	if pattern != "" {
		a.mux.ServeHTTP(w, r)
		return
	}
	var probe probe
	h.ServeHTTP(&probe, r)
	if probe.status != http.StatusMethodNotAllowed {
		a.service.fail(w, r, errNoRoute)
		return
	}
	w.Header().Set("Allow", probe.Header().Get("Allow"))
	a.service.fail(w, r, errMethod)
}

// probe learns what the mux would have answered.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header {
	if p.header == nil {
		p.header = http.Header{}
	}
	return p.header
}

func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
func (p *probe) WriteHeader(status int)      { p.status = status }
