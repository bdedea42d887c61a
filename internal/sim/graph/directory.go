package graph

import (
	"net/http"
	"strings"
)

func (c *call) listUsers([]string) (*answer, *failure) { return userSet.list(c) }

func (c *call) countUsers([]string) (*answer, *failure) { return userSet.countAlone(c) }

// user finds a person by object id or user principal name. The caller holds Read.
func (c *call) user(key string) user {
	if u := c.w.Directory.Users[strings.ToLower(key)]; u != nil {
		return u
	}
	for _, u := range c.w.Directory.Users {
		if strings.EqualFold(u.UPN, key) {
			return u
		}
	}
	return nil
}

func (c *call) getUser(keys []string) (a *answer, f *failure) {
	chosen, f := readSelect(c, &users)
	if f != nil {
		return nil, f
	}
	c.w.Read(func() {
		u := c.user(keys[0])
		if u == nil {
			f = notFound(keys[0])
			return
		}
		suffix := "/$entity"
		if q := c.query.Get("$select"); q != "" {
			suffix = "(" + q + ")/$entity"
		}
		b := appendText([]byte(`{"@odata.context":`), c.context(users.set+suffix))
		a = &answer{status: http.StatusOK, body: append(users.fields(b, u, &view{w: c.w}, chosen), '}')}
	})
	return a, f
}

// me does not exist for applications.
func (c *call) me([]string) (*answer, *failure) {
	return nil, malformed("/me request is only valid with delegated authentication flow.")
}

// nothing is a collection that is empty in every pretended tenant: groups.
func (c *call) nothing([]string) (*answer, *failure) {
	what := "groups"
	if len(c.path) > 1 {
		what = "directoryObjects"
	}
	b := appendText([]byte(`{"@odata.context":`), c.context(what))
	return ok(append(b, `,"value":[]}`...))
}

func (c *call) noGroup(keys []string) (*answer, *failure) { return nil, notFound(keys[0]) }

// organization is the tenant itself.
func (c *call) organization(keys []string) (*answer, *failure) {
	t := c.w.Tenant
	alone := len(keys) > 0
	if alone && !strings.EqualFold(keys[0], t.ID) {
		return nil, notFound(keys[0])
	}
	suffix := ""
	if alone {
		suffix = "/$entity"
	}
	b := appendText([]byte(`{"@odata.context":`), c.context("organization"+suffix))
	if !alone {
		b = append(b, `,"value":[{`...)
	} else {
		b = append(b, ',')
	}
	b = append(b, `"id":`...)
	b = appendText(b, t.ID)
	b = append(b, `,"deletedDateTime":null,"businessPhones":[],"city":null,"country":null,"countryLetterCode":"DE","createdDateTime":"2016-03-01T08:00:00Z","defaultUsageLocation":"DE","displayName":`...)
	b = appendText(b, t.Name)
	b = append(b, `,"isMultipleDataLocationsForServicesEnabled":null,"marketingNotificationEmails":[],"onPremisesLastSyncDateTime":null,"onPremisesSyncEnabled":null,"partnerTenantType":null,"postalCode":null,"preferredLanguage":"en","securityComplianceNotificationMails":[],"securityComplianceNotificationPhones":[],"state":null,"street":null,"technicalNotificationMails":[],"tenantType":"AAD","directorySizeQuota":null,"privacyProfile":null,"assignedPlans":[],"onPremisesSyncStatus":[],"provisionedPlans":[],"verifiedDomains":[{"capabilities":"Email, OfficeCommunicationsOnline","isDefault":true,"isInitial":false,"name":`...)
	b = appendText(b, t.Domain)
	b = append(b, `,"type":"Managed"},{"capabilities":"Email, OfficeCommunicationsOnline","isDefault":false,"isInitial":true,"name":`...)
	first, _, _ := strings.Cut(t.Domain, ".")
	b = appendText(b, first+".onmicrosoft.com")
	b = append(b, `,"type":"Managed"}]}`...)
	if !alone {
		b = append(b, "]}"...)
	}
	return ok(b)
}

// getObject answers any object of the directory by its id.
func (c *call) getObject(keys []string) (a *answer, f *failure) {
	v := c.view()
	c.w.Read(func() {
		b := appendText([]byte(`{"@odata.context":`), c.context("directoryObjects/$entity"))
		b = append(b, ',')
		mark := len(b)
		b, found := c.appendObject(b, strings.ToLower(keys[0]), v)
		if !found {
			f = notFound(keys[0])
			return
		}
		a = &answer{status: http.StatusOK, body: append(b[:mark], b[mark+1:]...)} // without the brace the object began with
	})
	return a, f
}

// objectsByIDs answers those of up to 1,000 ids that exist.
func (c *call) objectsByIDs([]string) (a *answer, f *failure) {
	var q struct {
		IDs   []string `json:"ids"`
		Types []string `json:"types"`
	}
	if f := c.decode(&q); f != nil {
		return nil, f
	}
	if len(q.IDs) == 0 || len(q.IDs) > 1000 {
		return nil, badRequest("Invalid value specified for property 'ids' of resource 'directoryObject': 1 to 1000 are expected.")
	}
	v := c.view()
	c.w.Read(func() {
		d := &c.w.Directory
		var ids []string
		for _, id := range q.IDs {
			id = strings.ToLower(id)
			switch {
			case !isGUID(id):
				f = badRequest("Invalid GUID:%s", id)
				return
			case d.Users[id] != nil && wants(q.Types, "user"), d.ServicePrincipals[id] != nil && wants(q.Types, "servicePrincipal"), d.Applications[id] != nil && wants(q.Types, "application"):
				ids = append(ids, id)
			}
		}
		a = c.objects(ids, v)
	})
	return a, f
}

func wants(types []string, name string) bool {
	for _, t := range types {
		if strings.EqualFold(t, name) || strings.EqualFold(t, "directoryObject") {
			return true
		}
	}
	return len(types) == 0
}
