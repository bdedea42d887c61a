package arm

import (
	"fmt"
	"slices"
	"strings"
)

// versions are the api-versions that a provider takes, where it is known to
// refuse others. See https://learn.microsoft.com/azure/templates/
var versions = map[string][]string{
	"microsoft.servicebus": {
		"2014-09-01", "2015-08-01", "2017-04-01", "2018-01-01-preview", "2021-01-01-preview", "2021-06-01-preview", "2021-11-01",
		"2022-01-01-preview", "2022-10-01-preview", "2023-01-01-preview", "2024-01-01", "2025-05-01-preview",
	},
	"microsoft.eventhub": {
		"2014-09-01", "2015-08-01", "2017-04-01", "2018-01-01-preview", "2021-01-01-preview", "2021-06-01-preview", "2021-11-01",
		"2022-01-01-preview", "2022-10-01-preview", "2023-01-01-preview", "2024-01-01", "2024-05-01-preview", "2025-05-01-preview",
	},
	"microsoft.documentdb": {
		"2019-12-12", "2020-04-01", "2021-01-15", "2021-04-15", "2021-10-15", "2022-05-15", "2022-08-15", "2022-11-15",
		"2023-03-15", "2023-04-15", "2023-09-15", "2023-11-15", "2024-05-15", "2024-08-15", "2024-11-15", "2025-04-15", "2025-10-15",
	},
}

// registered refuses an api-version that the provider of the path's resource
// does not have.
func (c *call) registered() error {
	i := len(c.path) - 1 // the last: a role assignment at a resource is not the resource's provider's
	for i >= 0 && !strings.EqualFold(c.path[i], "providers") {
		i--
	}
	if i < 0 || i+2 >= len(c.path) {
		return nil
	}
	space, kind, version := c.path[i+1], c.path[i+2], c.r.URL.Query().Get("api-version")
	known := versions[strings.ToLower(space)]
	if len(known) == 0 || slices.Contains(known, version) {
		return nil
	}
	return badRequest("NoRegisteredProviderFound", fmt.Sprintf("No registered resource provider found for location 'westeurope' and API version '%s' for type '%s'. "+
		"The supported api-versions are '%s'. The supported locations are 'westeurope, northeurope'.", version, kind, strings.Join(known, ", ")))
}
