package arm

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

const (
	tenant       = "11111111-2222-4333-8444-555555555555"
	subscription = "99999999-8888-4777-8666-555555555555"
	owner        = "aaaaaaaa-0000-4000-8000-000000000001" // object id of the usual caller
	stranger     = "aaaaaaaa-0000-4000-8000-000000000002"

	group = "/subscriptions/" + subscription + "/resourceGroups/rg-pay"
	vault = group + "/providers/Microsoft.KeyVault/vaults/kv-pay"
	topic = group + "/providers/Microsoft.EventGrid/topics/orders"
	store = group + "/providers/Microsoft.Storage/storageAccounts/stpay"
)

func newWorld(t testing.TB, lag world.Lag) *world.World {
	t.Helper()
	w, err := world.New(world.Config{Seed: 1, Lag: lag, Tenant: world.Tenant{ID: tenant, SubscriptionID: subscription, Name: "Contoso", Domain: "contoso.com"}})
	if err != nil {
		t.Fatal(err)
	}
	w.Change(func() {
		w.Azure.AddVault(&world.Vault{Name: "kv-pay", Group: "rg-pay", RBAC: true, PublicAccess: true})
		w.Azure.AddResource(&world.Resource{Type: "Microsoft.EventGrid/topics", Name: "orders", Group: "rg-pay", Tags: map[string]string{"team": "pay"},
			Properties: map[string]any{"endpoint": "https://orders.westeurope-1.eventgrid.azure.net/api/events"},
			Keys:       []*world.ResourceKey{{Name: "key1", Value: "one"}, {Name: "key2", Value: "two"}}})
		w.Azure.AddResource(&world.Resource{Type: "Microsoft.Storage/storageAccounts", Name: "stpay", Group: "rg-pay",
			Keys: []*world.ResourceKey{{Name: "key1", Value: "one", Created: time.Now().Add(-time.Hour)}, {Name: "key2", Value: "two", Created: time.Now().Add(-time.Hour)}}})
		w.Azure.Assign(owner, "Owner", "", time.Now().Add(-time.Hour))
		w.Directory.ServicePrincipals[stranger] = &world.ServicePrincipal{Holder: world.Holder{ID: stranger}}
	})
	return w
}

type caller struct {
	t     testing.TB
	h     http.Handler
	token string
}

func as(t testing.TB, w *world.World, oid string) *caller {
	return &caller{t: t, h: Handler(w), token: token(t, w, oid, "https://management.azure.com/")}
}

func token(t testing.TB, w *world.World, oid, audience string) string {
	t.Helper()
	text, err := w.Signer.Sign(world.Claims{
		Audience: audience, Issuer: "https://sts.windows.net/" + tenant + "/", TenantID: tenant, NotBefore: time.Now().Unix(), Expires: time.Now().Add(time.Hour).Unix(),
		AppID: "app-" + oid, ObjectID: oid,
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

type reply struct {
	status int
	header http.Header
	body   map[string]any
}

func (c *caller) ask(method, path, body string) reply {
	c.t.Helper()
	if !strings.Contains(path, "api-version") {
		sign := "?"
		if strings.Contains(path, "?") {
			sign = "&"
		}
		path += sign + "api-version=2022-07-01"
	}
	r := httptest.NewRequest(method, "https://management.azure.com"+strings.ReplaceAll(path, " ", "%20"), strings.NewReader(body))
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	rec := httptest.NewRecorder()
	c.h.ServeHTTP(rec, r)
	got := reply{status: rec.Code, header: rec.Header()}
	if rec.Body.Len() > 0 {
		if err := json.Unmarshal(rec.Body.Bytes(), &got.body); err != nil {
			c.t.Fatalf("%s %s: answer is not JSON: %v", method, path, err)
		}
	}
	return got
}

func (c *caller) want(status int, method, path, body string) reply {
	c.t.Helper()
	got := c.ask(method, path, body)
	if got.status != status {
		c.t.Fatalf("%s %s: got %d %v, want %d", method, path, got.status, got.body, status)
	}
	return got
}

func (r reply) get(path ...string) any {
	var at any = r.body
	for _, p := range path {
		m, _ := at.(map[string]any)
		at = m[p]
	}
	return at
}

func (r reply) code() string { s, _ := r.get("error", "code").(string); return s }

func (r reply) names() string {
	var names []string
	items, _ := r.get("value").([]any)
	for _, item := range items {
		names = append(names, fmt.Sprint(item.(map[string]any)["name"]))
	}
	return strings.Join(names, " ")
}

func TestPathsKnowNoCase(t *testing.T) {
	c := as(t, newWorld(t, world.Lag{}), owner)
	for _, path := range []string{vault, strings.ToLower(vault), strings.ToUpper(vault)} {
		if got := c.want(200, "GET", path, ""); got.get("id") != vault || got.get("properties", "vaultUri") != "https://kv-pay.vault.azure.net/" {
			t.Errorf("GET %s: %v", path, got.body)
		}
	}
}

func TestListsShowWhatIsThere(t *testing.T) {
	c := as(t, newWorld(t, world.Lag{}), owner)
	sub := "/subscriptions/" + subscription
	for _, tc := range []struct{ path, want string }{
		{sub + "/resources", "orders kv-pay stpay"},
		{sub + "/resources?$filter=resourceType eq 'Microsoft.KeyVault/vaults'", "kv-pay"},
		{sub + "/resources?$filter=resourceType eq 'microsoft.eventgrid/topics' or resourceType eq 'Microsoft.Storage/storageAccounts'", "orders stpay"},
		{sub + "/resources?$filter=tagName eq 'team' and tagValue eq 'pay'", "orders"},
		{sub + "/resourcegroups", "rg-pay"},
		{sub + "/providers/Microsoft.KeyVault/vaults", "kv-pay"},
		{group + "/providers/Microsoft.KeyVault/vaults", "kv-pay"},
		{sub + "/providers/Microsoft.EventGrid/topics", "orders"},
		{group + "/providers/Microsoft.Storage/storageAccounts", "stpay"},
	} {
		if got := c.want(200, "GET", tc.path, "").names(); got != tc.want {
			t.Errorf("GET %s: %q, want %q", tc.path, got, tc.want)
		}
	}
	if got := c.want(200, "GET", "/tenants", ""); got.get("value").([]any)[0].(map[string]any)["tenantId"] != tenant {
		t.Errorf("tenants %v", got.body)
	}
	if got := c.want(200, "GET", "/subscriptions", ""); got.get("value").([]any)[0].(map[string]any)["subscriptionId"] != subscription {
		t.Errorf("subscriptions %v", got.body)
	}
	got := c.want(200, "POST", "/providers/Microsoft.ResourceGraph/resources", `{"query":"Resources | where type =~ 'microsoft.keyvault/vaults' | project id, name"}`)
	if got.get("count") != 1.0 {
		t.Errorf("resource graph %v", got.body)
	}
}

func TestNothingOfAKeyIsInLists(t *testing.T) {
	w := newWorld(t, world.Lag{})
	w.Change(func() { w.Azure.Resources[strings.ToLower(topic)].Keys[0].Value = "very-secret-key" })
	c := as(t, w, owner)
	for _, path := range []string{topic, group + "/providers/Microsoft.EventGrid/topics", group + "/resources"} {
		if got := fmt.Sprint(c.want(200, "GET", path, "").body); strings.Contains(got, "very-secret-key") {
			t.Errorf("GET %s tells a key", path)
		}
	}
	if fmt.Sprint(w.Facts("")) != "[]" {
		t.Error("reading left facts")
	}
}

func TestRegeneratingOneKeyLeavesTheOther(t *testing.T) {
	w := newWorld(t, world.Lag{})
	c := as(t, w, owner)
	before := c.want(200, "POST", topic+"/listKeys", "")
	after := c.want(200, "POST", topic+"/regenerateKey", `{"keyName":"key1"}`)
	if before.get("key1") == after.get("key1") || before.get("key2") != after.get("key2") {
		t.Errorf("topic: before %v, after %v", before.body, after.body)
	}
	old := c.want(200, "POST", store+"/listkeys?$expand=kerb", "").get("keys").([]any)
	changed := c.want(200, "POST", store+"/REGENERATEKEY", `{"keyName":"key2"}`).get("keys").([]any)
	for i, name := range []string{"key1", "key2"} {
		a, b := old[i].(map[string]any), changed[i].(map[string]any)
		if b["keyName"] != name || b["permissions"] != "FULL" || (a["value"] == b["value"]) != (i == 0) || (a["creationTime"] == b["creationTime"]) != (i == 0) {
			t.Errorf("storage %s: before %v, after %v", name, a, b)
		}
	}
	c.want(400, "POST", topic+"/regenerateKey", `{"keyName":"key3"}`)
	facts := w.Facts("regenerateKey")
	if len(facts) != 2 || facts[0].Object != topic || facts[0].Key != "key1" || facts[0].By != "app-"+owner {
		t.Errorf("facts %+v", facts)
	}
}

func TestRolesDecide(t *testing.T) {
	for _, tc := range []struct {
		role, scope                         string
		getVault, putVault, storage, events int
		resources                           string
	}{
		{"", "", 403, 403, 403, 403, ""},
		{"Reader", group, 200, 403, 403, 403, "orders kv-pay stpay"},
		{"Reader", vault, 200, 403, 403, 403, "kv-pay"},
		{"Contributor", "", 200, 200, 200, 200, "orders kv-pay stpay"},
		{"Key Vault Contributor", group, 200, 200, 403, 403, "kv-pay"},
		{"Storage Account Key Operator Service Role", store, 403, 403, 200, 403, ""},
		{"EventGrid Contributor", topic, 403, 403, 403, 200, "orders"},
		{"Key Vault Secrets User", "", 403, 403, 403, 403, ""},
	} {
		t.Run(tc.role+" at "+tc.scope, func(t *testing.T) {
			w := newWorld(t, world.Lag{})
			w.Change(func() {
				if tc.role != "" {
					w.Azure.Assign(stranger, tc.role, tc.scope, time.Now().Add(-time.Hour))
				}
			})
			c := as(t, w, stranger)
			c.want(tc.getVault, "GET", vault, "")
			c.want(tc.putVault, "PUT", vault, `{"location":"westeurope","properties":{}}`)
			c.want(tc.storage, "POST", store+"/regenerateKey", `{"keyName":"key1"}`)
			c.want(tc.events, "POST", topic+"/listKeys", "")
			if got := c.want(200, "GET", "/subscriptions/"+subscription+"/resources", "").names(); got != tc.resources {
				t.Errorf("sees %q, want %q", got, tc.resources)
			}
		})
	}
}

func TestARefusalNamesClientActionAndScope(t *testing.T) {
	c := as(t, newWorld(t, world.Lag{}), stranger)
	got := c.want(403, "POST", topic+"/listKeys", "")
	want := "The client 'app-" + stranger + "' with object id '" + stranger + "' does not have authorization to perform action 'Microsoft.EventGrid/topics/listKeys/action' over scope '" + topic + "'"
	if m := fmt.Sprint(got.get("error", "message")); got.code() != "AuthorizationFailed" || !strings.HasPrefix(m, want) {
		t.Errorf("%s: %s", got.code(), m)
	}
}

func TestErrors(t *testing.T) {
	c := as(t, newWorld(t, world.Lag{}), owner)
	for _, tc := range []struct {
		status             int
		code, method, path string
	}{
		{400, "MissingApiVersionParameter", "GET", "/subscriptions?api-version="},
		{400, "InvalidApiVersionParameter", "GET", "/subscriptions?api-version=7.4"},
		{404, "SubscriptionNotFound", "GET", "/subscriptions/00000000-0000-4000-8000-000000000000"},
		{404, "ResourceGroupNotFound", "GET", "/subscriptions/" + subscription + "/resourceGroups/none"},
		{404, "ResourceNotFound", "GET", vault + "x"},
		{404, "ResourceNotFound", "POST", topic + "x/listKeys"},
		{404, "InvalidResourceType", "GET", "/nonsense"},
		{405, "MethodNotAllowed", "DELETE", "/tenants"},
		{400, "InvalidFilterInQueryString", "GET", "/subscriptions/" + subscription + "/resources?$filter=colour eq 'red'"},
		{400, "InvalidRequestContent", "PUT", vault},
	} {
		if got := c.want(tc.status, tc.method, tc.path, ""); got.code() != tc.code {
			t.Errorf("%s %s: code %s, want %s", tc.method, tc.path, got.code(), tc.code)
		}
	}
	c.token = ""
	if got := c.want(401, "GET", "/subscriptions", ""); got.code() != "AuthenticationFailed" || !strings.HasPrefix(got.header.Get("WWW-Authenticate"), `Bearer authorization_uri="https://login.windows.net/`+tenant) {
		t.Errorf("without token: %s, %q", got.code(), got.header.Get("WWW-Authenticate"))
	}
	w := newWorld(t, world.Lag{})
	c = as(t, w, owner)
	c.token = token(t, w, owner, "https://vault.azure.net")
	if got := c.want(401, "GET", "/subscriptions", ""); got.code() != "InvalidAuthenticationTokenAudience" {
		t.Errorf("wrong audience: %s", got.code())
	}
}

func TestAVaultsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, world.Lag{Vault: 10 * time.Second})
		c := as(t, w, owner)
		path := group + "/providers/Microsoft.KeyVault/vaults/kv-new"
		c.want(400, "PUT", group+"/providers/Microsoft.KeyVault/vaults/-bad-", `{"location":"westeurope"}`)
		made := c.want(200, "PUT", path, `{"location":"West Europe","properties":{"softDeleteRetentionInDays":7,"accessPolicies":[{"objectId":"x","permissions":{"secrets":["get"]}}]}}`)
		if made.get("properties", "softDeleteRetentionInDays") != 7.0 || made.get("location") != "westeurope" {
			t.Errorf("made %v", made.body)
		}
		c.want(400, "PATCH", path, `{"properties":{"softDeleteRetentionInDays":6}}`)
		c.want(200, "PATCH", path, `{"tags":{"a":"b"},"properties":{"networkAcls":{"defaultAction":"Deny"},"publicNetworkAccess":"Disabled","enablePurgeProtection":false}}`)
		w.Read(func() {
			if v := w.Azure.Vaults["kv-new"]; !v.FirewallDeny || v.PublicAccess || v.RetentionDays != 7 || v.Policies[0].Secrets[0] != "get" {
				t.Errorf("the world has %+v", v)
			}
		})
		c.want(200, "DELETE", path, "")
		c.want(404, "GET", path, "")
		if got := c.want(200, "GET", "/subscriptions/"+subscription+"/providers/Microsoft.KeyVault/deletedVaults", "").names(); got != "kv-new" {
			t.Errorf("deleted vaults %q", got)
		}
		if got := c.want(409, "PUT", path, `{"location":"westeurope"}`).code(); got != "ConflictError" {
			t.Errorf("code %s", got)
		}
		back := c.want(200, "PUT", path, `{"location":"westeurope","properties":{"createMode":"recover"}}`)
		if back.get("tags", "a") != "b" {
			t.Errorf("recovered %v", back.body)
		}
		c.want(200, "DELETE", path, "")
		deleted := "/subscriptions/" + subscription + "/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/kv-new"
		c.want(200, "GET", deleted, "")
		place := strings.TrimPrefix(c.want(202, "POST", deleted+"/purge", "").header.Get("Location"), "https://management.azure.com")
		c.want(202, "GET", place, "")
		time.Sleep(10 * time.Second)
		c.want(200, "GET", place, "")
		c.want(200, "PUT", path, `{"location":"westeurope"}`)
	})
}

func TestRoleAssignments(t *testing.T) {
	w := newWorld(t, world.Lag{})
	c := as(t, w, owner)
	roles := c.want(200, "GET", vault+"/providers/Microsoft.Authorization/roleDefinitions?$filter=roleName eq 'Key Vault Secrets Officer'", "")
	role := roles.get("value").([]any)[0].(map[string]any)
	if role["name"] != "b86a8fe4-44ce-4948-aee5-eccb2c155cd7" {
		t.Fatalf("role %v", role)
	}
	path := vault + "/providers/Microsoft.Authorization/roleAssignments/aaaaaaaa-1111-4111-8111-000000000001"
	body := fmt.Sprintf(`{"properties":{"roleDefinitionId":%q,"principalId":%q}}`, role["id"], stranger)
	c.want(201, "PUT", path, body)
	if got := c.want(409, "PUT", strings.Replace(path, "0001", "0002", 1), body).code(); got != "RoleAssignmentExists" {
		t.Errorf("code %s", got)
	}
	base := "/providers/Microsoft.Authorization/roleAssignments?$filter=principalId eq '" + stranger + "'"
	for scope, want := range map[string]int{"/subscriptions/" + subscription: 1, vault: 1, topic: 0} {
		if got := len(c.want(200, "GET", scope+base, "").get("value").([]any)); got != want {
			t.Errorf("%s: %d assignments, want %d", scope, got, want)
		}
	}
	c.want(200, "DELETE", path, "")
	c.want(204, "DELETE", path, "")
	c.want(404, "GET", path, "")
	c.want(400, "PUT", path, strings.ReplaceAll(body, stranger, "nobody"))
}

func TestLimitsAreBuckets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, world.Lag{})
		w.Limits = true
		c := as(t, w, owner)
		for i := range 250 {
			got := c.want(200, "GET", "/tenants", "")
			if left := got.header.Get("x-ms-ratelimit-remaining-subscription-reads"); left != fmt.Sprint(249-i) {
				t.Fatalf("after %d reads %s are left", i+1, left)
			}
		}
		if got := c.want(429, "GET", "/tenants", ""); got.header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
		}
		c.want(200, "POST", topic+"/listKeys", "")
		time.Sleep(time.Second)
		c.want(200, "GET", "/tenants", "")
	})
}

func TestAKeyIsProvedByPublishing(t *testing.T) {
	w := newWorld(t, world.Lag{})
	h := Handler(w)
	send := func(key, body string) int {
		r := httptest.NewRequest("POST", "https://orders.westeurope-1.eventgrid.azure.net/api/events?api-version=2018-01-01", strings.NewReader(body))
		r.Header.Set("aeg-sas-key", key)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		_, _ = io.Copy(io.Discard, rec.Body)
		return rec.Code
	}
	event := `[{"id":"1","eventType":"t","subject":"s","eventTime":"2026-01-01T00:00:00Z","data":{},"dataVersion":"1"}]`
	for _, tc := range []struct {
		key, body string
		want      int
	}{
		{"one", event, 200}, {"two", "[]", 200}, {"three", event, 401}, {"", event, 401}, {"one", "{", 400}, {"one", `[{"id":"1"}]`, 400},
		{"one", `[` + strings.Repeat(" ", 1<<20) + `]`, 413},
	} {
		if got := send(tc.key, tc.body); got != tc.want {
			t.Errorf("key %q: %d, want %d", tc.key, got, tc.want)
		}
	}
	as(t, w, owner).want(200, "POST", topic+"/regenerateKey", `{"keyName":"key1"}`)
	if got := send("one", event); got != 401 {
		t.Errorf("the old key still opens: %d", got)
	}
	if facts := w.Facts("publish"); len(facts) != 2 || facts[0].Key != "key1" || facts[1].Key != "key2" {
		t.Errorf("facts %+v", facts)
	}
}
