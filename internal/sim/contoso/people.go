package contoso

import (
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// person is somebody who works or worked at Contoso.
type person struct {
	short, name string
	left        bool
}

// people are those the hand-written applications speak of.
var people = []person{
	{short: "marta", name: "Marta Lindqvist"},  // lead of finance systems
	{short: "jonas", name: "Jonas Becker"},     // Dynamics 365 developer
	{short: "priya", name: "Priya Raman"},      // integration architect
	{short: "tomasz", name: "Tomasz Wójcik"},   // Azure platform
	{short: "aisha", name: "Aisha Bello"},      // Power Platform
	{short: "henrik", name: "Henrik Dahl"},     // warehouse systems
	{short: "lucia", name: "Lucía Fernández"},  // HR systems
	{short: "kenji", name: "Kenji Watanabe"},   // security operations
	{short: "claire", name: "Claire Dubois"},   // accounts payable
	{short: "omar", name: "Omar Haddad"},       // treasury
	{short: "sofie", name: "Sofie Vermeulen"},  // intranet
	{short: "daniel", name: "Daniel O'Connor"}, // Business Central
	{short: "ingrid", name: "Ingrid Solheim"},  // sales operations
	{short: "viktor", name: "Viktor Novák"},    // monitoring
	{short: "emma", name: "Emma Johansson"},    // identity team
	{short: "rashid", name: "Rashid Al-Amin"},  // data platform
	{short: "nora", name: "Nora Keller"},       // quality assurance
	{short: "john", name: "John Doe", left: true},
	{short: "petra", name: "Petra Schulz", left: true},
	{short: "gunnar", name: "Gunnar Ek", left: true},
	{short: "contractor", name: "Ext. Consultant (Fabrikam)", left: true},
}

func (s *seeder) seedPeople() {
	for _, p := range people {
		short := p.short
		p.short = mailName(p.name)
		s.people[short] = s.addPerson(p)
	}
}

// addPerson adds somebody whose short name is the part of their address before the @.
func (s *seeder) addPerson(p person) string {
	upn := p.short + "@" + s.tenant.Domain
	u := &world.User{ID: s.w.GUID(), Name: p.name, UPN: upn, Mail: upn, Enabled: !p.left}
	s.d.Users[u.ID] = u
	if u.Enabled {
		s.ids = append(s.ids, u.ID)
	}
	return u.ID
}

// mailName is the part of an address before the @: first.last in plain letters.
func mailName(name string) string {
	plain := strings.NewReplacer("ó", "o", "í", "i", "á", "a", "é", "e", "ö", "o", "'", "", "(", "", ")", "", "Ext. ", "ext-", " ", ".")
	return strings.ToLower(plain.Replace(name))
}
