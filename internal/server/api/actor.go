package api

import (
	"context"
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
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(r.Header.Values("Authorization")) != 1 {
		return nil, errNoToken
	}
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil { // in process, or behind a proxy that speaks over a Unix socket
		remote = netip.AddrPort{}
	}
	a, err := access.Authenticate(ctx, s.Store, secret.New(strings.TrimSpace(token)), remote.Addr())
	if err != nil {
		return nil, err
	}
	return r.WithContext(WithActor(ctx, a)), nil
}
