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

// codes of Entra that say that the secret itself was refused.
const (
	wrongSecret   = 7000215
	expiredSecret = 7000222
	loopDetected  = 50196
)

// SignIn asks the token endpoint for a token with the value, on a connection of
// its own, and looks into it: it has to name the client, and to be a new one.
func (d *Directory) SignIn(ctx context.Context, holder inventory.Application, v secret.Value) error {
	client := holder.ClientID
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {string(client)},
		"scope": {"https://graph.microsoft.com/.default"}, "client_secret": {v.Reveal()},
	}
	var out struct {
		Token secret.Value `json:"access_token"`
	}
	err := d.Login.Once(ctx, rest.Request{
		Method: http.MethodPost, Path: rest.Path(d.Tenant, "oauth2", "v2.0", "token"),
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: []byte(form.Encode()),
	}, &out)
	if e, ok := errors.AsType[*rest.Error](err); ok && e.Status < 500 && e.Status != http.StatusTooManyRequests {
		if rejected := rejection(e); rejected != nil {
			return rejected
		}
	}
	if err != nil {
		return fmt.Errorf("cannot sign in as %s: %w", client, err)
	}
	return d.tokens.check(client, out.Token)
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
	return &connector.RejectedError{Code: code, Text: m[2], Secret: code == wrongSecret || code == expiredSecret}
}

// tokens remembers the ids of the last tokens of each client: a cache, or two of
// them in turns, can replay more than the latest.
type tokens struct {
	mu   sync.Mutex
	last map[inventory.ClientID][]string
}

const remembered = 32

func (t *tokens) check(client inventory.ClientID, token secret.Value) error {
	defer token.Zero()
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
