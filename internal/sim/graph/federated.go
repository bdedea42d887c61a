package graph

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// mostFederated is how many an application may have.
const mostFederated = 20

func appendFederated(b []byte, r *world.Federated) []byte {
	b = append(b, `"id":`...)
	b = appendText(b, r.ID)
	b = append(b, `,"name":`...)
	b = appendText(b, r.Name)
	b = append(b, `,"issuer":`...)
	b = appendText(b, r.Issuer)
	b = append(b, `,"subject":`...)
	b = appendOptional(b, r.Subject)
	b = append(b, `,"description":`...)
	b = appendOptional(b, r.Description)
	b = append(b, `,"audiences":`...)
	return appendTexts(b, r.Audiences)
}

func (c *call) federatedContext(t target) string {
	return c.context("applications('" + t.h.ID + "')/federatedIdentityCredentials")
}

func (c *call) listFederated(keys []string) (a *answer, f *failure) {
	c.w.Read(func() {
		t, missing := c.target(keys[0])
		if missing != nil {
			f = missing
			return
		}
		b := appendText([]byte(`{"@odata.context":`), c.federatedContext(t))
		b = append(b, `,"value":[`...)
		for i, r := range t.app.Federated {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendFederated(append(b, '{'), r), '}')
		}
		a = &answer{status: http.StatusOK, body: append(b, "]}"...)}
	})
	return a, f
}

// federated finds one by id or by name.
func (c *call) federated(t target, key string) (int, *failure) {
	i := slices.IndexFunc(t.app.Federated, func(r *world.Federated) bool {
		return r.ID == strings.ToLower(key) || strings.EqualFold(r.Name, key)
	})
	if i < 0 {
		return 0, notFound(key)
	}
	return i, nil
}

func (c *call) getFederated(keys []string) (a *answer, f *failure) {
	c.w.Read(func() {
		t, missing := c.target(keys[0])
		if missing != nil {
			f = missing
			return
		}
		i, missing := c.federated(t, keys[1])
		if missing != nil {
			f = missing
			return
		}
		a = c.oneFederated(t, t.app.Federated[i], http.StatusOK)
	})
	return a, f
}

func (c *call) oneFederated(t target, r *world.Federated, status int) *answer {
	b := appendText([]byte(`{"@odata.context":`), c.federatedContext(t)+"/$entity")
	return &answer{status: status, body: append(appendFederated(append(b, ','), r), '}')}
}

func (c *call) createFederated(keys []string) (a *answer, f *failure) {
	set, names, f := c.properties()
	if f != nil {
		return nil, f
	}
	c.w.Change(func() {
		t, refused := c.writable(keys[0])
		if refused != nil {
			f = refused
			return
		}
		made := &world.Federated{ID: c.w.GUID(), Audiences: []string{"api://AzureADTokenExchange"}}
		if f = setFederated(made, set, names); f != nil {
			return
		}
		if f = allowedFederated(t.app, made); f != nil {
			return
		}
		t.app.Federated = append(slices.Clip(t.app.Federated), made)
		c.touch(t, "federatedIdentityCredentials")
		c.record("addFederated", t, made.ID, made.Name)
		c.audit("Update application", "Update", t, changed("FederatedIdentityCredentials", "", made.Name))
		a = c.oneFederated(t, made, http.StatusCreated)
		a.location = c.location("federatedIdentityCredentials/" + made.ID)
	})
	return a, f
}

func allowedFederated(a app, made *world.Federated) *failure {
	switch {
	case made.Name == "":
		return required("name", "FederatedIdentityCredential")
	case made.Issuer == "":
		return required("issuer", "FederatedIdentityCredential")
	case len(a.Federated) >= mostFederated:
		return badRequest("The maximum number of federated identity credentials per application is %d.", mostFederated)
	}
	for _, r := range a.Federated {
		if strings.EqualFold(r.Name, made.Name) {
			return &failure{
				status: http.StatusConflict, code: "Request_MultipleObjectsWithSameKeyValue",
				message: "FederatedIdentityCredential with name " + made.Name + " already exists.",
			}
		}
		if r.Issuer == made.Issuer && r.Subject == made.Subject {
			return badRequest("FederatedIdentityCredential with the same issuer and subject already exists.")
		}
	}
	return nil
}

func setFederated(r *world.Federated, set map[string]json.RawMessage, names []string) *failure {
	for _, name := range names {
		var f *failure
		switch name {
		case "name":
			f = setText(&r.Name, name, set[name])
		case "issuer":
			f = setText(&r.Issuer, name, set[name])
		case "subject":
			f = setText(&r.Subject, name, set[name])
		case "description":
			f = setText(&r.Description, name, set[name])
		case "audiences":
			f = setTexts(&r.Audiences, name, set[name])
		case "id":
		default:
			f = badRequest("Property '%s' does not exist as a declared property or extension property.", name)
		}
		if f != nil {
			return f
		}
	}
	return nil
}

func (c *call) updateFederated(keys []string) (a *answer, f *failure) {
	set, names, f := c.properties()
	if f != nil {
		return nil, f
	}
	return c.changeFederated(keys, func(t target, i int) *failure {
		draft := *t.app.Federated[i]
		if f := setFederated(&draft, set, names); f != nil {
			return f
		}
		if draft.Name != t.app.Federated[i].Name {
			return badRequest("Property 'name' is read-only and cannot be set.")
		}
		t.app.Federated = slices.Clone(t.app.Federated)
		t.app.Federated[i] = &draft
		c.record("updateFederated", t, draft.ID, draft.Name)
		return nil
	})
}

func (c *call) deleteFederated(keys []string) (*answer, *failure) {
	return c.changeFederated(keys, func(t target, i int) *failure {
		gone := t.app.Federated[i]
		t.app.Federated = slices.Delete(slices.Clone(t.app.Federated), i, i+1)
		c.record("removeFederated", t, gone.ID, gone.Name)
		return nil
	})
}

func (c *call) changeFederated(keys []string, act func(t target, i int) *failure) (a *answer, f *failure) {
	c.w.Change(func() {
		t, refused := c.writable(keys[0])
		if refused != nil {
			f = refused
			return
		}
		i, missing := c.federated(t, keys[1])
		if missing != nil {
			f = missing
			return
		}
		before := t.app.Federated[i].Name
		if f = act(t, i); f != nil {
			return
		}
		after := ""
		for _, left := range t.app.Federated {
			if left.Name == before {
				after = before
			}
		}
		c.touch(t, "federatedIdentityCredentials")
		c.audit("Update application", "Update", t, changed("FederatedIdentityCredentials", before, after))
	})
	if f != nil {
		return nil, f
	}
	return noContent()
}
