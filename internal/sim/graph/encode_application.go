package graph

import (
	"rekey.example/rekey/internal/sim/world"
)

type app = *world.Application

// applications is how the service writes applications: every default property, in
// its order, null or empty where nothing is set.
var applications = entity[app]{
	name: "microsoft.graph.application",
	set:  "applications",
	properties: []property[app]{
		newProperty("id", func(b []byte, a app, _ *view) []byte { return appendText(b, a.ID) }),
		newProperty("deletedDateTime", func(b []byte, a app, _ *view) []byte { return appendSeconds(b, a.DeletedAt) }),
		newProperty("appId", func(b []byte, a app, _ *view) []byte { return appendText(b, a.AppID) }),
		appKept("applicationTemplateId", "null"),
		constant[app]("disabledByMicrosoftStatus", "null"),
		newProperty("createdDateTime", func(b []byte, a app, v *view) []byte { return appendCreated(b, a.Created, v) }),
		newProperty("displayName", func(b []byte, a app, _ *view) []byte { return appendText(b, a.Name) }),
		newProperty("description", func(b []byte, a app, _ *view) []byte { return appendOptional(b, a.Description) }),
		appKept("groupMembershipClaims", "null"),
		newProperty("identifierUris", func(b []byte, a app, _ *view) []byte { return appendTexts(b, a.IdentifierURIs) }),
		appKept("isDeviceOnlyAuthSupported", "null"),
		appKept("isFallbackPublicClient", "null"),
		newProperty("notes", func(b []byte, a app, _ *view) []byte { return appendOptional(b, a.Notes) }),
		newProperty("publisherDomain", func(b []byte, a app, _ *view) []byte { return appendOptional(b, a.PublisherDomain) }),
		newProperty("serviceManagementReference", func(b []byte, a app, _ *view) []byte { return appendOptional(b, a.ServiceRef) }),
		newProperty("signInAudience", func(b []byte, a app, _ *view) []byte { return appendText(b, audience(&a.Holder)) }),
		newProperty("tags", func(b []byte, a app, _ *view) []byte { return appendTexts(b, a.Tags) }),
		appKept("tokenEncryptionKeyId", "null"),
		appKept("defaultRedirectUri", "null"),
		constant[app]("certification", "null"),
		appKept("optionalClaims", "null"),
		appKept("addIns", "[]"),
		appKept("api", `{"acceptMappedClaims":null,"knownClientApplications":[],"requestedAccessTokenVersion":null,"oauth2PermissionScopes":[],"preAuthorizedApplications":[]}`),
		appKept("appRoles", "[]"),
		appKept("info", emptyInfo),
		newProperty("keyCredentials", func(b []byte, a app, v *view) []byte { return appendKeys(b, &a.Holder, v) }),
		appKept("parentalControlSettings", `{"countriesBlockedForMinors":[],"legalAgeGroupRule":"Allow"}`),
		newProperty("passwordCredentials", func(b []byte, a app, v *view) []byte { return appendPasswords(b, &a.Holder, v) }),
		appKept("publicClient", `{"redirectUris":[]}`),
		newProperty("requiredResourceAccess", func(b []byte, a app, _ *view) []byte { return appendRequired(b, a.Requires) }),
		constant[app]("verifiedPublisher", emptyPublisher),
		newProperty("web", appendWeb),
		appKept("spa", `{"redirectUris":[]}`),
		onlyAsked(newProperty("isDisabled", func(b []byte, a app, _ *view) []byte { return appendBool(b, a.Disabled) })),
		onlyAsked(appKept("uniqueName", "null")),
		onlyAsked(appKept("createdByAppId", "null")),
		onlyAsked(appKept("authenticationBehaviors", "null")),
		onlyAsked(appKept("servicePrincipalLockConfiguration", "null")),
		onlyAsked(appKept("samlMetadataUrl", "null")),
		onlyAsked(appKept("nativeAuthenticationApisEnabled", "null")),
		onlyAsked(appKept("requestSignatureVerification", "null")),
	},
}

const (
	emptyInfo      = `{"logoUrl":null,"marketingUrl":null,"privacyStatementUrl":null,"supportUrl":null,"termsOfServiceUrl":null}`
	emptyPublisher = `{"displayName":null,"verifiedPublisherId":null,"addedDateTime":null}`
)

// appKept is a property that is shown as it was written, or as its default.
func appKept(name, otherwise string) property[app] {
	return newProperty(name, func(b []byte, a app, _ *view) []byte {
		if raw := a.Extra[name]; raw != nil {
			return append(b, raw...)
		}
		return append(b, otherwise...)
	})
}

// defaultAudience is what an application gets that was made through the API without one.
const defaultAudience = "AzureADandPersonalMicrosoftAccount"

func audience(h *world.Holder) string {
	if h.Audience == "" {
		return "AzureADMyOrg"
	}
	return h.Audience
}

func appendRequired(b []byte, list []world.RequiredResource) []byte {
	b = append(b, '[')
	for i, r := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"resourceAppId":`...)
		b = appendText(b, r.ResourceAppID)
		b = append(b, `,"resourceAccess":[`...)
		for j, a := range r.Access {
			if j > 0 {
				b = append(b, ',')
			}
			b = pairs(b, "id", a.ID, "type", a.Type)
		}
		b = append(b, ']', '}')
	}
	return append(b, ']')
}

// appendWeb appends web, of which only the redirect URIs are a field of their own.
func appendWeb(b []byte, a app, _ *view) []byte {
	field := func(name, otherwise string) {
		b = append(b, `,"`...)
		b = append(b, name...)
		b = append(b, `":`...)
		if raw := a.Extra["web/"+name]; raw != nil {
			b = append(b, raw...)
		} else {
			b = append(b, otherwise...)
		}
	}
	start := len(b)
	field("homePageUrl", "null")
	field("logoutUrl", "null")
	b = append(b, `,"redirectUris":`...)
	b = appendTexts(b, a.Redirects)
	field("implicitGrantSettings", `{"enableAccessTokenIssuance":false,"enableIdTokenIssuance":false}`)
	return object(b, start)
}
