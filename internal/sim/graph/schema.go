package graph

import (
	"cmp"
	"slices"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

var applicationSchema = &schema{entity: applications.name, fields: map[string]valueKind{
	"id": textValue, "appId": textValue, "displayName": textValue, "description": textValue, "publisherDomain": textValue,
	"signInAudience": textValue, "serviceManagementReference": textValue, "createdDateTime": timeValue, "deletedDateTime": timeValue,
	"identifierUris": listValue, "tags": listValue, "isDisabled": flagValue, "uniqueName": textValue, "applicationTemplateId": textValue,
	"owners": recordsValue, "owners/id": textValue, "owners/$count": numberValue,
}}

var principalSchema = &schema{entity: principals.name, fields: map[string]valueKind{
	"id": textValue, "appId": textValue, "displayName": textValue, "appDisplayName": textValue, "appOwnerOrganizationId": textValue,
	"signInAudience": textValue, "servicePrincipalType": textValue, "preferredSingleSignOnMode": textValue, "accountEnabled": flagValue,
	"createdDateTime": timeValue, "deletedDateTime": timeValue, "servicePrincipalNames": listValue, "tags": listValue, "alternativeNames": listValue,
	"owners": recordsValue, "owners/id": textValue, "owners/$count": numberValue,
}}

var userSchema = &schema{entity: users.name, fields: map[string]valueKind{
	"id": textValue, "displayName": textValue, "userPrincipalName": textValue, "mail": textValue, "givenName": textValue,
	"surname": textValue, "accountEnabled": flagValue, "userType": textValue, "mailNickname": textValue,
}}

func textOf(s string) value { return value{kind: textValue, text: s, null: s == ""} }

// holderSource is what applications and service principals have alike.
func holderSource(h *world.Holder, path string) value {
	switch path {
	case "id":
		return textOf(h.ID)
	case "appId":
		return textOf(h.AppID)
	case "displayName":
		return textOf(h.Name)
	case "signInAudience":
		return textOf(audience(h))
	case "createdDateTime":
		return value{kind: timeValue, time: h.Created, null: h.Created.IsZero()}
	case "deletedDateTime":
		return value{kind: timeValue, time: h.DeletedAt, null: h.DeletedAt.IsZero()}
	case "tags":
		return value{kind: listValue, list: h.Tags}
	case "owners/$count":
		return value{kind: numberValue, number: int64(len(h.Owners))}
	case "owners":
		v := value{kind: recordsValue}
		for _, id := range h.Owners {
			v.records = append(v.records, func(string) value { return textOf(id) })
		}
		return v
	}
	return value{null: true}
}

func applicationSource(_ *call, a app) source {
	return func(path string) value {
		switch path {
		case "description":
			return textOf(a.Description)
		case "publisherDomain":
			return textOf(a.PublisherDomain)
		case "serviceManagementReference":
			return textOf(a.ServiceRef)
		case "identifierUris":
			return value{kind: listValue, list: a.IdentifierURIs}
		case "isDisabled":
			return value{kind: flagValue, flag: a.Disabled}
		case "uniqueName", "applicationTemplateId":
			return textOf(strings.Trim(string(a.Extra[path]), `"`))
		}
		return holderSource(&a.Holder, path)
	}
}

func principalSource(c *call, s principal) source {
	return func(path string) value {
		switch path {
		case "appDisplayName":
			return textOf(s.Name)
		case "appOwnerOrganizationId":
			return textOf(ownerOrg(s, c.w))
		case "servicePrincipalType":
			return textOf(principalType(s))
		case "preferredSingleSignOnMode":
			return textOf(s.SSOMode)
		case "accountEnabled":
			return value{kind: flagValue, flag: s.Enabled}
		case "servicePrincipalNames":
			return value{kind: listValue, list: names(s)}
		}
		return holderSource(&s.Holder, path)
	}
}

func userSource(_ *call, u user) source {
	return func(path string) value {
		switch path {
		case "id":
			return textOf(u.ID)
		case "displayName":
			return textOf(u.Name)
		case "userPrincipalName":
			return textOf(u.UPN)
		case "mail":
			return textOf(u.Mail)
		case "givenName":
			return textOf(given(u))
		case "surname":
			return textOf(family(u))
		case "mailNickname":
			name, _, _ := strings.Cut(u.UPN, "@")
			return textOf(name)
		case "userType":
			return textOf("Member")
		case "accountEnabled":
			return value{kind: flagValue, flag: u.Enabled}
		}
		return value{null: true}
	}
}

var applicationSet = &collection[app]{
	entity: &applications, schema: applicationSchema,
	slots:  func(c *call) []app { return c.w.Directory.ApplicationsInOrder() },
	news:   func(c *call) int { return len(c.w.Directory.Changes) },
	source: applicationSource, print: applicationPrint,
	holder: func(a app) *world.Holder { return &a.Holder },
	byID:   func(c *call, id string) app { return c.w.Directory.Applications[id] },
	byApp:  func(c *call, id string) app { return c.w.Directory.ApplicationByClient(id) },
}

var principalSet = &collection[principal]{
	entity: &principals, schema: principalSchema,
	slots:  func(c *call) []principal { return c.w.Directory.ServicePrincipalsInOrder() },
	news:   func(c *call) int { return len(c.w.Directory.Changes) },
	source: principalSource, print: principalPrint,
	holder: func(s principal) *world.Holder { return &s.Holder },
	byID:   func(c *call, id string) principal { return c.w.Directory.ServicePrincipals[id] },
	byApp:  func(c *call, id string) principal { return c.w.Directory.ServicePrincipalByClient(id) },
}

var userSet = &collection[user]{
	entity: &users, schema: userSchema,
	slots:  func(c *call) []user { return c.people() },
	news:   func(c *call) int { return len(c.w.Directory.Users) },
	source: userSource,
	byID:   func(c *call, id string) user { return c.w.Directory.Users[id] },
}

// people are all users in the order of their ids, sorted again when there are more
// or fewer of them. The caller holds Read.
func (s *service) people() []user {
	s.orders.peopleMu.Lock()
	defer s.orders.peopleMu.Unlock()
	all := s.w.Directory.Users
	if len(s.orders.people) != len(all) {
		list := make([]user, 0, len(all))
		for _, u := range all {
			list = append(list, u)
		}
		slices.SortFunc(list, func(a, b user) int { return cmp.Compare(a.ID, b.ID) })
		s.orders.people = list
	}
	return s.orders.people
}
