package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jmespath/go-jmespath"
	"gopkg.in/yaml.v3"
)

// formats are those of -o, spelled as az spells them.
var formats = []string{"table", "json", "jsonc", "yaml", "tsv", "csv", "none"}

// show prints a result on stdout: value as the machines see it, t as people do.
// With --query both are replaced by what the query finds.
func (s *session) show(value any, t *table) error {
	format := s.format()
	if format == "none" {
		return nil
	}
	if s.query != nil {
		found, err := s.search(value)
		if err != nil {
			return err
		}
		value, t = found, tableOf(found)
	}
	switch format {
	case "json", "jsonc", "yaml":
		return document(s.out, value, format)
	case "tsv":
		return t.writeTSV(s.out)
	case "csv":
		return t.writeCSV(s.out)
	}
	if len(t.rows) == 0 {
		if t.none != "" {
			s.say("%s", t.none)
		}
		return nil
	}
	return t.write(s.out, time.Now(), s.width, s.bold)
}

// format is what -o says, or a table in a terminal and JSON elsewhere.
func (s *session) format() string {
	if s.flags.output != "" {
		return s.flags.output
	}
	if s.terminal {
		return "table"
	}
	return "json"
}

// tabular is true if the output is for reading, not for a machine.
func (s *session) tabular() bool { return s.format() == "table" && s.query == nil }

// search applies --query to a value as its JSON has it.
func (s *session) search(value any) (any, error) {
	generic, err := generalize(value)
	if err != nil {
		return nil, err
	}
	found, err := s.query.Search(generic)
	if err != nil {
		return nil, usage("--query does not fit the result: %v", err).next("look at the result with -o json first")
	}
	return found, nil
}

// generalize is a value as whoever reads its JSON sees it.
func generalize(value any) (any, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the result: %w", err)
	}
	var generic any
	if err := json.Unmarshal(raw, &generic); err != nil {
		return nil, fmt.Errorf("cannot read the result: %w", err)
	}
	return generic, nil
}

// compile reads --query.
func compile(expression string) (*jmespath.JMESPath, error) {
	q, err := jmespath.Compile(expression)
	if err != nil {
		return nil, usage("--query is not JMESPath: %s", visible(err.Error())).next("examples: \"[].keyId\", \"[?daysLeft < `7`].{app: application.name, key: keyId}\"; see https://jmespath.org")
	}
	return q, nil
}

// document prints one JSON or YAML document.
func document(w io.Writer, value any, format string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		return fmt.Errorf("cannot encode the result: %w", err)
	}
	out := escapeHostile(b.Bytes())
	var err error
	switch format {
	case "jsonc":
		out = color(out)
	case "yaml":
		if out, err = asYAML(b.Bytes()); err != nil {
			return err
		}
	}
	_, err = w.Write(out)
	return err
}

// escapeHostile writes runes that a terminal would act upon as JSON escapes. It
// only ever meets them inside of strings, where both mean the same.
func escapeHostile(b []byte) []byte {
	if !bytes.ContainsFunc(b, func(r rune) bool { return r != '\n' && hostile(r) }) {
		return b
	}
	var out bytes.Buffer
	for _, r := range string(b) {
		if r != '\n' && hostile(r) {
			out.WriteString(escaped(r))
		} else {
			out.WriteRune(r)
		}
	}
	return out.Bytes()
}

var jsonKey = regexp.MustCompile(`(?m)^( *)("(?:[^"\\]|\\.)*")(:)`)

func color(b []byte) []byte { return jsonKey.ReplaceAll(b, []byte("$1\x1b[34m$2\x1b[0m$3")) }

// asYAML turns a JSON document, which is YAML already, into block style.
func asYAML(b []byte) ([]byte, error) {
	var n yaml.Node
	if err := yaml.Unmarshal(escapeYAML(b), &n); err != nil {
		return nil, fmt.Errorf("cannot write YAML: %w", err)
	}
	restyle(&n)
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(&n); err != nil {
		return nil, fmt.Errorf("cannot write YAML: %w", err)
	}
	// Strings with hostile runes stand between double quotes, where an escape
	// means the same; yaml.v3 leaves some of them as they are.
	return escapeYAML(out.Bytes()), nil
}

func escapeYAML(b []byte) []byte {
	var out bytes.Buffer
	for _, r := range string(b) {
		switch {
		case r == '\n' || !hostile(r):
			out.WriteRune(r)
		case r >= 0x10000:
			fmt.Fprintf(&out, `\U%08x`, r)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.Bytes()
}

func restyle(n *yaml.Node) {
	n.Style = 0
	if len(n.Content) == 0 && (n.Kind == yaml.SequenceNode || n.Kind == yaml.MappingNode) {
		n.Style = yaml.FlowStyle // [] and {}
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && strings.ContainsFunc(n.Value, hostile) {
		n.Style = yaml.DoubleQuotedStyle
	}
	for _, c := range n.Content {
		restyle(c)
	}
}

// tableOf shows whatever a query found as well as it can: objects by their keys,
// lists as rows, anything else as one cell.
func tableOf(found any) *table {
	list, ok := found.([]any)
	if !ok && found != nil {
		list = []any{found}
	}
	t := &table{}
	var keys []string
	for _, row := range list {
		if m, ok := row.(map[string]any); ok {
			for k := range m {
				if !slices.Contains(keys, k) {
					keys = append(keys, k)
				}
			}
		}
	}
	slices.Sort(keys)
	longest := 1
	for _, row := range list {
		if l, ok := row.([]any); ok {
			longest = max(longest, len(l))
		}
	}
	for _, k := range keys {
		t.columns = append(t.columns, column{name: k, title: k, cut: true})
	}
	for i := len(keys); i < longest; i++ {
		t.columns = append(t.columns, column{name: fmt.Sprintf("column%d", i+1), title: fmt.Sprintf("Column%d", i+1), cut: true})
	}
	for _, row := range list {
		cells := make([]any, len(t.columns))
		switch row := row.(type) {
		case map[string]any:
			for i, k := range keys {
				cells[i] = cell(row[k])
			}
		case []any:
			for i, v := range row {
				cells[i] = cell(v)
			}
		default:
			cells[0] = cell(row)
		}
		t.rows = append(t.rows, cells)
	}
	return t
}

// cell is a JSON value in a table.
func cell(v any) any {
	switch v := v.(type) {
	case nil, string, bool:
		return v
	case float64:
		return number(v)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(raw)
}

// number prints whole numbers without an exponent.
type number float64

func (n number) String() string {
	b, err := json.Marshal(float64(n))
	if err != nil {
		return ""
	}
	return string(b)
}
