package diagnosis

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

const (
	managerHost  = "https://management.azure.com"
	managerScope = managerHost + "/.default"
	mostAsked    = 50 // resources; what one group gives, it gives to all in it
)

// resources checks what the writer may do with the resources of Azure that it has
// to do with: App Services that it asks to read anew, and those with access keys.
func (d *doctor) resources(ctx context.Context) {
	keys := of(d.renewable, inventory.InResources)
	if len(d.Sites)+len(keys) == 0 || d.writer == nil {
		return
	}
	api, err := rest.New(rest.Config{Base: managerHost, Transport: d.plain.Transport, Credential: d.writer, Scope: managerScope, Tries: 2})
	if err != nil {
		d.fail("Resources", "", "%v", err)
		return
	}
	d.rights(ctx, api, "App Service", d.Sites, "refresh", `az role assignment create --role "Website Contributor" --assignee-object-id %s --assignee-principal-type ServicePrincipal --scope %s
or in PowerShell:
New-AzRoleAssignment -RoleDefinitionName "Website Contributor" -ObjectId %[1]s -Scope %[2]s`)
	var ids []string
	for _, a := range keys {
		ids = append(ids, string(a.ObjectID))
	}
	d.rights(ctx, api, "Access keys", ids, "renew the keys of", `give the writer the role that the grant script makes (KEYS in rekey init --script az), on the resource group:
az role assignment create --role "rekey access keys" --assignee-object-id %s --assignee-principal-type ServicePrincipal --scope %s
or in PowerShell:
New-AzRoleAssignment -RoleDefinitionName "rekey access keys" -ObjectId %[1]s -Scope %[2]s`)
}

// rights asks for each resource whether the writer may do what it has to do there.
func (d *doctor) rights(ctx context.Context, api *rest.Client, name string, ids []string, what, cure string) {
	var lacking []string
	missing := ""
	asked := ids[:min(len(ids), mostAsked)]
	for _, id := range asked {
		lacks, err := lacks(ctx, api, id)
		if err != nil {
			d.fail(name, "try again; if it stays so, look whether the resource "+id+" is still there", "cannot tell what the writer may do: %v", err)
			return
		}
		if lacks != "" {
			lacking = append(lacking, id)
			missing = lacks
		}
	}
	switch {
	case len(ids) == 0:
	case len(lacking) == 0:
		d.ok(name, "the writer may %s all %d resources that were looked at", what, len(asked))
	default:
		scope := lacking[0]
		if name == "Access keys" {
			scope = group(scope)
		}
		d.warn(name, fmt.Sprintf(cure, d.writer.principal, scope), "the writer may not %s %d of %d resources, the first of them %s: %s is missing", what, len(lacking), len(asked), lacking[0], missing)
	}
}

// group is the resource group that a resource is in.
func group(id string) string {
	parts := strings.Split(id, "/")
	return strings.Join(parts[:min(len(parts), 5)], "/")
}

// needs are the actions that rekey does with a resource, by its type in lower case.
func needs(id string) []string {
	kind := kindOf(id)
	switch {
	case strings.HasPrefix(kind, "microsoft.web/sites"):
		return []string{kind + "/read", kind + "/config/read", kind + "/config/write"}
	case strings.HasSuffix(kind, "/authorizationrules"):
		return []string{kind + "/listkeys/action", kind + "/regeneratekeys/action"}
	}
	return []string{kind + "/listkeys/action", kind + "/regeneratekey/action"}
}

// kindOf is the type in a resource id: /subscriptions/s/resourceGroups/g/providers/SPACE/kind/name/kind/name.
func kindOf(id string) string {
	_, rest, _ := strings.Cut(strings.ToLower(id), "/providers/")
	parts := strings.Split(rest, "/")
	kind := parts[0]
	for i := 1; i < len(parts); i += 2 {
		kind += "/" + parts[i]
	}
	return kind
}

// lacks is the first action that our own identity may not do with a resource. See
// https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource
func lacks(ctx context.Context, api *rest.Client, id string) (string, error) {
	var answer struct {
		Value []permissions `json:"value"`
	}
	if err := ask(ctx, api, id+"/providers/Microsoft.Authorization/permissions?api-version=2022-04-01", &answer); err != nil {
		return "", err
	}
	for _, action := range needs(id) {
		may := false
		for _, p := range answer.Value {
			may = may || covers(p.Actions, action) && !covers(p.NotActions, action)
		}
		if !may {
			return action, nil
		}
	}
	return "", nil
}

// permissions are those of one role.
type permissions struct {
	Actions    []string `json:"actions"`
	NotActions []string `json:"notActions"`
}

// covers reports whether an action is among patterns, in which * stands for any text.
func covers(patterns []string, action string) bool {
	for _, p := range patterns {
		text := "(?i)^" + strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, ".*") + "$"
		if ok, err := regexp.MatchString(text, action); err == nil && ok {
			return true
		}
	}
	return false
}
