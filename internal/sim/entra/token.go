package entra

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// largestForm is more than any token request: an assertion with a chain.
const largestForm = 256 << 10

// request is a client_credentials request, read.
type request struct {
	version        int
	clientID       string
	secret         string
	secretSent     bool
	assertion      string
	assertionType  string
	scope, target  string // v2.0 scope, v1 resource
	targetSent     bool
	claimsDemanded string

	code, verifier, redirect string // of a person's sign-in; code is empty otherwise
	codeSent                 bool
}

// client is who the request says it comes from, as one replica knows it.
type client struct {
	app       *world.Application // nil when it lives in another tenant
	principal *world.ServicePrincipal
	name      string
	enabled   bool
}

type issuedToken struct {
	token   string
	expires time.Time
}

func (c *call) token(version int) {
	if c.r.Method != http.MethodPost {
		c.refuse(invalidRequest(900561, "The endpoint only accepts POST requests. Received a %s request.", c.r.Method))
		return
	}
	if f := c.issue(version); f != nil {
		c.refuse(f)
	}
}

// issue looks at tenant, client, credential, resource and policy, in this order,
// so that a code also proves what was right before it.
func (c *call) issue(version int) *failure {
	tenant, f := c.resolve()
	if f != nil {
		return f
	}
	q, f := c.read(version)
	if f != nil {
		return f
	}
	replica := c.w.Replica()
	who, f := c.find(q, replica, tenant)
	if f != nil {
		c.log(q, who, proof{}, "", f, "")
		return f
	}
	if q.codeSent {
		return c.redeem(q, who, replica)
	}
	if f := q.complete(); f != nil {
		return f
	}
	if old, ok := c.replay(q); ok {
		c.answer(q, old)
		return nil
	}
	found, f := c.prove(q, who, replica)
	aud, roles := "", []string(nil)
	if f == nil {
		aud, roles, f = c.resource(q, who)
	}
	if f == nil {
		f = c.policy(q)
	}
	if f != nil {
		c.log(q, who, found, aud, f, "")
		return f
	}
	return c.grant(q, who, found, aud, roles)
}

// read takes the form apart. A client may send its id and secret by HTTP Basic,
// each form-encoded, instead.
func (c *call) read(version int) (*request, *failure) {
	c.r.Body = http.MaxBytesReader(c.rw, c.r.Body, largestForm)
	if err := c.r.ParseForm(); err != nil {
		return nil, invalidRequest(9002313, "Invalid request. Request is malformed or invalid.")
	}
	form := c.r.PostForm
	if grant := form.Get("grant_type"); grant == "" {
		return nil, missing("grant_type")
	} else if grant != "client_credentials" && (grant != "authorization_code" || version != 2) {
		return nil, &failure{code: 70003, name: "unsupported_grant_type", status: http.StatusBadRequest, message: "The app requested an unsupported grant type '" + grant + "'."}
	}
	q := &request{
		version: version, clientID: strings.ToLower(form.Get("client_id")),
		secret: form.Get("client_secret"), secretSent: form.Has("client_secret"),
		assertion: form.Get("client_assertion"), assertionType: form.Get("client_assertion_type"),
		scope: form.Get("scope"), target: form.Get("resource"), targetSent: form.Has("resource"),
		claimsDemanded: form.Get("claims"),
		codeSent:       form.Get("grant_type") == "authorization_code",
		code:           form.Get("code"), verifier: form.Get("code_verifier"), redirect: form.Get("redirect_uri"),
	}
	if id, secret, ok := c.r.BasicAuth(); ok {
		id, err := url.QueryUnescape(id)
		plain, err2 := url.QueryUnescape(secret)
		if err != nil || err2 != nil {
			return nil, invalidRequest(9002313, "Invalid request. Request is malformed or invalid.")
		}
		if q.clientID == "" {
			q.clientID = strings.ToLower(id)
		}
		if !q.secretSent {
			q.secret, q.secretSent = plain, true
		}
	}
	if q.clientID == "" {
		return nil, missing("client_id")
	}
	return q, nil
}

func missing(parameter string) *failure {
	return invalidRequest(900144, "The request body must contain the following parameter: '%s'.", parameter)
}

// complete checks that everything is there before anything is judged.
func (q *request) complete() *failure {
	switch {
	case q.secret == "" && q.secretSent && q.assertion == "":
		return invalidClient(7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	case q.secret == "" && (q.assertion == "" || q.assertionType == ""):
		return invalidClient(7000216, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.")
	case q.version == 2 && q.scope == "" && !q.targetSent:
		return missing("scope")
	case q.version == 1 && q.target == "" && q.scope == "":
		return missing("resource")
	}
	return nil
}

// find looks the client up as one replica knows it.
func (c *call) find(q *request, replica int, tenant string) (who client, f *failure) {
	c.w.Read(func() {
		d := &c.w.Directory
		who.app, who.principal = d.ApplicationByClient(q.clientID), d.ServicePrincipalByClient(q.clientID)
		if who.app != nil {
			who.name, who.enabled = who.app.Name, !who.app.Disabled
		}
		if p := who.principal; p != nil {
			who.name = p.Name
			on := p.Enabled
			if !p.EnabledAt.IsZero() && !c.w.Heard(replica, "enabled "+p.ID+p.EnabledAt.String(), p.EnabledAt, c.w.Lag.Account) {
				on = !on
			}
			who.enabled = on && (who.app == nil || who.enabled)
		}
	})
	switch {
	case who.app == nil && who.principal == nil:
		return who, unauthorizedClient(700016, "Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.", q.clientID, c.w.Tenant.Name)
	case tenant != c.w.Tenant.ID:
		return who, invalidRequest(50194, "Application '%s'(%s) is not configured as a multi-tenant application. Usage of the /%s endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific endpoint or configure the application to be multi-tenant.", q.clientID, who.name, tenant)
	case who.principal == nil:
		return who, unauthorizedClient(7000229, "The client application %s is missing service principal in the tenant %s. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119", q.clientID, c.w.Tenant.ID)
	case !who.enabled:
		return who, unauthorizedClient(7000112, "Application '%s'(%s) is disabled.", q.clientID, who.name)
	}
	return who, nil
}

// policy is conditional access for workload identities, which speaks last.
func (c *call) policy(q *request) *failure {
	fault, struck := c.w.Faults.Strike(world.ConditionalAccess, c.operation())
	if !struck || fault.Value != "" && !strings.EqualFold(fault.Value, q.clientID) {
		return nil
	}
	return &failure{
		code: 53003, name: "invalid_grant", status: http.StatusBadRequest, suberror: "message_only",
		message: "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
		claims:  `{"access_token":{"capolids":{"essential":true,"values":["` + world.RandomGUID() + `"]}}}`,
	}
}

// grant signs the token and notes which credential opened the door.
func (c *call) grant(q *request, who client, p proof, aud string, roles []string) *failure {
	now := time.Now()
	life := time.Hour
	claims := world.Claims{
		Audience: aud, Issuer: "https://sts.windows.net/" + c.w.Tenant.ID + "/",
		IssuedAt: now.Add(-5 * time.Minute).Unix(), NotBefore: now.Add(-5 * time.Minute).Unix(),
		AppID: q.clientID, AppIDACR: p.kind, IDType: "app",
		ObjectID: who.principal.ID, Subject: who.principal.ID, TenantID: c.w.Tenant.ID,
		Roles: roles, ID: tokenID(), Version: "1.0",
		Name: who.name, IdentityProvider: "https://sts.windows.net/" + c.w.Tenant.ID + "/", Region: "EU",
	}
	if strings.Contains(q.claimsDemanded, `"CP1"`) {
		claims.Capabilities = []string{"CP1"}
		life = 24 * time.Hour
	}
	claims.Expires = now.Add(life).Unix()
	token, err := c.w.Signer.Sign(claims)
	if err != nil {
		return &failure{code: 90033, name: "temporarily_unavailable", status: http.StatusServiceUnavailable, message: "A transient error has occurred. Please try again."}
	}
	c.w.Change(func() {
		p.used(now)
		c.w.Record(world.Fact{What: "token", Object: p.holder, Key: p.keyID, Label: aud, By: q.clientID, Request: c.correlation})
	})
	c.log(q, who, p, aud, nil, claims.ID)
	made := issuedToken{token: token, expires: now.Add(life)}
	c.mu.Lock()
	c.issued[q.key()] = made
	c.mu.Unlock()
	c.answer(q, made)
	return nil
}

// key is under what a token cache that never looks at credentials files a token.
func (q *request) key() string { return q.clientID + " " + q.scope + " " + q.target }

// replay answers with an earlier token, whatever credential was sent: a cache on
// the way that nobody knows of.
func (c *call) replay(q *request) (issuedToken, bool) {
	c.mu.Lock()
	old, ok := c.issued[q.key()]
	c.mu.Unlock()
	if !ok || !time.Now().Before(old.expires) {
		return issuedToken{}, false
	}
	_, struck := c.w.Faults.Strike(world.TokenCache, c.operation())
	return old, struck
}

// answer writes the token; version 1 has its numbers in quotes.
func (c *call) answer(q *request, t issuedToken) {
	left := int((time.Until(t.expires) - 1) / time.Second) // 3599 of a fresh hour
	if q.version == 2 {
		c.write(http.StatusOK, struct {
			Type    string `json:"token_type"`
			Expires int    `json:"expires_in"`
			Ext     int    `json:"ext_expires_in"`
			Token   string `json:"access_token"`
		}{"Bearer", left, left, t.token})
		return
	}
	c.write(http.StatusOK, struct {
		Type      string `json:"token_type"`
		Expires   string `json:"expires_in"`
		Ext       string `json:"ext_expires_in"`
		On        string `json:"expires_on"`
		NotBefore string `json:"not_before"`
		Resource  string `json:"resource"`
		Token     string `json:"access_token"`
	}{
		"Bearer", strconv.Itoa(left), strconv.Itoa(left), strconv.FormatInt(t.expires.Unix(), 10),
		strconv.FormatInt(time.Now().Add(-5*time.Minute).Unix(), 10), q.target, t.token,
	})
}

func tokenID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
