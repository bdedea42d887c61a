package arm

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

const authorizationSpace = "Microsoft.Authorization"

// authorization splits the path of a role assignment or definition from the
// scope in front of it, which can be any resource.
func (c *call) authorization() (scope string, rest []string, found bool) {
	for i := len(c.path) - 2; i >= 0; i-- {
		if strings.EqualFold(c.path[i], "providers") && strings.EqualFold(c.path[i+1], authorizationSpace) {
			return "/" + strings.Join(c.path[:i], "/"), c.path[i+2:], true
		}
	}
	return "", nil, false
}

func (c *call) roleRoute(scope string, rest []string) (route, error) {
	if s := c.path; len(s) > 1 && strings.EqualFold(s[0], "subscriptions") && !strings.EqualFold(s[1], c.w.Tenant.SubscriptionID) {
		return route{}, fail(http.StatusNotFound, "SubscriptionNotFound", "The subscription '"+s[1]+"' could not be found.")
	}
	shape, name := c.r.Method, ""
	for i, part := range rest {
		if i == 1 {
			shape, name = shape+" n", part
			continue
		}
		shape += " " + strings.ToLower(part)
	}
	read := authorizationSpace + "/roleAssignments/read"
	switch shape {
	case "GET roleassignments":
		return route{action: read, scope: scope, do: func() (*answer, error) { return c.listAssignments(scope) }}, nil
	case "GET roleassignments n":
		return route{action: read, scope: scope, do: func() (*answer, error) { return c.getAssignment(name) }}, nil
	case "PUT roleassignments n":
		return route{action: authorizationSpace + "/roleAssignments/write", scope: scope, do: func() (*answer, error) { return c.putAssignment(scope, name) }}, nil
	case "DELETE roleassignments n":
		return route{action: authorizationSpace + "/roleAssignments/delete", scope: scope, do: func() (*answer, error) { return c.deleteAssignment(name) }}, nil
	case "GET roledefinitions":
		return route{do: func() (*answer, error) { return c.listDefinitions() }}, nil
	case "GET roledefinitions n":
		return route{do: func() (*answer, error) { return c.getDefinition(name) }}, nil
	case "GET permissions":
		return route{do: func() (*answer, error) { return c.listPermissions(scope) }}, nil
	case "GET denyassignments", "GET roleassignmentschedules", "GET roleeligibilityschedules":
		return route{do: func() (*answer, error) { return list[any](nil) }}, nil
	}
	return route{}, fail(http.StatusNotFound, "InvalidResourceType", "The resource type could not be found in the namespace '"+authorizationSpace+"' for the api version given.")
}

func (c *call) definitionID(role world.Role) string {
	return "/subscriptions/" + c.w.Tenant.SubscriptionID + "/providers/" + authorizationSpace + "/roleDefinitions/" + role.ID
}

func (c *call) wireDefinition(r world.Role) map[string]any {
	kind, scope := "BuiltInRole", "/"
	if r.Custom {
		kind, scope = "CustomRole", "/subscriptions/"+c.w.Tenant.SubscriptionID
	}
	return map[string]any{
		"id": c.definitionID(r), "name": r.ID, "type": authorizationSpace + "/roleDefinitions",
		"properties": map[string]any{
			"roleName": r.Name, "type": kind, "description": r.Description, "assignableScopes": []string{scope},
			"permissions": []map[string]any{wirePermission(r)},
		},
	}
}

func wirePermission(r world.Role) map[string]any {
	return map[string]any{
		"actions": orEmpty(r.Actions), "notActions": orEmpty(r.NotActions), "dataActions": orEmpty(r.DataActions), "notDataActions": orEmpty(r.NotDataActions),
	}
}

// listPermissions tells the caller what it may do at the scope; who may do nothing
// there gets an empty list.
func (c *call) listPermissions(scope string) (*answer, error) {
	var value []map[string]any
	c.w.Read(func() {
		for _, r := range c.w.Azure.RolesOf(c.claims.ObjectID, scope, time.Now(), c.w.Lag.Role) {
			value = append(value, wirePermission(r))
		}
	})
	return list(value)
}

var (
	byRoleName  = regexp.MustCompile(`(?i)roleName\s+eq\s+'((?:[^']|'')*)'`)
	byRoleType  = regexp.MustCompile(`(?i)type\s+eq\s+'CustomRole'`)
	byPrincipal = regexp.MustCompile(`(?i)(?:principalId\s+eq\s+'([^']*)'|assignedTo\('([^']*)'\))`)
)

func (c *call) listDefinitions() (*answer, error) {
	filter := c.r.URL.Query().Get("$filter")
	var value []map[string]any
	for _, r := range world.Roles() {
		if m := byRoleName.FindStringSubmatch(filter); m != nil && !strings.EqualFold(strings.ReplaceAll(m[1], "''", "'"), r.Name) {
			continue
		}
		if byRoleType.MatchString(filter) && !r.Custom {
			continue
		}
		value = append(value, c.wireDefinition(r))
	}
	return list(value)
}

func (c *call) getDefinition(id string) (*answer, error) {
	if r, known := world.RoleByName(id); known {
		return ok(c.wireDefinition(r))
	}
	return nil, fail(http.StatusNotFound, "RoleDefinitionDoesNotExist", "The specified role definition with ID '"+id+"' does not exist.")
}

func (c *call) wireAssignment(a world.Assignment) map[string]any {
	role, _ := world.RoleByName(a.Role)
	at := a.Created.UTC().Format(keyTime)
	return map[string]any{
		"id": strings.TrimSuffix(a.Scope, "/") + "/providers/" + authorizationSpace + "/roleAssignments/" + a.ID, "name": a.ID,
		"type": authorizationSpace + "/roleAssignments",
		"properties": map[string]any{
			"roleDefinitionId": c.definitionID(role), "principalId": a.PrincipalID, "principalType": c.principalType(a.PrincipalID), "scope": a.Scope,
			"condition": nil, "conditionVersion": nil, "createdOn": at, "updatedOn": at, "createdBy": "", "updatedBy": "", "delegatedManagedIdentityResourceId": nil, "description": nil,
		},
	}
}

// principalType looks the principal up. The caller holds the world's lock.
func (c *call) principalType(id string) string {
	if c.w.Directory.Users[id] != nil {
		return "User"
	}
	return "ServicePrincipal"
}

// listAssignments lists those at, above and below the scope. The filters are
// those of the manager: atScope() leaves out what is below.
func (c *call) listAssignments(scope string) (*answer, error) {
	filter := c.r.URL.Query().Get("$filter")
	who := byPrincipal.FindStringSubmatch(filter)
	notBelow := strings.Contains(strings.ToLower(filter), "atscope()")
	var value []map[string]any
	c.w.Read(func() {
		for _, a := range c.w.Azure.Assignments {
			if !a.Removed.IsZero() || who != nil && !strings.EqualFold(who[1]+who[2], a.PrincipalID) {
				continue
			}
			above, below := inside(scope, a.Scope), inside(a.Scope, scope)
			if above || below && !notBelow {
				value = append(value, c.wireAssignment(a))
			}
		}
	})
	return list(value)
}

// inside reports whether id is the scope or lies below it.
func inside(id, scope string) bool {
	rest, has := strings.CutPrefix(strings.ToLower(id), strings.TrimSuffix(strings.ToLower(scope), "/"))
	return has && (rest == "" || rest[0] == '/')
}

// assignment finds one that exists. The caller holds the world's lock.
func (c *call) assignment(name string) *world.Assignment {
	i := slices.IndexFunc(c.w.Azure.Assignments, func(a world.Assignment) bool { return strings.EqualFold(a.ID, name) && a.Removed.IsZero() })
	if i < 0 {
		return nil
	}
	return &c.w.Azure.Assignments[i]
}

func (c *call) getAssignment(name string) (a *answer, err error) {
	err = fail(http.StatusNotFound, "RoleAssignmentNotFound", "The role assignment '"+name+"' is not found.")
	c.w.Read(func() {
		if found := c.assignment(name); found != nil {
			a, err = ok(c.wireAssignment(*found))
		}
	})
	return a, err
}

var guidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func (c *call) putAssignment(scope, name string) (a *answer, err error) {
	var body struct {
		Properties struct {
			RoleDefinitionID string `json:"roleDefinitionId"`
			PrincipalID      string `json:"principalId"`
		} `json:"properties"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	if !guidForm.MatchString(name) {
		return nil, badRequest("InvalidRoleAssignmentId", "The role assignment ID '"+name+"' is not valid. The role assignment ID must be a GUID.")
	}
	definition := body.Properties.RoleDefinitionID
	role, known := world.RoleByName(definition[strings.LastIndex(definition, "/")+1:])
	if !known {
		return nil, badRequest("RoleDefinitionDoesNotExist", "The specified role definition with ID '"+definition+"' does not exist.")
	}
	principal := body.Properties.PrincipalID
	c.w.Change(func() {
		if c.w.Directory.ServicePrincipals[principal] == nil && c.w.Directory.Users[principal] == nil {
			err = badRequest("PrincipalNotFound", "Principal "+principal+" does not exist in the directory "+c.w.Tenant.ID+".")
			return
		}
		same := func(s world.Assignment) bool {
			return s.Removed.IsZero() && s.Role == role.Name && strings.EqualFold(s.PrincipalID, principal) && strings.EqualFold(s.Scope, scope)
		}
		if c.assignment(name) != nil || slices.ContainsFunc(c.w.Azure.Assignments, same) {
			err = fail(http.StatusConflict, "RoleAssignmentExists", "The role assignment already exists.")
			return
		}
		made := world.Assignment{ID: strings.ToLower(name), PrincipalID: principal, Role: role.Name, Scope: scope, Created: time.Now()}
		c.w.Azure.Assignments = append(c.w.Azure.Assignments, made)
		c.record("putRoleAssignment", scope, made.ID)
		a = &answer{status: http.StatusCreated, body: c.wireAssignment(made)}
	})
	return a, err
}

func (c *call) deleteAssignment(name string) (a *answer, err error) {
	c.w.Change(func() {
		found := c.assignment(name)
		if found == nil {
			a = &answer{status: http.StatusNoContent}
			return
		}
		found.Removed = time.Now()
		c.record("deleteRoleAssignment", found.Scope, found.ID)
		a, err = ok(c.wireAssignment(*found))
	})
	return a, err
}
