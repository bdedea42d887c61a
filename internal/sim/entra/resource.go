package entra

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// apis are the resources of the clouds that every tenant knows, by host, with
// their client ids.
var apis = map[string]string{
	"graph.microsoft.com":              world.GraphAppID,
	"graph.windows.net":                world.LegacyGraph,
	"vault.azure.net":                  "cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
	"managedhsm.azure.net":             "589d5083-6f11-4d30-a62a-a4b316a14abf",
	"management.azure.com":             "797f4846-ba00-4fd7-ba43-dac1f8f63013",
	"management.core.windows.net":      "797f4846-ba00-4fd7-ba43-dac1f8f63013",
	"storage.azure.com":                "e406a681-f3d4-42a8-90b6-c2b029497af1",
	"eventgrid.azure.net":              "4962773b-9cdb-44cf-a8bf-237846a00ab7",
	"eventhubs.azure.net":              "80369ed6-5f11-4dd9-bef3-692475845e77",
	"servicebus.azure.net":             "80a10ef9-8168-493d-abf9-3297c4ef6e3c",
	"monitor.azure.com":                "be14bf7e-8ab4-49b0-9dc6-a0eddd6fa73e",
	"api.loganalytics.io":              "ca7f3f0b-7d91-482c-8e09-c5d840d0eac5",
	"database.windows.net":             "022907d3-0f1b-48f7-badc-1ba6abab6d66",
	"azconfig.io":                      "35ffadb3-7fc1-497e-b61b-381d28e744cc",
	"manage.office.com":                "c5393580-f805-4401-95e8-94b7a6ef2fc2",
	"outlook.office365.com":            "00000002-0000-0ff1-ce00-000000000000",
	"service.flow.microsoft.com":       "7df0a125-d3be-4c96-aa54-591f83ff541c",
	"service.powerapps.com":            "475226c6-020e-4fb2-8a90-7a972cbfc1d4",
	"api.businesscentral.dynamics.com": "996def3d-b36c-4153-8607-a6fd3c01b89f",
	"app.vssps.visualstudio.com":       "499b84ac-1321-427f-aa17-267ca6975798",
}

// hostedAPIs are resources whose host names an environment of the customer.
var hostedAPIs = []struct{ suffix, appID string }{
	{".operations.dynamics.com", "00000015-0000-0000-c000-000000000000"},
	{".dynamics.com", "00000007-0000-0000-c000-000000000000"},
	{".vault.azure.net", "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"},
	{".blob.core.windows.net", "e406a681-f3d4-42a8-90b6-c2b029497af1"},
	{".azconfig.io", "35ffadb3-7fc1-497e-b61b-381d28e744cc"},
}

// resource reads which API the token is for, and what the client may do there.
func (c *call) resource(q *request, who client) (aud string, roles []string, f *failure) {
	aud = q.target
	if q.version == 2 {
		if q.targetSent {
			return "", nil, invalidRequest(901002, "The 'resource' request parameter is not supported.")
		}
		if aud, f = audience(q.scope); f != nil {
			return "", nil, f
		}
	} else if aud == "" {
		aud, _ = strings.CutSuffix(q.scope, "/.default")
	}
	c.w.Read(func() {
		appID, ok := c.lookUp(aud)
		if !ok {
			f = &failure{
				code: 500011, name: "invalid_resource", status: http.StatusBadRequest,
				message: "The resource principal named " + aud + " was not found in the tenant named " + c.w.Tenant.Name + ". This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.",
			}
			return
		}
		roles = c.rolesAt(who.principal, appID)
	})
	return aud, roles, f
}

// audience is the resource of a v2.0 scope: exactly one, with /.default. The
// scopes of people's sign-ins, which some libraries add, mean nothing here.
func audience(scope string) (string, *failure) {
	wanted := slices.DeleteFunc(strings.Fields(scope), func(s string) bool {
		return slices.Contains([]string{"openid", "profile", "email", "offline_access"}, s)
	})
	switch {
	case len(wanted) != 1:
		return "", &failure{code: 70011, name: "invalid_scope", status: http.StatusBadRequest,
			message: "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope " + scope + " is not valid."}
	case !strings.HasSuffix(wanted[0], "/.default"):
		return "", &failure{code: 1002012, name: "invalid_scope", status: http.StatusBadRequest,
			message: "The provided value for scope " + scope + " is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."}
	}
	return strings.TrimSuffix(wanted[0], "/.default"), nil
}

// lookUp finds the client id of the API that an identifier names. The caller holds Read.
func (c *call) lookUp(identifier string) (appID string, ok bool) {
	d := &c.w.Directory
	if id := strings.ToLower(identifier); isGUID(id) {
		for _, known := range apis {
			if known == id {
				return id, true
			}
		}
		return id, d.ServicePrincipalByClient(id) != nil
	}
	if u, err := url.Parse(identifier); err == nil && u.Scheme == "https" && strings.Trim(u.Path, "/") == "" {
		host := strings.ToLower(u.Hostname())
		if id, ok := apis[host]; ok {
			return id, true
		}
		for _, h := range hostedAPIs {
			if strings.HasSuffix(host, h.suffix) {
				return h.appID, true
			}
		}
	}
	if id, ok := strings.CutPrefix(identifier, "api://"); ok && d.ServicePrincipalByClient(strings.ToLower(id)) != nil {
		return strings.ToLower(id), true
	}
	for _, a := range d.ApplicationsInOrder() {
		if a != nil && slices.Contains(a.IdentifierURIs, identifier) {
			return a.AppID, true
		}
	}
	for _, s := range d.ServicePrincipalsInOrder() {
		if s != nil && slices.Contains(s.Names, identifier) {
			return s.AppID, true
		}
	}
	return "", false
}

// rolesAt are the application permissions that were granted at an API. The caller
// holds Read.
func (c *call) rolesAt(s *world.ServicePrincipal, appID string) []string {
	var roles []string
	if appID == world.GraphAppID {
		roles = append(roles, s.Roles...)
	}
	api := c.w.Directory.ServicePrincipalByClient(appID)
	for _, g := range s.Grants {
		here := api != nil && g.ResourceID == api.ID || appID == world.GraphAppID && g.ResourceName == "Microsoft Graph"
		if here && g.RoleValue != "" && !slices.Contains(roles, g.RoleValue) {
			roles = append(roles, g.RoleValue)
		}
	}
	slices.Sort(roles)
	return roles
}
