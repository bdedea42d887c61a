package entra

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// ErrReplayed means that the token was one we were given before: a cache
// answered, and nothing is proved.
var ErrReplayed = errors.New("the token endpoint answered with a token it had given before")

// loopDetected is Entra's word for too many sign-ins, which says nothing of the value.
const loopDetected = 50196

// refusals are the codes that say that the credential itself was refused. See
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
var refusals = []int{
	7000215, // wrong client secret
	7000222, // client secret expired
	700027,  // certificate not registered or expired, or the signature does not fit it
	700030,  // certificate of a subject or issuer that is not trusted
	50012,   // the same as 700027, of older token endpoints
}

// SignIn asks the token endpoint for a token with the value, on a connection of
// its own, and looks into it: it has to name the client, and to be a new one.
func (d *Directory) SignIn(ctx context.Context, holder inventory.Application, v secret.Value) error {
	token, err := d.token(ctx, holder.ClientID, v)
	token.Zero()
	return err
}

// token is a new token for Graph, got with a client secret or a key pair.
func (d *Directory) token(ctx context.Context, client inventory.ClientID, v secret.Value) (secret.Value, error) {
	path := rest.Path(d.Tenant, "oauth2", "v2.0", "token")
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {string(client)}, "scope": {"https://graph.microsoft.com/.default"}}
	if err := d.prove(form, client, path, v); err != nil {
		return secret.Value{}, fmt.Errorf("cannot sign in as %s: %w", client, err)
	}
	var out struct {
		Token secret.Value `json:"access_token"`
	}
	err := d.Login.Once(ctx, rest.Request{
		Method: http.MethodPost, Path: path,
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: []byte(form.Encode()),
	}, &out)
	if e, ok := errors.AsType[*rest.Error](err); ok && e.Status < 500 && e.Status != http.StatusTooManyRequests {
		if rejected := rejection(e); rejected != nil {
			return secret.Value{}, rejected
		}
	}
	if err != nil {
		return secret.Value{}, fmt.Errorf("cannot sign in as %s: %w", client, err)
	}
	if err := d.tokens.check(client, out.Token); err != nil {
		out.Token.Zero()
		return secret.Value{}, err
	}
	return out.Token, nil
}

// prove puts the credential into the form. What is meant to be a key pair is
// never sent as a secret, even if it cannot be read.
func (d *Directory) prove(form url.Values, client inventory.ClientID, path string, v secret.Value) error {
	if !secret.IsPair(v) {
		form.Set("client_secret", v.Reveal())
		return nil
	}
	pair, err := secret.ParsePair(v)
	if err != nil {
		return err
	}
	jwt, err := assertion(pair, client, strings.TrimSuffix(d.Login.Base, "/")+path)
	if err != nil {
		return err
	}
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", jwt.Reveal())
	return nil
}

var aadsts = regexp.MustCompile(`^AADSTS(\d{4,9}): *([^.]{0,200})`)

// rejection reads the AADSTS number out of an error of the token endpoint.
func rejection(e *rest.Error) error {
	m := aadsts.FindStringSubmatch(e.Message)
	if m == nil {
		return nil
	}
	code, err := strconv.Atoi(m[1])
	if err != nil || code == loopDetected {
		return nil
	}
	return &connector.RejectedError{Code: code, Text: m[2], Secret: slices.Contains(refusals, code)}
}

// tokens remembers the ids of the last tokens of each client: a cache, or two of
// them in turns, can replay more than the latest.
type tokens struct {
	mu   sync.Mutex
	last map[inventory.ClientID][]string
}

const remembered = 32

func (t *tokens) check(client inventory.ClientID, token secret.Value) error {
	_, rest, _ := strings.Cut(token.Reveal(), ".")
	payload, _, _ := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	var claims struct {
		AppID string `json:"appid"`
		AZP   string `json:"azp"`
		ID    string `json:"uti"`
	}
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		return fmt.Errorf("cannot read the token for %s", client)
	}
	if claims.AppID != string(client) && claims.AZP != string(client) {
		return fmt.Errorf("the token names another client than %s", client)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = map[inventory.ClientID][]string{}
	}
	seen := t.last[client]
	if claims.ID != "" && slices.Contains(seen, claims.ID) {
		return ErrReplayed
	}
	t.last[client] = append(seen[max(0, len(seen)-remembered+1):], claims.ID)
	return nil
}
