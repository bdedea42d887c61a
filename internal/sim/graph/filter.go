package graph

import (
	"fmt"
	"strings"
	"time"
)

// valueKind is the type of a property that a filter can ask for.
type valueKind int

const (
	textValue valueKind = iota
	flagValue
	timeValue
	numberValue
	listValue    // of texts
	recordsValue // of objects with properties of their own
)

// value is what an object has at a property.
type value struct {
	kind    valueKind
	null    bool
	text    string
	flag    bool
	time    time.Time
	number  int64
	list    []string
	records []source
}

// source gives an object's value at a path such as displayName or app/appId.
type source func(path string) value

// schema names the properties that $filter accepts, with their types. Paths into
// records are written collection/property.
type schema struct {
	entity string // microsoft.graph.application
	fields map[string]valueKind
}

// filter is a parsed $filter.
type filter struct {
	match    func(source) bool
	advanced bool   // needs ConsistencyLevel: eventual
	eqID     string // set when the whole filter is id eq '...'
	eqAppID  string // set when the whole filter is appId eq '...'
}

// deepest is how far expressions may be nested.
const deepest = 32

type parser struct {
	schema   *schema
	tokens   []token
	pos      int
	depth    int
	variable string // of the lambda around, if any
	base     string // the collection the variable ranges over
	advanced bool
	source   string
}

// syntaxError is a filter that cannot be read; unsupported one that cannot be answered.
type syntaxError struct{ text string }

func (e syntaxError) Error() string { return e.text }

type unsupported struct{ property string }

func (e unsupported) Error() string { return e.property }

// parseFilter reads a $filter over the properties of s.
func parseFilter(s *schema, expression string) (*filter, error) {
	tokens, err := lex(expression)
	if err != nil {
		return nil, err
	}
	p := &parser{schema: s, tokens: tokens, source: expression}
	match, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.peek().kind != end {
		return nil, p.fail()
	}
	f := &filter{match: match, advanced: p.advanced}
	if len(tokens) == 4 && tokens[1].text == "eq" && tokens[2].kind == text {
		switch tokens[0].text {
		case "id":
			f.eqID = strings.ToLower(tokens[2].text)
		case "appId":
			f.eqAppID = strings.ToLower(tokens[2].text)
		}
	}
	return f, nil
}

func (p *parser) peek() token { return p.tokens[p.pos] }

func (p *parser) next() token {
	t := p.tokens[p.pos]
	if t.kind != end {
		p.pos++
	}
	return t
}

// take consumes a symbol or a word if it comes next.
func (p *parser) take(s string) bool {
	if t := p.peek(); (t.kind == word || t.kind == symbol) && t.text == s {
		p.pos++
		return true
	}
	return false
}

func (p *parser) fail() error {
	return syntaxError{fmt.Sprintf("Syntax error at position %d in '%s'.", p.peek().at, p.source)}
}

func (p *parser) or() (func(source) bool, error) {
	left, err := p.and()
	if err != nil {
		return nil, err
	}
	for p.take("or") {
		right, err := p.and()
		if err != nil {
			return nil, err
		}
		before := left
		left = func(o source) bool { return before(o) || right(o) }
	}
	return left, nil
}

func (p *parser) and() (func(source) bool, error) {
	left, err := p.unary()
	if err != nil {
		return nil, err
	}
	for p.take("and") {
		right, err := p.unary()
		if err != nil {
			return nil, err
		}
		before := left
		left = func(o source) bool { return before(o) && right(o) }
	}
	return left, nil
}

func (p *parser) unary() (func(source) bool, error) {
	if p.depth++; p.depth > deepest {
		return nil, syntaxError{"The filter expression is nested too deeply."}
	}
	defer func() { p.depth-- }()
	if p.take("not") {
		p.advanced = true
		inner, err := p.unary()
		if err != nil {
			return nil, err
		}
		return func(o source) bool { return !inner(o) }, nil
	}
	if p.take("(") {
		inner, err := p.or()
		if err != nil {
			return nil, err
		}
		if !p.take(")") {
			return nil, p.fail()
		}
		return inner, nil
	}
	return p.predicate()
}
