package solution

import "bytes"

// control cuts a control of a canvas app: its formulas, and its children.
func (s *sheet) control(n *node, h here) {
	name := n.get("Name").text(s.data)
	for i := range n.inside {
		m := &n.inside[i]
		switch m.key {
		case "Rules":
			for j := range m.inside {
				rule := &m.inside[j]
				place := append(h.place[:len(h.place):len(h.place)], name+"."+rule.get("Property").text(s.data))
				s.cut(rule.keyAt, rule.end, place, h.advice)
				if f := rule.get("InvariantScript"); f != nil && f.kind == '"' {
					s.formula(f.start+1, f.end-1, `\"`, place)
				}
			}
		case "Children":
			s.visit(m, here{place: h.place, advice: h.advice})
		default:
			s.visit(m, here{place: h.place, dotted: name + "." + m.key, name: m.key, advice: h.advice})
		}
	}
}

// formula cuts the texts of a Power Fx formula that are given to a name:
// Set(varKey, "…"), {Key: "…"}, "x-api-key", "…". quote is how a quote is written.
func (s *sheet) formula(start, end int, quote string, place []string) {
	text, name := s.data[start:end], ""
	for i := 0; i < len(text); {
		if bytes.HasPrefix(text[i:], []byte(quote)) {
			from := i + len(quote)
			length := bytes.Index(text[from:], []byte(quote))
			if length < 0 {
				return
			}
			literal := text[from : from+length]
			if name != "" && length >= 4 {
				s.value(start+from, start+from+length, name, place, "")
			}
			name = ""
			if word(literal) {
				name = string(literal)
			}
			i = from + length + len(quote)
			continue
		}
		if n := quoted(text[i:]); n > 0 {
			name = string(text[i+1 : i+n-1])
			i += n
			continue
		}
		if c := text[i]; letter(c) {
			from := i
			for i < len(text) && (letter(text[i]) || text[i] >= '0' && text[i] <= '9') {
				i++
			}
			name = string(text[from:min(i, from+60)])
			continue
		}
		switch c := text[i]; c {
		case ',', ':', '=', ' ', '\'', '\n', '\r', '\t', '&', '\\':
		case '(', '{', '[', '.':
			name = ""
		default:
			name = ""
		}
		i++
	}
}

// quoted is the length of a name in single quotes, as 'x-api-key' is one.
func quoted(text []byte) int {
	if text[0] != '\'' {
		return 0
	}
	n := bytes.IndexByte(text[1:min(len(text), 60)], '\'')
	if n < 1 || !word(text[1:1+n]) {
		return 0
	}
	return n + 2
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }

// word: a text that may be the name of a header or a column.
func word(b []byte) bool {
	if len(b) < 3 || len(b) > 50 {
		return false
	}
	for _, c := range b {
		if !letter(c) && c != '-' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// appSource cuts the formulas of a .pa.yaml file, a line at a time.
func appSource(s *sheet) {
	start := 0
	for start < len(s.data) {
		end := start + bytes.IndexByte(s.data[start:], '\n')
		if end < start {
			end = len(s.data)
		}
		if line := s.data[start:end]; bytes.IndexByte(line, '"') >= 0 && len(line) < 1<<16 {
			property, _, found := bytes.Cut(bytes.TrimSpace(line), []byte(": ="))
			place := s.place
			if found {
				place = s.at(string(bytes.TrimLeft(property, "- ")))
			}
			s.formula(start, end, `"`, place)
		}
		start = end + 1
	}
}

// script is how a text begins in the script of a desktop flow.
const script = "$'''"

func robin(s *sheet) { s.robin(0, len(s.data), s.place) }

// robin cuts the texts of a desktop flow's script: SET Name TO $”'…”' and
// Password: $”'…”'.
func (s *sheet) robin(pos, end int, place []string) {
	text := s.data[:end]
	for {
		i := bytes.Index(text[pos:], []byte(script))
		if i < 0 {
			return
		}
		from := pos + i + len(script)
		length := bytes.Index(text[from:], []byte("'''"))
		if length < 0 {
			return
		}
		if name := before(text[max(0, pos+i-80) : pos+i]); name != "" && length >= 4 {
			s.value(from, from+length, name, append(place[:len(place):len(place)], name), adviceDesktop)
		}
		pos = from + length + 3
	}
}

// before is the name to which the text that follows is given.
func before(b []byte) string {
	b = bytes.TrimRight(b, " \t")
	b = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte(":")), []byte(" TO"))
	b = bytes.TrimRight(b, " \t%")
	i := len(b)
	for i > 0 && (letter(b[i-1]) || b[i-1] >= '0' && b[i-1] <= '9') {
		i--
	}
	return string(b[i:])
}
