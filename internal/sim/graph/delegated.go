package graph

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

func appendDelegated(b []byte, g *world.DelegatedGrant) []byte {
	return pairs(b, "clientId", g.ClientID, "consentType", g.ConsentType, "id", g.ID, "principalId", g.PrincipalID, "resourceId", g.ResourceID, "scope", g.Scope)
}

var delegatedSchema = &schema{entity: "microsoft.graph.oAuth2PermissionGrant", fields: map[string]valueKind{
	"id": textValue, "clientId": textValue, "consentType": textValue, "principalId": textValue, "resourceId": textValue, "scope": textValue,
}}

func delegatedSource(g *world.DelegatedGrant) source {
	return func(path string) value {
		return textOf(map[string]string{
			"id": g.ID, "clientId": g.ClientID, "consentType": g.ConsentType, "principalId": g.PrincipalID, "resourceId": g.ResourceID, "scope": g.Scope,
		}[path])
	}
}

func (c *call) listDelegated([]string) (*answer, *failure) {
	o := &options{}
	if f := o.readFilter(c, delegatedSchema, false); f != nil {
		return nil, f
	}
	return c.delegated(func(g *world.DelegatedGrant) bool { return o.filter == nil || o.filter.match(delegatedSource(g)) })
}

func (c *call) listDelegatedOf(keys []string) (*answer, *failure) {
	var f *failure
	var t target
	c.w.Read(func() { t, f = c.target(keys[0]) })
	if f != nil {
		return nil, f
	}
	return c.delegated(func(g *world.DelegatedGrant) bool { return g.ClientID == t.h.ID })
}

func (c *call) delegated(wanted func(*world.DelegatedGrant) bool) (*answer, *failure) {
	b := appendText([]byte(`{"@odata.context":`), c.context("oauth2PermissionGrants"))
	b = append(b, `,"value":[`...)
	first := true
	c.w.Read(func() {
		for _, g := range c.w.Directory.Delegated {
			if !wanted(g) {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = appendDelegated(b, g)
		}
	})
	return ok(append(b, "]}"...))
}

func (c *call) createDelegated([]string) (a *answer, f *failure) {
	var q struct {
		Client    string `json:"clientId"`
		Consent   string `json:"consentType"`
		Principal string `json:"principalId"`
		Resource  string `json:"resourceId"`
		Scope     string `json:"scope"`
	}
	if f := c.decode(&q); f != nil {
		return nil, f
	}
	c.w.Change(func() {
		s := c.w.Directory.ServicePrincipals[strings.ToLower(q.Client)]
		if s == nil || c.w.Directory.ServicePrincipals[strings.ToLower(q.Resource)] == nil {
			f = notFound(q.Client)
			return
		}
		g := &world.DelegatedGrant{
			ID:       assignmentID(s.ID, q.Resource+q.Principal+time.Now().String()),
			ClientID: s.ID, ConsentType: q.Consent, PrincipalID: q.Principal, ResourceID: strings.ToLower(q.Resource), Scope: q.Scope,
		}
		c.w.Directory.Delegated = append(c.w.Directory.Delegated, g)
		of := target{world.KindPrincipal, &s.Holder, nil, s}
		c.record("addDelegatedGrant", of, "", g.Scope)
		c.audit("Add delegated permission grant", "Assign", of, changed("DelegatedPermissionGrant.Scope", "", g.Scope))
		b := appendText([]byte(`{"@odata.context":`), c.context("oauth2PermissionGrants/$entity"))
		mark := len(b)
		b = appendDelegated(b, g)
		b[mark] = ','
		a = &answer{status: http.StatusCreated, body: b}
	})
	return a, f
}

func (c *call) deleteDelegated(keys []string) (a *answer, f *failure) {
	c.w.Change(func() {
		list := c.w.Directory.Delegated
		i := slices.IndexFunc(list, func(g *world.DelegatedGrant) bool { return g.ID == keys[0] })
		if i < 0 {
			f = notFound(keys[0])
			return
		}
		c.w.Directory.Delegated = slices.Delete(slices.Clone(list), i, i+1)
		c.w.Record(world.Fact{What: "removeDelegatedGrant", Object: list[i].ClientID, By: c.claims.AppID, Request: c.sentID})
	})
	if f != nil {
		return nil, f
	}
	return noContent()
}
