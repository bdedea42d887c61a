package solution

import (
	"bytes"
	"strings"
)

// flow cuts the definition of a cloud flow or a Logic App.
func (s *sheet) flow(def *node, h here) {
	for i := range def.inside {
		m := &def.inside[i]
		switch m.key {
		case "actions", "triggers":
			s.actions(m, h)
		case "parameters":
			s.parameters(m, h)
		default:
			s.visit(m, h.into(m.key))
		}
	}
}

// parameters cuts a definition's parameters, which are called by their keys.
func (s *sheet) parameters(n *node, h here) {
	for i := range n.inside {
		m := &n.inside[i]
		p := here{place: append(h.full()[:len(h.full()):len(h.full())], "parameter "+m.key), name: m.key, advice: adviceVariable}
		if s.format.kind != "flow" {
			p.advice = s.advice
		}
		s.visit(m, p)
	}
}

// actions cuts actions, and those inside of them.
func (s *sheet) actions(n *node, h here) {
	if n == nil || n.kind != '{' {
		return
	}
	for i := range n.inside {
		s.action(&n.inside[i], h)
	}
}

func (s *sheet) action(n *node, h here) {
	name := strings.ReplaceAll(n.key, "_", " ")
	base := h.place
	own := here{place: append(base[:len(base):len(base)], name), name: purpose(n.key), advice: s.advice}
	s.cut(n.keyAt, n.end, own.place, own.advice)
	for i := range n.inside {
		m := &n.inside[i]
		switch m.key {
		case "actions":
			s.actions(m, h)
		case "else", "default":
			s.actions(m.get("actions"), h)
		case "cases":
			for j := range m.inside {
				s.actions(m.inside[j].get("actions"), h)
			}
		case "inputs":
			s.inputs(m, n, own)
		}
	}
}

// inputs cuts what an action is given.
func (s *sheet) inputs(m, action *node, own here) {
	kind := action.get("type").text(s.data)
	unsecured := !s.secure(action)
	switch kind {
	case "OpenApiConnection", "ApiConnection", "OpenApiConnectionWebhook", "ApiConnectionWebhook":
		own.advice = adviceConnection
	case "Http", "HttpWebhook", "Function", "ApiManagement":
		own.advice = adviceHTTP
		if s.format.kind == "workflow" || s.format.kind == "template" {
			own.advice = adviceLogic
		}
	}
	if unsecured && s.format.kind == "flow" && kind != "Http" && !strings.Contains(own.advice, "secure inputs") {
		own.advice += "; turn on secure inputs"
	}
	if auth := m.get("authentication"); auth != nil {
		s.authentication(auth, own.into("authentication"))
	}
	pair := s.pair(m)
	for i := range m.inside {
		x := &m.inside[i]
		if x.key == "authentication" && x.kind == '{' {
			continue
		}
		below := own.into(x.key)
		switch {
		case x == pair.value:
			below.name = pair.name
		case !silent(x.key):
			below.name = x.key
		}
		s.visit(x, below)
	}
	if m.kind == '"' {
		s.leaf(m, own)
	}
}

// authentication cuts the authentication object of an HTTP action.
func (s *sheet) authentication(n *node, h here) {
	if n.kind != '{' {
		return
	}
	for i := range n.inside {
		m := &n.inside[i]
		below := h.into(m.key)
		below.name = m.key
		switch {
		case m.key == "secret" && m.kind == '"':
			below.name = "client_secret"
		case m.key == "value" && m.kind == '"':
			below.name = "Authorization"
		}
		if m.key != below.name && m.kind == '"' && len(s.data[m.start:m.end]) > 6 && !expression(s.data[m.start+1:m.end-1], s.format.kind) {
			s.value(m.start+1, m.end-1, below.name, below.full(), below.advice)
			continue
		}
		s.visit(m, below)
	}
}

// secure reports whether an action hides its inputs in the run history.
func (s *sheet) secure(action *node) bool {
	p := action.path("runtimeConfiguration", "secureData", "properties")
	return p != nil && bytes.Contains(s.data[p.start:p.end], []byte(`"inputs"`))
}

// purpose is what an action's name says about its value: API key of
// Compose_API_key.
func purpose(key string) string {
	low := strings.ToLower(key)
	for _, verb := range []string{"compose", "initialize_variable", "set_variable", "initialise_variable", "append_to_string_variable", "set", "initialize"} {
		if rest := strings.TrimLeft(key[min(len(verb), len(key)):], "_-: "); strings.HasPrefix(low, verb) && len(rest) > 2 {
			return strings.ReplaceAll(rest, " ", "_")
		}
	}
	return strings.ReplaceAll(key, " ", "_")
}
