package contoso

import (
	"crypto/sha512"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// rights of a rule.
func rights(list ...any) map[string]any { return map[string]any{"rights": list} }

// seedNamespaces adds the warehouse's Service Bus and an Event Hubs namespace
// that everything reports to.
func (s *seeder) seedNamespaces() {
	at := s.now.AddDate(0, 0, -830)
	const bus, hubs = "Microsoft.ServiceBus/namespaces", "Microsoft.EventHub/namespaces"
	for _, n := range []struct {
		kind, name, group string
		properties        map[string]any
	}{
		{bus, "sb-contoso-wms", "rg-warehouse", nil},
		{bus + "/authorizationRules", "sb-contoso-wms/RootManageSharedAccessKey", "rg-warehouse", rights("Listen", "Manage", "Send")},
		{bus + "/authorizationRules", "sb-contoso-wms/d365-orders", "rg-warehouse", rights("Listen", "Send")},
		{bus + "/queues", "sb-contoso-wms/orders", "rg-warehouse", map[string]any{"status": "Active", "maxSizeInMegabytes": 1024}},
		{bus + "/queues/authorizationRules", "sb-contoso-wms/orders/wms-listener", "rg-warehouse", rights("Listen")},
		{bus + "/topics", "sb-contoso-wms/stock", "rg-warehouse", map[string]any{"status": "Active", "maxSizeInMegabytes": 1024}},
		{hubs, "evhns-contoso-telemetry", "rg-integration-prod", nil},
		{hubs + "/authorizationRules", "evhns-contoso-telemetry/RootManageSharedAccessKey", "rg-integration-prod", rights("Listen", "Manage", "Send")},
		{hubs + "/eventhubs", "evhns-contoso-telemetry/telemetry", "rg-integration-prod", map[string]any{"status": "Active", "partitionCount": 4}},
		{hubs + "/eventhubs/authorizationRules", "evhns-contoso-telemetry/telemetry/grafana", "rg-integration-prod", rights("Listen")},
	} {
		r := &world.Resource{Type: n.kind, Name: n.name, Group: n.group, Properties: n.properties}
		if n.properties == nil {
			r.Tags = map[string]string{"team": "integration"}
			r.Properties = map[string]any{"provisioningState": "Succeeded", "status": "Active", "createdAt": at.Format(time.RFC3339),
				"serviceBusEndpoint": "https://" + n.name + ".servicebus.windows.net:443/", "disableLocalAuth": false}
		}
		if strings.HasSuffix(n.kind, "/authorizationRules") {
			s.giveKeys(r, 32, at, "primary", "secondary")
		}
		s.a.AddResource(r)
	}
}

func (s *seeder) seedCosmos() {
	at := s.now.AddDate(0, 0, -380)
	const name = "cosmos-contoso-pricing"
	r := &world.Resource{Type: "Microsoft.DocumentDB/databaseAccounts", Name: name, Group: "rg-data", Tags: map[string]string{"team": "platform"},
		Properties: map[string]any{"provisioningState": "Succeeded", "documentEndpoint": "https://" + name + ".documents.azure.com:443/", "disableLocalAuth": false,
			"databaseAccountOfferType": "Standard", "enableAutomaticFailover": false}}
	s.giveKeys(r, 64, at, "primary", "secondary", "primaryReadonly", "secondaryReadonly")
	s.a.AddResource(r)
}

// giveKeys makes keys out of the tenant's id and the resource's name, so that
// they are the same for the same tenant and nothing else is drawn differently.
func (s *seeder) giveKeys(r *world.Resource, bytes int, at time.Time, names ...string) {
	for _, name := range names {
		sum := sha512.Sum512(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%s", s.tenant.ID, r.Type, r.Name, name))
		r.Keys = append(r.Keys, &world.ResourceKey{Name: name, Value: base64Of(sum[:bytes]), Created: at})
	}
}

// keepKeys puts keys of resources into the vaults, in the forms in which people
// keep them.
func (s *seeder) keepKeys() {
	key := func(group, kind, name string, n int) string { return s.a.Find(group, kind, name).Keys[n].Value }
	for _, k := range []struct{ vault, name, value, consumer string }{
		{finance, "bank-files-storage-connection", "DefaultEndpointsProtocol=https;AccountName=stcontosobankfiles;AccountKey=" +
			key("rg-finance", "Microsoft.Storage/storageAccounts", "stcontosobankfiles", 0) + ";EndpointSuffix=core.windows.net", "Archive of bank files"},
		{prod, "fno-business-events-topic-key", key("rg-integration-prod", "Microsoft.EventGrid/topics", "evgt-fno-business-events-prod", 0),
			"Business events of Finance and Operations"},
		{prod, "wms-servicebus-connection", "Endpoint=sb://sb-contoso-wms.servicebus.windows.net/;SharedAccessKeyName=d365-orders;SharedAccessKey=" +
			key("rg-warehouse", "Microsoft.ServiceBus/namespaces/authorizationRules", "sb-contoso-wms/d365-orders", 0), "Orders to the warehouse"},
		{prod, "telemetry-eventhub-connection", "Endpoint=sb://evhns-contoso-telemetry.servicebus.windows.net/;SharedAccessKeyName=grafana;SharedAccessKey=" +
			key("rg-integration-prod", "Microsoft.EventHub/namespaces/eventhubs/authorizationRules", "evhns-contoso-telemetry/telemetry/grafana", 1) + ";EntityPath=telemetry", "Telemetry dashboards"},
		{prod, "pricing-cosmos-connection", "AccountEndpoint=https://cosmos-contoso-pricing.documents.azure.com:443/;AccountKey=" +
			key("rg-data", "Microsoft.DocumentDB/databaseAccounts", "cosmos-contoso-pricing", 0) + ";", "Price calculation of the web shop"},
	} {
		s.a.PutSecret(k.vault, k.name, &world.SecretVersion{Value: k.value, ContentType: "text/plain", Enabled: true,
			Created: s.now.AddDate(0, 0, -300), Tags: map[string]string{"consumer": k.consumer}})
	}
}
