package world

import (
	"slices"
	"strings"
)

// Finance is an environment of Dynamics 365 Finance and Operations.
type Finance struct {
	Host       string   // contoso-prod.operations.dynamics.com
	Registered []string // client ids in its list of Microsoft Entra applications
	Endpoints  []*BusinessEndpoint
}

// BusinessEndpoint is where business events are sent.
// https://learn.microsoft.com/dynamics365/fin-ops-core/dev-itpro/business-events/managing-business-event-endpoints
type BusinessEndpoint struct {
	Name, Type, Address string // Type: Azure Event Grid, Azure Service Bus Queue, HTTPS
	Client              string // of the application that opens the vault
	AppSecret           string // its secret; nobody can read it again
	Vault, Secret       string // DNS name of the vault, and the entry with the key or connection string
	Active              bool
}

// AddFinance puts an environment into the world. The caller holds Change.
func (w *World) AddFinance(f *Finance) {
	if w.Finance == nil {
		w.Finance = map[string]*Finance{}
	}
	w.Finance[strings.ToLower(f.Host)] = f
}

// Endpoint finds an endpoint by its name, nil if there is none. The caller holds
// Read or Change.
func (f *Finance) Endpoint(name string) *BusinessEndpoint {
	i := slices.IndexFunc(f.Endpoints, func(e *BusinessEndpoint) bool { return strings.EqualFold(e.Name, name) })
	if i < 0 {
		return nil
	}
	return f.Endpoints[i]
}

// Refresh copies the database of one environment over another's, as a refresh of a
// sandbox does: the endpoints come along, switched off, and what was encrypted with
// the first one's key cannot be read any more. Registered applications come along too.
// https://learn.microsoft.com/dynamics365/fin-ops-core/dev-itpro/database/database-refresh
// The caller holds Change.
func (f *Finance) Refresh(from *Finance) {
	f.Registered = slices.Clone(from.Registered)
	f.Endpoints = nil
	for _, e := range from.Endpoints {
		copied := *e
		copied.AppSecret, copied.Active = "", false
		f.Endpoints = append(f.Endpoints, &copied)
	}
}
