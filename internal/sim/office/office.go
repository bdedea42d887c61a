// Package office answers as manage.office.com, the Office 365 Management Activity
// API: subscriptions, lists of content, blobs of audit records, notifications.
//
// Its records are those of the directory audits, told once more by a slower
// witness. A record gets into a blob after its own part of the lag; a blob never
// changes, is kept for seven days and listed by when it was made. Nothing is
// collected while a subscription is off. See
// https://learn.microsoft.com/office/office-365-management-api/office-365-management-activity-api-reference
package office

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

const host = "manage.office.com"

// appID is the API's own, which a token may name as its audience too.
const appID = "c5393580-f805-4401-95e8-94b7a6ef2fc2"

// The limits of the service.
const (
	kept      = 7 * 24 * time.Hour
	longest   = 24 * time.Hour
	pageSize  = 200
	mostAsked = 2000 // requests a minute of one publisher and tenant
)

var types = []string{"Audit.AzureActiveDirectory", "Audit.Exchange", "Audit.SharePoint", "Audit.General", "DLP.All"}

// Service is the API.
type Service struct {
	w       *world.World
	outside http.RoundTripper // to webhooks

	mu    sync.Mutex
	asked map[string]*minute // by publisher
}

type minute struct {
	began time.Time
	n     int
}

// New answers for w. Webhooks are reached through outside.
func New(w *world.World, outside http.RoundTripper) *Service {
	return &Service{w: w, outside: outside, asked: map[string]*minute{}}
}

// failure is a refusal in the API's words.
type failure struct {
	status     int
	code, text string
	retry      string
}

func fail(status int, code, text string) *failure {
	return &failure{status: status, code: code, text: text}
}

// call is one request.
type call struct {
	*Service
	r     *http.Request
	q     url.Values
	what  string // subscriptions/list, audit/{id}
	kind  string // content type
	reply http.Header
}

var address = regexp.MustCompile(`^/api/v1(?:\.0)?/([^/]+)/activity/feed/(.+)$`)

func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{Service: s, r: r, q: r.URL.Query(), reply: w.Header()}
	body, f := c.serve()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if f != nil {
		if f.retry != "" {
			w.Header().Set("Retry-After", f.retry)
		}
		w.WriteHeader(f.status)
		body = map[string]any{"error": map[string]string{"code": f.code, "message": f.text}}
	}
	if body != nil {
		json.NewEncoder(w).Encode(body) // the client may be gone
	}
}

func (c *call) serve() (any, *failure) {
	m := address.FindStringSubmatch(c.r.URL.Path)
	if m == nil {
		return nil, fail(http.StatusNotFound, "AF20051", "The request resource is not found.")
	}
	if f := c.authorize(m[1]); f != nil {
		return nil, f
	}
	if f := c.throttle(); f != nil {
		return nil, f
	}
	c.what = m[2]
	if id, ok := strings.CutPrefix(c.what, "audit/"); ok && c.r.Method == http.MethodGet {
		return c.blob(id)
	}
	c.kind = c.q.Get("contentType")
	if c.what != "subscriptions/list" {
		if f := c.checkType(); f != nil {
			return nil, f
		}
	}
	switch c.r.Method + " " + c.what {
	case "POST subscriptions/start":
		return c.start()
	case "POST subscriptions/stop":
		return c.stop()
	case "GET subscriptions/list":
		return c.subscriptions()
	case "GET subscriptions/content":
		return c.content()
	}
	return nil, fail(http.StatusNotFound, "AF20051", "The request resource is not found.")
}

func (c *call) checkType() *failure {
	for _, t := range types {
		if t == c.kind {
			return nil
		}
	}
	if c.kind == "" {
		return fail(http.StatusBadRequest, "AF20001", "Missing parameter: contentType.")
	}
	return fail(http.StatusBadRequest, "AF20020", "The specified content type is not valid.")
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)

func (c *call) authorize(tenant string) *failure {
	claims, err := c.w.Bearer(c.r.Header.Get("Authorization"), "https://"+host, appID)
	if err != nil {
		return fail(http.StatusUnauthorized, "AF10001", "The permission set () sent in the request did not include the expected permission ActivityFeed.Read.")
	}
	if !guid.MatchString(tenant) {
		return fail(http.StatusBadRequest, "AF20013", "The tenant ID passed in the URL ("+tenant+") is not a valid GUID.")
	}
	if !strings.EqualFold(tenant, claims.TenantID) {
		return fail(http.StatusForbidden, "AF20010", "The tenant ID passed in the URL ("+tenant+") does not match the tenant ID passed in the access token ("+claims.TenantID+").")
	}
	for _, role := range claims.Roles {
		if role == "ActivityFeed.Read" {
			return nil
		}
	}
	return fail(http.StatusUnauthorized, "AF10001", "The permission set ("+strings.Join(claims.Roles, " ")+") sent in the request did not include the expected permission ActivityFeed.Read.")
}

// throttle counts the requests of a publisher; those without one share a quota.
func (c *call) throttle() *failure {
	if !c.w.Limits {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	publisher := c.q.Get("PublisherIdentifier")
	m := c.asked[publisher]
	if m == nil || time.Since(m.began) >= time.Minute {
		m = &minute{began: time.Now()}
		c.asked[publisher] = m
	}
	if m.n++; m.n > mostAsked {
		f := fail(http.StatusTooManyRequests, "AF429", "Too many requests. Method="+c.what+", PublisherId="+publisher)
		f.retry = "30"
		return f
	}
	return nil
}

// Trouble words an error of the front end.
func Trouble(status int, code string) []byte {
	switch status {
	case http.StatusTooManyRequests:
		code = "AF429"
	default:
		code = "AF50000"
	}
	text, err := json.Marshal(map[string]any{"error": map[string]string{"code": code, "message": "An internal error occurred. Retry the request."}})
	if err != nil {
		panic("sim: " + err.Error()) // texts always marshal
	}
	return text
}
