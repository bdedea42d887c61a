package entra

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// code is an authorization code, before and after it was redeemed.
type code struct {
	asked
	person string
	at     time.Time
	used   bool
}

const (
	codeLife  = 10 * time.Minute
	mostCodes = 1000 // remembered at once
)

func (s *service) newCode(k *code) string {
	text := "1." + tokenID() + tokenID() + "." + tokenID()
	s.mu.Lock()
	defer s.mu.Unlock()
	for old, k := range s.codes {
		if time.Since(k.at) > time.Hour || len(s.codes) >= mostCodes {
			delete(s.codes, old)
		}
	}
	s.codes[text] = k
	return text
}

// redeem exchanges a code for an id token.
func (c *call) redeem(q *request, who client, replica int) *failure {
	if q.code == "" {
		return missing("code")
	}
	if q.secret == "" && q.assertion == "" {
		return invalidClient(7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	}
	if _, f := c.prove(q, who, replica); f != nil {
		return f
	}
	k, f := c.take(q)
	if f != nil {
		return f
	}
	token, f := c.idToken(k)
	if f != nil {
		return f
	}
	c.w.Change(func() {
		c.w.Record(world.Fact{What: "signin", Object: k.person, Label: q.clientID, Request: c.correlation})
	})
	c.write(http.StatusOK, struct {
		Type    string `json:"token_type"`
		Scope   string `json:"scope"`
		Expires int    `json:"expires_in"`
		Ext     int    `json:"ext_expires_in"`
		Token   string `json:"id_token"`
	}{"Bearer", "openid profile", 3599, 3599, token})
	return nil
}

// take finds the code and holds it against the request. One that was used before
// is over.
func (c *call) take(q *request) (*code, *failure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.codes[q.code]
	switch {
	case k == nil || k.clientID != q.clientID:
		return nil, invalidGrant(70000, "Provided grant is invalid or malformed.")
	case k.used:
		return nil, invalidGrant(54005, "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.")
	case time.Since(k.at) > codeLife:
		return nil, invalidGrant(70008, "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.")
	case k.redirect != q.redirect:
		return nil, invalidGrant(500112, "The reply address '%s' does not match the reply address '%s' provided when requesting Authorization code.", q.redirect, k.redirect)
	case k.challenge != "" && q.verifier == "":
		return nil, invalidGrant(50148, "The code_verifier does not match the code_challenge supplied in the authorization request for PKCE.")
	case k.challenge != "" && !k.fits(q.verifier):
		return nil, invalidGrant(501481, "The Code_Verifier does not match the code_challenge supplied in the authorization request.")
	}
	k.used = true
	return k, nil
}

func (k *code) fits(verifier string) bool {
	if k.method == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(verifier), []byte(k.challenge)) == 1
}

func invalidGrant(code int, format string, args ...any) *failure {
	f := invalidRequest(code, format, args...)
	f.name = "invalid_grant"
	return f
}

// mostGroups is how many groups fit into a token; of a person in more it only
// says where to ask, see
// https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference#groups-overage-claim
const mostGroups = 200

// idToken is what the directory says of the person. See
// https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference
func (c *call) idToken(k *code) (string, *failure) {
	now := time.Now()
	claims := map[string]any{
		"aud": k.clientID, "iss": "https://login.microsoftonline.com/" + c.w.Tenant.ID + "/v2.0",
		"iat": now.Add(-5 * time.Minute).Unix(), "nbf": now.Add(-5 * time.Minute).Unix(), "exp": now.Add(65 * time.Minute).Unix(),
		"tid": c.w.Tenant.ID, "oid": k.person, "ver": "2.0", "uti": tokenID(), "sid": world.RandomGUID(),
	}
	if k.nonce != "" {
		claims["nonce"] = k.nonce
	}
	subject := sha256.Sum256([]byte(k.person + k.clientID))
	claims["sub"] = base64.RawURLEncoding.EncodeToString(subject[:])
	c.w.Read(func() {
		d := &c.w.Directory
		app, p, u := d.ApplicationByClient(k.clientID), d.ServicePrincipalByClient(k.clientID), d.Users[k.person]
		if app == nil || p == nil || u == nil {
			return
		}
		claims["name"], claims["preferred_username"] = u.Name, u.UPN
		var roles []string
		for _, g := range p.Assigned {
			if g.UserID == k.person && g.Role != "" {
				roles = append(roles, g.Role)
			}
		}
		if roles != nil {
			claims["roles"] = roles
		}
		if slices.Contains(app.OptionalClaims, "auth_time") {
			claims["auth_time"] = k.at.Unix()
		}
		if app.GroupClaims && len(u.Groups) > mostGroups {
			claims["_claim_names"] = map[string]string{"groups": "src1"}
			claims["_claim_sources"] = map[string]any{"src1": map[string]string{"endpoint": "https://graph.windows.net/" + c.w.Tenant.ID + "/users/" + k.person + "/getMemberObjects"}}
		} else if app.GroupClaims && len(u.Groups) > 0 {
			claims["groups"] = u.Groups
		}
	})
	token, err := c.w.Signer.Sign(claims)
	if err != nil || strings.Count(token, ".") != 2 {
		return "", &failure{code: 90033, name: "temporarily_unavailable", status: http.StatusServiceUnavailable, message: "A transient error has occurred. Please try again."}
	}
	return token, nil
}
