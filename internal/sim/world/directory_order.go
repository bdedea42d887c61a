package world

import (
	"slices"
	"time"
)

// AddApplication puts a into the directory. The caller holds Change.
func (d *Directory) AddApplication(a *Application) {
	d.Applications[a.ID], d.appByClient[a.AppID] = a, a
	a.place = len(d.apps)
	d.apps = append(d.apps, a)
	d.Changes = append(d.Changes, Change{Kind: KindApplication, ID: a.ID, Time: time.Now()})
}

// AddServicePrincipal puts s into the directory. The caller holds Change.
func (d *Directory) AddServicePrincipal(s *ServicePrincipal) {
	d.ServicePrincipals[s.ID], d.spByClient[s.AppID] = s, s
	s.place = len(d.sps)
	d.sps = append(d.sps, s)
	d.Changes = append(d.Changes, Change{Kind: KindPrincipal, ID: s.ID, Time: time.Now()})
}

// ApplicationByClient finds an application by its client id, or nil.
func (d *Directory) ApplicationByClient(appID string) *Application { return d.appByClient[appID] }

// ServicePrincipalByClient finds a service principal by its client id, or nil.
func (d *Directory) ServicePrincipalByClient(appID string) *ServicePrincipal {
	return d.spByClient[appID]
}

// ApplicationsInOrder lists applications in the order of their creation, with nil
// where one was deleted: an index into it means the same object for ever, so a
// page can begin anywhere. The caller holds Read or Change and does not write to it.
func (d *Directory) ApplicationsInOrder() []*Application { return d.apps }

// ServicePrincipalsInOrder is the same for service principals.
func (d *Directory) ServicePrincipalsInOrder() []*ServicePrincipal { return d.sps }

// The kinds of objects in the delta log.
const (
	KindApplication = "application"
	KindPrincipal   = "servicePrincipal"
)

// Touch notes that properties of an object changed just now; none named means all
// of them. The caller holds Change.
func (d *Directory) Touch(kind string, h *Holder, properties ...string) {
	h.Changed = time.Now()
	d.Changes = append(d.Changes, Change{Kind: kind, ID: h.ID, Time: h.Changed, Properties: properties})
}

// DeleteApplication moves a to the deleted items, and its service principal with
// it, as Entra does. The caller holds Change.
func (d *Directory) DeleteApplication(a *Application) {
	delete(d.Applications, a.ID)
	delete(d.appByClient, a.AppID)
	d.apps[a.place] = nil
	a.DeletedAt = time.Now()
	d.Deleted[a.ID] = a
	d.Changes = append(d.Changes, Change{Kind: KindApplication, ID: a.ID, Time: a.DeletedAt, Removed: "changed"})
	if s := d.spByClient[a.AppID]; s != nil {
		d.DeleteServicePrincipal(s)
	}
}

// DeleteServicePrincipal moves s to the deleted items. The caller holds Change.
func (d *Directory) DeleteServicePrincipal(s *ServicePrincipal) {
	delete(d.ServicePrincipals, s.ID)
	delete(d.spByClient, s.AppID)
	d.sps[s.place] = nil
	s.DeletedAt = time.Now()
	d.DeletedPrincipals[s.ID] = s
	d.Changes = append(d.Changes, Change{Kind: KindPrincipal, ID: s.ID, Time: s.DeletedAt, Removed: "changed"})
}

// RestoreApplication brings a back from the deleted items. Its service principal
// stays there until it is restored too. The caller holds Change.
func (d *Directory) RestoreApplication(a *Application) {
	delete(d.Deleted, a.ID)
	a.DeletedAt = time.Time{}
	d.AddApplication(a)
}

// RestoreServicePrincipal brings s back from the deleted items. The caller holds Change.
func (d *Directory) RestoreServicePrincipal(s *ServicePrincipal) {
	delete(d.DeletedPrincipals, s.ID)
	s.DeletedAt = time.Time{}
	d.AddServicePrincipal(s)
}

// Purge forgets a deleted object for good. The caller holds Change.
func (d *Directory) Purge(id string) {
	kind := KindApplication
	if d.DeletedPrincipals[id] != nil {
		kind = KindPrincipal
	}
	delete(d.Deleted, id)
	delete(d.DeletedPrincipals, id)
	d.Changes = append(d.Changes, Change{Kind: kind, ID: id, Time: time.Now(), Removed: "deleted"})
}

// Forget drops credentials that were removed before a time: until then replicas
// that have not heard of the removal still need them. The caller holds Change.
func (h *Holder) Forget(before time.Time) {
	h.Passwords = slices.DeleteFunc(h.Passwords, func(p *Password) bool {
		return !p.Removed.IsZero() && p.Removed.Before(before)
	})
	h.Keys = slices.DeleteFunc(h.Keys, func(k *Key) bool {
		return !k.Removed.IsZero() && k.Removed.Before(before)
	})
}
