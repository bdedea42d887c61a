package contoso

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// grow adds n generated applications in the manner of the written ones. Strings
// and certificates are shared, so that 100,000 of them stay small.
func (s *seeder) grow(n int) {
	if n <= 0 {
		return
	}
	g := &grower{seeder: s, apps: make([]world.Application, n), principals: make([]world.ServicePrincipal, n),
		passwords: make([]world.Password, 0, 2*n), names: map[string]int{}}
	g.hire(min(2000, n/50))
	g.makePool()
	for i := range n {
		g.next(&g.apps[i], &g.principals[i])
	}
}

// grower generates. Its slices keep many small objects in few large ones.
type grower struct {
	*seeder
	apps       []world.Application
	principals []world.ServicePrincipal
	passwords  []world.Password
	names      map[string]int
	pool       []pair
}

var (
	firstNames = []string{"Anna", "Ben", "Carla", "David", "Elif", "Frank", "Greta", "Hugo", "Iris", "Jan", "Kaja", "Leo", "Mia", "Nils", "Olga", "Paul", "Rosa", "Sven", "Tara", "Udo", "Vera", "Wim", "Yara", "Zoe"}
	lastNames  = []string{"Adler", "Berg", "Costa", "Dietz", "Evers", "Falk", "Gruber", "Holm", "Iversen", "Jansen", "Kramer", "Lund", "Meyer", "Nilsen", "Olsen", "Peters", "Quist", "Roth", "Silva", "Thoma", "Ulrich", "Vogel", "Weiss", "Zander"}

	systems  = []string{"D365", "BC", "Dataverse", "PowerAutomate", "WMS", "TMS", "HR", "CRM", "Intranet", "SAP", "Data", "Monitoring", "AzureDevOps", "SFTP", "MES", "Web"}
	parties  = []string{"Basware", "CreditSafe", "DocuSign", "Avalara", "Nordea", "SEB", "DHL", "UPS", "Zebra", "Workday", "Salesforce", "ServiceNow", "Snowflake", "PowerBI", "Shopify", "Adyen", "Klarna", "Tradeshift", "Pagero", "Kofax", "OpenText", "Coupa", "Ariba", "Visma"}
	purposes = []string{"InvoiceExport", "InvoiceImport", "CreditCheck", "Contracts", "BankStatements", "Payments", "StockLevels", "Orders", "Tracking", "Labels", "Employees", "Payroll", "Customers", "Vendors", "Prices", "Reports", "Backup", "Alerts", "Deployment", "Search", "Archive", "Tickets", "Forecast", "Returns"}
	places   = []string{"", "", "", "_Prod", "_Prod", "_Test", "_UAT", "_Dev"}
	strays   = []string{"test", "test2", "Test app", "New app", "Copy of new app", "poc", "demo", "temp", "do not delete", "asdf", "My first app", "Postman", "script", "old", "delete me"}
	labels   = []string{"prod", "client secret", "key1", "secret", "integration", "", "2026", "Azure DevOps", "rbac", "Password uploaded on Mon Mar 02 2026", "flow", "test"}
	tagSets  = [][]string{nil, nil, {"integration"}, {"finance"}, {"warehouse"}, {"power-platform"}, {"test"}}
)

// hire adds people; one in twelve has left since.
func (g *grower) hire(n int) {
	for i := range n {
		p := person{name: pick(g, firstNames) + " " + pick(g, lastNames), left: i%12 == 11}
		p.short = mailName(p.name) + strconv.Itoa(i+2)
		id := g.addPerson(p)
		if p.left {
			g.ids = append(g.ids, id) // still named as an owner
		}
	}
}

// makePool makes the certificates that the generated applications draw from.
func (g *grower) makePool() {
	for i := range 64 {
		to := g.in(i*25 - 200)
		g.pool = append(g.pool, selfSigned(g.rnd, fmt.Sprintf("integration-%02d.%s", i+1, g.tenant.Domain), to.AddDate(-2, 0, 0), to))
	}
}

func (g *grower) next(a *world.Application, sp *world.ServicePrincipal) {
	age := 1 + g.rnd.IntN(2600)
	*a = world.Application{
		Holder: world.Holder{ID: g.w.GUID(), AppID: g.w.GUID(), Name: g.name(), Created: g.ago(age), Audience: g.audience(),
			Owners: g.someOwners(), Tags: tagSets[g.rnd.IntN(len(tagSets))]},
		PublisherDomain: g.tenant.Domain,
	}
	for range g.howMany(a.Audience == personal) {
		g.credential(&a.Holder)
	}
	if g.rnd.IntN(100) < 12 {
		g.fromPool(&a.Holder)
	}
	a.Changed = newest(&a.Holder)
	g.d.AddApplication(a)

	if g.rnd.IntN(100) < 8 {
		return // nobody ever made it an enterprise application
	}
	*sp = world.ServicePrincipal{
		Holder:  world.Holder{ID: g.w.GUID(), AppID: a.AppID, Name: a.Name, Created: a.Created.Add(2 * time.Second), Tags: portalTags, Audience: a.Audience},
		Enabled: g.rnd.IntN(100) != 0, Type: "Application", OwnerOrg: g.tenant.ID, Names: []string{a.AppID},
	}
	sp.Changed = sp.Created
	if g.rnd.IntN(100) < 2 {
		g.credential(&sp.Holder)
	}
	g.d.AddServicePrincipal(sp)
}

// name puts a name together as the naming convention wants it, or as people in a
// hurry do. A second one of a good name is numbered; bad names repeat, as in life.
func (g *grower) name() string {
	switch kind := g.rnd.IntN(100); {
	case kind < 4:
		return strays[g.rnd.IntN(len(strays))]
	case kind < 10:
		return lowerDash(pick(g, systems), pick(g, parties), strconv.Itoa(g.rnd.IntN(900)+100))
	}
	name := pick(g, systems) + "_" + pick(g, parties) + "_" + pick(g, purposes) + pick(g, places)
	g.names[name]++
	if n := g.names[name]; n > 1 {
		name += "_" + strconv.Itoa(n)
	}
	return name
}

func (g *grower) audience() string {
	switch kind := g.rnd.IntN(100); {
	case kind < 88:
		return "AzureADMyOrg"
	case kind < 96:
		return multi
	}
	return personal
}

func (g *grower) someOwners() []string {
	one := func() string { return g.ids[g.rnd.IntN(len(g.ids))] }
	switch kind := g.rnd.IntN(100); {
	case kind < 22:
		return nil
	case kind < 50:
		return []string{one()}
	case kind < 60:
		return []string{one(), one()}
	case kind < 92:
		return []string{one(), g.tenant.Writer.PrincipalID}
	}
	return []string{g.tenant.Writer.PrincipalID}
}

// howMany client secrets an application has: just under two on average, and never
// more than two where personal accounts are let in.
func (g *grower) howMany(two bool) int {
	n := []int{0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 4}[g.rnd.IntN(14)]
	if two {
		return min(n, 2)
	}
	return n
}

func (g *grower) credential(h *world.Holder) {
	life := []int{90, 180, 180, 365, 365, 365, 730, 730, 731, 1096}[g.rnd.IntN(10)]
	ends := g.endsIn(life)
	text := g.w.SecretText()
	g.passwords = append(g.passwords, world.Password{KeyID: g.w.GUID(), Name: pick(g, labels), Text: text, Hint: text[:3], Ends: g.in(ends)})
	p := &g.passwords[len(g.passwords)-1]
	if g.rnd.IntN(400) == 0 {
		p.Ends = time.Date(2299, 12, 31, 0, 0, 0, 0, time.UTC)
	}
	p.Starts = g.in(ends - life)
	if p.Starts.Before(h.Created) {
		h.Created = p.Starts.Add(-3 * time.Minute)
	}
	g.used(p, max(0, -ends))
	h.Passwords = append(h.Passwords, p)
}

// endsIn spreads the ends: one in seven is over, one in fourteen ends within a
// month, the others somewhere in what is left of their life.
func (g *grower) endsIn(life int) int {
	switch kind := g.rnd.IntN(100); {
	case kind < 14:
		return -1 - g.rnd.IntN(500)
	case kind < 21:
		return g.rnd.IntN(30)
	}
	return 30 + g.rnd.IntN(max(1, life-30))
}

// used spreads the last sign-ins: a third today, a third never, the rest between.
func (g *grower) used(p *world.Password, ended int) {
	switch kind := g.rnd.IntN(9); {
	case kind < 3:
		p.LastUsed = g.ago(ended)
	case kind < 6:
		p.LastUsed = g.ago(ended + g.rnd.IntN(200))
	}
	if p.LastUsed.Before(p.Starts) {
		p.LastUsed = time.Time{}
	}
}

func (g *grower) fromPool(h *world.Holder) {
	p := &g.pool[g.rnd.IntN(len(g.pool))]
	h.Keys = append(h.Keys, &world.Key{KeyID: g.w.GUID(), Name: "CN=integration", Type: "AsymmetricX509Cert", Usage: "Verify",
		Thumbprint: p.thumb[:], DER: p.der, Starts: p.from, Ends: p.to})
	if p.from.Before(h.Created) {
		h.Created = p.from.Add(-5 * time.Minute)
	}
}

func pick(g *grower, list []string) string { return list[g.rnd.IntN(len(list))] }

func lowerDash(a, b, c string) string {
	return strings.ToLower(a + "-" + b + "-" + c)
}
