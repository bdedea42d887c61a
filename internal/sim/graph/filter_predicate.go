package graph

import (
	"fmt"
	"strconv"
	"strings"
)

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
	"servicePrincipalCredentialKeyId": true, "servicePrincipalCredentialThumbprint": true, "clientCredentialType": true,
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
