package api

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/secret"
)

type actorKey struct{}

// WithActor returns a context whose requests act as a. The program's own client
// uses it for requests that never leave the process. No header can do the same:
// the key is this package's own, and a server's contexts begin without it.
func WithActor(ctx context.Context, a access.Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

func actorOf(ctx context.Context) access.Actor {
	a, _ := ctx.Value(actorKey{}).(access.Actor)
	return a // the zero Actor may do nothing
}

// within reports whether the request comes from this very process.
type withinKey struct{}

func within(ctx context.Context) bool { return ctx.Value(withinKey{}) != nil }

// authenticate finds out who acts, and returns the request with it.
func (s *service) authenticate(r *http.Request) (*http.Request, error) {
	ctx := r.Context()
	if _, ok := ctx.Value(actorKey{}).(access.Actor); ok {
		return r.WithContext(context.WithValue(ctx, withinKey{}, true)), nil
	}
	if visit, ok, err := s.visiting(r); err != nil {
		return nil, err
	} else if ok {
		return r.WithContext(WithActor(ctx, visit.Actor)), nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(r.Header.Values("Authorization")) != 1 {
		return nil, errNoToken
	}
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil { // in process, or behind a proxy that speaks over a Unix socket
		remote = netip.AddrPort{}
	}
	value := secret.New(strings.TrimSpace(token))
	if s.Federated != nil && access.LooksFederated(value) {
		a, err := s.Federated(ctx, value)
		if err != nil {
			if e, ok := errors.AsType[interface {
				error
				Reason() string
			}](err); ok {
				s.Logger.Warn("a token of another issuer was refused", "why", e.Reason())
			}
			return nil, err
		}
		return r.WithContext(WithActor(ctx, a)), nil
	}
	a, err := access.Authenticate(ctx, s.Store, value, remote.Addr())
	if err != nil {
		return nil, err
	}
	return r.WithContext(WithActor(ctx, a)), nil
}

// visiting says who is signed in at a browser that asks without a token. What
// changes something has to come from a page of this server: the check of origins
// around the API refuses all others, and here nothing is taken that a form of
// another site could send.
func (s *service) visiting(r *http.Request) (v access.Visit, ok bool, err error) {
	if s.Visit == nil || len(r.Header.Values("Authorization")) != 0 || r.Header.Get("Cookie") == "" {
		return v, false, nil
	}
	v, err = s.Visit(r)
	if errors.Is(err, access.ErrNoSession) {
		return v, true, err
	}
	if site := r.Header.Get("Sec-Fetch-Site"); err == nil && r.Method != http.MethodGet && r.Method != http.MethodHead && site != "same-origin" && site != "" {
		return v, true, errNoToken
	}
	return v, true, err
}
