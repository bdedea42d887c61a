package powerplatform

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"

	wire "rekey.example/rekey/api"
)

// operation is one of the API's that makers see, under the name they see it by.
type operation struct {
	id      string
	title   string
	says    string
	trigger bool
	hides   []string // parameters that are of no use in a flow
}

// Operations is all that makers see.
var operations = []operation{
	{id: "listEnding", title: "When a credential is about to end", trigger: true,
		says: "Starts a flow for each credential that comes within the given time of its end. Each is told once."},
	{id: "listCredentials", title: "List credentials", hides: []string{"after"},
		says: "Lists credentials, the first to end first, with the application, its owners and what breaks."},
	{id: "proposeRotation", title: "Propose a rotation", hides: []string{"Idempotency-Key"},
		says: "Proposes to renew a credential. Nothing is changed before another person has approved it."},
	{id: "awaitDecision", title: "Wait for a decision",
		says: "Waits up to 30 seconds for the decision on a proposal. Put it into a Do until loop that ends when Decided is true."},
	{id: "approveRotation", title: "Approve a rotation", hides: []string{"If-Match"},
		says: "Approves exactly the plan with this hash, in the name of whoever made the connection. It is refused if the same person proposed it."},
	{id: "refuseRotation", title: "Refuse a rotation", hides: []string{"If-Match"},
		says: "Refuses a proposal, with a reason."},
	{id: "getRotation", title: "Get the status of a rotation",
		says: "Tells at which step a rotation is, what it waits for, and how it ended."},
}

// node is a piece of a JSON or YAML document.
type node = map[string]any

var description = sync.OnceValues(func() (doc node, err error) {
	err = yaml.Unmarshal(wire.Description, &doc)
	return doc, err
})

// Definition is the connector's definition, OpenAPI 2.0.
func Definition(c Config) (any, error) {
	doc, err := description()
	if err != nil {
		return nil, fmt.Errorf("cannot read the API's description: %w", err)
	}
	m := &maker{doc: doc, definitions: node{}}
	paths := node{}
	for path, item := range doc["paths"].(node) {
		for method, o := range item.(node) {
			spec, ok := o.(node)
			if !ok {
				continue
			}
			i := slices.IndexFunc(operations, func(op operation) bool { return op.id == spec["operationId"] })
			if i < 0 {
				continue
			}
			shown, err := m.operation(operations[i], spec)
			if err != nil {
				return nil, err
			}
			at, _ := paths[path].(node)
			if at == nil {
				at = node{}
				paths[path] = at
			}
			at[method] = shown
		}
	}
	info := doc["info"].(node)
	return node{
		"swagger": "2.0",
		"info": node{"title": "rekey", "version": info["version"], "description": info["summary"],
			"contact": node{"name": "rekey"}},
		"host": c.Host, "basePath": "/", "schemes": []string{"https"}, "consumes": []string{"application/json"}, "produces": []string{"application/json"},
		"paths": paths, "definitions": m.definitions,
		"securityDefinitions": node{"oauth2": node{
			"type": "oauth2", "flow": "accessCode", "tokenUrl": "https://login.microsoftonline.com/common/oauth2/authorize",
			"authorizationUrl": "https://login.microsoftonline.com/common/oauth2/authorize", "scopes": node{},
		}},
		"security": []any{node{"oauth2": []string{}}},
		"x-ms-connector-metadata": []any{
			node{"propertyName": "Website", "propertyValue": "https://" + c.Host},
			node{"propertyName": "Categories", "propertyValue": "IT Operations;Security"},
		},
	}, nil
}

// maker copies what operations need from the description, in the older form.
type maker struct {
	doc         node
	definitions node
}

// lookup follows a reference such as #/components/schemas/Credential.
func (m *maker) lookup(ref string) (node, error) {
	at := m.doc
	for word := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		next, ok := at[word].(node)
		if !ok {
			return nil, fmt.Errorf("the API's description lacks %s", ref)
		}
		at = next
	}
	return at, nil
}

// resolve returns what a node refers to, or the node itself.
func (m *maker) resolve(n node) (node, error) {
	if ref, ok := n["$ref"].(string); ok {
		return m.lookup(ref)
	}
	return n, nil
}

func (m *maker) operation(o operation, spec node) (node, error) {
	parameters := []any{}
	list, _ := spec["parameters"].([]any)
	for _, p := range list {
		shown, err := m.parameter(o, p.(node))
		if err != nil {
			return nil, err
		}
		if shown != nil {
			parameters = append(parameters, shown)
		}
	}
	if body, ok := spec["requestBody"].(node); ok {
		schema, err := m.content(body)
		if err != nil {
			return nil, err
		}
		parameters = append(parameters, node{"name": "body", "in": "body", "required": true, "schema": schema})
	}
	responses, err := m.responses(spec["responses"].(node))
	if err != nil {
		return nil, err
	}
	shown := node{
		"operationId": capital(o.id), "summary": o.title, "description": o.says, "parameters": parameters, "responses": responses, "x-ms-visibility": "important",
	}
	if o.trigger {
		shown["x-ms-trigger"] = "batch"
		shown["x-ms-trigger-hint"] = "A flow starts when a credential comes near its end."
	}
	return shown, nil
}

func (m *maker) parameter(o operation, p node) (node, error) {
	p, err := m.resolve(p)
	if err != nil {
		return nil, err
	}
	name := p["name"].(string)
	if slices.Contains(o.hides, name) {
		return nil, nil
	}
	schema, err := m.schema(p["schema"].(node))
	if err != nil {
		return nil, err
	}
	if ref, ok := schema["$ref"].(string); ok { // a parameter of the older form has no references
		schema = maps.Clone(m.definitions[strings.TrimPrefix(ref, "#/definitions/")].(node))
	}
	schema["name"], schema["in"] = name, p["in"]
	schema["x-ms-summary"], schema["description"] = words(name), told(p["description"], words(name))
	if p["required"] == true {
		schema["required"] = true
	}
	if p["in"] == "path" {
		schema["x-ms-url-encoding"] = "single"
	}
	if o.trigger && name == "since" {
		schema["x-ms-visibility"] = "internal"
	}
	return schema, nil
}

// responses keeps the good ones; everything else is the problem document.
func (m *maker) responses(all node) (node, error) {
	shown := node{}
	for status, r := range all {
		answer, err := m.resolve(r.(node))
		if err != nil {
			return nil, err
		}
		one := node{"description": told(answer["description"], "An error")}
		schema, err := m.content(answer)
		if err != nil {
			return nil, err
		}
		if schema != nil {
			one["schema"] = schema
		}
		shown[status] = one
	}
	return shown, nil
}

// content is the schema of the JSON that a request or a response carries; nil if it has none.
func (m *maker) content(n node) (node, error) {
	content, _ := n["content"].(node)
	for _, kind := range []string{"application/json", "application/problem+json"} {
		if c, ok := content[kind].(node); ok {
			return m.schema(c["schema"].(node))
		}
	}
	return nil, nil
}

// kept are the words of a schema that both forms know.
var kept = []string{
	"type", "format", "description", "enum", "default", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "pattern", "required",
}

// schema copies a schema and what it refers to.
func (m *maker) schema(s node) (node, error) {
	if ref, ok := s["$ref"].(string); ok {
		name := ref[strings.LastIndex(ref, "/")+1:]
		if _, done := m.definitions[name]; !done {
			m.definitions[name] = node{} // a type may hold itself
			target, err := m.lookup(ref)
			if err != nil {
				return nil, err
			}
			shown, err := m.schema(target)
			if err != nil {
				return nil, err
			}
			m.definitions[name] = shown
		}
		return node{"$ref": "#/definitions/" + name}, nil
	}
	shown := node{}
	for _, word := range kept {
		if v, ok := s[word]; ok {
			shown[word] = v
		}
	}
	if items, ok := s["items"].(node); ok {
		one, err := m.schema(items)
		if err != nil {
			return nil, err
		}
		shown["items"] = one
	}
	if more, ok := s["additionalProperties"].(node); ok {
		one, err := m.schema(more)
		if err != nil {
			return nil, err
		}
		shown["additionalProperties"] = one
	}
	fields, _ := s["properties"].(node)
	if len(fields) == 0 {
		return shown, nil
	}
	properties := node{}
	for name, f := range fields {
		one, err := m.schema(f.(node))
		if err != nil {
			return nil, err
		}
		if one["$ref"] == nil {
			one["x-ms-summary"] = words(name)
			if one["description"] == nil {
				one["description"] = words(name)
			}
		}
		properties[name] = one
	}
	shown["type"], shown["properties"] = "object", properties
	return shown, nil
}

var humps = regexp.MustCompile(`[A-Z]`)

// words makes "No owner" of noOwner.
func words(name string) string {
	return capital(strings.ToLower(humps.ReplaceAllString(name, " $0")))
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// told is a description as one line.
func told(text any, otherwise string) string {
	s, _ := text.(string)
	if s = strings.Join(strings.Fields(s), " "); s == "" {
		return otherwise
	}
	return s
}

// size is how long the definition is; the service refuses one above 1 MB.
func size(v any) int {
	raw, err := json.Marshal(v)
	if err != nil {
		return 0
	}
	return len(raw)
}
