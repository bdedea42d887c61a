package solution

import (
	"bytes"
	"strings"
)

// yamlText cuts a pipeline, a workflow or a values file: by its jobs and steps,
// and where a name and its value stand on two lines.
func yamlText(s *sheet) {
	y := yamlWalk{s: s}
	for start := 0; start < len(s.data); {
		end := start + bytes.IndexByte(s.data[start:], '\n')
		if end < start {
			end = len(s.data)
		}
		y.line(start, end)
		start = end + 1
	}
	y.end(len(s.data))
}

// A yamlWalk remembers the keys above a line and the step that it is in.
type yamlWalk struct {
	s     *sheet
	above []yamlKey
	from  int      // where the present step began
	place []string // of it; nil: none
	name  string   // the last name: or key: of the present list element
	nameI int      // and how far it is indented
}

type yamlKey struct {
	indent int
	key    string
}

func (y *yamlWalk) line(start, end int) {
	line := y.s.data[start:end]
	text := bytes.TrimLeft(line, " ")
	indent := len(line) - len(text)
	if len(text) == 0 || text[0] == '#' || len(line) > 4096 {
		return
	}
	item := bytes.HasPrefix(text, []byte("- "))
	if item {
		trimmed := bytes.TrimLeft(text[2:], " ")
		indent += len(text) - len(trimmed)
		text = trimmed
		y.name = ""
	}
	key, value, found := bytes.Cut(text, []byte(":"))
	if !found || len(key) > 60 || bytes.IndexAny(key, " \"'") >= 0 {
		return
	}
	for len(y.above) > 0 && y.above[len(y.above)-1].indent >= indent {
		y.above = y.above[:len(y.above)-1]
	}
	y.above = append(y.above, yamlKey{indent, string(key)})
	value = bytes.TrimSpace(value)
	switch k := string(key); {
	case item && (k == "name" || k == "task" || k == "script" || k == "displayName" || k == "run" || k == "uses" || k == "job" || k == "stage"), len(y.above) == 1, len(y.above) == 2 && y.above[0].key == "jobs":
		y.end(start)
		y.from, y.place = start, y.s.at(y.words(string(value))...)
	case k == "displayName" && y.place != nil && len(value) > 0:
		y.place[len(y.place)-1] = clean(value)
	}
	switch k := strings.ToLower(string(key)); {
	case k == "name" || k == "key":
		y.name, y.nameI = clean(value), indent
	case k == "value" && y.name != "" && y.nameI == indent && len(value) > 3:
		y.pair(end, line, value)
	}
}

// pair cuts the value of the name that stood on another line.
func (y *yamlWalk) pair(end int, line, value []byte) {
	i := bytes.LastIndex(line, value)
	start := end - len(line) + i
	stop := start + len(value)
	if q := value[0]; (q == '"' || q == '\'') && len(value) > 2 && value[len(value)-1] == q {
		start, stop = start+1, stop-1
	}
	if c := y.s.data[start]; c == '$' || c == '{' || c == '|' || c == '>' {
		return
	}
	y.s.value(start, stop, y.name, y.s.at(y.name), "")
}

// words names the step: the keys above it and its own name.
func (y *yamlWalk) words(value string) []string {
	var out []string
	for i, k := range y.above {
		switch last := i == len(y.above)-1; {
		case last && value != "" && k.key != "run" && k.key != "script":
			out = append(out, clean([]byte(value)))
		case last || i > 0 && y.above[i-1].key == "jobs":
			out = append(out, k.key)
		}
	}
	return out
}

func (y *yamlWalk) end(at int) {
	if y.place != nil && at > y.from {
		y.s.cut(y.from, at, y.place, "")
	}
	y.place = nil
}

func clean(value []byte) string {
	t := strings.Trim(string(value), `"' `)
	return t[:min(len(t), 80)]
}
