package graph

import (
	"fmt"
	"strings"
	"testing"

	"rekey.example/rekey/internal/sim/world"
)

// responses are a batch's answers by id, and the ids in their order.
func (p reply) responses() (byID map[string]map[string]any, order []string) {
	byID = map[string]map[string]any{}
	for _, r := range p.json["responses"].([]any) {
		one := r.(map[string]any)
		id := one["id"].(string)
		byID[id], order = one, append(order, id)
	}
	return byID, order
}

func TestBatch(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	a := x.add("a")
	p := x.want(200, "POST", "/$batch", `{"requests":[
		{"id":"1","method":"GET","url":"/applications/`+a.ID+`?$select=displayName"},
		{"id":"2","method":"POST","url":"applications/`+a.ID+`/addPassword","headers":{"Content-Type":"application/json"},"body":{"passwordCredential":{"displayName":"n"}}},
		{"id":"3","method":"GET","url":"/applications/nobody"},
		{"id":"4","method":"DELETE","url":"/applications/`+a.ID+`","dependsOn":["3"]},
		{"id":"5","method":"POST","url":"/applications/`+a.ID+`/addPassword","body":{}},
		{"id":"6","method":"GET","url":"/applications/$count","headers":{"ConsistencyLevel":"eventual"},"dependsOn":["2"]}]}`)
	got, order := p.responses()
	for id, status := range map[string]float64{"1": 200, "2": 200, "3": 404, "4": 424, "5": 400, "6": 200} {
		if got[id]["status"] != status {
			t.Errorf("%s: %v, want %v", id, got[id], status)
		}
	}
	if body, _ := got["1"]["body"].(map[string]any); body["displayName"] != "a" {
		t.Errorf("1: %v", got["1"])
	}
	if got["6"]["body"] != "1" {
		t.Errorf("6: %v", got["6"])
	}
	if x.facts("addPassword") != 1 || x.facts("deleteApplication") != 0 {
		t.Errorf("%d secrets, %d deletions", x.facts("addPassword"), x.facts("deleteApplication"))
	}
	if strings.Join(order, "") == "123456" {
		t.Error("answers come in the order of the requests, which nobody may rely on")
	}
}

func TestBatchRefusals(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	var many []string
	for i := range 21 {
		many = append(many, fmt.Sprintf(`{"id":"%d","method":"GET","url":"/applications"}`, i))
	}
	for what, requests := range map[string]string{
		"none":     "",
		"too many": strings.Join(many, ","),
		"twice":    `{"id":"1","method":"GET","url":"/users"},{"id":"1","method":"GET","url":"/users"}`,
		"circle":   `{"id":"1","method":"GET","url":"/users","dependsOn":["2"]},{"id":"2","method":"GET","url":"/users","dependsOn":["1"]}`,
		"unknown":  `{"id":"1","method":"GET","url":"/users","dependsOn":["9"]}`,
		"no url":   `{"id":"1","method":"GET"}`,
	} {
		if p := x.do("POST", "/$batch", `{"requests":[`+requests+`]}`); p.status != 400 {
			t.Errorf("%s: %d %s", what, p.status, p.text)
		}
	}
	got, _ := x.want(200, "POST", "/$batch", `{"requests":[{"id":"1","method":"POST","url":"/$batch","body":{},"headers":{"Content-Type":"application/json"}}]}`).responses()
	if got["1"]["status"] != 400.0 {
		t.Errorf("a batch in a batch: %v", got["1"])
	}
}

func TestThrottledEntriesAreAlone(t *testing.T) {
	x := newTenant(t, world.Config{Limits: true}, all)
	x.add("a")
	x.graph.(*service).meter.take("units "+x.caller.AppID, unitLimit-2, unitLimit, unitWindow)
	got, _ := x.want(200, "POST", "/$batch", `{"requests":[
		{"id":"1","method":"GET","url":"/applications"},
		{"id":"2","method":"GET","url":"/applications","dependsOn":["1"]}]}`).responses()
	headers, _ := got["2"]["headers"].(map[string]any)
	if got["1"]["status"] != 200.0 || got["2"]["status"] != 429.0 || headers["Retry-After"] == nil {
		t.Errorf("1: %v, 2: %v", got["1"]["status"], got["2"])
	}
}
