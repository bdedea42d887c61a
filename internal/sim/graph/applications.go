package graph

import (
	"encoding/json"
	"net/http"
	"slices"

	"rekey.example/rekey/internal/sim/world"
)

func (c *call) listApplications([]string) (*answer, *failure) { return applicationSet.list(c) }

func (c *call) countApplications([]string) (*answer, *failure) { return applicationSet.countAlone(c) }

func (c *call) getApplication(keys []string) (*answer, *failure) {
	return getOne(c, applicationSet, keys)
}

// getOne answers one application or service principal.
func getOne[T comparable](c *call, l *collection[T], keys []string) (a *answer, f *failure) {
	o, f := readOptions(c, l.entity, l.schema)
	if f != nil {
		return nil, f
	}
	v := c.view()
	v.keys = slices.Contains(o.selected, l.entity.find("keyCredentials"))
	c.w.Read(func() {
		t, missing := c.target(keys[0])
		if missing == nil && !v.shows(t.h) {
			missing = notFound(keys[0])
		}
		if missing != nil {
			f = missing
			return
		}
		body := c.single(t, v, o.selected)
		if o.owners {
			body = append(body[:len(body)-1], `,"owners":[`...)
			body = append(c.appendObjects(body, t.h.Owners, expandedOwners, v), "]}"...)
		}
		a = &answer{status: http.StatusOK, body: body}
	})
	return a, f
}

func (c *call) createApplication([]string) (a *answer, f *failure) {
	set, names, f := c.properties()
	if f != nil {
		return nil, f
	}
	c.w.Change(func() {
		at := now()
		made := &world.Application{
			Holder:          world.Holder{ID: c.w.GUID(), AppID: c.w.GUID(), Created: at, Changed: at, Audience: defaultAudience},
			PublisherDomain: c.w.Tenant.Domain,
		}
		if f = c.setApplication(made, set, names); f != nil {
			return
		}
		if made.Name == "" {
			f = required("displayName", "Application")
			return
		}
		if _, given := set["api"]; !given && personal(&made.Holder) {
			keep(made, "api", json.RawMessage(`{"requestedAccessTokenVersion":2}`))
		}
		keep(made, "createdByAppId", json.RawMessage(`"`+c.claims.AppID+`"`))
		if !c.has(writeAnyApp...) {
			made.Owners = []string{c.claims.ObjectID} // who may only manage his own owns what he makes
		}
		c.w.Directory.AddApplication(made)
		t := target{world.KindApplication, &made.Holder, made, nil}
		c.record("createApplication", t, "", made.Name)
		c.audit("Add application", "Add", t, changed("DisplayName", "", made.Name), changed("AppId", "", made.AppID))
		body := c.single(t, &view{w: c.w, truth: true, exact: true}, nil)
		a = &answer{status: http.StatusCreated, body: body, location: c.location("directoryObjects/" + made.ID + "/Microsoft.DirectoryServices.Application")}
	})
	return a, f
}

func required(property, resource string) *failure {
	f := badRequest("A value is required for property '%s' of resource '%s'.", property, resource)
	f.details = []detail{{Target: property, Code: "MissingValue"}}
	return f
}

func (c *call) updateApplication(keys []string) (a *answer, f *failure) {
	set, names, f := c.properties()
	if f != nil {
		return nil, f
	}
	c.w.Change(func() {
		t, missing := c.writable(keys[0])
		if missing != nil {
			f = missing
			return
		}
		draft := copied(t.app)
		if f = c.setApplication(&draft, set, names); f != nil {
			return
		}
		before := *t.app
		*t.app = draft
		c.noteUpdate(t, &before.Holder, set, names)
		if s := c.w.Directory.ServicePrincipalByClient(draft.AppID); s != nil {
			c.follow(s, &before, t.app)
		}
	})
	if f != nil {
		return nil, f
	}
	return noContent()
}

// follow carries a new name or identifier over to the service principal at home.
func (c *call) follow(s principal, before, after app) {
	var changed []string
	if before.Name != after.Name {
		s.Name = after.Name
		changed = append(changed, "appDisplayName", "displayName")
	}
	if !slices.Equal(before.IdentifierURIs, after.IdentifierURIs) {
		s.Names = append([]string{s.AppID}, after.IdentifierURIs...)
		changed = append(changed, "servicePrincipalNames")
	}
	if len(changed) > 0 {
		c.w.Directory.Touch(world.KindPrincipal, &s.Holder, changed...)
	}
}

// noteUpdate leaves the traces of a PATCH: credentials have a record of their own.
func (c *call) noteUpdate(t target, before *world.Holder, set map[string]json.RawMessage, names []string) {
	c.touch(t, names...)
	var rest []string
	for _, name := range names {
		if name != "keyCredentials" && name != "passwordCredentials" {
			rest = append(rest, name)
		}
	}
	if len(rest) < len(names) {
		c.auditKeys(t, before)
		added, removed := difference(before, t.h)
		c.record("patchKeys", t, added, removed)
	}
	if len(rest) == 0 {
		return
	}
	var list []world.AuditProperty
	for _, name := range rest {
		list = append(list, world.AuditProperty{Name: upper(name), Old: "[]", New: "[" + string(set[name]) + "]"})
	}
	if t.app != nil {
		c.record("updateApplication", t, "", joinNames(rest))
		c.audit("Update application", "Update", t, list...)
		return
	}
	c.record("updateServicePrincipal", t, "", joinNames(rest))
	c.audit("Update service principal", "Update", t, list...)
}

func (c *call) deleteApplication(keys []string) (a *answer, f *failure) {
	c.w.Change(func() {
		t, missing := c.writable(keys[0])
		if missing != nil {
			f = missing
			return
		}
		if s := c.w.Directory.ServicePrincipalByClient(t.h.AppID); s != nil {
			c.audit("Remove service principal", "Delete", target{world.KindPrincipal, &s.Holder, nil, s})
			c.cache.drop(&s.Holder)
		}
		c.w.Directory.DeleteApplication(t.app)
		c.cache.drop(t.h)
		c.record("deleteApplication", t, "", t.h.Name)
		c.audit("Delete application", "Delete", t)
	})
	if f != nil {
		return nil, f
	}
	return noContent()
}
