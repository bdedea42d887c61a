package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// FileError is one mistake in the configuration file.
type FileError struct {
	File string
	Line int
	What string
}

func (e *FileError) Error() string { return fmt.Sprintf("%s in %s line %d", e.What, e.File, e.Line) }

// hint is appended after the place, so that the place reads as part of the sentence.
type hintedError struct {
	FileError
	hint string
}

func (e *hintedError) Error() string { return e.FileError.Error() + "; " + e.hint }
func (e *hintedError) Unwrap() error { return &e.FileError }

const maxFile = 1 << 20

// settings is what a file says: nested as in the file, and the line of each key.
type settings struct {
	values map[string]any
	lines  map[string]int
}

// parse reads the configuration file's text. Every key must be known and every
// value fit; all mistakes are reported, not only the first.
func parse(name string, text []byte) (settings, error) {
	s := settings{values: map[string]any{}, lines: map[string]int{}}
	if len(text) > maxFile {
		return s, fmt.Errorf("%s has %d bytes; a configuration has at most %d", name, len(text), maxFile)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return s, nil // empty, or comments only
	} else if err != nil {
		return s, fmt.Errorf("cannot read %s: %w", name, err)
	}
	p := &parser{file: name, lines: s.lines}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		p.fail(&doc, "a second document (after ---)", "one file holds one configuration")
	}
	if root := doc.Content[0]; root.Kind == yaml.MappingNode {
		s.values = p.mapping(root, reflect.TypeFor[Config](), "")
	} else if root.Tag != "!!null" {
		p.fail(root, "no key", "the file is made of lines like tenant: and, below it,   id: ...")
	}
	return s, errors.Join(p.errs...)
}

type parser struct {
	file  string
	lines map[string]int
	errs  []error
}

func (p *parser) fail(n *yaml.Node, what, hint string) {
	if len(p.errs) < 20 {
		p.errs = append(p.errs, &hintedError{FileError{p.file, n.Line, what}, hint})
	}
}

func (p *parser) mapping(n *yaml.Node, t reflect.Type, prefix string) map[string]any {
	m := map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := prefix + key.Value
		if _, twice := m[key.Value]; twice {
			p.fail(key, fmt.Sprintf("second %s", name), "say it once")
			continue
		}
		f, known := fieldNamed(t, key.Value)
		if !known || key.Kind != yaml.ScalarNode {
			p.unknown(key, t, prefix)
			continue
		}
		if value.Tag == "!!null" && value.Kind == yaml.ScalarNode {
			continue // "tenant:" with everything below it commented out
		}
		p.lines[name] = key.Line
		if v, ok := p.value(value, f.Type, name); ok {
			m[key.Value] = v
		}
	}
	return m
}

func (p *parser) unknown(key *yaml.Node, t reflect.Type, prefix string) {
	what := "unknown key " + prefix + show(key.Value)
	if strings.EqualFold(key.Value, "clientSecret") {
		p.fail(key, what, "secrets do not stand in the file: put it into a file of its own and name it as "+prefix+"clientSecretFile, or set "+variable(prefix+"clientSecret"))
		return
	}
	if prefix == "masterKey." && slices.Contains([]string{"passphrase", "pin"}, strings.ToLower(key.Value)) {
		p.fail(key, what, "secrets do not stand in the file: put it into a file of its own and name it as "+prefix+strings.ToLower(key.Value)+"File")
		return
	}
	var beside []string
	for f := range fieldsOf(t) {
		beside = append(beside, keyName(f))
	}
	if k := nearest(key.Value, beside); k != "" {
		p.fail(key, what, "did you mean "+prefix+k+"?")
		return
	}
	for _, k := range Keys() { // right word, wrong place
		if strings.EqualFold(k.Name[strings.LastIndex(k.Name, ".")+1:], key.Value) {
			p.fail(key, what, "did you mean "+k.Name+"?")
			return
		}
	}
	p.fail(key, what, "known here: "+strings.Join(beside, ", "))
}

// value reads one value of type t; false if it was refused.
func (p *parser) value(n *yaml.Node, t reflect.Type, name string) (any, bool) {
	before := len(p.errs)
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		p.fail(n, "an anchor or alias at "+name, "write the value out")
	case isStruct(t):
		if n.Kind == yaml.MappingNode {
			return p.mapping(n, t, name+"."), true
		}
		p.fail(n, fmt.Sprintf("%s is a group of keys, not %s,", name, kindOf(n)), "write them below it, indented")
	case isList(t):
		return p.list(n, t, name)
	case t.Kind() == reflect.Slice:
		var words []any
		if n.Kind != yaml.SequenceNode {
			p.fail(n, fmt.Sprintf("%s is a list, not %s,", name, kindOf(n)), "start each line below it with a dash")
			return nil, false
		}
		for _, e := range n.Content {
			if v, ok := p.value(e, t.Elem(), name); ok {
				words = append(words, v)
			}
		}
		return words, len(p.errs) == before
	case t.Kind() == reflect.Map:
		if n.Kind != yaml.MappingNode {
			p.fail(n, fmt.Sprintf("%s is a group of names, not %s,", name, kindOf(n)), "write them below it, indented")
			return nil, false
		}
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if v, ok := p.value(n.Content[i+1], t.Elem(), name+"."+n.Content[i].Value); ok {
				m[n.Content[i].Value] = v
			}
		}
		return m, len(p.errs) == before
	case n.Kind != yaml.ScalarNode:
		p.fail(n, fmt.Sprintf("%s is one value, not %s,", name, kindOf(n)), "write it on the same line")
	default:
		v, err := scalar(n.Value, t)
		switch {
		case err != nil:
			p.fail(n, name, err.Error())
		case withoutPassword(n.Value) != n.Value:
			p.fail(n, "a password in "+name, "set it in the environment ("+variable(name)+", or "+variable(name)+"_FILE)")
		default:
			return v, true
		}
	}
	return nil, false
}

func (p *parser) list(n *yaml.Node, t reflect.Type, name string) (any, bool) {
	if n.Kind != yaml.SequenceNode {
		p.fail(n, fmt.Sprintf("%s is a list, not %s,", name, kindOf(n)), "start each entry below it with a dash")
		return nil, false
	}
	list := []any{}
	for _, e := range n.Content {
		if e.Kind != yaml.MappingNode {
			p.fail(e, fmt.Sprintf("an entry of %s is %s,", name, kindOf(e)), "write it as - "+keyName(t.Elem().Field(0))+": ...")
			continue
		}
		list = append(list, p.mapping(e, t.Elem(), name+"[]."))
	}
	return list, true
}

// scalar reads a value of type t as the file and the environment write it.
func scalar(text string, t reflect.Type) (any, error) {
	switch {
	case isDuration(t):
		d, err := ParseDuration(text)
		return d, err
	case t.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("%s is neither true nor false", show(text))
		}
		return b, nil
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		i, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("%s is not a whole number", show(text))
		}
		return i, nil
	case t.Kind() == reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is not a number", show(text))
		}
		return f, nil
	default:
		return text, nil
	}
}

func fieldNamed(t reflect.Type, key string) (reflect.StructField, bool) {
	for f := range fieldsOf(t) {
		if keyName(f) == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func kindOf(n *yaml.Node) string {
	return map[yaml.Kind]string{yaml.MappingNode: "a group of keys", yaml.SequenceNode: "a list", yaml.ScalarNode: "a single value", yaml.AliasNode: "an alias"}[n.Kind]
}

// show quotes what is not a plain word, and never prints a control character.
func show(s string) string {
	if len(s) > 60 {
		s = s[:60] + "..."
	}
	plain := func(r rune) bool {
		return r == '_' || r == '-' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	if s != "" && !slices.ContainsFunc([]rune(s), func(r rune) bool { return !plain(r) }) {
		return s
	}
	return strconv.QuoteToASCII(s)
}
