package entra

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

// Reach tells what an application may do: the permissions that were granted to it.
// It needs Application.Read.All or Directory.Read.All.
type Reach struct {
	Graph *rest.Client // as the reader
}

// Permissions lists them as people read them, "Microsoft Graph: User.Read.All",
// sorted. One without a service principal has none.
func (r *Reach) Permissions(ctx context.Context, client inventory.ClientID) ([]string, error) {
	if client == "" {
		return nil, nil
	}
	var principal struct {
		ID string `json:"id"`
	}
	err := r.Graph.Get(ctx, "/v1.0/servicePrincipals(appId='"+strings.ReplaceAll(string(client), "'", "''")+"')?$select=id", &principal)
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the service principal of %s: %w", client, err)
	}
	list, err := r.roles(ctx, principal.ID)
	if err != nil {
		return nil, err
	}
	var grants struct {
		Value []struct {
			Scope    string `json:"scope"`
			Resource string `json:"resourceId"`
		} `json:"value"`
	}
	if err := r.Graph.Get(ctx, rest.Path("v1.0", "servicePrincipals", principal.ID, "oauth2PermissionGrants"), &grants); err != nil && !missing(err) {
		return nil, fmt.Errorf("cannot read the delegated permissions of %s: %w", client, err)
	}
	for _, g := range grants.Value {
		if s := strings.TrimSpace(g.Scope); s != "" {
			list = append(list, "for people: "+s)
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// roles are the application permissions, by the names that their APIs give them.
func (r *Reach) roles(ctx context.Context, principal string) (list []string, err error) {
	var assigned struct {
		Value []struct {
			Role     string `json:"appRoleId"`
			Resource string `json:"resourceId"`
			Name     string `json:"resourceDisplayName"`
		} `json:"value"`
	}
	if err := r.Graph.Get(ctx, rest.Path("v1.0", "servicePrincipals", principal, "appRoleAssignments"), &assigned); err != nil {
		return nil, fmt.Errorf("cannot read the permissions of %s: %w", principal, err)
	}
	names := map[string]map[string]string{}
	for _, a := range assigned.Value {
		if names[a.Resource] == nil {
			if names[a.Resource], err = r.names(ctx, a.Resource); err != nil {
				return nil, err
			}
		}
		role := names[a.Resource][a.Role]
		if role == "" {
			role = "role " + a.Role
		}
		list = append(list, a.Name+": "+role)
	}
	return list, nil
}

// names are the roles of an API by their ids.
func (r *Reach) names(ctx context.Context, api string) (map[string]string, error) {
	var p struct {
		Roles []struct {
			ID    string `json:"id"`
			Value string `json:"value"`
		} `json:"appRoles"`
	}
	if err := r.Graph.Get(ctx, rest.Path("v1.0", "servicePrincipals", api)+"?$select=id,appRoles", &p); err != nil && !missing(err) {
		return nil, fmt.Errorf("cannot read the roles of %s: %w", api, err)
	}
	m := map[string]string{}
	for _, role := range p.Roles {
		m[role.ID] = role.Value
	}
	return m, nil
}
