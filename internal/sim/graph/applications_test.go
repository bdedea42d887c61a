package graph

import (
	"slices"
	"strings"
	"testing"

	"rekey.example/rekey/internal/sim/world"
)

// recorded is an application as the service wrote it in 2022, to the byte.
const recorded = `{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#applications/$entity","id":"ID","deletedDateTime":null,"appId":"APPID","applicationTemplateId":null,"disabledByMicrosoftStatus":null,"createdDateTime":"CREATED","displayName":"azure-cli-test","description":null,"groupMembershipClaims":null,"identifierUris":[],"isDeviceOnlyAuthSupported":null,"isFallbackPublicClient":null,"notes":null,"publisherDomain":"contoso.com","serviceManagementReference":null,"signInAudience":"AzureADandPersonalMicrosoftAccount","tags":[],"tokenEncryptionKeyId":null,"defaultRedirectUri":null,"certification":null,"optionalClaims":null,"addIns":[],"api":{"acceptMappedClaims":null,"knownClientApplications":[],"requestedAccessTokenVersion":2,"oauth2PermissionScopes":[],"preAuthorizedApplications":[]},"appRoles":[],"info":{"logoUrl":null,"marketingUrl":null,"privacyStatementUrl":null,"supportUrl":null,"termsOfServiceUrl":null},"keyCredentials":[],"parentalControlSettings":{"countriesBlockedForMinors":[],"legalAgeGroupRule":"Allow"},"passwordCredentials":[],"publicClient":{"redirectUris":[]},"requiredResourceAccess":[],"verifiedPublisher":{"displayName":null,"verifiedPublisherId":null,"addedDateTime":null},"web":{"homePageUrl":null,"logoutUrl":null,"redirectUris":[],"implicitGrantSettings":{"enableAccessTokenIssuance":false,"enableIdTokenIssuance":false}},"spa":{"redirectUris":[]}}`

func TestCreatedApplicationLooksAsRecorded(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	made := x.want(201, "POST", "/applications", `{"displayName": "azure-cli-test", "keyCredentials": []}`)
	want := strings.NewReplacer("APPID", made.string("appId"), "ID", made.string("id"), "CREATED", made.string("createdDateTime")).Replace(recorded)
	if made.text != want {
		t.Errorf("got  %s\nwant %s", made.text, want)
	}
	if l := made.header.Get("Location"); l != "https://graph.microsoft.com/v2/"+tenantID+"/directoryObjects/"+made.string("id")+"/Microsoft.DirectoryServices.Application" {
		t.Errorf("location %s", l)
	}

	again := x.get("/applications/" + made.string("id"))
	whole, _, _ := strings.Cut(made.string("createdDateTime"), ".")
	if got := again.string("createdDateTime"); got != strings.TrimSuffix(whole, "Z")+"Z" {
		t.Errorf("created %s, read back as %s: want whole seconds", made.string("createdDateTime"), got)
	}
	for _, name := range []string{"request-id", "client-request-id", "x-ms-ags-diagnostic", "x-ms-resource-unit"} {
		if again.header.Get(name) == "" {
			t.Errorf("no header %s", name)
		}
	}
	if x.facts("createApplication") != 1 {
		t.Error("creation is not a fact")
	}
}

func TestUpdateChangesWhatItNames(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	id := x.add("before").ID
	x.want(204, "PATCH", "/applications/"+id, `{"displayName":"after","tags":["a","b"],"web":{"redirectUris":["https://x"],"implicitGrantSettings":{"enableIdTokenIssuance":true}},"api":{"requestedAccessTokenVersion":2},"isFallbackPublicClient":true,"notes":"n","requiredResourceAccess":[{"resourceAppId":"r","resourceAccess":[{"id":"i","type":"Role"}]}]}`)
	got := x.get("/applications/" + id + "?$select=displayName,tags,web,api,isFallbackPublicClient,notes,requiredResourceAccess").text
	want := `{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#applications(displayName,tags,web,api,isFallbackPublicClient,notes,requiredResourceAccess)/$entity","displayName":"after","tags":["a","b"],"web":{"homePageUrl":null,"logoutUrl":null,"redirectUris":["https://x"],"implicitGrantSettings":{"enableAccessTokenIssuance":false,"enableIdTokenIssuance":true}},"api":{"acceptMappedClaims":null,"knownClientApplications":[],"requestedAccessTokenVersion":2,"oauth2PermissionScopes":[],"preAuthorizedApplications":[]},"isFallbackPublicClient":true,"notes":"n","requiredResourceAccess":[{"resourceAppId":"r","resourceAccess":[{"id":"i","type":"Role"}]}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRefusedUpdateChangesNothing(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	x.add("other", func(a *world.Application) { a.IdentifierURIs = []string{"api://taken"} })
	id := x.add("before").ID
	for _, body := range []string{
		`{"displayName":"after","zzz":1}`,
		`{"displayName":"after","id":"x"}`,
		`{"displayName":"after","signInAudience":"Everybody"}`,
		`{"displayName":"after","identifierUris":["api://taken"]}`,
		`{"displayName":"` + strings.Repeat("x", 257) + `"}`,
		`{"displayName":null}`,
		`{"displayName":"after","passwordCredentials":[{"displayName":"new"}]}`,
		`{"displayName":"after",`,
		`[]`,
	} {
		if p := x.do("PATCH", "/applications/"+id, body); p.status != 400 {
			t.Errorf("%s: %d %s", body, p.status, p.text)
		}
	}
	if got := x.get("/applications/" + id).string("displayName"); got != "before" {
		t.Errorf("name is %q", got)
	}
}

func TestDeletedItemsCanBeRestoredThenPurged(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	made := x.want(201, "POST", "/applications", `{"displayName":"a"}`)
	id := made.string("id")
	sp := x.want(201, "POST", "/servicePrincipals", `{"appId":"`+made.string("appId")+`","accountEnabled":true}`).string("id")

	x.want(204, "DELETE", "/applications/"+id, "")
	if p := x.want(404, "GET", "/applications/"+id, ""); p.code() != "Request_ResourceNotFound" {
		t.Errorf("code %s", p.code())
	}
	x.want(404, "GET", "/servicePrincipals/"+sp, "")
	if got := x.get("/directory/deletedItems/microsoft.graph.application").names(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("deleted items %v", got)
	}
	if d := x.get("/directory/deletedItems/" + id).string("deletedDateTime"); d == "" {
		t.Error("no deletedDateTime")
	}
	x.want(200, "POST", "/directory/deletedItems/"+id+"/restore", "")
	x.get("/applications/" + id)
	x.want(404, "GET", "/servicePrincipals/"+sp, "")
	x.want(200, "POST", "/directory/deletedItems/"+sp+"/restore", "")
	x.get("/servicePrincipals/" + sp)

	x.want(204, "DELETE", "/applications/"+id, "")
	x.want(204, "DELETE", "/directory/deletedItems/"+id, "")
	x.want(404, "POST", "/directory/deletedItems/"+id+"/restore", "")
}

func TestServicePrincipalNeedsItsApplication(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	p := x.want(400, "POST", "/servicePrincipals", `{"appId":"11111111-0000-4000-8000-000000000000"}`)
	if !strings.Contains(p.message(), " does not reference ") {
		t.Errorf("az waits for another message than %q", p.message())
	}
	a := x.add("app", func(a *world.Application) { a.IdentifierURIs = []string{"api://app"} })
	x.want(201, "POST", "/servicePrincipals", `{"appId":"`+a.AppID+`","accountEnabled":true}`)
	if p := x.want(409, "POST", "/servicePrincipals", `{"appId":"`+a.AppID+`"}`); p.code() != "Request_MultipleObjectsWithSameKeyValue" {
		t.Errorf("code %s", p.code())
	}
	for _, name := range []string{a.AppID, "api://app"} {
		if got := x.get("/servicePrincipals?$filter=servicePrincipalNames/any(c:c eq '" + name + "')").names(); !slices.Equal(got, []string{"app"}) {
			t.Errorf("by %s: %v", name, got)
		}
	}
	x.want(204, "PATCH", "/applications/"+a.ID, `{"displayName":"renamed"}`)
	if got := x.get("/servicePrincipals(appId='" + a.AppID + "')").string("displayName"); got != "renamed" {
		t.Errorf("service principal is called %q", got)
	}
}

func TestOwners(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	a := x.add("a")
	u := &world.User{ID: "aaaaaaaa-0000-4000-8000-000000000000", Name: "Ada Berg", UPN: "ada@contoso.com", Mail: "ada@contoso.com", Enabled: true}
	x.w.Change(func() { x.w.Directory.Users[u.ID] = u })

	add := `{"@odata.id":"https://graph.microsoft.com/v1.0/directoryObjects/` + u.ID + `"}`
	x.want(204, "POST", "/applications/"+a.ID+"/owners/$ref", add)
	if p := x.want(400, "POST", "/applications/"+a.ID+"/owners/$ref", add); !strings.Contains(p.message(), "already exist") {
		t.Errorf("message %q", p.message())
	}
	got := x.get("/applications/" + a.ID + "/owners").text
	want := `{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#directoryObjects","value":[{"@odata.type":"#microsoft.graph.user","businessPhones":[],"displayName":"Ada Berg","givenName":"Ada","jobTitle":null,"mail":"ada@contoso.com","mobilePhone":null,"officeLocation":null,"preferredLanguage":null,"surname":"Berg","userPrincipalName":"ada@contoso.com","id":"aaaaaaaa-0000-4000-8000-000000000000"}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := x.get("/applications?$expand=owners&$select=id").text; !strings.Contains(got, `"owners":[{"@odata.type":"#microsoft.graph.user"`) {
		t.Errorf("not expanded: %s", got)
	}
	if got := x.get("/users/ada@contoso.com/ownedObjects").names(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("Ada owns %v", got)
	}

	x.signIn("Application.Read.All") // who may not read people sees who, not what he is called
	if got := x.get("/applications/" + a.ID + "/owners").names(); !slices.Equal(got, []string{"<nil>"}) {
		t.Errorf("without a right to read people: %v", got)
	}
	x.signIn(all)
	x.want(204, "DELETE", "/applications/"+a.ID+"/owners/"+u.ID+"/$ref", "")
	x.want(404, "DELETE", "/applications/"+a.ID+"/owners/"+u.ID+"/$ref", "")
}

func TestFederatedCredentials(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	base := "/applications/" + x.add("a").ID + "/federatedIdentityCredentials"
	made := x.want(201, "POST", base, `{"name":"ci","issuer":"https://token.actions.githubusercontent.com","subject":"repo:a/b:ref:refs/heads/main","audiences":["api://AzureADTokenExchange"]}`)
	x.want(409, "POST", base, `{"name":"ci","issuer":"https://i","subject":"s"}`)
	x.want(400, "POST", base, `{"name":"x"}`)
	x.want(204, "PATCH", base+"/ci", `{"description":"builds"}`)
	if got := x.get(base + "/" + made.string("id")).string("description"); got != "builds" {
		t.Errorf("description %q", got)
	}
	x.want(204, "DELETE", base+"/ci", "")
	x.want(404, "GET", base+"/ci", "")
}

func TestOtherObjects(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	a := x.add("a")
	if p := x.want(400, "GET", "/me", ""); !strings.Contains(p.message(), "delegated") {
		t.Errorf("/me: %s", p.text)
	}
	if got := x.get("/organization").names(); !slices.Equal(got, []string{"Contoso"}) {
		t.Errorf("organization %v", got)
	}
	got := x.want(200, "POST", "/directoryObjects/getByIds", `{"ids":["`+callerID+`","`+a.ID+`"],"types":["user","group","servicePrincipal","directoryObjectPartnerReference"]}`)
	if names := got.names(); !slices.Equal(names, []string{"rekey"}) {
		t.Errorf("getByIds: %v", names)
	}
	if got := x.get("/directoryObjects/" + callerID).string("@odata.type"); got != "#microsoft.graph.servicePrincipal" {
		t.Errorf("type %s", got)
	}
	for path, want := range map[string]string{"/nothing": "BadRequest", "https://graph.microsoft.com/v3.0/users": "BadRequest", "/applications/x": "Request_ResourceNotFound"} {
		if p := x.do("GET", path, ""); p.code() != want {
			t.Errorf("%s: %d %s", path, p.status, p.text)
		}
	}
	x.want(405, "PUT", "/applications", `{}`)
	if got := x.get("https://graph.microsoft.com/beta/applications").string("@odata.context"); got != "https://graph.microsoft.com/beta/$metadata#applications" {
		t.Errorf("context %s", got)
	}
}

func TestRoleAssignments(t *testing.T) {
	x := newTenant(t, world.Config{}, all+" AppRoleAssignment.ReadWrite.All")
	graph := &world.ServicePrincipal{Holder: world.Holder{ID: "66666666-0000-4000-8000-000000000000", AppID: world.GraphAppID, Name: "Microsoft Graph"}, Enabled: true}
	x.w.Change(func() { x.w.Directory.AddServicePrincipal(graph) })
	base := "/servicePrincipals/" + callerID + "/appRoleAssignments"
	if got := len(x.get(base).names()); got != 4 {
		t.Errorf("%d assignments at first, want 4", got)
	}
	made := x.want(201, "POST", base, `{"principalId":"`+callerID+`","resourceId":"`+graph.ID+`","appRoleId":"df021288-bdef-4463-88db-98f22de89214"}`)
	if !slices.Contains(x.caller.Roles, "User.Read.All") {
		t.Errorf("roles %v", x.caller.Roles)
	}
	if got := len(x.get("/servicePrincipals/" + graph.ID + "/appRoleAssignedTo").names()); got != 5 {
		t.Errorf("%d assigned to Graph, want 5", got)
	}
	x.want(204, "DELETE", base+"/"+made.string("id"), "")
	if slices.Contains(x.caller.Roles, "User.Read.All") {
		t.Errorf("roles %v", x.caller.Roles)
	}
}
