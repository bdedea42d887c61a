package graph

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

func (c *call) listPrincipals([]string) (*answer, *failure) { return principalSet.list(c) }

func (c *call) countPrincipals([]string) (*answer, *failure) { return principalSet.countAlone(c) }

func (c *call) getPrincipal(keys []string) (*answer, *failure) { return getOne(c, principalSet, keys) }

func (c *call) createPrincipal([]string) (a *answer, f *failure) {
	set, names, f := c.properties()
	if f != nil {
		return nil, f
	}
	var appID string
	if raw, given := set["appId"]; !given || json.Unmarshal(raw, &appID) != nil || appID == "" {
		return nil, required("appId", "ServicePrincipal")
	}
	appID = strings.ToLower(appID)
	names = slices.DeleteFunc(names, func(name string) bool { return name == "appId" })
	c.w.Change(func() {
		made, refused := c.newPrincipal(appID)
		if refused != nil {
			f = refused
			return
		}
		if f = c.setPrincipal(made, set, names); f != nil {
			return
		}
		made.EnabledAt = made.Created
		c.w.Directory.AddServicePrincipal(made)
		t := target{world.KindPrincipal, &made.Holder, nil, made}
		c.record("createServicePrincipal", t, "", made.Name)
		c.audit("Add service principal", "Add", t, changed("AccountEnabled", "", "true"), changed("AppPrincipalId", "", made.AppID))
		body := c.single(t, &view{w: c.w, truth: true, exact: true}, nil)
		a = &answer{status: http.StatusCreated, body: body, location: c.location("directoryObjects/" + made.ID + "/Microsoft.DirectoryServices.ServicePrincipal")}
	})
	return a, f
}

// newPrincipal makes the presence of an application in its own tenant.
func (c *call) newPrincipal(appID string) (principal, *failure) {
	d := &c.w.Directory
	backing := d.ApplicationByClient(appID)
	if !c.has(writeAnyApp...) {
		if backing == nil {
			f := denied()
			f.message = "When using this permission, the backing application of the service principal being created must in the local tenant"
			return nil, f
		}
		if f := c.mayWrite(&backing.Holder); f != nil {
			return nil, f
		}
	}
	if backing == nil {
		f := badRequest("The appId '%s' of the service principal does not reference a valid application object.", appID)
		f.details = []detail{{Target: "appId", Code: "NoBackingApplicationObject"}}
		return nil, f
	}
	if d.ServicePrincipalByClient(appID) != nil {
		return nil, &failure{
			status: http.StatusConflict, code: "Request_MultipleObjectsWithSameKeyValue",
			message: "The service principal cannot be created, updated, or restored because the service principal name " + appID + " is already in use.",
			details: []detail{{Target: "servicePrincipalNames", Code: "ConflictingObjects"}},
		}
	}
	at := now()
	made := &world.ServicePrincipal{
		Holder:  world.Holder{ID: c.w.GUID(), AppID: appID, Name: backing.Name, Created: at, Changed: at, Audience: backing.Audience},
		Enabled: true, Type: "Application", OwnerOrg: c.w.Tenant.ID,
		Names: append([]string{appID}, backing.IdentifierURIs...),
	}
	if !c.has(writeAnyApp...) {
		made.Owners = []string{c.claims.ObjectID}
	}
	return made, nil
}

// setPrincipal sets the named properties of a service principal.
func (c *call) setPrincipal(s principal, set map[string]json.RawMessage, names []string) *failure {
	for _, name := range names {
		var f *failure
		raw := set[name]
		switch name {
		case "displayName":
			f = c.setName(&s.Holder, raw, "ServicePrincipal")
		case "accountEnabled":
			before := s.Enabled
			f = setJSON(&s.Enabled, name, raw)
			if s.Enabled != before {
				s.EnabledAt = now()
			}
		case "notes":
			f = setText(&s.Notes, name, raw)
		case "tags":
			f = setTexts(&s.Tags, name, raw)
		case "notificationEmailAddresses":
			f = setTexts(&s.Notify, name, raw)
		case "preferredSingleSignOnMode":
			f = setText(&s.SSOMode, name, raw)
		case "servicePrincipalNames":
			f = setTexts(&s.Names, name, raw)
		case "servicePrincipalType":
			f = setText(&s.Type, name, raw)
		case "keyCredentials":
			f = c.setKeys(&s.Holder, raw)
		case "passwordCredentials":
			f = c.setPasswords(&s.Holder, raw, false)
		case "customSecurityAttributes":
		default:
			f = setKept(&s.Holder, keptPrincipal, name, raw)
		}
		if f != nil {
			return f
		}
	}
	return nil
}

func (c *call) updatePrincipal(keys []string) (a *answer, f *failure) {
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
		draft := *t.sp
		draft.Extra = maps.Clone(t.sp.Extra)
		draft.Keys, draft.Passwords = slices.Clone(t.sp.Keys), slices.Clone(t.sp.Passwords)
		if f = c.setPrincipal(&draft, set, names); f != nil {
			return
		}
		before := t.sp.Holder
		*t.sp = draft
		c.noteUpdate(t, &before, set, names)
	})
	if f != nil {
		return nil, f
	}
	return noContent()
}

func (c *call) deletePrincipal(keys []string) (a *answer, f *failure) {
	c.w.Change(func() {
		t, missing := c.writable(keys[0])
		if missing != nil {
			f = missing
			return
		}
		c.w.Directory.DeleteServicePrincipal(t.sp)
		c.cache.drop(t.h)
		c.record("deleteServicePrincipal", t, "", t.h.Name)
		c.audit("Remove service principal", "Delete", t)
	})
	if f != nil {
		return nil, f
	}
	return noContent()
}
