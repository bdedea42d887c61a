package arm

import (
	"net/http"
	"slices"
	"strings"
)

// route is an operation: what it needs, and the doing of it. Without an action
// it lets in everybody who is signed in.
type route struct {
	method, pattern string
	action, scope   string
	do              func() (*answer, error)
}

const (
	inSubscription = "subscriptions/{s}"
	inGroup        = "subscriptions/{s}/resourceGroups/{g}"
	vaultType      = "Microsoft.KeyVault/vaults"
	topicType      = "Microsoft.EventGrid/topics"
	storageType    = "Microsoft.Storage/storageAccounts"
)

// route finds the operation that the path and the method name.
func (c *call) route() (route, error) {
	if scope, rest, found := c.authorization(); found {
		return c.roleRoute(scope, rest)
	}
	if err := c.registered(); err != nil {
		return route{}, err
	}
	known := false
	for _, r := range slices.Concat(c.commonRoutes(), c.vaultRoutes(), c.keyRoutes(), c.busRoutes(), c.cosmosRoutes(), c.siteRoutes(), c.anyResource()) {
		if !c.match(r.pattern) {
			continue
		}
		known = true
		if r.method != c.r.Method {
			continue
		}
		if s := c.args["s"]; s != "" && !strings.EqualFold(s, c.w.Tenant.SubscriptionID) {
			return route{}, fail(http.StatusNotFound, "SubscriptionNotFound", "The subscription '"+s+"' could not be found.")
		}
		r.scope = c.fill(r.scope)
		return r, nil
	}
	if known {
		return route{}, fail(http.StatusMethodNotAllowed, "MethodNotAllowed", "The request method '"+c.r.Method+"' is not allowed for this resource.")
	}
	return route{}, fail(http.StatusNotFound, "InvalidResourceType", "The resource type could not be found in the namespace for the api version given.")
}

// match compares the path with a pattern whose {x} stand for any segment, and
// keeps what they stood for.
func (c *call) match(pattern string) bool {
	words := strings.Split(pattern, "/")
	if len(words) != len(c.path) {
		return false
	}
	args := map[string]string{}
	for i, word := range words {
		if strings.HasPrefix(word, "{") {
			args[strings.Trim(word, "{}")] = c.path[i]
		} else if !strings.EqualFold(word, c.path[i]) {
			return false
		}
	}
	c.args = args
	return true
}

// fill puts what the path said into a scope.
func (c *call) fill(scope string) string {
	if scope == "" {
		return ""
	}
	words := strings.Split(scope, "/")
	for i, word := range words {
		if strings.HasPrefix(word, "{") {
			words[i] = c.args[strings.Trim(word, "{}")]
		}
	}
	return "/" + strings.Join(words, "/")
}

func (c *call) commonRoutes() []route {
	return []route{
		{"GET", "tenants", "", "", c.listTenants},
		{"GET", "subscriptions", "", "", c.listSubscriptions},
		{"GET", inSubscription, "", "", c.getSubscription},
		{"GET", inSubscription + "/locations", "Microsoft.Resources/subscriptions/locations/read", inSubscription, c.listLocations},
		{"GET", inSubscription + "/providers", "", "", c.listProviders},
		{"GET", inSubscription + "/providers/{ns}", "", "", c.getProvider},
		{"POST", inSubscription + "/providers/{ns}/register", "Microsoft.Resources/subscriptions/providers/register/action", inSubscription, c.getProvider},
		{"GET", inSubscription + "/resources", "", "", c.listResources},
		{"GET", inSubscription + "/resourcegroups", "", "", c.listGroups},
		{"GET", inGroup, "Microsoft.Resources/subscriptions/resourceGroups/read", inGroup, c.getGroup},
		{"HEAD", inGroup, "Microsoft.Resources/subscriptions/resourceGroups/read", inGroup, c.hasGroup},
		{"PUT", inGroup, "Microsoft.Resources/subscriptions/resourceGroups/write", inGroup, c.putGroup},
		{"DELETE", inGroup, "Microsoft.Resources/subscriptions/resourceGroups/delete", inGroup, c.deleteGroup},
		{"GET", inGroup + "/resources", "", "", c.listResources},
		{"POST", "providers/microsoft.resourcegraph/resources", "", "", c.query},
	}
}

func (c *call) vaultRoutes() []route {
	const (
		space   = inSubscription + "/providers/Microsoft.KeyVault"
		vaults  = inGroup + "/providers/" + vaultType
		vault   = vaults + "/{n}"
		deleted = space + "/locations/{l}/deletedVaults/{n}"
	)
	return []route{
		{"GET", space + "/vaults", vaultType + "/read", inSubscription, c.listVaults},
		{"GET", vaults, vaultType + "/read", inGroup, c.listVaults},
		{"GET", vault, vaultType + "/read", vault, c.getVault},
		{"PUT", vault, vaultType + "/write", vault, c.putVault},
		{"PATCH", vault, vaultType + "/write", vault, c.patchVault},
		{"DELETE", vault, vaultType + "/delete", vault, c.deleteVault},
		{"PUT", vault + "/accessPolicies/{op}", vaultType + "/accessPolicies/write", vault, c.changePolicies},
		{"POST", space + "/checkNameAvailability", "Microsoft.KeyVault/checkNameAvailability/read", inSubscription, c.checkVaultName},
		{"GET", space + "/deletedVaults", "Microsoft.KeyVault/deletedVaults/read", inSubscription, c.listDeletedVaults},
		{"GET", deleted, "Microsoft.KeyVault/locations/deletedVaults/read", inSubscription, c.getDeletedVault},
		{"POST", deleted + "/purge", "Microsoft.KeyVault/locations/deletedVaults/purge/action", inSubscription, c.purgeVault},
		{"GET", space + "/locations/{l}/operationResults/{n}", "Microsoft.KeyVault/locations/operationResults/read", inSubscription, c.purgeResult},
	}
}

func (c *call) keyRoutes() []route {
	var routes []route
	for _, kind := range []string{topicType, storageType} {
		one := inGroup + "/providers/" + kind + "/{n}"
		of := func(do func(kind string) (*answer, error)) func() (*answer, error) {
			return func() (*answer, error) { return do(kind) }
		}
		// The manager writes the two actions of storage in lower case; roles do not care.
		routes = append(routes,
			route{"GET", inSubscription + "/providers/" + kind, kind + "/read", inSubscription, of(c.listOfType)},
			route{"GET", inGroup + "/providers/" + kind, kind + "/read", inGroup, of(c.listOfType)},
			route{"POST", one + "/listKeys", kind + "/listKeys/action", one, of(c.listKeys)},
			route{"POST", one + "/regenerateKey", kind + "/regenerateKey/action", one, of(c.regenerateKey)},
		)
	}
	return routes
}

// anyResource are the operations on one resource of any other type.
func (c *call) anyResource() []route {
	const one = inGroup + "/providers/{ns}/{t}/{n}"
	if !c.match(one) {
		return nil
	}
	kind := canonicalType(c.args["ns"] + "/" + c.args["t"])
	return []route{
		{"GET", one, kind + "/read", one, func() (*answer, error) { return c.getResource(kind) }},
		{"PUT", one, kind + "/write", one, func() (*answer, error) { return c.putResource(kind) }},
		{"DELETE", one, kind + "/delete", one, func() (*answer, error) { return c.deleteResource(kind) }},
	}
}

func canonicalType(kind string) string {
	for _, known := range []string{topicType, storageType, busType, hubType, cosmosType} {
		if strings.EqualFold(kind, known) {
			return known
		}
	}
	return kind
}
