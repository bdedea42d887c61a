package entra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

// Reach tells what an application may do: the permissions that were granted to it.
// It needs Application.Read.All or Directory.Read.All.
type Reach struct {
	Graph *rest.Client // as the reader
}

// Grant is a permission that the directory gave to an application.
type Grant struct {
	Kind  GrantKind
	API   string // name of the API; of a directory role it is empty
	Role  string // User.Read.All; a directory role's name
	All   bool   // of a delegated permission: for everybody, by an administrator
	Since time.Time
}

// GrantKind is what sort of permission it is.
type GrantKind string

// The sorts.
const (
	Permission    GrantKind = "permission"     // the application's own: an app role
	Delegated     GrantKind = "delegated"      // for a person who signed in
	DirectoryRole GrantKind = "directory role" // Global Administrator, ...
)

// Granted is what the directory knows of an application's permissions.
type Granted struct {
	Principal inventory.ObjectID // of the service principal; empty: there is none, so there are no grants
	Grants    []Grant
	Unread    map[GrantKind]error // what could not be read
}

const mostGrantPages = 20

// Grants reads all permissions. A sort that cannot be read keeps no other from being
// told; the error is about the service principal itself.
func (r *Reach) Grants(ctx context.Context, client inventory.ClientID) (g Granted, err error) {
	g.Unread = map[GrantKind]error{}
	if client == "" {
		return g, nil
	}
	var principal struct {
		ID inventory.ObjectID `json:"id"`
	}
	err = r.Graph.Get(ctx, "/v1.0/servicePrincipals(appId='"+strings.ReplaceAll(string(client), "'", "''")+"')?$select=id", &principal)
	if gone(err) {
		return g, nil
	}
	if err != nil {
		return g, fmt.Errorf("cannot read the service principal of %s: %w", client, err)
	}
	g.Principal = principal.ID
	for _, part := range []struct {
		kind GrantKind
		read func(context.Context, string) ([]Grant, error)
	}{{Permission, r.roles}, {Delegated, r.delegated}, {DirectoryRole, r.directoryRoles}} {
		list, err := part.read(ctx, string(principal.ID))
		if err != nil {
			g.Unread[part.kind] = err
		}
		g.Grants = append(g.Grants, list...)
	}
	return g, nil
}

// Permissions lists them as people read them, "Microsoft Graph: User.Read.All",
// sorted. One without a service principal has none.
func (r *Reach) Permissions(ctx context.Context, client inventory.ClientID) (list []string, err error) {
	g, err := r.Grants(ctx, client)
	if err != nil {
		return nil, err
	}
	if err := g.Unread[Permission]; err != nil {
		return nil, err
	}
	for _, p := range g.Grants {
		switch p.Kind {
		case Permission:
			list = append(list, p.API+": "+p.Role)
		case Delegated:
			list = append(list, "for people: "+p.Role)
		case DirectoryRole:
			list = append(list, "directory role: "+p.Role)
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// gone reports whether there is no such thing.
func gone(err error) bool {
	e, ok := errors.AsType[*rest.Error](err)
	return ok && e.Status == http.StatusNotFound
}

// walkGrants reads a list page by page.
func walkGrants[T any](ctx context.Context, c *rest.Client, path string) (list []T, err error) {
	for range mostGrantPages {
		var page struct {
			Value []T    `json:"value"`
			Next  string `json:"@odata.nextLink"`
		}
		if err := c.Get(ctx, path, &page); err != nil {
			return list, err
		}
		list = append(list, page.Value...)
		if path = page.Next; path == "" {
			return list, nil
		}
	}
	return list, fmt.Errorf("there are more than %d pages", mostGrantPages)
}

// roles are the application permissions, by the names that their APIs give them.
func (r *Reach) roles(ctx context.Context, principal string) (list []Grant, err error) {
	type assigned struct {
		Role     string    `json:"appRoleId"`
		Resource string    `json:"resourceId"`
		Name     string    `json:"resourceDisplayName"`
		Created  time.Time `json:"createdDateTime"`
	}
	found, err := walkGrants[assigned](ctx, r.Graph, rest.Path("v1.0", "servicePrincipals", principal, "appRoleAssignments"))
	if err != nil {
		return nil, fmt.Errorf("cannot read the permissions of %s: %w", principal, err)
	}
	known := map[string]*api{}
	for _, a := range found {
		of, err := r.api(ctx, a.Resource, known)
		if err != nil {
			return list, err
		}
		role := of.roles[a.Role]
		if role == "" {
			role = "role " + a.Role
		}
		list = append(list, Grant{Kind: Permission, API: plain(a.Name), Role: plain(role), Since: a.Created})
	}
	return list, nil
}

// api is what can be granted, by what it is called.
type api struct {
	name  string
	roles map[string]string // values by id
}

// api looks an API up once.
func (r *Reach) api(ctx context.Context, id string, known map[string]*api) (*api, error) {
	if a := known[id]; a != nil {
		return a, nil
	}
	var p struct {
		Name  string `json:"displayName"`
		Roles []struct {
			ID    string `json:"id"`
			Value string `json:"value"`
		} `json:"appRoles"`
	}
	if err := r.Graph.Get(ctx, rest.Path("v1.0", "servicePrincipals", id)+"?$select=id,displayName,appRoles", &p); err != nil && !missing(err) {
		return nil, fmt.Errorf("cannot read the roles of %s: %w", id, err)
	}
	a := &api{plain(p.Name), map[string]string{}}
	for _, role := range p.Roles {
		a.roles[role.ID] = role.Value
	}
	known[id] = a
	return a, nil
}

// delegated are the permissions to act for people.
func (r *Reach) delegated(ctx context.Context, principal string) (list []Grant, err error) {
	type grant struct {
		Scope    string `json:"scope"`
		Consent  string `json:"consentType"`
		Resource string `json:"resourceId"`
	}
	found, err := walkGrants[grant](ctx, r.Graph, rest.Path("v1.0", "servicePrincipals", principal, "oauth2PermissionGrants"))
	if gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the delegated permissions of %s: %w", principal, err)
	}
	known := map[string]*api{}
	for _, g := range found {
		of, err := r.api(ctx, g.Resource, known)
		if err != nil {
			return list, err
		}
		for scope := range strings.FieldsSeq(g.Scope) {
			list = append(list, Grant{Kind: Delegated, API: of.name, Role: plain(scope), All: g.Consent == "AllPrincipals"})
		}
	}
	return list, nil
}

// directoryRoles are the roles of the directory, also those that come with a group.
func (r *Reach) directoryRoles(ctx context.Context, principal string) (list []Grant, err error) {
	type member struct {
		Type string `json:"@odata.type"`
		Name string `json:"displayName"`
	}
	found, err := walkGrants[member](ctx, r.Graph, rest.Path("v1.0", "servicePrincipals", principal, "memberOf"))
	if err != nil {
		return nil, fmt.Errorf("cannot read the directory roles of %s: %w", principal, err)
	}
	for _, m := range found {
		if m.Type == "#microsoft.graph.directoryRole" {
			list = append(list, Grant{Kind: DirectoryRole, Role: plain(m.Name)})
		}
	}
	return list, nil
}
