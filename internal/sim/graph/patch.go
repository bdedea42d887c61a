package graph

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"rekey.example/rekey/internal/sim/world"
)

// keptApplication are the properties of an application that the simulator keeps as
// they were written, with what they look like before.
var keptApplication = map[string]string{
	"groupMembershipClaims": "", "isDeviceOnlyAuthSupported": "", "isFallbackPublicClient": "", "tokenEncryptionKeyId": "",
	"defaultRedirectUri": "", "optionalClaims": "", "addIns": "", "appRoles": "", "uniqueName": "", "authenticationBehaviors": "",
	"servicePrincipalLockConfiguration": "", "samlMetadataUrl": "", "nativeAuthenticationApisEnabled": "", "requestSignatureVerification": "",
	"applicationTemplateId": "", "createdByAppId": "",
	"api":                     `{"acceptMappedClaims":null,"knownClientApplications":[],"requestedAccessTokenVersion":null,"oauth2PermissionScopes":[],"preAuthorizedApplications":[]}`,
	"info":                    emptyInfo,
	"parentalControlSettings": `{"countriesBlockedForMinors":[],"legalAgeGroupRule":"Allow"}`,
	"publicClient":            `{"redirectUris":[]}`,
	"spa":                     `{"redirectUris":[]}`,
}

var keptPrincipal = map[string]string{
	"alternativeNames": "", "appDescription": "", "appRoleAssignmentRequired": "", "description": "", "homepage": "", "loginUrl": "",
	"logoutUrl": "", "preferredTokenSigningKeyThumbprint": "", "replyUrls": "", "tokenEncryptionKeyId": "", "samlSingleSignOnSettings": "",
	"addIns": "", "appRoles": "", "oauth2PermissionScopes": "", "info": emptyInfo, "applicationTemplateId": "",
}

// readOnly properties are refused when they are written.
var readOnly = []string{"id", "appId", "createdDateTime", "deletedDateTime", "publisherDomain", "certification", "verifiedPublisher", "createdByAppId", "appDisplayName", "appOwnerOrganizationId"}

var audiences = []string{"AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount"}

// copied is a draft of an application that can be thrown away.
func copied(a app) world.Application {
	draft := *a
	draft.Extra = maps.Clone(a.Extra)
	draft.Keys, draft.Passwords = slices.Clone(a.Keys), slices.Clone(a.Passwords)
	return draft
}

// setApplication sets the named properties of an application, or says which cannot be set.
func (c *call) setApplication(a app, set map[string]json.RawMessage, names []string) *failure {
	for _, name := range names {
		var f *failure
		raw := set[name]
		switch name {
		case "displayName":
			f = c.setName(&a.Holder, raw, "Application")
		case "description":
			f = setText(&a.Description, name, raw)
		case "notes":
			f = setText(&a.Notes, name, raw)
		case "serviceManagementReference":
			f = setText(&a.ServiceRef, name, raw)
		case "signInAudience":
			f = setAudience(&a.Holder, raw)
		case "tags":
			f = setTexts(&a.Tags, name, raw)
		case "identifierUris":
			f = c.setURIs(a, raw)
		case "isDisabled":
			f = setJSON(&a.Disabled, name, raw)
		case "requiredResourceAccess":
			f = setRequired(a, raw)
		case "web":
			f = setWeb(a, raw)
		case "keyCredentials":
			f = c.setKeys(&a.Holder, raw)
		case "passwordCredentials":
			f = c.setPasswords(&a.Holder, raw, a.Changed.Equal(a.Created) && c.method == "POST")
		default:
			f = setKept(&a.Holder, keptApplication, name, raw)
		}
		if f != nil {
			return f
		}
	}
	return nil
}

// setKept keeps a property as it was written. Of an object only the members that
// are named change.
func setKept(h *world.Holder, kept map[string]string, name string, raw json.RawMessage) *failure {
	if slices.Contains(readOnly, name) {
		return badRequest("Property '%s' is read-only and cannot be set.", name)
	}
	before, known := kept[name]
	if !known {
		return badRequest("Property '%s' does not exist as a declared property or extension property.", name)
	}
	if h.Extra[name] != nil {
		before = string(h.Extra[name])
	}
	if h.Extra == nil {
		h.Extra = map[string]json.RawMessage{}
	}
	h.Extra[name] = merged(json.RawMessage(before), raw)
	return nil
}

// keep is setKept for a property that is known to be one.
func keep(a app, name string, raw json.RawMessage) {
	if a.Extra == nil {
		a.Extra = map[string]json.RawMessage{}
	}
	before := keptApplication[name]
	a.Extra[name] = merged(json.RawMessage(before), raw)
}

// merged lays an object over another, whose order of members it keeps. Anything
// else replaces what was there.
func merged(before, raw json.RawMessage) json.RawMessage {
	var over map[string]json.RawMessage
	if json.Unmarshal(raw, &over) != nil || over == nil || !bytes.HasPrefix(before, []byte("{")) {
		return compact(raw)
	}
	var under map[string]json.RawMessage
	if json.Unmarshal(before, &under) != nil {
		return compact(raw)
	}
	names := memberNames(before)
	for _, name := range slices.Sorted(maps.Keys(over)) {
		if _, there := under[name]; !there {
			names = append(names, name)
		}
		under[name] = over[name]
	}
	b := []byte{'{'}
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, name), ':')
		b = append(b, compact(under[name])...)
	}
	return append(b, '}')
}

// memberNames lists an object's members in their order.
func memberNames(object json.RawMessage) []string {
	d := json.NewDecoder(bytes.NewReader(object))
	var names []string
	for depth := 0; ; {
		t, err := d.Token()
		if err != nil {
			return names
		}
		if name, ok := t.(string); ok && depth == 1 {
			names = append(names, name)
			var skip json.RawMessage
			if d.Decode(&skip) != nil {
				return names
			}
			continue
		}
		switch t {
		case json.Delim('{'):
			depth++
		case json.Delim('}'):
			depth--
		}
	}
}

func compact(raw json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return json.RawMessage("null")
	}
	return b.Bytes()
}

func setJSON(to any, name string, raw json.RawMessage) *failure {
	if json.Unmarshal(raw, to) != nil {
		f := badRequest("Invalid value specified for property '%s' of resource.", name)
		f.details = []detail{{Target: name, Code: "InvalidValue"}}
		return f
	}
	return nil
}

// setText takes null for empty.
func setText(to *string, name string, raw json.RawMessage) *failure {
	*to = ""
	return setJSON(to, name, raw)
}

func setTexts(to *[]string, name string, raw json.RawMessage) *failure {
	*to = nil
	return setJSON(to, name, raw)
}

// longestName is how long a display name may be.
const longestName = 256

func (c *call) setName(h *world.Holder, raw json.RawMessage, resource string) *failure {
	var name string
	if f := setText(&name, "displayName", raw); f != nil {
		return f
	}
	if name == "" || utf8.RuneCountInString(name) > longestName {
		f := badRequest("Invalid value specified for property 'displayName' of resource '%s'.", resource)
		f.details = []detail{{Target: "displayName", Code: "InvalidLength"}}
		return f
	}
	h.Name = name
	return nil
}

func setAudience(h *world.Holder, raw json.RawMessage) *failure {
	var audience string
	if f := setText(&audience, "signInAudience", raw); f != nil {
		return f
	}
	if !slices.Contains(audiences, audience) {
		return badRequest("Invalid value specified for property 'signInAudience' of resource 'Application'.")
	}
	h.Audience = audience
	return nil
}

// setURIs refuses an identifier that another application has.
func (c *call) setURIs(a app, raw json.RawMessage) *failure {
	if f := setTexts(&a.IdentifierURIs, "identifierUris", raw); f != nil || len(a.IdentifierURIs) == 0 {
		return f
	}
	for _, other := range c.w.Directory.ApplicationsInOrder() {
		if other == nil || other.ID == a.ID {
			continue
		}
		for _, uri := range other.IdentifierURIs {
			if slices.Contains(a.IdentifierURIs, uri) {
				f := badRequest("Another object with the same value for property identifierUris already exists.")
				f.details = []detail{{Target: "identifierUris", Code: "ObjectConflict"}}
				return f
			}
		}
	}
	return nil
}

func setRequired(a app, raw json.RawMessage) *failure {
	var list []struct {
		ResourceAppID string `json:"resourceAppId"`
		Access        []struct {
			ID   string `json:"id"`
			Type string `json:"type"`
		} `json:"resourceAccess"`
	}
	if f := setJSON(&list, "requiredResourceAccess", raw); f != nil {
		return f
	}
	a.Requires = nil
	for _, l := range list {
		r := world.RequiredResource{ResourceAppID: l.ResourceAppID}
		for _, x := range l.Access {
			r.Access = append(r.Access, struct{ ID, Type string }{x.ID, x.Type})
		}
		a.Requires = append(a.Requires, r)
	}
	return nil
}

func setWeb(a app, raw json.RawMessage) *failure {
	var set map[string]json.RawMessage
	if f := setJSON(&set, "web", raw); f != nil {
		return f
	}
	for name, value := range set {
		switch name {
		case "redirectUris":
			if f := setTexts(&a.Redirects, "web/redirectUris", value); f != nil {
				return f
			}
		case "homePageUrl", "logoutUrl", "implicitGrantSettings":
			before := ""
			if name == "implicitGrantSettings" {
				before = `{"enableAccessTokenIssuance":false,"enableIdTokenIssuance":false}`
			}
			if a.Extra == nil {
				a.Extra = map[string]json.RawMessage{}
			}
			if old := a.Extra["web/"+name]; old != nil {
				before = string(old)
			}
			a.Extra["web/"+name] = merged(json.RawMessage(before), value)
		case "redirectUriSettings":
		default:
			return badRequest("Property '%s' does not exist as a declared property or extension property.", "web/"+name)
		}
	}
	return nil
}

func upper(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

func joinNames(list []string) string { return strings.Join(list, ",") }
