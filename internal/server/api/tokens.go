package api

import (
	"context"
	"net/netip"
	"strings"
	"time"
	"unicode"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

const usualTokenLife = 90 * 24 * time.Hour

// ListTokens lists API tokens, without their secrets.
func (s *service) ListTokens(ctx context.Context, _ ListTokensRequestObject) (ListTokensResponseObject, error) {
	list, err := access.ListTokens(ctx, s.Store, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return ListTokens200JSONResponse{Value: each(list, wireToken)}, nil
}

// CreateToken makes an API token, together with its record.
func (s *service) CreateToken(ctx context.Context, in CreateTokenRequestObject) (CreateTokenResponseObject, error) {
	q, err := tokenRequest(*in.Body)
	if err != nil {
		return nil, err
	}
	actor := actorOf(ctx)
	var t access.Token
	var value secret.Value
	err = s.Store.Do(ctx, func(tx *store.Tx) (err error) {
		if q.Owner == "" && strings.Contains(q.Person, "@") { // an administrator has named them: their address stands for the object it belongs to now
			owner, err := inventory.PersonOf(tx, actor.Tenant, q.Person)
			if err != nil {
				return err
			}
			q.Owner = string(owner)
		}
		if t, value, err = access.CreateToken(tx, actor, q); err != nil {
			return err
		}
		e := audit.By(actor, access.ManageTokens, t.ID, audit.Done)
		e.Title = t.Name
		e.Detail = map[string]string{"made": "token", "role": string(t.Role), "person": t.Person, "expires": t.Expires.Format(time.RFC3339)}
		return s.Log.Record(tx, e)
	})
	if err != nil {
		return nil, err
	}
	return CreateToken201JSONResponse{Token: wireToken(t), Secret: value.Reveal()}, nil
}

func tokenRequest(q wire.TokenRequest) (access.TokenRequest, error) {
	life, err := span("lifetime", q.Lifetime)
	if err != nil {
		return access.TokenRequest{}, err
	}
	switch {
	case q.Lifetime == "":
		life = usualTokenLife
	case life == 0 || life > access.MaxTokenLife:
		return access.TokenRequest{}, invalid("lifetime", "must be more than nothing, and 366d at most")
	}
	for name, text := range map[string]string{"name": q.Name, "person": q.Person} {
		if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || text != "" && strings.TrimSpace(text) == "" {
			return access.TokenRequest{}, invalid(name, "must be printable")
		}
	}
	if strings.EqualFold(strings.TrimSpace(q.Person), access.Rekey("").Person) {
		return access.TokenRequest{}, invalid("person", "must be a person; that is rekey itself")
	}
	out := access.TokenRequest{Name: q.Name, Person: q.Person, Role: access.Role(q.Role), Expires: time.Now().Add(life)}
	out.Owner = q.Owner
	for _, text := range q.Actions {
		if !access.Permits(out.Role, access.Action(text)) {
			return access.TokenRequest{}, invalid("actions", "must be actions that the role permits; docs/reference/permissions.md lists them")
		}
		out.Actions = append(out.Actions, access.Action(text))
	}
	for _, text := range q.Sources {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return access.TokenRequest{}, invalid("sources", "must be networks such as 10.1.0.0/16")
		}
		out.Sources = append(out.Sources, network)
	}
	return out, nil
}

// RevokeToken ends an API token, together with its record.
func (s *service) RevokeToken(ctx context.Context, in RevokeTokenRequestObject) (RevokeTokenResponseObject, error) {
	actor := actorOf(ctx)
	err := s.Store.Do(ctx, func(tx *store.Tx) error {
		t, err := access.RevokeToken(tx, actor, in.ID)
		if err != nil {
			return err
		}
		e := audit.By(actor, access.ManageTokens, t.ID, audit.Done)
		e.Title, e.Detail = t.Name, map[string]string{"made": "revocation"}
		return s.Log.Record(tx, e)
	})
	if err != nil {
		return nil, err
	}
	return RevokeToken204Response{}, nil
}

func wireToken(t access.Token) wire.Token {
	return wire.Token{
		ID: t.ID, Name: t.Name, Person: t.Person, Role: wire.GivenRole(t.Role), Owner: t.Owner,
		Actions: each(t.Actions, func(a access.Action) string { return string(a) }), Sources: each(t.Sources, netip.Prefix.String),
		Created: t.Created, CreatedBy: t.CreatedBy, Expires: t.Expires, LastUsed: t.LastUsed, Revoked: t.Revoked,
	}
}
