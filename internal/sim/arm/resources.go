package arm

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// thing is what vaults and other resources have in common.
type thing struct {
	id, name, kind, group, location string
	tags                            map[string]string
}

func (t thing) wire() map[string]any {
	return map[string]any{"id": t.id, "name": t.name, "type": t.kind, "location": t.location, "tags": tagsOf(t.tags)}
}

func tagsOf(tags map[string]string) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return maps.Clone(tags)
}

// everything is all resources in the order of their ids, without those that are
// parts of another, which the manager leaves out as well. The caller holds the
// world's lock.
func (c *call) everything() []thing {
	var all []thing
	for _, v := range c.w.Azure.Vaults {
		all = append(all, thing{c.w.Azure.VaultID(v), v.Name, vaultType, v.Group, v.Location, v.Tags})
	}
	for _, r := range c.w.Azure.Resources {
		if !r.Child() {
			all = append(all, thing{r.ID, r.Name, r.Type, r.Group, r.Location, r.Tags})
		}
	}
	slices.SortFunc(all, func(a, b thing) int { return strings.Compare(strings.ToLower(a.id), strings.ToLower(b.id)) })
	return all
}

// listResources lists what the caller may read, in the subscription or in a group.
func (c *call) listResources() (*answer, error) {
	wanted, err := readFilter(c.r.URL.Query().Get("$filter"))
	if err != nil {
		return nil, err
	}
	var value []map[string]any
	group := c.args["g"]
	c.w.Read(func() {
		for _, t := range c.everything() {
			if group != "" && !strings.EqualFold(t.group, group) {
				continue
			}
			if wanted(t) && c.may(t.kind+"/read", t.id) {
				value = append(value, t.wire())
			}
		}
	})
	return list(value)
}

var condition = regexp.MustCompile(`(?i)^\s*(resourceType|name|location|resourceGroup|tagName|tagValue)\s+(eq|ne)\s+'((?:[^']|'')*)'\s*$`)

// readFilter reads conditions joined by "and", and lists of resource types joined by "or".
func readFilter(text string) (func(thing) bool, error) {
	if strings.TrimSpace(text) == "" {
		return func(thing) bool { return true }, nil
	}
	var all []func(thing) bool
	tag := ""
	for part := range strings.SplitSeq(text, " and ") {
		var one []func(thing) bool
		for alternative := range strings.SplitSeq(strings.Trim(part, " ()"), " or ") {
			m := condition.FindStringSubmatch(alternative)
			if m == nil {
				return nil, badRequest("InvalidFilterInQueryString", "Invalid $filter '"+text+"' specified in the query string.")
			}
			field, same, want := strings.ToLower(m[1]), strings.EqualFold(m[2], "eq"), strings.ReplaceAll(m[3], "''", "'")
			if field == "tagname" {
				tag = want
			}
			named := tag
			one = append(one, func(t thing) bool { return has(t, field, want, named) == same })
		}
		all = append(all, func(t thing) bool { return slices.ContainsFunc(one, func(f func(thing) bool) bool { return f(t) }) })
	}
	return func(t thing) bool {
		return !slices.ContainsFunc(all, func(f func(thing) bool) bool { return !f(t) })
	}, nil
}

func has(t thing, field, want, tag string) bool {
	switch field {
	case "resourcetype":
		return strings.EqualFold(t.kind, want)
	case "name":
		return strings.EqualFold(t.name, want)
	case "location":
		return strings.EqualFold(t.location, want)
	case "resourcegroup":
		return strings.EqualFold(t.group, want)
	case "tagname":
		_, tagged := t.tags[want]
		return tagged
	}
	return t.tags[tag] == want
}

// wireResource is a resource of its own provider: with properties, without keys.
func wireResource(r *world.Resource) map[string]any {
	name := r.Name
	if r.Site == nil { // the manager names a slot with its app, and any other part alone
		name = name[strings.LastIndex(name, "/")+1:]
	}
	w := thing{r.ID, name, r.Type, r.Group, r.Location, r.Tags}.wire()
	properties := maps.Clone(r.Properties)
	if r.Type == storageType {
		w["kind"], w["sku"] = "StorageV2", map[string]any{"name": "Standard_GRS", "tier": "Standard"}
		ages := map[string]any{}
		for _, k := range r.Keys {
			ages[k.Name] = k.Born(time.Now()).UTC().Format(keyTime)
		}
		properties["keyCreationTime"] = ages
	}
	w["properties"] = properties
	return w
}

func (c *call) listOfType(kind string) (*answer, error) {
	var value []map[string]any
	group := c.args["g"]
	var err error
	c.w.Read(func() {
		if _, has := c.groupNamed(group); group != "" && !has {
			err = groupNotFound(group)
			return
		}
		for _, t := range c.everything() {
			if strings.EqualFold(t.kind, kind) && (group == "" || strings.EqualFold(t.group, group)) {
				value = append(value, wireResource(c.w.Azure.Resources[strings.ToLower(t.id)]))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return list(value)
}

// resource finds the one the path names. The caller holds the world's lock.
func (c *call) resource(kind string) (*world.Resource, error) {
	if _, has := c.groupNamed(c.args["g"]); !has {
		return nil, groupNotFound(c.args["g"])
	}
	r := c.w.Azure.Find(c.args["g"], kind, c.partName())
	if r == nil && c.args["x"] != "" {
		return nil, fail(http.StatusNotFound, "NotFound", "The requested resource "+c.args["x"]+" does not exist.")
	}
	if r == nil {
		return nil, resourceNotFound(kind, c.args["n"], c.args["g"])
	}
	return r, nil
}

func (c *call) getResource(kind string) (a *answer, err error) {
	c.w.Read(func() {
		var r *world.Resource
		if r, err = c.resource(kind); err == nil {
			a, err = ok(wireResource(r))
		}
	})
	return a, err
}

// putResource makes a resource or changes its tags and properties. One that has
// keys gets them when it is made.
func (c *call) putResource(kind string) (a *answer, err error) {
	var body struct {
		Location   string            `json:"location"`
		Tags       map[string]string `json:"tags"`
		Properties map[string]any    `json:"properties"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	c.w.Change(func() {
		if _, has := c.groupNamed(c.args["g"]); !has {
			err = groupNotFound(c.args["g"])
			return
		}
		status := http.StatusOK
		r, missing := c.resource(kind)
		if missing != nil {
			if body.Location == "" {
				err = badRequest("LocationRequired", "The location property is required for this definition.")
				return
			}
			status = http.StatusCreated
			r = c.newResource(kind, body.Location)
		}
		r.Tags = tagsOf(body.Tags)
		maps.Copy(r.Properties, body.Properties)
		c.record("putResource", r.ID, "")
		a = &answer{status: status, body: wireResource(r)}
	})
	return a, err
}

func (c *call) newResource(kind, location string) *world.Resource {
	group, _ := c.groupNamed(c.args["g"])
	r := &world.Resource{Type: kind, Name: c.args["n"], Group: group, Location: strings.ToLower(strings.ReplaceAll(location, " ", ""))}
	r.Properties = map[string]any{"provisioningState": "Succeeded"}
	c.newKeys(r)
	switch kind {
	case topicType:
		r.Properties["endpoint"] = "https://" + r.Name + "." + r.Location + "-1.eventgrid.azure.net/api/events"
		r.Properties["inputSchema"], r.Properties["disableLocalAuth"] = "EventGridSchema", false
	case storageType:
		r.Properties["creationTime"] = time.Now().UTC().Format(keyTime)
		r.Properties["primaryEndpoints"] = map[string]any{"blob": "https://" + strings.ToLower(r.Name) + ".blob.core.windows.net/"}
	case cosmosType:
		r.Properties["documentEndpoint"], r.Properties["disableLocalAuth"] = "https://"+strings.ToLower(r.Name)+".documents.azure.com:443/", false
	case busType, hubType:
		r.Properties["serviceBusEndpoint"], r.Properties["disableLocalAuth"] = "https://"+strings.ToLower(r.Name)+".servicebus.windows.net:443/", false
		r.Properties["createdAt"] = time.Now().UTC().Format(keyTime)
		root := &world.Resource{Type: kind + "/" + ruleSegment, Name: r.Name + "/" + rootRule, Group: group, Location: r.Location, Properties: map[string]any{"rights": []any{"Listen", "Manage", "Send"}}}
		c.newKeys(root)
		c.w.Azure.AddResource(root)
	}
	c.w.Azure.AddResource(r)
	return r
}

func (c *call) deleteResource(kind string) (a *answer, err error) {
	c.w.Change(func() {
		r, missing := c.resource(kind)
		if missing != nil {
			a = &answer{status: http.StatusNoContent}
			return
		}
		maps.DeleteFunc(c.w.Azure.Resources, func(id string, _ *world.Resource) bool {
			return id == strings.ToLower(r.ID) || strings.HasPrefix(id, strings.ToLower(r.ID)+"/")
		})
		c.record("deleteResource", r.ID, "")
		a = &answer{status: http.StatusOK}
	})
	return a, nil
}
