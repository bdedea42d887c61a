package graph

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route is one operation: which address, who may, what it does. A star takes an
// object's key; the first route that fits is taken.
type route struct {
	method  string
	pattern string
	roles   []string // any of these will do; none means anybody with a token
	do      func(c *call, keys []string) (*answer, *failure)
}

func routes() []route {
	return slices.Concat(applicationRoutes(), principalRoutes(), directoryRoutes())
}

func applicationRoutes() []route {
	return []route{
		{"GET", "applications", readApps, (*call).listApplications},
		{"POST", "applications", writeApps, (*call).createApplication},
		{"GET", "applications/$count", readApps, (*call).countApplications},
		{"GET", "applications/delta", readApps, (*call).applicationsDelta},
		{"GET", "applications/*", readApps, (*call).getApplication},
		{"PATCH", "applications/*", writeApps, (*call).updateApplication},
		{"DELETE", "applications/*", writeApps, (*call).deleteApplication},
		{"POST", "applications/*/addPassword", writeApps, (*call).addPassword},
		{"POST", "applications/*/removePassword", writeApps, (*call).removePassword},
		{"POST", "applications/*/addKey", nil, (*call).addKey},
		{"POST", "applications/*/removeKey", nil, (*call).removeKey},
		{"GET", "applications/*/owners", readApps, (*call).listOwners},
		{"GET", "applications/*/owners/$ref", readApps, (*call).listOwnerReferences},
		{"POST", "applications/*/owners/$ref", writeApps, (*call).addOwner},
		{"DELETE", "applications/*/owners/*/$ref", writeApps, (*call).removeOwner},
		{"GET", "applications/*/federatedIdentityCredentials", readApps, (*call).listFederated},
		{"POST", "applications/*/federatedIdentityCredentials", writeApps, (*call).createFederated},
		{"GET", "applications/*/federatedIdentityCredentials/*", readApps, (*call).getFederated},
		{"PATCH", "applications/*/federatedIdentityCredentials/*", writeApps, (*call).updateFederated},
		{"DELETE", "applications/*/federatedIdentityCredentials/*", writeApps, (*call).deleteFederated},
	}
}

func principalRoutes() []route {
	return []route{
		{"GET", "servicePrincipals", readApps, (*call).listPrincipals},
		{"POST", "servicePrincipals", writeApps, (*call).createPrincipal},
		{"GET", "servicePrincipals/$count", readApps, (*call).countPrincipals},
		{"GET", "servicePrincipals/delta", readApps, (*call).principalsDelta},
		{"GET", "servicePrincipals/*", readApps, (*call).getPrincipal},
		{"PATCH", "servicePrincipals/*", writeApps, (*call).updatePrincipal},
		{"DELETE", "servicePrincipals/*", writeApps, (*call).deletePrincipal},
		{"POST", "servicePrincipals/*/addPassword", writeApps, (*call).addPassword},
		{"POST", "servicePrincipals/*/removePassword", writeApps, (*call).removePassword},
		{"POST", "servicePrincipals/*/addKey", nil, (*call).addKey},
		{"POST", "servicePrincipals/*/removeKey", nil, (*call).removeKey},
		{"GET", "servicePrincipals/*/owners", readApps, (*call).listOwners},
		{"GET", "servicePrincipals/*/owners/$ref", readApps, (*call).listOwnerReferences},
		{"POST", "servicePrincipals/*/owners/$ref", writeApps, (*call).addOwner},
		{"DELETE", "servicePrincipals/*/owners/*/$ref", writeApps, (*call).removeOwner},
		{"GET", "servicePrincipals/*/ownedObjects", readApps, (*call).ownedObjects},
		{"GET", "servicePrincipals/*/memberOf", readApps, (*call).listMemberOf},
		{"GET", "servicePrincipals/*/appRoleAssignments", readApps, (*call).listAssignments},
		{"POST", "servicePrincipals/*/appRoleAssignments", assignRoles, (*call).assignRole},
		{"DELETE", "servicePrincipals/*/appRoleAssignments/*", assignRoles, (*call).unassignRole},
		{"GET", "servicePrincipals/*/appRoleAssignedTo", readApps, (*call).listAssignedTo},
		{"POST", "servicePrincipals/*/appRoleAssignedTo", assignRoles, (*call).assignRole},
		{"DELETE", "servicePrincipals/*/appRoleAssignedTo/*", assignRoles, (*call).unassignRole},
		{"GET", "servicePrincipals/*/oauth2PermissionGrants", readApps, (*call).listDelegatedOf},
		{"GET", "oauth2PermissionGrants", readDirectory, (*call).listDelegated},
		{"POST", "oauth2PermissionGrants", delegate, (*call).createDelegated},
		{"DELETE", "oauth2PermissionGrants/*", delegate, (*call).deleteDelegated},
	}
}

func directoryRoutes() []route {
	return []route{
		{"GET", "users", readUsers, (*call).listUsers},
		{"GET", "users/$count", readUsers, (*call).countUsers},
		{"GET", "users/*", readUsers, (*call).getUser},
		{"GET", "users/*/ownedObjects", readUsers, (*call).ownedObjects},
		{"GET", "groups", readGroups, (*call).nothing},
		{"GET", "groups/*", readGroups, (*call).noGroup},
		{"GET", "organization", readOrganization, (*call).organization},
		{"GET", "organization/*", readOrganization, (*call).organization},
		{"GET", "directoryObjects/*", readApps, (*call).getObject},
		{"POST", "directoryObjects/getByIds", readApps, (*call).objectsByIDs},
		{"GET", "directory/deletedItems/application", readApps, (*call).listDeletedApplications},
		{"GET", "directory/deletedItems/servicePrincipal", readApps, (*call).listDeletedPrincipals},
		{"GET", "directory/deletedItems/*", readApps, (*call).getDeleted},
		{"POST", "directory/deletedItems/*/restore", writeApps, (*call).restore},
		{"DELETE", "directory/deletedItems/*", writeApps, (*call).purge},
		{"GET", "auditLogs/directoryAudits", readAudits, (*call).listAudits},
		{"GET", "auditLogs/directoryAudits/*", readAudits, (*call).getAudit},
		{"GET", "auditLogs/signIns", readAudits, (*call).listSignIns},
		{"GET", "auditLogs/signIns/*", readAudits, (*call).getSignIn},
		{"GET", "reports/appCredentialSignInActivities", readAudits, (*call).listActivities},
		{"GET", "me", nil, (*call).me},
		{"GET", "me/*", nil, (*call).me},
	}
}

// route finds the operation of a call and the keys in its address.
func (c *call) route() (*route, []string, *failure) {
	wrongMethod := false
	for i := range c.routes {
		found := &c.routes[i]
		keys, fits := match(c.patterns[i], c.path)
		if !fits {
			continue
		}
		if found.method == c.method || found.method == http.MethodGet && c.method == http.MethodHead {
			return found, keys, nil
		}
		wrongMethod = true
	}
	if wrongMethod {
		return nil, nil, &failure{status: http.StatusMethodNotAllowed, code: "Request_BadRequest", message: "Specified HTTP method is not allowed for the request target."}
	}
	if len(c.path) == 0 {
		return nil, nil, malformed("Empty segment encountered in request URL. Please make sure that a valid request URL is specified.")
	}
	return nil, nil, malformed("Resource not found for the segment '%s'.", c.path[len(c.path)-1])
}

// match compares without regard to case, as the service does.
func match(pattern, path []string) (keys []string, ok bool) {
	if len(pattern) != len(path) {
		return nil, false
	}
	for i, p := range pattern {
		if p == "*" {
			if strings.HasPrefix(path[i], "$") && len(path[i]) > 1 && i == len(path)-1 {
				return nil, false
			}
			keys = append(keys, path[i])
		} else if !strings.EqualFold(p, path[i]) {
			return nil, false
		}
	}
	return keys, true
}

// split cuts an address into segments; users('x') becomes users and x,
// microsoft.graph.delta() becomes delta.
func split(escaped string) ([]string, error) {
	var list []string
	for s := range strings.SplitSeq(escaped, "/") {
		s, err := url.PathUnescape(s)
		if err != nil {
			return nil, err
		}
		if s == "" {
			continue
		}
		s = strings.TrimPrefix(s, "microsoft.graph.")
		name, key, ok := strings.Cut(s, "(")
		if !ok || !strings.HasSuffix(key, ")") {
			list = append(list, s)
			continue
		}
		list = append(list, name)
		if key = strings.TrimSuffix(key, ")"); key != "" {
			list = append(list, unquoteKey(key))
		}
	}
	return list, nil
}

func unquoteKey(key string) string {
	if len(key) >= 2 && key[0] == '\'' && key[len(key)-1] == '\'' {
		return strings.ReplaceAll(key[1:len(key)-1], "''", "'")
	}
	return key
}
