// Package contoso is the tenant that the pretended clouds show: a company of
// some twenty thousand orders a day whose app registrations have grown by hand
// for eight years.
//
// Seed writes it into a world: people who left, good and bad names, secrets that
// end tomorrow and secrets nobody uses, vaults whose dates lie, and the three
// identities rekey itself and the Azure CLI sign in with. All dates are
// relative to the moment of seeding; all ids follow from the world's seed. With
// more applications asked for than are written here, the rest is generated in
// the same manner, to at least 100,000.
package contoso

import (
	"crypto/ecdsa"
	"math/rand/v2"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// Tenant is what a newcomer needs to know of the seeded tenant.
type Tenant struct {
	ID             string `json:"tenantId"`
	Domain         string `json:"domain"`
	Name           string `json:"name"`
	SubscriptionID string `json:"subscriptionId"`

	Reader Identity `json:"reader"` // sees everything, changes nothing
	Writer Identity `json:"writer"` // changes the applications it owns, and the vaults
	Admin  Identity `json:"admin"`  // may do everything: for trying the Azure CLI

	SignIn Identity `json:"signIn"` // what people sign in to rekey with
	People Persons  `json:"people"` // who can, and as what

	Demo            Demo `json:"demo"`            // a client secret, in a vault's secret
	DemoCertificate Demo `json:"demoCertificate"` // a certificate, in a vault's certificate, read as PFX
	DemoPEM         Demo `json:"demoPem"`         // a certificate, in a vault's secret, as PEM
	DemoPrincipal   Demo `json:"demoPrincipal"`   // a client secret on a service principal, in a vault's secret
}

// Identity is an application of ours with a secret that works.
type Identity struct {
	Name          string `json:"name"`
	ClientID      string `json:"clientId"`      // appId
	ApplicationID string `json:"applicationId"` // object id of the application
	PrincipalID   string `json:"principalId"`   // object id of the service principal
	Secret        string `json:"secret"`
}

// Demo is a credential that is good to show a rotation on: it ends in six to
// eleven days, rekey-writer owns its holder, and its place and consumer are known.
type Demo struct {
	Name          string `json:"name"`
	ClientID      string `json:"clientId"`
	ApplicationID string `json:"applicationId"` // object id
	PrincipalID   string `json:"principalId"`   // object id of the service principal
	KeyID         string `json:"keyId"`
	Vault         string `json:"vault"`
	Secret        string `json:"secret"` // the name in the vault, of a certificate too
	Consumer      string `json:"consumer"`
}

// seeder carries the seeding from one part to the next.
type seeder struct {
	w   *world.World
	d   *world.Directory
	a   *world.Azure
	rnd *rand.Rand
	now time.Time

	tenant Tenant
	people map[string]string // short name to object id
	ids    []string          // object ids of the people who are still there

	authority *ecdsa.PrivateKey // of the company's own certificates
	keys      int               // how many RSA keys are taken
}

// Seed writes the tenant into an empty world. It has the hand-written
// applications and, if apps is more than those, as many generated ones as are
// missing.
func Seed(w *world.World, apps int) Tenant {
	s := &seeder{w: w, d: &w.Directory, a: &w.Azure, now: time.Now().UTC().Truncate(time.Second), people: map[string]string{}}
	s.tenant = Tenant{ID: w.Tenant.ID, Domain: w.Tenant.Domain, Name: w.Tenant.Name, SubscriptionID: w.Tenant.SubscriptionID}
	w.Change(func() {
		s.rnd = w.Rand()
		s.authority = drawKey(rand.New(rand.NewPCG(2, 6)))
		s.seedPeople()
		s.seedMicrosoft()
		s.seedVaults()
		s.seedIdentities()
		for _, a := range handWritten() {
			s.plant(a)
		}
		s.seedEnterpriseApps()
		s.seedManagedIdentities()
		s.seedResources()
		s.seedRoles()
		s.seedAudits()
		s.grow(apps - len(s.d.Applications) - 1) // one comes last, see seedSignIn
		s.seedSites()
		s.seedFinance()
		s.seedSignIn()
	})
	return s.tenant
}

// in is a moment so many days from now, some one to three hours later, so that
// "in 6 days" stays true while somebody looks.
func (s *seeder) in(days int) time.Time {
	return s.now.AddDate(0, 0, days).Add(time.Duration(61+s.rnd.IntN(110)) * time.Minute)
}

// ago is a moment so many days back, some time of the working day; never a
// moment that has not come yet.
func (s *seeder) ago(days int) time.Time {
	at := s.now.AddDate(0, 0, -days).Add(-time.Duration(1+s.rnd.IntN(400)) * time.Minute)
	return at.Add(-time.Duration(s.rnd.IntN(60)) * time.Second)
}
