package graph

import (
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

type user = *world.User

// users is how the service writes people.
var users = entity[user]{
	name: "microsoft.graph.user",
	set:  "users",
	properties: []property[user]{
		constant[user]("businessPhones", "[]"),
		newProperty("displayName", func(b []byte, u user, _ *view) []byte { return appendOptional(b, u.Name) }),
		newProperty("givenName", func(b []byte, u user, _ *view) []byte { return appendOptional(b, given(u)) }),
		constant[user]("jobTitle", "null"),
		newProperty("mail", func(b []byte, u user, _ *view) []byte { return appendOptional(b, u.Mail) }),
		constant[user]("mobilePhone", "null"),
		constant[user]("officeLocation", "null"),
		constant[user]("preferredLanguage", "null"),
		newProperty("surname", func(b []byte, u user, _ *view) []byte { return appendOptional(b, family(u)) }),
		newProperty("userPrincipalName", func(b []byte, u user, _ *view) []byte { return appendText(b, u.UPN) }),
		newProperty("id", func(b []byte, u user, _ *view) []byte { return appendText(b, u.ID) }),
		onlyAsked(newProperty("accountEnabled", func(b []byte, u user, _ *view) []byte { return appendBool(b, u.Enabled) })),
		onlyAsked(constant[user]("userType", `"Member"`)),
		onlyAsked(newProperty("mailNickname", func(b []byte, u user, _ *view) []byte {
			name, _, _ := strings.Cut(u.UPN, "@")
			return appendOptional(b, name)
		})),
		onlyAsked(constant[user]("department", "null")),
		onlyAsked(constant[user]("companyName", "null")),
		onlyAsked(constant[user]("createdDateTime", "null")),
		onlyAsked(constant[user]("deletedDateTime", "null")),
	},
}

func given(u user) string { first, _, _ := strings.Cut(u.Name, " "); return first }

func family(u user) string { _, last, _ := strings.Cut(u.Name, " "); return last }

// appendObjects appends directory objects by their ids, with commas between; ids
// of objects that are gone are passed over.
func (c *call) appendObjects(b []byte, ids []string, limit int, v *view) []byte {
	n := 0
	for _, id := range ids {
		if n == limit {
			break
		}
		mark := len(b)
		if n > 0 {
			b = append(b, ',')
		}
		var found bool
		if b, found = c.appendObject(b, id, v); found {
			n++
		} else {
			b = b[:mark]
		}
	}
	return b
}

// appendObject appends a user, service principal or application as a member of a
// collection of directory objects. Somebody who may not read people sees that there is one, and
// which, and nothing else.
func (c *call) appendObject(b []byte, id string, v *view) ([]byte, bool) {
	d := &c.w.Directory
	if u := d.Users[id]; u != nil {
		b = append(b, `{"@odata.type":"#microsoft.graph.user"`...)
		if c.has(readUsers...) {
			return append(users.fields(b, u, v, nil), '}'), true
		}
		return append(users.fields(b, &world.User{ID: u.ID}, v, []int{users.find("id")}), `,"displayName":null,"userPrincipalName":null}`...), true
	}
	if s := d.ServicePrincipals[id]; s != nil {
		b = append(b, `{"@odata.type":"#microsoft.graph.servicePrincipal"`...)
		return append(principals.fields(b, s, v, nil), '}'), true
	}
	if a := d.Applications[id]; a != nil {
		b = append(b, `{"@odata.type":"#microsoft.graph.application"`...)
		return append(applications.fields(b, a, v, nil), '}'), true
	}
	return b, false
}
