package graph

import (
	"net/http"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// keptDeleted is how long deleted items can be restored.
const keptDeleted = 30 * 24 * time.Hour

// deleted finds a deleted item that can still be restored. The caller holds Read.
func (c *call) deleted(key string) (target, *failure) {
	id := strings.ToLower(key)
	t := target{}
	if a := c.w.Directory.Deleted[id]; a != nil {
		t = target{world.KindApplication, &a.Holder, a, nil}
	}
	if s := c.w.Directory.DeletedPrincipals[id]; s != nil {
		t = target{world.KindPrincipal, &s.Holder, nil, s}
	}
	if t.h == nil || time.Since(t.h.DeletedAt) >= keptDeleted {
		return target{}, notFound(key)
	}
	return t, nil
}

func (c *call) listDeletedApplications([]string) (*answer, *failure) {
	return listDeleted(c, &applications, c.w.Directory.Deleted, func(a app) *world.Holder { return &a.Holder })
}

func (c *call) listDeletedPrincipals([]string) (*answer, *failure) {
	return listDeleted(c, &principals, c.w.Directory.DeletedPrincipals, func(s principal) *world.Holder { return &s.Holder })
}

func listDeleted[T any](c *call, e *entity[T], all map[string]T, holder func(T) *world.Holder) (*answer, *failure) {
	chosen, f := readSelect(c, e)
	if f != nil {
		return nil, f
	}
	b := appendText([]byte(`{"@odata.context":`), c.context(e.set))
	b = append(b, `,"value":[`...)
	first := true
	c.w.Read(func() {
		for _, id := range sortedKeys(all) {
			if time.Since(holder(all[id]).DeletedAt) >= keptDeleted {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			start := len(b)
			b = object(e.fields(b, all[id], &view{w: c.w}, chosen), start)
		}
	})
	return ok(append(b, "]}"...))
}

func (c *call) getDeleted(keys []string) (a *answer, f *failure) {
	c.w.Read(func() {
		t, missing := c.deleted(keys[0])
		if missing != nil {
			f = missing
			return
		}
		a = &answer{status: http.StatusOK, body: c.single(t, &view{w: c.w}, nil)}
	})
	return a, f
}

// restore brings an object back. An application comes back without its service
// principal, which has to be restored by itself.
func (c *call) restore(keys []string) (a *answer, f *failure) {
	c.w.Change(func() {
		t, missing := c.deleted(keys[0])
		if missing == nil {
			missing = c.mayWrite(t.h)
		}
		if missing != nil {
			f = missing
			return
		}
		if t.app != nil {
			c.w.Directory.RestoreApplication(t.app)
			c.record("restoreApplication", t, "", t.h.Name)
			c.audit("Restore application", "Update", t)
		} else {
			c.w.Directory.RestoreServicePrincipal(t.sp)
			c.record("restoreServicePrincipal", t, "", t.h.Name)
			c.audit("Restore service principal", "Update", t)
		}
		a = &answer{status: http.StatusOK, body: c.single(t, &view{w: c.w}, nil)}
	})
	return a, f
}

func (c *call) purge(keys []string) (a *answer, f *failure) {
	c.w.Change(func() {
		t, missing := c.deleted(keys[0])
		if missing == nil {
			missing = c.mayWrite(t.h)
		}
		if missing != nil {
			f = missing
			return
		}
		c.w.Directory.Purge(t.h.ID)
		if t.app != nil {
			c.record("purgeApplication", t, "", t.h.Name)
			c.audit("Hard Delete application", "Delete", t)
			return
		}
		c.record("purgeServicePrincipal", t, "", t.h.Name)
		c.audit("Hard Delete service principal", "Delete", t)
	})
	if f != nil {
		return nil, f
	}
	return noContent()
}
