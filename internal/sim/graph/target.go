package graph

import (
	"encoding/json"
	"slices"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// target is the application or service principal that an address names.
type target struct {
	kind string // world.KindApplication or world.KindPrincipal
	h    *world.Holder
	app  app       // nil for a service principal
	sp   principal // nil for an application
}

// target finds the object that the key in the address names: by object id, or by
// (appId='...'). The caller holds Read or Change.
func (c *call) target(key string) (target, *failure) {
	d := &c.w.Directory
	name, value, alternate := strings.Cut(key, "=")
	id := strings.ToLower(key)
	if alternate {
		value = strings.ToLower(unquoteKey(value))
		if !strings.EqualFold(name, "appId") {
			return target{}, malformed("The key property '%s' in the address is not known.", name)
		}
	}
	if strings.EqualFold(c.path[0], "applications") {
		a := d.Applications[id]
		if alternate {
			a = d.ApplicationByClient(value)
		}
		if a == nil {
			return target{}, notFound(shown(key, value, alternate))
		}
		return target{world.KindApplication, &a.Holder, a, nil}, nil
	}
	s := d.ServicePrincipals[id]
	if alternate {
		s = d.ServicePrincipalByClient(value)
	}
	if s == nil {
		return target{}, notFound(shown(key, value, alternate))
	}
	return target{world.KindPrincipal, &s.Holder, nil, s}, nil
}

func shown(key, value string, alternate bool) string {
	if alternate {
		return value
	}
	return key
}

// writable is target for a caller who must be allowed to change it.
func (c *call) writable(key string) (target, *failure) {
	t, f := c.target(key)
	if f == nil {
		f = c.mayWrite(t.h)
	}
	return t, f
}

// touch notes a change of properties for delta queries.
func (c *call) touch(t target, properties ...string) {
	c.w.Directory.Touch(t.kind, t.h, properties...)
}

// resource is the object's type as audit records have it.
func (t target) resource() string {
	if t.app != nil {
		return "Application"
	}
	return "ServicePrincipal"
}

// single is the body of an answer that is one object.
func (c *call) single(t target, v *view, chosen []int) []byte {
	b := make([]byte, 0, 4096)
	suffix := "/$entity"
	if q := c.query.Get("$select"); q != "" && c.method == "GET" {
		suffix = "(" + q + ")/$entity"
	}
	b = append(b, `{"@odata.context":`...)
	if t.app != nil {
		b = appendText(b, c.context(applications.set+suffix))
		return append(applications.fields(b, t.app, v, chosen), '}')
	}
	b = appendText(b, c.context(principals.set+suffix))
	return append(principals.fields(b, t.sp, v, chosen), '}')
}

// location is what a creation answers in its Location header, which leads nowhere.
func (c *call) location(what string) string {
	return "https://" + host + "/v2/" + c.w.Tenant.ID + "/" + what
}

// decode reads the body as JSON.
func (c *call) decode(v any) *failure {
	if len(c.body) == 0 {
		return malformed("Empty Payload. JSON content expected.")
	}
	if err := json.Unmarshal(c.body, v); err != nil {
		return malformed("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	return nil
}

// properties reads the body as an object, in the order of its names, so that the
// same wrong request always has the same error. Annotations are left out.
func (c *call) properties() (map[string]json.RawMessage, []string, *failure) {
	var set map[string]json.RawMessage
	if f := c.decode(&set); f != nil {
		return nil, nil, f
	}
	var names []string
	for name := range set {
		if !strings.Contains(name, "@") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return set, names, nil
}
