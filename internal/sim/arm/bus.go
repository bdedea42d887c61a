package arm

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

const (
	busType     = "Microsoft.ServiceBus/namespaces"
	hubType     = "Microsoft.EventHub/namespaces"
	ruleSegment = "authorizationRules"
	rootRule    = "RootManageSharedAccessKey" // every namespace is made with it
)

func isRule(kind string) bool { return strings.HasSuffix(kind, "/"+ruleSegment) }

// parts are the types below a namespace, the path of each behind it.
var parts = []struct{ kind, path string }{
	{busType + "/" + ruleSegment, ruleSegment},
	{busType + "/queues", "queues"},
	{busType + "/queues/" + ruleSegment, "queues/{e}/" + ruleSegment},
	{busType + "/topics", "topics"},
	{busType + "/topics/" + ruleSegment, "topics/{e}/" + ruleSegment},
	{hubType + "/" + ruleSegment, ruleSegment},
	{hubType + "/eventhubs", "eventhubs"},
	{hubType + "/eventhubs/" + ruleSegment, "eventhubs/{e}/" + ruleSegment},
}

// busRoutes are the operations on namespaces of Service Bus and Event Hubs and on
// what is below them.
func (c *call) busRoutes() (routes []route) {
	of := func(do func(kind string) (*answer, error), kind string) func() (*answer, error) {
		return func() (*answer, error) { return do(kind) }
	}
	for _, kind := range []string{busType, hubType} {
		routes = append(routes,
			route{"GET", inSubscription + "/providers/" + kind, kind + "/read", inSubscription, of(c.listOfType, kind)},
			route{"GET", inGroup + "/providers/" + kind, kind + "/read", inGroup, of(c.listOfType, kind)},
		)
	}
	for _, p := range parts {
		space, _, _ := strings.Cut(p.kind, "/")
		list := inGroup + "/providers/" + space + "/namespaces/{n}/" + p.path
		one := list + "/{x}"
		routes = append(routes,
			route{"GET", list, p.kind + "/read", list[:strings.LastIndex(list, "/")], of(c.listParts, p.kind)},
			route{"GET", one, p.kind + "/read", one, of(c.getResource, p.kind)},
			route{"PUT", one, p.kind + "/write", one, of(c.putPart, p.kind)},
			route{"DELETE", one, p.kind + "/delete", one, of(c.deleteResource, p.kind)},
		)
		if isRule(p.kind) {
			routes = append(routes,
				route{"POST", one + "/listKeys", p.kind + "/listKeys/action", one, func() (*answer, error) { return c.told(p.kind, "listKeys", c.wireRuleKeys) }},
				route{"POST", one + "/regenerateKeys", p.kind + "/regenerateKeys/action", one, of(c.regenerateKeys, p.kind)},
			)
		}
	}
	return routes
}

// partName is the name that the path gives a resource: its own and those of what
// it is below of.
func (c *call) partName() string {
	var name strings.Builder
	name.WriteString(c.args["n"])
	for _, arg := range []string{"e", "x"} {
		if c.args[arg] != "" {
			name.WriteString("/" + c.args[arg])
		}
	}
	return name.String()
}

// parent is what the path's resource is below of. The caller holds the world's lock.
func (c *call) parent(kind string) (*world.Resource, error) {
	up, name := kind[:strings.LastIndex(kind, "/")], c.args["n"]
	if c.args["e"] != "" {
		name += "/" + c.args["e"]
	}
	if _, has := c.groupNamed(c.args["g"]); !has {
		return nil, groupNotFound(c.args["g"])
	}
	parent := c.w.Azure.Find(c.args["g"], up, name)
	if parent == nil {
		return nil, fail(http.StatusNotFound, "ParentResourceNotFound", fmt.Sprintf("Failed to perform the operation on resource(s) of type '%s', because the parent resource '%s' could not be found.", kind, name))
	}
	return parent, nil
}

func (c *call) listParts(kind string) (*answer, error) {
	var value []map[string]any
	var err error
	c.w.Read(func() {
		var parent *world.Resource
		if parent, err = c.parent(kind); err != nil {
			return
		}
		for _, id := range slices.Sorted(maps.Keys(c.w.Azure.Resources)) {
			r := c.w.Azure.Resources[id]
			rest, below := strings.CutPrefix(id, strings.ToLower(parent.ID)+"/")
			if below && r.Type == kind && strings.Count(rest, "/") == 1 {
				value = append(value, wireResource(r))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return list(value)
}

// putPart makes a queue, a topic, an event hub or a rule.
func (c *call) putPart(kind string) (a *answer, err error) {
	var body struct {
		Properties map[string]any `json:"properties"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	if isRule(kind) {
		if err := checkRights(body.Properties["rights"]); err != nil {
			return nil, err
		}
	}
	c.w.Change(func() {
		var parent *world.Resource
		if parent, err = c.parent(kind); err != nil {
			return
		}
		r, missing := c.resource(kind)
		if missing != nil {
			r = &world.Resource{Type: kind, Name: c.partName(), Group: parent.Group, Location: parent.Location, Properties: map[string]any{}}
			c.newKeys(r)
			c.w.Azure.AddResource(r)
		}
		maps.Copy(r.Properties, body.Properties)
		c.record("putResource", r.ID, "")
		a, err = ok(wireResource(r))
	})
	return a, err
}

func checkRights(given any) error {
	rights, _ := given.([]any)
	has := map[any]bool{}
	for _, r := range rights {
		if r != "Listen" && r != "Send" && r != "Manage" {
			return badRequest("BadRequest", "The rights of an authorization rule are Listen, Send and Manage.")
		}
		has[r] = true
	}
	if len(has) == 0 || has["Manage"] && !(has["Listen"] && has["Send"]) {
		return badRequest("BadRequest", "Manage permission should also include Send and Listen.")
	}
	return nil
}

func (c *call) regenerateKeys(kind string) (*answer, error) {
	var body struct {
		Type string `json:"keyType"`
		Key  string `json:"key"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	name, known := map[string]string{"primarykey": "primary", "secondarykey": "secondary"}[strings.ToLower(body.Type)]
	if !known {
		return nil, badRequest("BadRequest", "The value '"+body.Type+"' of keyType is not one of PrimaryKey, SecondaryKey.")
	}
	if raw, err := base64.StdEncoding.DecodeString(body.Key); body.Key != "" && (err != nil || len(raw) != 32) {
		return nil, badRequest("BadRequest", "The provided key is not a 256-bit key in base64.")
	}
	return c.renew(kind, name, body.Key, c.wireRuleKeys)
}

// wireRuleKeys is how both operations tell the keys of a rule.
func (c *call) wireRuleKeys(r *world.Resource) map[string]any {
	names := strings.Split(r.Name, "/")
	rule := names[len(names)-1]
	keys := wireKeys(r)
	whole := func(key any) string {
		text := fmt.Sprintf("Endpoint=sb://%s.servicebus.windows.net/;SharedAccessKeyName=%s;SharedAccessKey=%s", names[0], rule, key)
		if len(names) == 3 {
			text += ";EntityPath=" + names[1]
		}
		return text
	}
	return map[string]any{
		"primaryConnectionString": whole(keys["primary"]), "secondaryConnectionString": whole(keys["secondary"]),
		"primaryKey": keys["primary"], "secondaryKey": keys["secondary"], "keyName": rule,
	}
}
