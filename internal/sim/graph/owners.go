package graph

import (
	"net/http"
	"slices"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

func (c *call) listOwners(keys []string) (a *answer, f *failure) {
	v := c.view()
	c.w.Read(func() {
		t, missing := c.target(keys[0])
		if missing != nil {
			f = missing
			return
		}
		a = c.objects(t.h.Owners, v)
	})
	return a, f
}

// objects answers a collection of directory objects by their ids.
func (c *call) objects(ids []string, v *view) *answer {
	b := appendText([]byte(`{"@odata.context":`), c.context("directoryObjects"))
	b = append(b, `,"value":[`...)
	b = c.appendObjects(b, ids, len(ids), v)
	return &answer{status: http.StatusOK, body: append(b, "]}"...)}
}

func (c *call) listOwnerReferences(keys []string) (a *answer, f *failure) {
	c.w.Read(func() {
		t, missing := c.target(keys[0])
		if missing != nil {
			f = missing
			return
		}
		b := appendText([]byte(`{"@odata.context":`), c.context("Collection($ref)"))
		b = append(b, `,"value":[`...)
		for i, id := range t.h.Owners {
			if i > 0 {
				b = append(b, ',')
			}
			b = pairs(b, "@odata.id", "https://"+host+"/v2/"+c.w.Tenant.ID+"/directoryObjects/"+id)
		}
		a = &answer{status: http.StatusOK, body: append(b, "]}"...)}
	})
	return a, f
}

func (c *call) addOwner(keys []string) (a *answer, f *failure) {
	var q struct {
		ID string `json:"@odata.id"`
	}
	if f := c.decode(&q); f != nil {
		return nil, f
	}
	id := strings.ToLower(q.ID[strings.LastIndexByte(q.ID, '/')+1:])
	if !isGUID(id) {
		return nil, malformed("Invalid entity reference '%s'.", q.ID)
	}
	c.w.Change(func() {
		t, refused := c.writable(keys[0])
		if refused != nil {
			f = refused
			return
		}
		d := &c.w.Directory
		if d.Users[id] == nil && d.ServicePrincipals[id] == nil {
			f = notFound(id)
			return
		}
		if slices.Contains(t.h.Owners, id) {
			f = badRequest("One or more added object references already exist for the following modified properties: 'owners'.")
			return
		}
		t.h.Owners = append(slices.Clip(t.h.Owners), id)
		c.ownersChanged(t, "addOwner", "Add owner to ", "Assign", id)
	})
	if f != nil {
		return nil, f
	}
	return noContent()
}

func (c *call) removeOwner(keys []string) (a *answer, f *failure) {
	id := strings.ToLower(keys[1])
	c.w.Change(func() {
		t, refused := c.writable(keys[0])
		if refused != nil {
			f = refused
			return
		}
		i := slices.Index(t.h.Owners, id)
		if i < 0 {
			f = notFound(id)
			return
		}
		t.h.Owners = slices.Delete(slices.Clone(t.h.Owners), i, i+1)
		c.ownersChanged(t, "removeOwner", "Remove owner from ", "Unassign", id)
	})
	if f != nil {
		return nil, f
	}
	return noContent()
}

func (c *call) ownersChanged(t target, what, activity, operation, id string) {
	noun := "application"
	if t.kind == world.KindPrincipal {
		noun = "service principal"
	}
	c.touch(t, "owners")
	c.record(what, t, "", id)
	c.audit(activity+noun, operation, t, changed("ObjectID", "", id))
}

// ownedObjects are what a user or service principal owns.
func (c *call) ownedObjects(keys []string) (a *answer, f *failure) {
	v := c.view()
	c.w.Read(func() {
		d := &c.w.Directory
		id := strings.ToLower(keys[0])
		if u := c.user(keys[0]); u != nil {
			id = u.ID
		} else if d.ServicePrincipals[id] == nil {
			f = notFound(keys[0])
			return
		}
		var ids []string
		for _, x := range d.ApplicationsInOrder() {
			if x != nil && slices.Contains(x.Owners, id) {
				ids = append(ids, x.ID)
			}
		}
		for _, x := range d.ServicePrincipalsInOrder() {
			if x != nil && slices.Contains(x.Owners, id) {
				ids = append(ids, x.ID)
			}
		}
		a = c.objects(ids, v)
	})
	return a, f
}
