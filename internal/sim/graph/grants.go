package graph

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// assignments are the application permissions of a service principal. Those that
// the directory knows by their names only get the ids they have in Graph. The
// caller holds Read.
func (c *call) assignments(s principal) []world.Grant {
	list := slices.Clone(s.Grants)
	graph := c.w.Directory.ServicePrincipalByClient(world.GraphAppID)
	if graph == nil {
		return list
	}
	for _, name := range s.Roles {
		role, known := world.GraphRole(name)
		if !known || slices.ContainsFunc(list, func(g world.Grant) bool { return g.RoleID == role.ID }) {
			continue
		}
		list = append(list, world.Grant{ID: assignmentID(s.ID, role.ID), RoleID: role.ID, RoleValue: role.Value, ResourceID: graph.ID, ResourceName: graph.Name, Created: s.Created})
	}
	return list
}

func assignmentID(principalID, roleID string) string {
	sum := sha256.Sum256([]byte(principalID + " " + roleID))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func appendAssignment(b []byte, s principal, g world.Grant) []byte {
	b = append(b, `"id":`...)
	b = appendText(b, g.ID)
	b = append(b, `,"deletedDateTime":null,"appRoleId":`...)
	b = appendText(b, g.RoleID)
	b = append(b, `,"createdDateTime":`...)
	b = appendTime(b, g.Created)
	b = append(b, `,"principalDisplayName":`...)
	b = appendText(b, s.Name)
	b = append(b, `,"principalId":`...)
	b = appendText(b, s.ID)
	b = append(b, `,"principalType":"ServicePrincipal","resourceDisplayName":`...)
	b = appendText(b, g.ResourceName)
	b = append(b, `,"resourceId":`...)
	return appendText(b, g.ResourceID)
}

func (c *call) assignmentContext(t target) string {
	return c.context("servicePrincipals('" + t.h.ID + "')/" + c.path[2])
}

// listAssignments is what a service principal may do.
func (c *call) listAssignments(keys []string) (a *answer, f *failure) {
	return c.collectAssignments(keys, func(t target, add func(principal, world.Grant)) {
		for _, g := range c.assignments(t.sp) {
			add(t.sp, g)
		}
	})
}

// listAssignedTo is who may call a service principal.
func (c *call) listAssignedTo(keys []string) (*answer, *failure) {
	return c.collectAssignments(keys, func(t target, add func(principal, world.Grant)) {
		for _, s := range c.w.Directory.ServicePrincipalsInOrder() {
			if s == nil {
				continue
			}
			for _, g := range c.assignments(s) {
				if g.ResourceID == t.h.ID {
					add(s, g)
				}
			}
		}
	})
}

func (c *call) collectAssignments(keys []string, each func(target, func(principal, world.Grant))) (a *answer, f *failure) {
	c.w.Read(func() {
		t, missing := c.target(keys[0])
		if missing != nil {
			f = missing
			return
		}
		b := appendText([]byte(`{"@odata.context":`), c.assignmentContext(t))
		b = append(b, `,"value":[`...)
		first := true
		each(t, func(s principal, g world.Grant) {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(appendAssignment(append(b, '{'), s, g), '}')
		})
		a = &answer{status: http.StatusOK, body: append(b, "]}"...)}
	})
	return a, f
}

// assignRole grants an application permission. It is in tokens that are issued from now on.
func (c *call) assignRole(keys []string) (a *answer, f *failure) {
	var q struct {
		Principal string `json:"principalId"`
		Resource  string `json:"resourceId"`
		Role      string `json:"appRoleId"`
	}
	if f := c.decode(&q); f != nil {
		return nil, f
	}
	c.w.Change(func() {
		t, missing := c.target(keys[0])
		if missing != nil {
			f = missing
			return
		}
		d := &c.w.Directory
		s, api := d.ServicePrincipals[strings.ToLower(q.Principal)], d.ServicePrincipals[strings.ToLower(q.Resource)]
		if s == nil || api == nil {
			f = notFound(q.Principal)
			return
		}
		g := world.Grant{RoleID: strings.ToLower(q.Role), ResourceID: api.ID, ResourceName: api.Name, Created: now()}
		if api.AppID == world.GraphAppID {
			role, known := world.GraphRole(g.RoleID)
			if !known {
				f = badRequest("Permission being assigned was not found on application '%s'.", api.AppID)
				return
			}
			g.RoleValue = role.Value
		}
		if slices.ContainsFunc(c.assignments(s), func(x world.Grant) bool { return x.RoleID == g.RoleID && x.ResourceID == api.ID }) {
			f = badRequest("Permission being assigned already exists on the object")
			return
		}
		g.ID = assignmentID(s.ID, api.ID+g.RoleID)
		s.Grants = append(slices.Clip(s.Grants), g)
		if api.AppID == world.GraphAppID {
			s.Roles = append(slices.Clip(s.Roles), g.RoleValue)
		}
		of := target{world.KindPrincipal, &s.Holder, nil, s}
		c.record("assignRole", of, "", g.RoleValue)
		c.audit("Add app role assignment to service principal", "Assign", of, changed("AppRole.Value", "", g.RoleValue))
		b := appendText([]byte(`{"@odata.context":`), c.assignmentContext(t)+"/$entity")
		a = &answer{status: http.StatusCreated, body: append(appendAssignment(append(b, ','), s, g), '}')}
	})
	return a, f
}

func (c *call) unassignRole(keys []string) (a *answer, f *failure) {
	c.w.Change(func() {
		f = notFound(keys[1])
		for _, s := range c.w.Directory.ServicePrincipalsInOrder() {
			if s == nil {
				continue
			}
			list := c.assignments(s)
			i := slices.IndexFunc(list, func(g world.Grant) bool { return g.ID == keys[1] })
			if i < 0 {
				continue
			}
			gone := list[i]
			s.Grants = slices.DeleteFunc(slices.Clone(s.Grants), func(g world.Grant) bool { return g.ID == gone.ID })
			s.Roles = slices.DeleteFunc(slices.Clone(s.Roles), func(r string) bool { return r == gone.RoleValue })
			of := target{world.KindPrincipal, &s.Holder, nil, s}
			c.record("unassignRole", of, "", gone.RoleValue)
			c.audit("Remove app role assignment from service principal", "Unassign", of, changed("AppRole.Value", gone.RoleValue, ""))
			f = nil
			return
		}
	})
	if f != nil {
		return nil, f
	}
	return noContent()
}
