package arm

import (
	"net/http"
	"strings"
	"time"
)

func (c *call) listTenants() (*answer, error) {
	t := c.w.Tenant
	return list([]map[string]any{{
		"id": "/tenants/" + t.ID, "tenantId": t.ID, "countryCode": "NL", "displayName": t.Name, "domains": []string{t.Domain},
		"tenantCategory": "Home", "defaultDomain": t.Domain, "tenantType": "AAD",
	}})
}

func (c *call) subscription() map[string]any {
	return map[string]any{
		"id": "/subscriptions/" + c.w.Tenant.SubscriptionID, "subscriptionId": c.w.Tenant.SubscriptionID, "tenantId": c.w.Tenant.ID,
		"displayName": c.w.Tenant.Name + " Production", "state": "Enabled", "authorizationSource": "RoleBased", "managedByTenants": []any{},
		"subscriptionPolicies": map[string]any{"locationPlacementId": "Public_2014-09-01", "quotaId": "EnterpriseAgreement_2014-09-01", "spendingLimit": "Off"},
	}
}

// member reports whether the caller has any role in the subscription, at
// whatever scope: then it sees the subscription itself.
func (c *call) member() (has bool) {
	c.w.Read(func() {
		for _, a := range c.w.Azure.Assignments {
			if strings.EqualFold(a.PrincipalID, c.claims.ObjectID) && a.Acts(time.Now(), c.w.Lag.Role) {
				has = true
			}
		}
	})
	return has
}

func (c *call) listSubscriptions() (*answer, error) {
	value, n := []any{}, 0
	if c.member() {
		value, n = append(value, c.subscription()), 1
	}
	return ok(map[string]any{"value": value, "count": map[string]any{"type": "Total", "value": n}})
}

func (c *call) getSubscription() (*answer, error) {
	if !c.member() {
		return nil, unauthorized(c.claims, "Microsoft.Resources/subscriptions/read", "/subscriptions/"+c.w.Tenant.SubscriptionID)
	}
	return ok(c.subscription())
}

func (c *call) listLocations() (*answer, error) {
	var value []map[string]any
	for _, l := range [][4]string{
		{"westeurope", "West Europe", "4.9", "52.3667"}, {"northeurope", "North Europe", "-6.2597", "53.3478"},
		{"germanywestcentral", "Germany West Central", "8.682127", "50.110924"}, {"swedencentral", "Sweden Central", "17.14127", "60.67488"},
	} {
		value = append(value, map[string]any{
			"id": "/subscriptions/" + c.w.Tenant.SubscriptionID + "/locations/" + l[0], "name": l[0], "type": "Region",
			"displayName": l[1], "regionalDisplayName": "(Europe) " + l[1],
			"metadata": map[string]any{"regionType": "Physical", "regionCategory": "Recommended", "geography": "Europe", "geographyGroup": "Europe", "longitude": l[2], "latitude": l[3]},
		})
	}
	return list(value)
}

// providers are the resource providers with the types the manager knows here.
func providers() map[string][]string {
	return map[string][]string{
		"Microsoft.KeyVault":      {"vaults", "deletedVaults", "locations/deletedVaults", "vaults/secrets"},
		"Microsoft.EventGrid":     {"topics"},
		"Microsoft.Storage":       {"storageAccounts"},
		"Microsoft.Web":           {"sites", "sites/slots"},
		"Microsoft.ServiceBus":    {"namespaces", "namespaces/authorizationRules", "namespaces/queues", "namespaces/queues/authorizationRules", "namespaces/topics", "namespaces/topics/authorizationRules"},
		"Microsoft.EventHub":      {"namespaces", "namespaces/authorizationRules", "namespaces/eventhubs", "namespaces/eventhubs/authorizationRules"},
		"Microsoft.DocumentDB":    {"databaseAccounts", "locations/operationsStatus", "locations/operationResults"},
		"Microsoft.Authorization": {"roleAssignments", "roleDefinitions"},
		"Microsoft.Resources":     {"resourceGroups", "subscriptions", "tenants"},
		"Microsoft.ResourceGraph": {"resources"},
	}
}

func (c *call) provider(space string, types []string) map[string]any {
	var listed []map[string]any
	known := versions[strings.ToLower(space)]
	if known == nil {
		known = []string{"2026-02-01", "2023-02-01", "2022-07-01", "2022-06-15", "2021-04-01"}
	}
	for _, t := range types {
		listed = append(listed, map[string]any{
			"resourceType": t, "locations": []string{"West Europe", "North Europe"},
			"apiVersions": known, "capabilities": "None",
		})
	}
	return map[string]any{
		"id": "/subscriptions/" + c.w.Tenant.SubscriptionID + "/providers/" + space, "namespace": space,
		"registrationState": "Registered", "registrationPolicy": "RegistrationRequired", "resourceTypes": listed,
	}
}

func (c *call) listProviders() (*answer, error) {
	var value []map[string]any
	for space, types := range providers() {
		value = append(value, c.provider(space, types))
	}
	return list(value)
}

func (c *call) getProvider() (*answer, error) {
	for space, types := range providers() {
		if strings.EqualFold(space, c.args["ns"]) {
			return ok(c.provider(space, types))
		}
	}
	return nil, fail(http.StatusNotFound, "InvalidResourceNamespace", "The resource namespace '"+c.args["ns"]+"' is invalid.")
}
