package graph

import (
	"fmt"
	"strconv"
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

// predicate is a comparison, a function or a lambda.
func (p *parser) predicate() (func(source) bool, error) {
	t := p.peek()
	if t.kind != word {
		return nil, p.fail()
	}
	p.pos++
	switch name := strings.ToLower(t.text); {
	case name == "startswith" || name == "endswith" || name == "contains":
		return p.function(name)
	case strings.HasSuffix(name, "/any"):
		return p.lambda(t.text[:len(t.text)-len("/any")], false)
	case strings.HasSuffix(name, "/all"):
		return p.lambda(t.text[:len(t.text)-len("/all")], true)
	}
	path, kind, err := p.property(t.text)
	if err != nil {
		return nil, err
	}
	if p.take("in") {
		return p.in(path, kind)
	}
	operator := p.peek()
	if operator.kind != word || !strings.Contains(" eq ne ge gt le lt ", " "+operator.text+" ") {
		if kind == flagValue { // a flag alone
			return func(o source) bool { return o(path).flag }, nil
		}
		return nil, p.fail()
	}
	p.pos++
	if operator.text == "ne" || strings.HasSuffix(path, "/$count") {
		p.advanced = true
	}
	literal, err := p.literal(kind)
	if err != nil {
		return nil, err
	}
	return comparison(path, operator.text, literal)
}

// property resolves a name to the path the source knows it by.
func (p *parser) property(name string) (path string, kind valueKind, err error) {
	full := name
	if p.variable != "" {
		switch rest, ok := strings.CutPrefix(name, p.variable+"/"); {
		case name == p.variable:
			return "", textValue, nil // an item of a list of texts
		case ok:
			name, full = rest, p.base+"/"+rest
		default:
			return "", 0, syntaxError{fmt.Sprintf("Could not find a property named '%s' on type '%s'.", name, p.schema.entity)}
		}
	}
	for known, k := range p.schema.fields {
		if strings.EqualFold(known, full) {
			if p.variable != "" {
				known = known[len(p.base)+1:]
			}
			return known, k, nil
		}
	}
	if first, _, _ := strings.Cut(name, "/"); unfilterable[first] {
		return "", 0, unsupported{first}
	}
	return "", 0, syntaxError{fmt.Sprintf("Could not find a property named '%s' on type '%s'.", name, p.schema.entity)}
}

// unfilterable properties exist but cannot be asked for.
var unfilterable = map[string]bool{
	"passwordCredentials": true, "keyCredentials": true, "requiredResourceAccess": true, "api": true, "appRoles": true,
	"info": true, "web": true, "spa": true, "publicClient": true, "optionalClaims": true, "addIns": true,
	"notes": true, "parentalControlSettings": true, "oauth2PermissionScopes": true, "modifiedProperties": true,
}

func (p *parser) function(name string) (func(source) bool, error) {
	if name != "startswith" {
		p.advanced = true
	}
	if !p.take("(") {
		return nil, p.fail()
	}
	t := p.next()
	if t.kind != word {
		return nil, p.fail()
	}
	path, kind, err := p.property(t.text)
	if err != nil {
		return nil, err
	}
	if !p.take(",") {
		return nil, p.fail()
	}
	wanted := p.next()
	if wanted.kind != text || kind != textValue || !p.take(")") {
		return nil, p.fail()
	}
	if name == "contains" {
		return nil, unsupported{t.text}
	}
	s := strings.ToLower(wanted.text)
	test := strings.HasPrefix
	if name == "endswith" {
		test = strings.HasSuffix
	}
	return func(o source) bool {
		v := o(path)
		return !v.null && test(strings.ToLower(v.text), s)
	}, nil
}

func (p *parser) in(path string, kind valueKind) (func(source) bool, error) {
	if !p.take("(") {
		return nil, p.fail()
	}
	var list []func(source) bool
	for {
		literal, err := p.literal(kind)
		if err != nil {
			return nil, err
		}
		equal, err := comparison(path, "eq", literal)
		if err != nil {
			return nil, err
		}
		list = append(list, equal)
		if p.take(")") {
			break
		}
		if !p.take(",") {
			return nil, p.fail()
		}
	}
	return func(o source) bool {
		for _, equal := range list {
			if equal(o) {
				return true
			}
		}
		return false
	}, nil
}

// lambda is collection/any(x:...) or collection/all(x:...).
func (p *parser) lambda(collection string, all bool) (func(source) bool, error) {
	if p.variable != "" {
		return nil, p.fail()
	}
	path, kind, err := p.property(collection)
	if err != nil {
		return nil, err
	}
	if kind != listValue && kind != recordsValue || !p.take("(") {
		return nil, p.fail()
	}
	if !all && p.take(")") { // any(): not empty
		p.advanced = true
		return func(o source) bool { v := o(path); return len(v.list)+len(v.records) > 0 }, nil
	}
	name := p.next()
	if name.kind != word || !p.take(":") {
		return nil, p.fail()
	}
	p.variable, p.base = name.text, path
	inner, err := p.or()
	p.variable, p.base = "", ""
	if err != nil {
		return nil, err
	}
	if !p.take(")") {
		return nil, p.fail()
	}
	return func(o source) bool {
		v := o(path)
		for _, s := range v.list {
			if inner(func(string) value { return value{text: s} }) != all {
				return !all
			}
		}
		for _, r := range v.records {
			if inner(r) != all {
				return !all
			}
		}
		return all
	}, nil
}

// literal reads a value of a kind. Real clients quote ids and forget to quote
// them; both are taken, as the service does for most.
func (p *parser) literal(kind valueKind) (value, error) {
	t := p.next()
	if t.kind == word && t.text == "null" {
		return value{kind: kind, null: true}, nil
	}
	switch kind {
	case textValue:
		if t.kind == text || t.kind == guid {
			return value{kind: kind, text: t.text}, nil
		}
	case flagValue:
		if t.kind == word && (t.text == "true" || t.text == "false") {
			return value{kind: kind, flag: t.text == "true"}, nil
		}
	case timeValue:
		if t.kind == moment {
			return value{kind: kind, time: t.time}, nil
		}
	case numberValue:
		if t.kind == number {
			n, err := strconv.ParseInt(t.text, 10, 64)
			if err == nil {
				return value{kind: kind, number: n}, nil
			}
		}
	}
	if t.kind != end {
		p.pos--
	}
	return value{}, p.fail()
}

// comparison builds path operator literal. Texts are compared without regard to
// case, as the directory does.
func comparison(path, operator string, literal value) (func(source) bool, error) {
	if literal.null {
		switch operator {
		case "eq":
			return func(o source) bool { return o(path).null }, nil
		case "ne":
			return func(o source) bool { return !o(path).null }, nil
		}
		return nil, unsupported{path}
	}
	var compare func(v value) int
	switch literal.kind {
	case textValue:
		wanted := literal.text
		compare = func(v value) int {
			if len(v.text) == len(wanted) && strings.EqualFold(v.text, wanted) {
				return 0
			}
			return strings.Compare(strings.ToLower(v.text), strings.ToLower(wanted))
		}
		if operator == "eq" {
			return func(o source) bool { v := o(path); return !v.null && strings.EqualFold(v.text, wanted) }, nil
		}
	case flagValue:
		if operator != "eq" && operator != "ne" {
			return nil, unsupported{path}
		}
		compare = func(v value) int {
			if v.flag == literal.flag {
				return 0
			}
			return 1
		}
	case timeValue:
		compare = func(v value) int { return v.time.Compare(literal.time) }
	case numberValue:
		compare = func(v value) int { return int(v.number - literal.number) }
	default:
		return nil, unsupported{path}
	}
	var holds func(int) bool
	switch operator {
	case "eq":
		holds = func(n int) bool { return n == 0 }
	case "ne":
		return func(o source) bool { v := o(path); return v.null || compare(v) != 0 }, nil
	case "ge":
		holds = func(n int) bool { return n >= 0 }
	case "gt":
		holds = func(n int) bool { return n > 0 }
	case "le":
		holds = func(n int) bool { return n <= 0 }
	case "lt":
		holds = func(n int) bool { return n < 0 }
	}
	return func(o source) bool { v := o(path); return !v.null && holds(compare(v)) }, nil
}
