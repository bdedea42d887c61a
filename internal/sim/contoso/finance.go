package contoso

import "rekey.example/rekey/internal/sim/world"

// The environments of Finance and Operations.
const (
	FinanceProd = "contoso-prod.operations.dynamics.com"
	FinanceUAT  = "contoso-uat.sandbox.operations.dynamics.com"
)

// seedFinance adds the environments with the endpoints of their business events. It
// draws nothing, so that what else is seeded stays as it is.
func (s *seeder) seedFinance() {
	var app *world.Application
	for _, a := range s.d.Applications {
		if a.Name == "D365_BusinessEvents_EventGrid" {
			app = a
		}
	}
	if app == nil || len(app.Passwords) == 0 {
		return
	}
	s.a.Assign(s.principalID(app), "Key Vault Secrets User", s.a.VaultID(s.a.Vaults[prod]), s.now.AddDate(0, 0, -300))
	grid := &world.BusinessEndpoint{Name: "EVENTGRID", Type: "Azure Event Grid", Address: "https://evgt-fno-business-events-prod.westeurope-1.eventgrid.azure.net/api/events",
		Client: app.AppID, AppSecret: app.Passwords[0].Text, Vault: "https://" + prod + ".vault.azure.net/", Secret: "fno-business-events-topic-key", Active: true}
	orders := world.BusinessEndpoint{Name: "WMSORDERS", Type: "Azure Service Bus Queue", Address: "orders",
		Client: app.AppID, AppSecret: app.Passwords[0].Text, Vault: "https://" + prod + ".vault.azure.net/", Secret: "wms-servicebus-connection", Active: true}
	again := orders
	known := []string{s.tenant.Reader.ClientID, s.tenant.Admin.ClientID}
	s.w.AddFinance(&world.Finance{Host: FinanceProd, Registered: known, Endpoints: []*world.BusinessEndpoint{grid, &orders}})
	s.w.AddFinance(&world.Finance{Host: FinanceUAT, Registered: known, Endpoints: []*world.BusinessEndpoint{&again}})
}
