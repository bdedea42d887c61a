package arm

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

const (
	siteType = "Microsoft.Web/sites"
	slotType = siteType + "/slots"
)

// siteRoutes are the operations on App Service and Functions apps and their slots.
// https://learn.microsoft.com/rest/api/appservice/web-apps
func (c *call) siteRoutes() []route {
	const (
		sites = inGroup + "/providers/" + siteType
		site  = sites + "/{n}"
		slots = site + "/slots"
		slot  = slots + "/{slot}"
	)
	routes := []route{
		{"GET", inSubscription + "/providers/" + siteType, siteType + "/read", inSubscription, c.listSites},
		{"GET", sites, siteType + "/read", inGroup, c.listSites},
		{"GET", slots, slotType + "/read", site, c.listSlots},
	}
	for one, kind := range map[string]string{site: siteType, slot: slotType} {
		config, references := one+"/config", one+"/config/configreferences"
		routes = append(routes,
			route{"GET", one, kind + "/read", one, c.getSite},
			route{"POST", config + "/appsettings/list", kind + "/config/list/action", one, func() (*answer, error) { return c.listSettings(false) }},
			route{"PUT", config + "/appsettings", kind + "/config/write", one, c.putSettings},
			route{"POST", config + "/connectionstrings/list", kind + "/config/list/action", one, func() (*answer, error) { return c.listSettings(true) }},
			route{"GET", references + "/appsettings", kind + "/config/read", one, func() (*answer, error) { return c.listReferences(false) }},
			route{"GET", references + "/connectionstrings", kind + "/config/read", one, func() (*answer, error) { return c.listReferences(true) }},
			route{"POST", references + "/appsettings/refresh", kind + "/config/write", one, c.refreshReferences},
		)
	}
	return routes
}

// site finds the app or slot that the path names. The caller holds the world's lock.
func (c *call) site() (*world.Resource, error) {
	if _, has := c.groupNamed(c.args["g"]); !has {
		return nil, groupNotFound(c.args["g"])
	}
	kind, name, id := siteType, c.args["n"], c.w.Azure.GroupID(c.args["g"])+"/providers/"+siteType+"/"+c.args["n"]
	if s := c.args["slot"]; s != "" {
		kind, name, id = slotType, name+"/"+s, id+"/slots/"+s
	}
	r := c.w.Azure.Resources[strings.ToLower(id)]
	if r == nil || r.Site == nil {
		return nil, resourceNotFound(kind, name, c.args["g"])
	}
	return r, nil
}

func wireSite(r *world.Resource) map[string]any {
	w := wireResource(r)
	w["kind"] = r.Properties["kind"]
	if r.Site.Identity != "" {
		w["identity"] = map[string]any{"type": "SystemAssigned", "principalId": r.Site.Identity}
	}
	return w
}

func (c *call) listSites() (a *answer, err error) { return c.sitesOf(siteType, "") }

func (c *call) listSlots() (a *answer, err error) {
	c.w.Read(func() { _, err = c.site() })
	if err != nil {
		return nil, err
	}
	return c.sitesOf(slotType, strings.ToLower(c.args["n"])+"/")
}

func (c *call) sitesOf(kind, prefix string) (*answer, error) {
	var value []map[string]any
	c.w.Read(func() {
		for _, t := range c.everything() {
			if t.kind == kind && strings.HasPrefix(strings.ToLower(t.name), prefix) && (c.args["g"] == "" || strings.EqualFold(t.group, c.args["g"])) {
				value = append(value, wireSite(c.w.Azure.Resources[strings.ToLower(t.id)]))
			}
		}
	})
	return list(value)
}

func (c *call) getSite() (a *answer, err error) {
	c.w.Read(func() {
		var r *world.Resource
		if r, err = c.site(); err == nil {
			a, err = ok(wireSite(r))
		}
	})
	return a, err
}

// listSettings tells settings with their values, which is why reading rights do
// not reach for it.
func (c *call) listSettings(connections bool) (a *answer, err error) {
	c.w.Read(func() {
		var r *world.Resource
		if r, err = c.site(); err != nil {
			return
		}
		properties := map[string]any{}
		for name, v := range r.Site.Settings {
			properties[name] = v
		}
		if connections {
			properties = map[string]any{}
			for name, v := range r.Site.ConnectionStrings {
				properties[name] = map[string]any{"value": v, "type": "Custom"}
			}
		}
		a, err = ok(map[string]any{"id": r.ID + "/config/appsettings", "name": "appsettings", "type": siteType + "/config", "location": r.Location, "properties": properties})
	})
	return a, err
}

// putSettings replaces the whole set. Any change restarts the app, which reads all
// its references anew.
func (c *call) putSettings() (a *answer, err error) {
	var body struct {
		Properties map[string]string `json:"properties"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	c.w.Change(func() {
		var r *world.Resource
		if r, err = c.site(); err != nil {
			return
		}
		r.Site.Settings, r.Site.Fetched = maps.Clone(body.Properties), time.Now()
		c.record("putSettings", r.ID, "")
		a, err = ok(map[string]any{"id": r.ID + "/config/appsettings", "name": "appsettings", "type": siteType + "/config", "properties": body.Properties})
	})
	return a, err
}

func (c *call) listReferences(connections bool) (a *answer, err error) {
	c.w.Read(func() {
		var r *world.Resource
		if r, err = c.site(); err == nil {
			a, err = list(c.wireReferences(r, connections))
		}
	})
	return a, err
}

// wireReferences describes those settings that are references. The caller holds
// the world's lock.
func (c *call) wireReferences(r *world.Resource, connections bool) []map[string]any {
	settings, kind := r.Site.Settings, "appsettings"
	if connections {
		settings, kind = r.Site.ConnectionStrings, "connectionstrings"
	}
	var value []map[string]any
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		ref, is := world.ReadReference(settings[name])
		if !is {
			continue
		}
		ref = c.w.Azure.Resolve(r.Site, ref, time.Now(), c.w.Lag.Role)
		p := map[string]any{"reference": ref.Text, "status": ref.Status, "details": ref.Details, "source": "KeyVault"}
		for field, v := range map[string]string{"vaultName": ref.Vault, "secretName": ref.Secret, "secretVersion": ref.Version} {
			if v != "" {
				p[field] = v
			}
		}
		if r.Site.Identity != "" {
			p["identityType"] = map[string]any{"type": "SystemAssigned"}
		}
		if ref.Active != "" && !r.Site.HidesVersion {
			p["activeVersion"] = ref.Active
		}
		value = append(value, map[string]any{"id": r.ID + "/config/configreferences/" + kind + "/" + name, "name": name, "type": siteType + "/config/configreferences", "properties": p})
	}
	return value
}

// refreshReferences reads all references of an app anew.
func (c *call) refreshReferences() (a *answer, err error) {
	c.w.Change(func() {
		var r *world.Resource
		if r, err = c.site(); err != nil {
			return
		}
		r.Site.Fetched = time.Now()
		c.record("refreshReferences", r.ID, "")
		a = &answer{status: http.StatusOK, body: map[string]any{"value": c.wireReferences(r, false)}}
	})
	return a, err
}
