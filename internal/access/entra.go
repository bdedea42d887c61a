package access

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"rekey.example/rekey/internal/secret"
)

// Entra lets people of one tenant prove who they are there: OpenID Connect with
// the authorization code flow, PKCE and a nonce. See
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
type Entra struct {
	c         EntraConfig
	client    *http.Client
	discovery *discovery
	keys      *keySet
}

// EntraConfig says as which application rekey asks, and how.
type EntraConfig struct {
	Tenant      string // GUID
	ClientID    string
	Secret      secret.Value      // of the application, or
	Certificate *x509.Certificate // one of its certificates
	Key         crypto.Signer     // with its RSA key
	Authority   string            // empty: https://login.microsoftonline.com
	Front       string            // where browsers find the authority, if not there; for demonstrations
	Wire        http.RoundTripper
}

const publicAuthority = "https://login.microsoftonline.com"

// NewEntra returns the way to Entra. Nothing is sent yet.
func NewEntra(c EntraConfig) *Entra {
	if c.Authority == "" {
		c.Authority = publicAuthority
	}
	c.Authority, c.Tenant = trimSlash(c.Authority), strings.ToLower(c.Tenant)
	client := wireClient(limitedBody{c.Wire})
	d := &discovery{issuer: c.Authority + "/" + c.Tenant + "/v2.0", client: client}
	return &Entra{c: c, client: client, discovery: d, keys: &keySet{address: d.keysAddress, client: client, algs: []jose.SignatureAlgorithm{jose.RS256}}}
}

// Asked is one sign-in as it is asked of Entra.
type Asked struct {
	Browser, State secret.Value // of the Attempt
	Return         string       // the address that Entra sends the browser back to
	Again          bool         // even if the person is signed in there
	Hint           string       // whom it should be
}

// Address is where the browser is sent to.
func (e *Entra) Address(ctx context.Context, a Asked) (string, error) {
	to, err := e.discovery.ask(ctx)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(Derive(a.Browser, a.State, "verifier")))
	q := url.Values{
		"client_id": {e.c.ClientID}, "response_type": {"code"}, "response_mode": {"query"}, "redirect_uri": {a.Return}, "scope": {"openid profile"},
		"state": {a.State.Reveal()}, "nonce": {Derive(a.Browser, a.State, "nonce")},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	if a.Again {
		q.Set("prompt", "login")
		q.Set("max_age", "0")
	}
	if a.Hint != "" {
		q.Set("login_hint", a.Hint)
	}
	address := to.authorize
	if e.c.Front != "" {
		address = trimSlash(e.c.Front) + strings.TrimPrefix(address, e.c.Authority)
	}
	return address + "?" + q.Encode(), nil
}

// Identity is whom Entra has vouched for.
type Identity struct {
	Tenant, Object string
	Name, Alias    string
	Roles          []string  // app roles
	At             time.Time // of the sign-in there; zero if the token does not say
}

// SignInError is an answer of Entra's that is no.
type SignInError struct {
	Code string // AADSTS50105, or the OAuth error
	Text string // what to do about it
}

func (e *SignInError) Error() string {
	return "Entra does not let this sign-in pass (" + e.Code + "): " + e.Text
}

// Redeem exchanges the code that the browser came back with, and checks the
// token: issuer, audience, signature, times, nonce, tenant.
func (e *Entra) Redeem(ctx context.Context, a Asked, code string) (Identity, error) {
	if code == "" || len(code) > 8<<10 {
		return Identity{}, ErrAttempt
	}
	to, err := e.discovery.ask(ctx)
	if err != nil {
		return Identity{}, err
	}
	form := url.Values{
		"client_id": {e.c.ClientID}, "grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {a.Return},
		"code_verifier": {Derive(a.Browser, a.State, "verifier")}, "scope": {"openid profile"},
	}
	if err := e.prove(form, to.token); err != nil {
		return Identity{}, err
	}
	raw, err := e.exchange(ctx, to.token, form)
	if err != nil {
		return Identity{}, err
	}
	return e.verify(ctx, raw, Derive(a.Browser, a.State, "nonce"))
}

// prove adds what shows that the request is the application's.
func (e *Entra) prove(form url.Values, token string) error {
	if e.c.Certificate == nil {
		form.Set("client_secret", e.c.Secret.Reveal())
		return nil
	}
	sum := sha256.Sum256(e.c.Certificate.Raw)
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("x5t#S256", base64.RawURLEncoding.EncodeToString(sum[:]))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.PS256, Key: e.c.Key}, options)
	if err != nil {
		return fmt.Errorf("cannot sign in with the certificate: %w", err)
	}
	now := time.Now()
	claims, err := json.Marshal(map[string]any{
		"iss": e.c.ClientID, "sub": e.c.ClientID, "aud": token, "jti": rand.Text(), "nbf": now.Unix(), "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	})
	if err != nil {
		return err
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return fmt.Errorf("cannot sign in with the certificate: %w", err)
	}
	assertion, err := signed.CompactSerialize()
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", assertion)
	return err
}

// exchange sends the code, once.
func (e *Entra) exchange(ctx context.Context, address string, form url.Values) (token string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.GetBody = nil // a code counts once: no layer may send it again
	answer, err := e.client.Do(r)
	if err != nil {
		return "", fmt.Errorf("cannot reach Entra: %w", withoutAddress(err))
	}
	defer answer.Body.Close()
	var body struct {
		Token string `json:"id_token"`
		Error string `json:"error"`
		Codes []int  `json:"error_codes"`
	}
	raw, err := io.ReadAll(answer.Body)
	if err != nil || json.Unmarshal(raw, &body) != nil {
		return "", errors.New("cannot read the answer of Entra")
	}
	if answer.StatusCode != http.StatusOK || body.Token == "" {
		return "", refusedByEntra(body.Error, body.Codes)
	}
	return body.Token, nil
}

// withoutAddress drops the address of a failed request, which may carry what is
// nobody's business.
func withoutAddress(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// claims are those of an id token that matter. Groups do not: whoever is in very
// many has a token without them.
type claims struct {
	Issuer   string   `json:"iss"`
	Audience audience `json:"aud"`
	Expires  seconds  `json:"exp"`
	Before   seconds  `json:"nbf"`
	Issued   seconds  `json:"iat"`
	Nonce    string   `json:"nonce"`
	Tenant   string   `json:"tid"`
	Object   string   `json:"oid"`
	Subject  string   `json:"sub"`
	Name     string   `json:"name"`
	User     string   `json:"preferred_username"`
	Roles    []string `json:"roles"`
	AuthTime seconds  `json:"auth_time"`
}

// verify checks an id token that came straight from Entra all the same.
func (e *Entra) verify(ctx context.Context, raw, nonce string) (Identity, error) {
	body, err := e.keys.VerifySignature(ctx, raw)
	if err != nil {
		return Identity{}, err
	}
	var c claims
	if err := json.Unmarshal(body, &c); err != nil {
		return Identity{}, badToken("its claims cannot be read")
	}
	if err := c.hold(e.discovery.issuer, e.c.ClientID, time.Now()); err != nil {
		return Identity{}, err
	}
	switch {
	case !hmac.Equal([]byte(c.Nonce), []byte(nonce)):
		return Identity{}, badToken("it answers another sign-in")
	case !strings.EqualFold(c.Tenant, e.c.Tenant):
		return Identity{}, badToken("it is of another tenant")
	case !isGUID(c.Object):
		return Identity{}, badToken("it names nobody")
	}
	return Identity{Tenant: strings.ToLower(c.Tenant), Object: strings.ToLower(c.Object), Name: c.Name, Alias: c.User, Roles: c.Roles, At: c.AuthTime.time()}, nil
}

// Role is what the app roles give, the widest of them; empty: none of ours.
func (i Identity) Role() Role {
	for _, r := range []Role{Administrator, Auditor, User} {
		if slices.Contains(i.Roles, string(r)) {
			return r
		}
	}
	return ""
}
