package contoso

import (
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// seedIdentities adds the applications that rekey and the Azure CLI sign in as.
// The reader and the writer have the least rights that do the work; rekey's
// documentation asks for the same in a real tenant.
func (s *seeder) seedIdentities() {
	s.tenant.Reader = s.identity(app{name: "rekey-reader", description: "Reads the inventory. Changes nothing.", owners: []string{"emma"},
		granted: []string{"Application.Read.All", "Directory.Read.All", "User.Read.All", "AuditLog.Read.All"}})
	s.grantFeed(s.tenant.Reader)
	s.tenant.Writer = s.identity(app{name: "rekey-writer", description: "Renews the secrets of the applications it owns.", owners: []string{"emma"},
		granted: []string{"Application.ReadWrite.OwnedBy"}})
	s.tenant.Admin = s.identity(app{name: "az-admin", description: "For administrators' scripts.", owners: []string{"tomasz", "emma"},
		granted: []string{"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "Directory.ReadWrite.All", "User.ReadWrite.All", "AuditLog.Read.All", "Policy.Read.All"}})
}

func (s *seeder) identity(spec app) Identity {
	spec.age, spec.tags = 240, []string{"rekey"}
	spec.secrets = []secret{{label: "own", ends: 310, life: 365, unused: 0}}
	a := s.plant(spec)
	for strings.ContainsAny(a.Passwords[0].Text[:1], ".-_~") {
		// Behind -p on a command line a first dash would be taken for a flag.
		a.Passwords[0].Text = s.w.SecretText()
		a.Passwords[0].Hint = a.Passwords[0].Text[:3]
	}
	return Identity{Name: a.Name, ClientID: a.AppID, ApplicationID: a.ID, PrincipalID: s.principalID(a), Secret: a.Passwords[0].Text}
}

func (s *seeder) principalID(a *world.Application) string {
	return s.d.ServicePrincipalByClient(a.AppID).ID
}

// feedRole is the application permission ActivityFeed.Read.
const feedRole = "594c1fb6-4f81-4475-ae41-0c394909246c"

// grantFeed lets an identity read the Office 365 Management Activity API.
func (s *seeder) grantFeed(i Identity) {
	for _, api := range apis {
		if api.short == "office" {
			sp := s.d.ServicePrincipals[i.PrincipalID]
			sp.Grants = append(sp.Grants, world.Grant{
				ID: "ActivityFeed-" + i.PrincipalID, RoleID: feedRole, RoleValue: "ActivityFeed.Read", Created: s.now.AddDate(0, 0, -200),
				ResourceID: s.d.ServicePrincipalByClient(api.appID).ID, ResourceName: api.name,
			})
		}
	}
}
