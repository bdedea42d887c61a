package access

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"

	"rekey.example/rekey/internal/secret"
)

// Trust lets programs in that another issuer vouches for, in place of a stored
// token: a job of GitHub Actions, a service connection of Azure DevOps, a managed
// identity. All of it has to fit: issuer, audience, subject, claims.
type Trust struct {
	Name     string
	Issuer   string            // https://token.actions.githubusercontent.com
	Audience string            // what the program asked the token for
	Subject  string            // sub; * stands for any part of one segment, between : and /
	Claims   map[string]string // further claims and what they have to be, with * as well
	Role     Role
	Only     []Action // narrower than the role; none: all of it
	Owner    string   // object id in the directory whose applications it sees; empty: the token's own oid
}

// Federation checks tokens of other issuers.
type Federation struct {
	tenant string
	trusts []Trust
	keys   map[string]*keySet // by issuer
}

// federatedAlgs are what GitHub, Azure DevOps and Entra sign with.
var federatedAlgs = []jose.SignatureAlgorithm{jose.RS256}

// NewFederation returns the check for these trusts. Nothing is sent yet.
func NewFederation(tenant string, trusts []Trust, wire http.RoundTripper) *Federation {
	f := &Federation{tenant: strings.ToLower(tenant), trusts: trusts, keys: map[string]*keySet{}}
	client := wireClient(limitedBody{wire})
	for _, t := range trusts {
		if f.keys[t.Issuer] == nil {
			d := &discovery{issuer: t.Issuer, client: client}
			f.keys[t.Issuer] = &keySet{address: d.keysAddress, client: client, algs: federatedAlgs}
		}
	}
	return f
}

// LooksFederated reports whether a text may be a signed token rather than one of
// ours, without reading it.
func LooksFederated(token secret.Value) bool {
	text := token.Reveal()
	return !strings.HasPrefix(text, tokenPrefix) && strings.Count(text, ".") == 2
}

// Authenticate returns the actor behind a token. Its error is ErrUnauthenticated
// if it is not taken; what is around that is for the log.
func (f *Federation) Authenticate(ctx context.Context, token secret.Value) (Actor, error) {
	a, err := f.authenticate(ctx, token.Reveal())
	switch {
	case errors.Is(err, ErrToken):
		return Actor{}, &refusedToken{err}
	case err != nil:
		return Actor{}, errors.Join(ErrIssuer, err)
	}
	return a, nil
}

// ErrIssuer means that a token could not be checked, because the issuer's keys
// cannot be read.
var ErrIssuer = errors.New("the keys of the token's issuer cannot be read")

// refusedToken is ErrUnauthenticated for whoever asks, with the reason inside.
type refusedToken struct{ why error }

func (e *refusedToken) Error() string        { return ErrUnauthenticated.Error() }
func (e *refusedToken) Is(target error) bool { return target == ErrUnauthenticated }
func (e *refusedToken) Reason() string       { return e.why.Error() }

func (f *Federation) authenticate(ctx context.Context, raw string) (Actor, error) {
	if f == nil || len(f.trusts) == 0 {
		return Actor{}, badToken("no other issuer is trusted")
	}
	issuer, err := issuerOf(raw)
	if err != nil {
		return Actor{}, err
	}
	keys := f.keys[issuer]
	if keys == nil {
		return Actor{}, badToken("its issuer is not trusted")
	}
	body, err := keys.VerifySignature(ctx, raw)
	if err != nil {
		return Actor{}, err
	}
	var c claims
	var all map[string]any
	if json.Unmarshal(body, &c) != nil || json.Unmarshal(body, &all) != nil {
		return Actor{}, badToken("its claims cannot be read")
	}
	return f.match(c, all, issuer)
}

// match finds the first trust that the token fits.
func (f *Federation) match(c claims, all map[string]any, issuer string) (Actor, error) {
	why := badToken("its issuer is not trusted")
	for i := range f.trusts {
		t := &f.trusts[i]
		if t.Issuer != issuer {
			continue
		}
		if err := t.fits(c, all, f.tenant, time.Now()); err != nil {
			why = fmt.Errorf("%w (%s)", err, t.Name)
			continue
		}
		return t.actor(c, f.tenant), nil
	}
	return Actor{}, why
}

func (t *Trust) fits(c claims, all map[string]any, tenant string, now time.Time) error {
	if err := c.hold(t.Issuer, t.Audience, now); err != nil {
		return err
	}
	if t.ofEntra() {
		switch {
		case !strings.EqualFold(c.Tenant, tenant):
			return badToken("it is of another tenant")
		case !isGUID(c.Object):
			return badToken("it names nobody")
		case all["scp"] != nil:
			return badToken("it is a person's, not a program's")
		}
	}
	if !like(t.Subject, c.Subject) {
		return badToken("it is of another subject")
	}
	for name, want := range t.Claims {
		if have, ok := all[name].(string); !ok || !like(want, have) {
			return badToken("its claim %s is another", name)
		}
	}
	return nil
}

// ofEntra reports whether the issuer is Entra, whose tokens name an object of the
// directory.
func (t *Trust) ofEntra() bool {
	for _, host := range []string{"login.microsoftonline.com", "sts.windows.net", "login.microsoftonline.us", "login.partner.microsoftonline.cn"} {
		if strings.HasPrefix(t.Issuer, "https://"+host+"/") {
			return true
		}
	}
	return false
}

// actor is the program. All that one trust lets in counts as one person, but for
// an object of the directory, which is itself.
func (t *Trust) actor(c claims, tenant string) Actor {
	a := Actor{
		ID: "federated:" + t.Name + ":" + clip(printable(c.Subject), 200), Name: t.Name + " (" + clip(printable(c.Subject), 100) + ")", Person: "federated:" + t.Name,
		Role: t.Role, Tenant: tenant, Owner: strings.ToLower(t.Owner),
	}
	for _, action := range t.Only {
		a.Only = strings.TrimSpace(a.Only + " " + string(action))
	}
	if t.ofEntra() {
		a.Person = EntraPerson(tenant, c.Object)
		if a.Owner == "" {
			a.Owner = strings.ToLower(c.Object)
		}
	}
	return a
}

// issuerOf reads who says to have made a token, before anything of it is believed.
func issuerOf(raw string) (string, error) {
	if len(raw) > largestToken || !utf8.ValidString(raw) {
		return "", badToken("it is longer than %d bytes, or no text", largestToken)
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return "", badToken("it is no signed token")
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", badToken("it is no signed token")
	}
	var c struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(body, &c) != nil || c.Issuer == "" {
		return "", badToken("it names no issuer")
	}
	return c.Issuer, nil
}

// like compares a text with a pattern, whose * stands for any characters but the
// separators : and /. So repo:contoso/*:ref:refs/heads/main is any repository of
// contoso's, and no other branch.
func like(pattern, text string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, first)
	if !ok {
		return false
	}
	for end := 0; ; end++ {
		if like(rest, text[end:]) {
			return true
		}
		if end == len(text) || strings.IndexByte(":/", text[end]) >= 0 {
			return false
		}
	}
}

// Problem says what is wrong with a trust, empty if nothing is.
func (t Trust) Problem() string {
	switch {
	case !isName(t.Name) || strings.Contains(t.Name, ":"):
		return "it needs a name without colons"
	case !strings.HasPrefix(t.Issuer, "https://") || len(t.Issuer) < len("https://a.b"):
		return "issuer is not an https address"
	case t.Audience == "":
		return "it needs an audience, so that tokens made for others are not taken"
	case t.Subject == "" || strings.Trim(t.Subject, "*:/") == "":
		return "it needs a subject that is not everybody"
	case strings.Count(t.Subject, "*") > 4:
		return "the subject has too many *"
	case !slices.Contains(Roles, t.Role):
		return "role is not user, administrator or auditor"
	case t.Owner != "" && !isGUID(t.Owner):
		return "owner is not the object id of somebody in the directory"
	}
	for name, want := range t.Claims {
		if strings.Count(want, "*") > 4 || want == "" {
			return "the claim " + name + " needs a text with few *"
		}
	}
	for _, a := range t.Only {
		if !slices.Contains(permitted[t.Role], a) {
			return "the role does not permit " + string(a)
		}
	}
	return ""
}
