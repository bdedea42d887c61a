package graph

import "rekey.example/rekey/internal/sim/world"

type principal = *world.ServicePrincipal

// principals is how the service writes service principals.
var principals = entity[principal]{
	name: "microsoft.graph.servicePrincipal",
	set:  "servicePrincipals",
	properties: []property[principal]{
		newProperty("id", func(b []byte, s principal, _ *view) []byte { return appendText(b, s.ID) }),
		newProperty("deletedDateTime", func(b []byte, s principal, _ *view) []byte { return appendSeconds(b, s.DeletedAt) }),
		newProperty("accountEnabled", func(b []byte, s principal, _ *view) []byte { return appendBool(b, s.Enabled) }),
		spKept("alternativeNames", "[]"),
		newProperty("appDisplayName", func(b []byte, s principal, _ *view) []byte { return appendOptional(b, s.Name) }),
		spKept("appDescription", "null"),
		newProperty("appId", func(b []byte, s principal, _ *view) []byte { return appendText(b, s.AppID) }),
		spKept("applicationTemplateId", "null"),
		newProperty("appOwnerOrganizationId", func(b []byte, s principal, v *view) []byte { return appendOptional(b, ownerOrg(s, v.w)) }),
		spKept("appRoleAssignmentRequired", "false"),
		newProperty("createdDateTime", func(b []byte, s principal, v *view) []byte { return appendCreated(b, s.Created, v) }),
		spKept("description", "null"),
		constant[principal]("disabledByMicrosoftStatus", "null"),
		newProperty("displayName", func(b []byte, s principal, _ *view) []byte { return appendText(b, s.Name) }),
		spKept("homepage", "null"),
		spKept("loginUrl", "null"),
		spKept("logoutUrl", "null"),
		newProperty("notes", func(b []byte, s principal, _ *view) []byte { return appendOptional(b, s.Notes) }),
		newProperty("notificationEmailAddresses", func(b []byte, s principal, _ *view) []byte { return appendTexts(b, s.Notify) }),
		newProperty("preferredSingleSignOnMode", func(b []byte, s principal, _ *view) []byte { return appendOptional(b, s.SSOMode) }),
		spKept("preferredTokenSigningKeyThumbprint", "null"),
		spKept("replyUrls", "[]"),
		newProperty("servicePrincipalNames", func(b []byte, s principal, _ *view) []byte { return appendNames(b, s) }),
		newProperty("servicePrincipalType", func(b []byte, s principal, _ *view) []byte { return appendText(b, principalType(s)) }),
		newProperty("signInAudience", func(b []byte, s principal, _ *view) []byte { return appendText(b, audience(&s.Holder)) }),
		newProperty("tags", func(b []byte, s principal, _ *view) []byte { return appendTexts(b, s.Tags) }),
		spKept("tokenEncryptionKeyId", "null"),
		spKept("samlSingleSignOnSettings", "null"),
		constant[principal]("verifiedPublisher", emptyPublisher),
		spKept("addIns", "[]"),
		newProperty("appRoles", appendRoles),
		spKept("info", emptyInfo),
		newProperty("keyCredentials", func(b []byte, s principal, v *view) []byte { return appendKeys(b, &s.Holder, v) }),
		spKept("oauth2PermissionScopes", "[]"),
		newProperty("passwordCredentials", func(b []byte, s principal, v *view) []byte { return appendPasswords(b, &s.Holder, v) }),
		constant[principal]("resourceSpecificApplicationPermissions", "[]"),
		onlyAsked(newProperty("isDisabled", func(b []byte, s principal, _ *view) []byte { return appendBool(b, !s.Enabled) })),
		onlyAsked(constant[principal]("customSecurityAttributes", "null")),
	},
}

// spKept is a property that is shown as it was written, or as its default.
func spKept(name, otherwise string) property[principal] {
	return newProperty(name, func(b []byte, s principal, _ *view) []byte {
		if raw := s.Extra[name]; raw != nil {
			return append(b, raw...)
		}
		return append(b, otherwise...)
	})
}

// ownerOrg is the tenant in which the application is at home.
func ownerOrg(s principal, w *world.World) string {
	if s.OwnerOrg != "" || s.Type == "ManagedIdentity" {
		return s.OwnerOrg
	}
	return w.Tenant.ID
}

func principalType(s principal) string {
	if s.Type == "" {
		return "Application"
	}
	return s.Type
}

func names(s principal) []string {
	if len(s.Names) == 0 {
		return []string{s.AppID}
	}
	return s.Names
}

func appendNames(b []byte, s principal) []byte { return appendTexts(b, names(s)) }

// appendRoles appends the application permissions that an API offers; Graph's are
// known, others are shown as they were written.
func appendRoles(b []byte, s principal, _ *view) []byte {
	if raw := s.Extra["appRoles"]; raw != nil {
		return append(b, raw...)
	}
	b = append(b, '[')
	if s.AppID == world.GraphAppID {
		for i, r := range world.GraphRoles {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, `{"allowedMemberTypes":["Application"],"description":`...)
			b = appendText(b, r.DisplayName)
			b = append(b, `,"displayName":`...)
			b = appendText(b, r.DisplayName)
			b = append(b, `,"id":`...)
			b = appendText(b, r.ID)
			b = append(b, `,"isEnabled":true,"origin":"Application","value":`...)
			b = appendText(b, r.Value)
			b = append(b, '}')
		}
	}
	return append(b, ']')
}
