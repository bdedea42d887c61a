package powerplatform

import (
	"bytes"
	"encoding/json"
	"errors"
	"image/png"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
)

var contoso = Config{Host: "rekey.contoso.com", Tenant: "8c1f0a52-90a4-4b5e-a8f2-6f5b7d2f4b11", ClientID: "4f8c6f0e-32b1-4f8e-9a9b-0f0f3f6f1a77"}

func decoded(t *testing.T, name string) (doc node) {
	t.Helper()
	files, err := Files(contoso)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(files[name], &doc); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return doc
}

// TestDefinition: a strict reader of OpenAPI takes it, and what the service asks
// beyond that holds: https://learn.microsoft.com/connectors/custom-connectors/certification-submission
func TestDefinition(t *testing.T) {
	files, err := Files(contoso)
	if err != nil {
		t.Fatal(err)
	}
	var doc openapi2.T
	if err := json.Unmarshal(files["apiDefinition.swagger.json"], &doc); err != nil {
		t.Fatal(err)
	}
	three, err := openapi2conv.ToV3(&doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := three.Validate(t.Context()); err != nil {
		t.Errorf("it is not OpenAPI: %v", err)
	}
	if n := size(decoded(t, "apiDefinition.swagger.json")); n > 1<<20 {
		t.Errorf("%d bytes", n)
	}
	seen, triggers := map[string]bool{}, 0
	for path, item := range doc.Paths {
		for method, o := range item.Operations() {
			seen[o.OperationID] = true
			if o.Summary == "" || len(o.Summary) > 80 || strings.HasSuffix(o.Summary, ".") || !strings.HasSuffix(o.Description, ".") {
				t.Errorf("%s %s: %q, %q", method, path, o.Summary, o.Description)
			}
			if o.Extensions["x-ms-trigger"] != nil {
				triggers++
			}
			if o.Responses.Len() < 2 || o.Responses.Value("default") == nil {
				t.Errorf("%s %s answers %v", method, path, o.Responses)
			}
			for _, p := range o.Parameters {
				if p.In != "body" && (p.Extensions["x-ms-summary"] == nil || p.Description == "" || p.Type == nil) {
					t.Errorf("%s %s: the parameter %s says too little", method, path, p.Name)
				}
			}
		}
	}
	if len(seen) != len(operations) || triggers != 1 {
		t.Errorf("%d operations with %d triggers: %v", len(seen), triggers, slices.Sorted(maps.Keys(seen)))
	}
	for name, d := range doc.Definitions {
		for field, p := range d.Value.Properties {
			if p.Ref == "" && p.Value.Extensions["x-ms-summary"] == nil {
				t.Errorf("%s.%s has no name for people", name, field)
			}
		}
	}
	raw := string(files["apiDefinition.swagger.json"])
	for _, word := range []string{`"nullable"`, `"oneOf"`, `"anyOf"`, `"const"`, "#/components/"} {
		if strings.Contains(raw, word) {
			t.Errorf("the older form does not know %s", word)
		}
	}
}

// TestTriggerRemembers: the policy names the trigger, its parameter and a field
// of its answer.
func TestTriggerRemembers(t *testing.T) {
	definition := decoded(t, "apiDefinition.swagger.json")
	policy := decoded(t, "apiProperties.json")["properties"].(node)["policyTemplateInstances"].([]any)[0].(node)["parameters"].(node)
	if got := policy["x-ms-apimTemplate-operationName"].([]any)[0]; got != operationOf(definition, "/v1/ending", "get")["operationId"] {
		t.Errorf("the policy is for %v", got)
	}
	page := definition["definitions"].(node)["EndingPage"].(node)["properties"].(node)
	if page["since"] == nil || page["value"].(node)["type"] != "array" {
		t.Errorf("the trigger answers with %v", page)
	}
	known := false
	for _, p := range operationOf(definition, "/v1/ending", "get")["parameters"].([]any) {
		known = known || p.(node)["name"] == "since" && p.(node)["x-ms-visibility"] == "internal"
	}
	if !known {
		t.Error("the trigger takes no since")
	}
}

func operationOf(definition node, path, method string) node {
	item, _ := definition["paths"].(node)[path].(node)
	o, _ := item[method].(node)
	return o
}

var (
	mentioned = regexp.MustCompile(`body\('([^']+)'\)(?:\?\['([^']+)'\])?`)
	named     = regexp.MustCompile(`parameters\('([^']+)'\)`)
)

// TestWorkflows: every action runs after one that is there, every call is one of
// the connector's, and every expression speaks of an action and of a field that exist.
func TestWorkflows(t *testing.T) {
	definition := decoded(t, "apiDefinition.swagger.json")
	for name, doc := range map[string]node{
		"power-automate.flow.json": decoded(t, "power-automate.flow.json"), "logic-apps.workflow.json": decoded(t, "logic-apps.workflow.json")["definition"].(node),
	} {
		w := workflowCheck{t: t, name: name, definition: definition, actions: map[string]node{}}
		w.collect(doc["actions"].(node))
		for at, a := range w.actions {
			w.call(at, a)
		}
		for _, trigger := range doc["triggers"].(node) {
			w.call("trigger", trigger.(node))
		}
		raw, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(raw), `\u0026`, "&")
		for _, m := range mentioned.FindAllStringSubmatch(text, -1) {
			w.mention(m[1], m[2])
		}
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if doc["parameters"].(node)[m[1]] == nil {
				t.Errorf("%s: there is no parameter %q", name, m[1])
			}
		}
		if w.calls < 4 {
			t.Errorf("%s: %d calls of the connector", name, w.calls)
		}
	}
}

type workflowCheck struct {
	t          *testing.T
	name       string
	definition node
	actions    map[string]node
	calls      int
}

func (w *workflowCheck) collect(actions node) {
	for at, a := range actions {
		a := a.(node)
		w.actions[at] = a
		for before := range a["runAfter"].(node) {
			if actions[before] == nil {
				w.t.Errorf("%s: %s runs after %s, which is not beside it", w.name, at, before)
			}
		}
		if inner, ok := a["actions"].(node); ok {
			w.collect(inner)
		}
	}
}

// call looks an action's operation up, if it is one of the connector's.
func (w *workflowCheck) call(at string, a node) {
	inputs, _ := a["inputs"].(node)
	host, _ := inputs["host"].(node)
	if host == nil {
		return
	}
	if host["connectionName"] == "shared_rekey" {
		w.calls++
		if w.byID(host["operationId"].(string)) == nil {
			w.t.Errorf("%s: %s calls %v, which the connector lacks", w.name, at, host["operationId"])
		}
		return
	}
	path, _ := inputs["path"].(string)
	if strings.HasPrefix(path, "/v1/") {
		w.calls++
		path = regexp.MustCompile(`@\{[^}]*\}`).ReplaceAllString(path, "{id}")
		if operationOf(w.definition, path, inputs["method"].(string)) == nil {
			w.t.Errorf("%s: %s calls %v %s, which the connector lacks", w.name, at, inputs["method"], path)
		}
	}
}

func (w *workflowCheck) byID(id string) node {
	for _, item := range w.definition["paths"].(node) {
		for _, o := range item.(node) {
			if o.(node)["operationId"] == id {
				return o.(node)
			}
		}
	}
	return nil
}

func (w *workflowCheck) mention(action, field string) {
	if w.actions[action] == nil {
		w.t.Errorf("%s: an expression speaks of %s, which is no action", w.name, action)
		return
	}
	of := map[string]string{"Propose_a_rotation": "Rotation", "Wait_for_a_decision": "Decision", "Get_the_status": "Rotation"}[action]
	if field == "" || of == "" {
		return
	}
	if w.definition["definitions"].(node)[of].(node)["properties"].(node)[field] == nil {
		w.t.Errorf("%s: %s has no field %s", w.name, of, field)
	}
}

func TestHosts(t *testing.T) {
	for _, host := range []string{"", "https://rekey.contoso.com", "rekey.contoso.com/v1", "a b", "localhost", "localhost:8417", "127.0.0.1", "[::1]:8417", "0.0.0.0", "u@h", "h?x", "h#x"} {
		c := contoso
		c.Host = host
		if _, err := Files(c); !errors.Is(err, ErrHost) {
			t.Errorf("%q: %v", host, err)
		}
	}
}

func TestZipIsTheSameEachTime(t *testing.T) {
	first, err := Zip(contoso)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Zip(contoso)
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("two archives of one configuration differ (%v)", err)
	}
	picture, err := png.DecodeConfig(bytes.NewReader(icon))
	if err != nil || picture.Width != picture.Height || picture.Width < 100 || picture.Width > 230 {
		t.Errorf("the icon is %dx%d (%v)", picture.Width, picture.Height, err)
	}
}
