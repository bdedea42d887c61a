package access

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// A program may act in a person's name, as the connection of a flow in Power
// Automate does: with an access token that Entra has made for rekey's application
// and with the person's consent. It may do what the person may, but for what asks
// for a fresh sign-in: there is nobody to ask.

// scope is what the person has consented to. The application exposes it under
// this name; see docs/how-to/power-automate.md.
const scope = "user_impersonation"

// ofPerson reports whether a token says that it was made for a person's program.
// Nothing of it is believed yet.
func ofPerson(raw string) bool {
	parts := strings.Split(raw, ".")
	if len(raw) > largestToken || len(parts) != 3 {
		return false
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	var c struct {
		Scope string `json:"scp"`
	}
	return err == nil && json.Unmarshal(body, &c) == nil && c.Scope != ""
}

// bearer checks a person's access token: signature, issuer, audience, times,
// tenant and scope. An id token has no scope, and is none. Both forms of access
// tokens are taken: an application that says nothing gets the older one, see
// https://learn.microsoft.com/entra/identity-platform/access-tokens
func (e *Entra) bearer(ctx context.Context, raw string) (Identity, error) {
	body, err := e.keys.VerifySignature(ctx, raw)
	if err != nil {
		return Identity{}, err
	}
	var c struct {
		claims
		Scope string `json:"scp"`
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return Identity{}, badToken("its claims cannot be read")
	}
	issuer, aud := e.discovery.issuer, e.c.ClientID
	if c.Issuer == "https://sts.windows.net/"+e.c.Tenant+"/" && e.c.Authority == publicAuthority {
		issuer, aud = c.Issuer, "api://"+e.c.ClientID
	}
	if err := c.hold(issuer, aud, time.Now()); err != nil {
		return Identity{}, err
	}
	switch {
	case !strings.EqualFold(c.Tenant, e.c.Tenant):
		return Identity{}, badToken("it is of another tenant")
	case !isGUID(c.Object):
		return Identity{}, badToken("it names nobody")
	case !slices.Contains(strings.Fields(c.Scope), scope):
		return Identity{}, badToken("the person has not consented to %s", scope)
	}
	return Identity{Tenant: strings.ToLower(c.Tenant), Object: strings.ToLower(c.Object), Name: c.Name, Alias: c.User, Roles: c.Roles}, nil
}

// Bearers checks the tokens that programs come with in place of an API token.
type Bearers struct {
	Door       *Door
	Entra      *Entra // nil: nobody signs in there
	Federation *Federation
}

// Authenticate returns the actor behind a token: a program that others vouch for,
// or a person whose program it is. Its error is ErrUnauthenticated if it is not
// taken.
func (b *Bearers) Authenticate(ctx context.Context, token secret.Value) (Actor, error) {
	if b.Entra == nil || !ofPerson(token.Reveal()) {
		return b.Federation.Authenticate(ctx, token)
	}
	i, err := b.Entra.bearer(ctx, token.Reveal())
	if errors.Is(err, ErrToken) {
		return Actor{}, &refusedToken{err}
	}
	if err != nil {
		return Actor{}, errors.Join(ErrIssuer, err)
	}
	return b.Door.borne(ctx, i)
}

// borne is the actor of a person whose program comes with their token.
func (d *Door) borne(ctx context.Context, i Identity) (Actor, error) {
	p := d.fromEntra(i.Object, i.Name, i.Alias, i.Role())
	if p.Role == "" {
		return Actor{}, &refusedToken{badToken("the person has no app role here")}
	}
	err := d.Store.View(ctx, func(tx *store.Tx) error {
		known, err := personByID(tx, d.Tenant, p.ID)
		if errors.Is(err, ErrNoPerson) {
			return nil
		}
		if err == nil && !known.Disabled.IsZero() {
			return &refusedToken{badToken("an administrator has locked this person out")}
		}
		return err
	})
	if err != nil {
		return Actor{}, err
	}
	a := p.Actor()
	a.Session = "bearer" // whose last proof is not known: what asks for a fresh one is refused
	return a, nil
}
