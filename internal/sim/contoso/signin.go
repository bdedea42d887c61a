package contoso

import (
	"fmt"

	"rekey.example/rekey/internal/sim/world"
)

// Persons are the three people who can sign in to rekey with a role. The object
// ids are those of the directory.
type Persons struct {
	User          Person `json:"user"`          // owns what the demonstration shows
	Administrator Person `json:"administrator"` // approves
	Auditor       Person `json:"auditor"`       // looks
}

// Person is somebody who can sign in.
type Person struct {
	ObjectID string `json:"objectId"`
	Name     string `json:"name"`
	UPN      string `json:"userPrincipalName"`
}

// SignInPath is where Entra sends browsers back to; the port is any.
const SignInPath = "/signin/return"

// seedSignIn adds the application that people sign in to rekey with, its app
// roles, and who has them. It comes after everything else, so that what was
// seeded before has the same ids with and without it.
func (s *seeder) seedSignIn() {
	s.people["ada"] = s.addPerson(person{short: "ada.virtanen", name: "Ada Virtanen"})
	s.tenant.SignIn = s.identity(app{name: "rekey", description: "People sign in to rekey with it.", owners: []string{"emma"},
		redirects: []string{"http://localhost" + SignInPath, "http://127.0.0.1" + SignInPath, "https://rekey.contoso.com" + SignInPath}})
	a := s.d.ApplicationByClient(s.tenant.SignIn.ClientID)
	a.OptionalClaims, a.GroupClaims = []string{"auth_time"}, true
	p := s.d.ServicePrincipalByClient(a.AppID)
	for _, role := range []string{"user", "administrator", "auditor"} {
		a.AppRoles = append(a.AppRoles, world.AppRole{ID: s.w.GUID(), Value: role, DisplayName: role})
	}
	for _, who := range []struct {
		role, short string
		into        *Person
	}{
		{"user", "nora", &s.tenant.People.User}, {"administrator", "omar", &s.tenant.People.Administrator}, {"auditor", "ada", &s.tenant.People.Auditor},
	} {
		u := s.d.Users[s.people[who.short]]
		*who.into = Person{ObjectID: u.ID, Name: u.Name, UPN: u.UPN}
		p.Assigned = append(p.Assigned, world.PersonRole{UserID: u.ID, Role: who.role})
	}
	nora := s.tenant.People.User.ObjectID
	s.crowd(nora)
	for _, shown := range []Demo{s.tenant.Demo, s.tenant.DemoCertificate, s.tenant.DemoPEM} {
		if a := s.d.ApplicationByClient(shown.ClientID); a != nil {
			a.Owners = append(a.Owners, nora)
		}
	}
	if p := s.d.ServicePrincipalByClient(s.tenant.DemoPrincipal.ClientID); p != nil {
		p.Owners = append(p.Owners, nora)
	}
}

// crowd puts somebody into more groups than a token has room for.
func (s *seeder) crowd(id string) {
	for i := range 230 {
		s.d.Users[id].Groups = append(s.d.Users[id].Groups, fmt.Sprintf("9f3c0000-0000-4000-8000-%012x", i))
	}
}
