package api

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	wire "rekey.example/rekey/api"
)

// permit says who may use a route, and what a request to it looks like. Where an
// id stands in the address it is one of the home tenant's.
type permit struct {
	query, body string
	who         string // letters: u user, a auditor, m administrator
}

var permits = map[string]permit{
	"GET /v1/me":                          {who: "uam"},
	"GET /v1/status":                      {who: "uam"},
	"POST /v1/doctor":                     {who: "m"},
	"GET /v1/reconcile":                   {who: "am"},
	"POST /v1/reconcile/accept":           {who: "m", body: `{"hash":"0000000000000000000000000000000000000000000000000000000000000000"}`},
	"POST /v1/reconcile/hold":             {who: "m", body: `{"reason":"restored"}`},
	"GET /v1/credentials":                 {who: "uam"},
	"GET /v1/credentials/{keyId}":         {who: "uam"},
	"POST /v1/diagnose":                   {who: "uam", body: `{"text":"AADSTS7000222"}`},
	"GET /v1/diagnose/refresh":            {who: "uam", query: "?environment=contoso.operations.dynamics.com"},
	"POST /v1/diagnose/refresh/snapshots": {who: "um", body: `{"environment":"contoso.operations.dynamics.com"}`},
	"GET /v1/explain/{code}":              {who: "uam"},
	"GET /v1/ending":                      {who: "uam"},
	"GET /v1/powerplatform":               {who: "uam", query: "?host=rekey.contoso.com&clientId=4f8c6f0e-32b1-4f8e-9a9b-0f0f3f6f1a77"},
	"GET /v1/rotations/{id}/decision":     {who: "uam"},
	"GET /v1/applications":                {who: "uam"},
	"GET /v1/applications/{id}":           {who: "uam"},
	"GET /v1/syncs":                       {who: "uam"},
	"POST /v1/syncs":                      {who: "m", body: `{}`},
	"GET /v1/syncs/{id}":                  {who: "uam"},
	"GET /v1/findings":                    {who: "uam"},
	"GET /v1/findings/{id}":               {who: "uam"},
	"POST /v1/policy/check":               {who: "uam"},
	"GET /v1/policy/try":                  {who: "uam", query: "?name=x"},
	"GET /v1/rotations":                   {who: "uam"},
	"POST /v1/rotations":                  {who: "um", body: `{"application":"` + string(basware.ObjectID) + `","place":"embedded/basware-secret","dryRun":true}`},
	"GET /v1/rotations/{id}":              {who: "uam"},
	"GET /v1/rotations/{id}/events":       {who: "uam"},
	"POST /v1/rotations/{id}/approve":     {who: "m", body: `{"hash":"` + strings.Repeat("0", 64) + `"}`},
	"POST /v1/rotations/{id}/refuse":      {who: "m", body: `{"reason":"x"}`},
	"POST /v1/rotations/{id}/cancel":      {who: "um", body: `{}`},
	"POST /v1/rotations/{id}/confirm":     {who: "um", body: `{"consumer":"x","proof":"x"}`},
	"GET /v1/schedule":                    {who: "uam"},
	"GET /v1/schedule/due":                {who: "uam"},
	"GET /v1/tasks":                       {who: "uam"},
	"GET /v1/tasks/{id}":                  {who: "uam"},
	"POST /v1/tasks/{id}/link":            {who: "m"},
	"POST /v1/tasks/{id}/done":            {who: "um", body: `{"note":"x"}`},
	"POST /v1/rotations/{id}/permit":      {who: "m", body: `{"reason":"x"}`},
	"GET /v1/incidents":                   {who: "am"},
	"POST /v1/incidents":                  {who: "m", body: `{"plan":"revoke","reason":"x","applications":["D365"],"dryRun":true}`},
	"GET /v1/incidents/{id}":              {who: "am"},
	"POST /v1/incidents/{id}/approve":     {who: "m", body: `{"hash":"` + strings.Repeat("0", 64) + `"}`},
	"POST /v1/incidents/{id}/close":       {who: "m", body: `{}`},
	"GET /v1/incidents/{id}/report":       {who: "am"},
	"GET /v1/audit/events":                {who: "am"},
	"GET /v1/audit/export":                {who: "am"},
	"POST /v1/audit/verify":               {who: "am", body: `{}`},
	"GET /v1/audit/checkpoint":            {who: "am"},
	"GET /v1/tokens":                      {who: "am"},
	"POST /v1/tokens":                     {who: "m", body: `{"name":"x","role":"user"}`},
	"DELETE /v1/tokens/{id}":              {who: "m"},
	"GET /v1/alerts":                      {who: "uam"},
	"GET /v1/alerts/{id}":                 {who: "uam"},
	"POST /v1/alerts/{id}/acknowledge":    {who: "um", body: `{"note":"x"}`},
	"POST /v1/alerts/{id}/snooze":         {who: "um", body: `{"until":"2199-01-01T00:00:00Z","reason":"x"}`},
	"GET /v1/channels":                    {who: "uam"},
	"POST /v1/channels/{name}/test":       {who: "m", body: `{}`},
	"GET /v1/calendars":                   {who: "uam"},
	"POST /v1/calendars":                  {who: "um", body: `{"name":"x"}`},
	"DELETE /v1/calendars/{id}":           {who: "um"},
	"GET /v1/trail/sources":               {who: "am"},
	"GET /v1/trail/closings":              {who: "am"},
	"GET /v1/credentials/{keyId}/use":     {who: "uam"},
	"GET /v1/applications/{id}/access":    {who: "am"},
	"GET /v1/timeline":                    {who: "am", query: "?application=" + string(basware.ObjectID)},
	"GET /v1/timeline/export":             {who: "am", query: "?format=signed"},

	"POST /v1/findings/{id}/acknowledge":    {who: "m", body: `{"reason":"x"}`},
	"PUT /v1/schedule/postponed/{keyId}":    {who: "um", body: `{"until":"2199-01-01T00:00:00Z","reason":"x"}`},
	"DELETE /v1/schedule/postponed/{keyId}": {who: "um"},
	"GET /v1/keys":                          {who: "am"},
	"GET /v1/overview":                      {who: "uam"},
	"GET /v1/credentials/export":            {who: "uam", query: "?format=csv"},
	"GET /v1/consumers":                     {who: "uam"},
	"GET /v1/vaults":                        {who: "am"},
	"GET /v1/vaults/{vault}/entries":        {who: "am"},
	"GET /v1/views":                         {who: "uam"},
	"POST /v1/views":                        {who: "um", body: `{"name":"x","filter":"ends=7d","shared":true}`},
	"DELETE /v1/views/{id}":                 {who: "uam"},
	"POST /v1/keys/rotate":                  {who: "m"},

	"GET /v1/people":                  {who: "am"},
	"POST /v1/people":                 {who: "m", body: `{"login":"x","role":"user"}`},
	"POST /v1/people/{id}/invitation": {who: "m"},
	"POST /v1/people/{id}/lock":       {who: "m"},
	"DELETE /v1/people/{id}/lock":     {who: "m"},
	"GET /v1/sessions":                {who: "am"},
	"DELETE /v1/sessions/{id}":        {who: "m"},
	"GET /v1/policy/rules":            {who: "uam"},
	"GET /v1/audit/events/{seq}":      {who: "am"},
}

// target is the request that a permit describes.
func (h *house) target(pattern string) (method, target, body string) {
	method, path, _ := strings.Cut(pattern, " ")
	id := map[string]string{
		"rotations": h.rotation, "incidents": h.incident, "syncs": "s-1", "tokens": h.revocable, "tasks": h.task, "findings": h.finding, "applications": string(basware.ObjectID), "credentials": ending.KeyID, "schedule": ending.KeyID, "people": h.person, "sessions": h.session, "alerts": h.alert, "calendars": h.feed,
	}[strings.Split(path, "/")[2]]
	path = strings.NewReplacer("{code}", "held", "{name}", "room", "{id}", id, "{keyId}", id).Replace(path)
	path = strings.NewReplacer("{code}", "held", "{id}", id, "{keyId}", id, "{vault}", "kv-none.vault.azure.net").Replace(path)
	path = strings.NewReplacer("{code}", "held", "{seq}", "1", "{id}", id, "{keyId}", id, "{vault}", "kv-none.vault.azure.net").Replace(path)
	return method, path + permits[pattern].query, permits[pattern].body
}

// unknownToken has the right form and is nobody's.
const unknownToken = "rk_000000000000000000000000000000000000000"

// TestEveryRouteIsForThoseWhoMayUseIt asks each route of the router as
// everybody (SAFETY T30). A route without a permit fails it.
func TestEveryRouteIsForThoseWhoMayUseIt(t *testing.T) {
	seed := newHouse(t)
	if routes, ruled := slices.Sorted(slices.Values(seed.api.Routes())), slices.Sorted(maps.Keys(permits)); !slices.Equal(routes, ruled) {
		t.Fatalf("the router has\n%s\nand the permits are for\n%s", strings.Join(routes, "\n"), strings.Join(ruled, "\n"))
	}
	for pattern, allowed := range permits {
		t.Run(pattern, func(t *testing.T) {
			h := newHouse(t)
			h.live()
			h.signedIn()
			method, target, body := h.target(pattern)
			h.tokens["unknown"] = unknownToken
			h.tokens["broken"] = "rk_x"
			h.tokens["no token at all"] = "Basic YTpi"
			made := decode[wire.NewToken](t, h.ask("administrator", "POST", "/v1/tokens", `{"name":"short-lived","role":"administrator"}`))
			h.tokens["revoked"] = made.Secret
			h.ask("administrator", "DELETE", "/v1/tokens/"+made.Token.ID, "")
			h.tokens["expired"] = h.expired()
			for _, who := range []string{"", "unknown", "broken", "revoked", "no token at all", "expired", "session that ended", "session that is idle", "session of nobody"} {
				if p := refused(t, h.ask(who, method, target, body)); p.Code != "unauthenticated" || p.Status != http.StatusUnauthorized {
					t.Errorf("%q: %+v", who, p)
				}
			}
			for letter, who := range map[string]string{"u": "user", "a": "auditor", "m": "administrator"} {
				answer := h.ask(who, method, target, body)
				io.Copy(io.Discard, answer.Body)
				may := strings.Contains(allowed.who, letter)
				denied := answer.StatusCode == http.StatusForbidden
				ownWords := strings.HasSuffix(pattern, "/{id}/approve") && who == "administrator" // refused for the wrong hash, or for having opened it
				if answer.StatusCode == http.StatusUnauthorized || denied == may && !ownWords {
					t.Errorf("%s: %d, may = %v", who, answer.StatusCode, may)
				}
				if answer.StatusCode >= 500 {
					t.Errorf("%s: %d", who, answer.StatusCode)
				}
			}
		})
	}
}

// TestAnotherTenantDoesNotExist asks each route as an administrator of another
// tenant, with the ids of this one (SAFETY T26).
func TestAnotherTenantDoesNotExist(t *testing.T) {
	h := newHouse(t)
	h.live()
	h.signedIn()
	for pattern, allowed := range permits {
		t.Run(pattern, func(t *testing.T) {
			method, target, body := h.target(pattern)
			answer := h.ask("foreigner", method, target, body)
			raw, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			named := strings.Contains(pattern, "{") && !strings.Contains(pattern, "{code}") || strings.Contains(allowed.body, string(basware.ObjectID))
			if named && answer.StatusCode != http.StatusNotFound {
				t.Errorf("%d %s, want 404", answer.StatusCode, raw)
			}
			for what, text := range map[string]string{
				"tenant": home, "application": basware.Name, "client": string(basware.ClientID), "label": ending.Label, "person": "contoso.com", "rotation": `"` + h.rotation + `"`,
			} {
				if strings.Contains(string(raw), text) {
					t.Errorf("the answer holds the other tenant's %s: %s", what, raw)
				}
			}
		})
	}
	for _, target := range []string{
		"/v1/credentials?app=" + string(basware.ObjectID), "/v1/credentials?app=Basware", "/v1/credentials?owner=Nora", "/v1/applications?name=Basware",
		"/v1/findings?application=" + string(basware.ObjectID), "/v1/rotations?application=" + string(basware.ObjectID), "/v1/audit/events?subject=" + h.rotation,
		"/v1/audit/events?actor=token:x",
	} {
		type list struct {
			Value []any `json:"value"`
		}
		if got := decode[list](t, h.ask("foreigner", "GET", target, "")); len(got.Value) != 0 {
			t.Errorf("GET %s: %v", target, got.Value)
		}
	}
	for _, header := range []string{"X-Tenant", "X-Ms-Client-Tenant", "Tenant", "X-Original-Url", "X-Forwarded-User"} {
		me := decode[wire.Me](t, h.ask("foreigner", "GET", "/v1/me", "", header, home))
		if me.Actor.Tenant != abroad {
			t.Errorf("%s: %+v", header, me.Actor)
		}
	}
}
