package sim

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	"rekey.example/rekey/internal/sim/arm"
	"rekey.example/rekey/internal/sim/cosmos"
	"rekey.example/rekey/internal/sim/dynamics"
	"rekey.example/rekey/internal/sim/entra"
	"rekey.example/rekey/internal/sim/graph"
	"rekey.example/rekey/internal/sim/issuer"
	"rekey.example/rekey/internal/sim/keyvault"
	"rekey.example/rekey/internal/sim/office"
	"rekey.example/rekey/internal/sim/rooms"
	"rekey.example/rekey/internal/sim/servicebus"
	"rekey.example/rekey/internal/sim/storage"
	"rekey.example/rekey/internal/sim/world"
)

// system is one of the clouds' surfaces.
type system struct {
	name    string
	hosts   []string               // exact names, or "*.suffix" for all names that end so
	exists  func(host string) bool // for "*." hosts: is there such a name in DNS; nil means always
	handler http.Handler
	trouble func(status int, code string) []byte // how it words an error of its front end
}

// systems is every host the pretended clouds answer for.
//
// To add the next one: a package beside entra and graph with
// `Handler(w *world.World) http.Handler`, what it keeps in package world, and an
// entry here. The proxy makes its certificates, the faults of the wire strike
// it, and the in-memory transport reaches it, with nothing more to do.
func systems(w *world.World, r *rooms.Rooms, feed *office.Service, issuers map[string]*issuer.Issuer) []system {
	manager := arm.Handler(w)
	return []system{
		{
			name:    "Microsoft Entra ID",
			hosts:   []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"},
			handler: entra.Handler(w), trouble: entraTrouble,
		},
		{
			name:    "Microsoft Graph",
			hosts:   []string{"graph.microsoft.com"},
			handler: graph.Handler(w), trouble: graphTrouble,
		},
		{
			name:    "Office 365 Management",
			hosts:   []string{"manage.office.com"},
			handler: feed, trouble: office.Trouble,
		},
		{
			name:    "Azure Key Vault",
			hosts:   []string{"*.vault.azure.net"},
			exists:  func(host string) bool { return vaultExists(w, host) },
			handler: keyvault.Handler(w), trouble: azureTrouble,
		},
		{
			name:    "Azure Resource Manager",
			hosts:   []string{"management.azure.com"},
			handler: manager, trouble: azureTrouble,
		},
		{
			name:    "Azure Event Grid",
			hosts:   []string{"*.eventgrid.azure.net"},
			exists:  func(host string) bool { return w.Serving(host) != nil },
			handler: manager, trouble: azureTrouble,
		},
		{
			name:    "Azure Blob Storage",
			hosts:   []string{"*.blob.core.windows.net"},
			exists:  func(host string) bool { return w.Serving(host) != nil },
			handler: storage.Handler(w), trouble: azureTrouble,
		},
		{
			name:    "Azure Service Bus and Event Hubs",
			hosts:   []string{"*.servicebus.windows.net"},
			exists:  func(host string) bool { return w.Serving(host) != nil },
			handler: servicebus.Handler(w), trouble: azureTrouble,
		},
		{
			name:    "Azure Cosmos DB",
			hosts:   []string{"*.documents.azure.com"},
			exists:  func(host string) bool { return w.Serving(host) != nil },
			handler: cosmos.Handler(w), trouble: azureTrouble,
		},
		{
			name:    "Dynamics 365 Finance and Operations",
			hosts:   []string{"*.operations.dynamics.com"},
			exists:  func(host string) bool { return financeExists(w, host) },
			handler: dynamics.Handler(w), trouble: azureTrouble,
		},
		{name: "Power Automate workflows", hosts: []string{"*.logic.azure.com"}, handler: http.HandlerFunc(r.Teams), trouble: azureTrouble},
		{name: "Slack", hosts: []string{"hooks.slack.com", "slack.com"}, handler: http.HandlerFunc(r.Slack), trouble: azureTrouble},
		{name: "PagerDuty", hosts: []string{"events.pagerduty.com", "events.eu.pagerduty.com"}, handler: http.HandlerFunc(r.Pager), trouble: azureTrouble},
		{name: "Azure Monitor data collection", hosts: []string{"*.ingest.monitor.azure.com"}, handler: http.HandlerFunc(r.Ingest), trouble: azureTrouble},
		{name: "GitHub Actions", hosts: []string{issuer.GitHub}, handler: issuers[issuer.GitHub], trouble: azureTrouble},
		{name: "Azure DevOps", hosts: []string{issuer.DevOps}, handler: issuers[issuer.DevOps], trouble: azureTrouble},
	}
}

// errNoHost is what DNS would say.
var errNoHost = errors.New("no such host")

// system finds who answers for a host, if anybody does.
func (c *Cloud) system(host string) (system, error) {
	host = bareHost(host)
	for _, s := range c.systems {
		if !slices.ContainsFunc(s.hosts, func(pattern string) bool { return hostMatches(pattern, host) }) {
			continue
		}
		if s.exists != nil && !s.exists(host) {
			return system{}, errNoHost
		}
		return s, nil
	}
	return system{}, errNoHost
}

// bareHost is a host in lower case, without the port and without the dot that
// ends a full name.
func bareHost(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

func hostMatches(pattern, host string) bool {
	suffix, wild := strings.CutPrefix(pattern, "*")
	if !wild {
		return host == pattern
	}
	label, ok := strings.CutSuffix(host, suffix)
	return ok && label != ""
}

func vaultExists(w *world.World, host string) (found bool) {
	name := strings.TrimSuffix(host, ".vault.azure.net")
	w.Read(func() { found = w.Azure.Vaults[name] != nil })
	return found
}

func financeExists(w *world.World, host string) (found bool) {
	w.Read(func() { found = w.Finance[host] != nil })
	return found
}

// dnsError is the error that net returns for a name that does not exist.
func dnsError(host string) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: errNoHost.Error(), Name: bareHost(host), IsNotFound: true}}
}
