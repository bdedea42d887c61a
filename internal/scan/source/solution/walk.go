package solution

import (
	"bytes"
	"strings"
)

// here is where a walk through a JSON document stands.
type here struct {
	place  []string // of what is around
	dotted string   // the path in it: headers.Authorization
	name   string   // what a value is called whose own key says nothing
	advice string
	secret bool // whatever stands here is used as a credential
}

func (h here) full() []string {
	if h.dotted == "" {
		return h.place
	}
	return append(h.place[:len(h.place):len(h.place)], h.dotted)
}

func (h here) into(key string) here {
	if key == "" {
		return h
	}
	if h.dotted != "" {
		key = h.dotted + "." + key
	}
	h.dotted = key
	return h
}

// document walks through any JSON document and knows flows and apps on the way.
func document(s *sheet) {
	root, err := parse(s.data)
	if err != nil {
		return
	}
	if s.format.kind == "flow" || s.format.kind == "workflow" {
		if name := root.path("properties", "displayName").text(s.data); name != "" {
			s.place[len(s.place)-1] = name
		}
	}
	s.visit(root, here{place: s.place, advice: s.advice})
}

// visit cuts what is below a node.
func (s *sheet) visit(n *node, h here) {
	switch n.kind {
	case '"':
		s.leaf(n, h)
	case '[':
		for i := range n.inside {
			m := &n.inside[i]
			s.visit(m, s.listed(m, h))
		}
	case '{':
		if n.get("actions") != nil && (n.get("triggers") != nil || n.get("$schema") != nil) {
			s.flow(n, h)
			return
		}
		if n.get("Rules") != nil && n.get("Name") != nil {
			s.control(n, h)
			return
		}
		pair := s.pair(n)
		for i := range n.inside {
			m := &n.inside[i]
			below := h.into(m.key)
			switch {
			case m == pair.value:
				below.name = pair.name
			case !silent(m.key):
				below.name = m.key
			}
			s.visit(m, below)
		}
	}
}

// listed is where an element of a list stands, which often has a name.
func (s *sheet) listed(m *node, h here) here {
	if m.kind != '{' {
		return h
	}
	for _, key := range []string{"name", "displayName", "Name", "title", "id"} {
		if name := m.get(key).text(s.data); name != "" && len(name) < 100 {
			if kind := m.get("type").text(s.data); kind != "" && s.format.kind == "state" {
				name = kind + "." + name
			}
			return h.into(name)
		}
	}
	return h
}

// A named is a value and the name that stands beside it.
type named struct {
	name  string
	value *node
}

// pair finds {"name": "ApiKey", "value": "…"} and its like.
func (s *sheet) pair(n *node) named {
	var p named
	for i := range n.inside {
		m := &n.inside[i]
		key := strings.ToLower(m.key[strings.LastIndexByte(m.key, '.')+1:])
		switch key {
		case "name", "key", "schemaname", "variable", "header", "parametername", "@name", "secretname":
			if t := m.text(s.data); t != "" && len(t) < 100 && p.name == "" {
				p.name = t
			}
		case "value", "defaultvalue", "default", "text", "@value":
			if m.kind == '"' {
				p.value = m
			}
		}
	}
	if p.name == "" {
		return named{}
	}
	return p
}

// silent keys say nothing about what stands there.
func silent(key string) bool {
	switch strings.ToLower(key[strings.LastIndexByte(key, '.')+1:]) {
	case "", "value", "defaultvalue", "default", "inputs", "input", "text", "content", "literal", "data", "body", "body/value", "item", "values", "@value", "current", "expression", "$content", "message":
		return true
	}
	return false
}

// leaf cuts a string out, by its own key or by the name that stands elsewhere.
func (s *sheet) leaf(n *node, h here) {
	raw := s.data[n.start+1 : n.end-1]
	if len(raw) < 4 {
		return
	}
	if expression(raw, s.format.kind) {
		done := n.keyAt
		literals(raw, func(start, end int) {
			s.skip(done, n.start+1+start)
			s.value(n.start+1+start, n.start+1+end, h.name, h.full(), h.advice)
			done = n.start + 1 + end
		})
		s.skip(done, n.end)
		return
	}
	if bytes.Contains(raw, []byte(script)) {
		s.robin(n.start+1, n.end-1, h.full())
		return
	}
	if n.key != "" && h.name == n.key {
		s.cut(n.keyAt, n.end, h.full(), h.advice)
		return
	}
	s.value(n.start+1, n.end-1, h.name, h.full(), h.advice)
}

// expression: the whole string is computed at run time.
func expression(raw []byte, kind string) bool {
	switch {
	case raw[0] == '@' && raw[1] == '{':
		return bytes.IndexByte(raw, '}') == len(raw)-1
	case raw[0] == '@' && raw[1] != '@':
		i := bytes.IndexByte(raw, '(')
		return i > 1 && raw[len(raw)-1] != '"' && !bytes.HasPrefix(raw, []byte("@Microsoft.KeyVault")) && identifier(raw[1:i])
	case raw[0] == '[' && raw[1] != '[' && raw[len(raw)-1] == ']' && (kind == "template" || kind == "workflow"):
		return bytes.IndexByte(raw, '(') > 0
	}
	return false
}

func identifier(b []byte) bool {
	for _, c := range b {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return c >= '0' && c <= '9'
		}
	}
	return true
}

// literals calls found for every string in an expression that is no name of
// something else: not the x of variables('x') and of ?['x'].
func literals(raw []byte, found func(start, end int)) {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\'' {
			continue
		}
		end := i + 1
		for end < len(raw) && (raw[end] != '\'' || end+1 < len(raw) && raw[end+1] == '\'') {
			if raw[end] == '\'' {
				end++
			}
			end++
		}
		if end-i > 8 && !refers(raw[:i]) && end <= len(raw) {
			found(i+1, end)
		}
		i = end
	}
}

// refers reports whether the argument that follows names something.
func refers(before []byte) bool {
	if len(before) == 0 {
		return false
	}
	if before[len(before)-1] == '[' {
		return true
	}
	if before[len(before)-1] != '(' {
		return false
	}
	before = before[:len(before)-1]
	for _, call := range []string{"parameters", "variables", "body", "outputs", "actions", "items", "result", "triggerOutputs", "formDataValue", "reference", "resourceId", "listKeys", "appsetting", "workflow", "iterationIndexes", "outputsOf", "environment"} {
		if bytes.HasSuffix(before, []byte(call)) {
			return true
		}
	}
	return false
}
