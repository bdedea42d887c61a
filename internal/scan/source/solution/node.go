package solution

import (
	"bytes"
	"encoding/json"
	"errors"
)

const (
	nodesMost = 200_000
	nodeDepth = 200
)

// A node is a value in JSON text and where it stands.
type node struct {
	key        string
	keyAt      int // where the key's quote stands; start without a key
	start, end int
	kind       byte // { [ " or 0 for numbers and words
	inside     []node
}

// errText: it is no JSON, or too much of it.
var errText = errors.New("not JSON that can be read")

// parse reads JSON text, with comments and commas at the end as settings files
// have them, into a tree of positions.
func parse(data []byte) (*node, error) {
	p := &parser{data: data}
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		p.pos = 3
	}
	p.space()
	n := &node{keyAt: p.pos}
	if !p.value(n, 0) {
		return nil, errText
	}
	return n, nil
}

type parser struct {
	data  []byte
	pos   int
	nodes int
}

func (p *parser) space() {
	for p.pos < len(p.data) {
		switch c := p.data[p.pos]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			p.pos++
		case c == '/' && p.pos+1 < len(p.data) && p.data[p.pos+1] == '/':
			p.past("\n")
		case c == '/' && p.pos+1 < len(p.data) && p.data[p.pos+1] == '*':
			p.past("*/")
		default:
			return
		}
	}
}

func (p *parser) past(mark string) {
	i := bytes.Index(p.data[p.pos:], []byte(mark))
	if i < 0 {
		p.pos = len(p.data)
		return
	}
	p.pos += i + len(mark)
}

// value reads one value into n.
func (p *parser) value(n *node, depth int) bool {
	p.nodes++
	if p.pos >= len(p.data) || p.nodes > nodesMost || depth > nodeDepth {
		return false
	}
	n.start = p.pos
	ok := false
	switch n.kind = p.data[p.pos]; n.kind {
	case '{', '[':
		ok = p.members(n, depth)
	case '"':
		ok = p.text()
	default:
		n.kind = 0
		ok = p.word()
	}
	n.end = p.pos
	return ok
}

func (p *parser) text() bool {
	for i := p.pos + 1; i < len(p.data); i++ {
		switch p.data[i] {
		case '\\':
			i++
		case '"':
			p.pos = i + 1
			return true
		}
	}
	return false
}

func (p *parser) word() bool {
	from := p.pos
	for p.pos < len(p.data) && bytes.IndexByte([]byte(" \t\r\n,]}:"), p.data[p.pos]) < 0 {
		p.pos++
	}
	return p.pos > from
}

// members reads an object or a list.
func (p *parser) members(n *node, depth int) bool {
	closing := byte('}')
	if n.kind == '[' {
		closing = ']'
	}
	p.pos++
	for {
		p.space()
		if p.pos >= len(p.data) {
			return false
		}
		if p.data[p.pos] == closing {
			p.pos++
			return true
		}
		m := node{keyAt: p.pos}
		if n.kind == '{' && !p.key(&m) || !p.value(&m, depth+1) {
			return false
		}
		n.inside = append(n.inside, m)
		p.space()
		if p.pos < len(p.data) && p.data[p.pos] == ',' {
			p.pos++
		}
	}
}

func (p *parser) key(m *node) bool {
	if p.data[p.pos] != '"' {
		return false
	}
	from := p.pos
	if !p.text() {
		return false
	}
	m.key = unquote(p.data[from:p.pos])
	p.space()
	if p.pos >= len(p.data) || p.data[p.pos] != ':' {
		return false
	}
	p.pos++
	p.space()
	return true
}

func unquote(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b[1 : len(b)-1])
	}
	var s string
	if json.Unmarshal(b, &s) != nil {
		return string(b[1 : len(b)-1])
	}
	return s
}

// get is the member of that name, or nil.
func (n *node) get(name string) *node {
	if n == nil || n.kind != '{' {
		return nil
	}
	for i := range n.inside {
		if n.inside[i].key == name {
			return &n.inside[i]
		}
	}
	return nil
}

// path is get for nested objects.
func (n *node) path(names ...string) *node {
	for _, name := range names {
		n = n.get(name)
	}
	return n
}

// text is a string's content, or nothing.
func (n *node) text(data []byte) string {
	if n == nil || n.kind != '"' {
		return ""
	}
	return unquote(data[n.start:n.end])
}
