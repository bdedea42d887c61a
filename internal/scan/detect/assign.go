package detect

import (
	"bytes"
)

// A pair is a name and the value that is assigned to it, in any of the ways in
// which code, configuration and command lines do that.
type pair struct {
	nameStart, nameEnd int
	start, end         int
	quoted             bool // the value stood in quotes
	element            bool // the value is the text of an element
	sure               bool // an operator or a tag stood between, not only space
}

const (
	nameMax  = 60
	valueMax = 512
)

func isName(c byte) bool { return classOf[c]&(word|dash) != 0 || c == '.' }

// assigned reads the name around data[at:end] and the value after it.
func assigned(data []byte, at, end int) (pair, bool) {
	p := pair{nameStart: at, nameEnd: end}
	for p.nameStart > 0 && at-p.nameStart < nameMax && isName(data[p.nameStart-1]) {
		p.nameStart--
	}
	for p.nameEnd < len(data) && p.nameEnd-end < nameMax && isName(data[p.nameEnd]) {
		p.nameEnd++
	}
	if data[p.nameStart] == 'n' && p.nameStart > 0 && data[p.nameStart-1] == '\\' && p.nameStart < at {
		p.nameStart++
	}
	i, ok := operator(data, &p)
	if !ok {
		return p, false
	}
	return p, value(data, i, &p)
}

// operator steps over what stands between a name and its value.
func operator(data []byte, p *pair) (int, bool) {
	i, quoted := p.nameEnd, false
	for i < len(data) && i < p.nameEnd+4 && (data[i] == '"' || data[i] == '\'' || data[i] == '`' || data[i] == '\\' || data[i] == ']') {
		quoted = quoted || data[i] != '\\'
		i++
	}
	afterQuote := i
	i = spaces(data, i)
	if i >= len(data) {
		return 0, false
	}
	switch c := data[i]; c {
	case '=', ':':
		return assignment(data, i, p)
	case '?':
		if i+1 < len(data) && data[i+1] == ':' || i+2 < len(data) && data[i+1] == '?' && data[i+2] == '=' {
			return assignment(data, i+1, p)
		}
	case '>':
		p.sure = true
		if tagged(data, p) || quoted {
			if v, ok := valueTag(data, i+1); ok {
				return v, true
			}
			p.quoted, p.element = true, true
			return i + 1, true
		}
	case ',', '/', '\r', '\n':
		if v, ok := valueAttribute(data, i, quoted); ok {
			p.sure = true
			return v, true
		}
		if c == ',' && quoted && firstOfList(data, p.nameStart) {
			j := spaces(data, i+1)
			return j, j < len(data) && (data[j] == '"' || data[j] == '\'')
		}
	case '(':
		if j := spaces(data, i+1); j < len(data) && (data[j] == '"' || data[j] == '\'') {
			return j, true
		}
	default:
		if v, ok := valueAttribute(data, i, quoted); ok {
			p.sure = true
			return v, true
		}
		if i > afterQuote {
			return spaced(data, i, p)
		}
	}
	return 0, false
}

// firstOfList reports whether the quoted name that begins at start stands first
// in brackets, as an argument does; within a list of words it is one of many.
func firstOfList(data []byte, start int) bool {
	i := start - 1
	for i >= 0 && start-i < 8 && (data[i] == '"' || data[i] == '\'' || data[i] == '\\' || data[i] == ' ') {
		i--
	}
	return i >= 0 && (data[i] == '(' || data[i] == '{' || data[i] == '[')
}

// assignment steps over = : := => == and a type between, as in password: string = "…".
func assignment(data []byte, i int, p *pair) (int, bool) {
	p.sure = true
	first := data[i]
	for n := 0; n < 3 && i < len(data) && (data[i] == '=' || data[i] == ':' || data[i] == '>'); n++ {
		i++
	}
	if i < len(data) && data[i] == '~' || first == ':' && data[i-1] == ':' && i >= 2 && data[i-2] == ':' {
		return 0, false
	}
	i = spaces(data, i)
	if first == ':' {
		if j, ok := typeThenEquals(data, i); ok {
			return j, true
		}
	}
	return i, i < len(data)
}

// spaced reads a value after mere space: --password x, password x in .netrc,
// and var password string = "x".
func spaced(data []byte, i int, p *pair) (int, bool) {
	if j, ok := typeThenEquals(data, i); ok {
		p.sure = true
		return j, true
	}
	flag := p.nameStart < p.nameEnd && data[p.nameStart] == '-'
	return i, flag || data[i] == '"' || data[i] == '\''
}

func typeThenEquals(data []byte, i int) (int, bool) {
	j := i
	for j < len(data) && j-i < 24 && (isName(data[j]) || data[j] == '*' || data[j] == '&' || data[j] == '[' || data[j] == ']' || data[j] == '<' || data[j] == '>') {
		j++
	}
	if j == i {
		return 0, false
	}
	j = spaces(data, j)
	if j+1 >= len(data) || data[j] != '=' || data[j+1] == '=' || data[j+1] == '>' {
		return 0, false
	}
	j = spaces(data, j+1)
	return j, j < len(data) && (data[j] == '"' || data[j] == '\'' || data[j] == '`')
}

// tagged reports whether the name is that of an opened XML element.
func tagged(data []byte, p *pair) bool {
	i := p.nameStart - 1
	for n := 0; i >= 0 && n < 80 && data[i] != '<' && data[i] != '\n' && data[i] != '>'; n++ {
		i--
	}
	return i >= 0 && data[i] == '<' && data[p.nameStart] != '/'
}

// valueAttribute finds the value of key="Password" value="…" and of
// "name": "Password", "value": "…".
func valueAttribute(data []byte, i int, quoted bool) (int, bool) {
	if !quoted {
		return 0, false
	}
	j := i
	for j < len(data) && j-i < 60 && (data[j] == ' ' || data[j] == ',' || data[j] == '\n' || data[j] == '\r' || data[j] == '\t' || data[j] == '"' || data[j] == '\'' || data[j] == '\\') {
		j++
	}
	if j+6 > len(data) || !bytes.EqualFold(data[j:j+5], []byte("value")) {
		return 0, false
	}
	j += 5
	for j < len(data) && (data[j] == '"' || data[j] == '\'' || data[j] == '\\' || data[j] == ' ') {
		j++
	}
	if j >= len(data) || data[j] != '=' && data[j] != ':' {
		return 0, false
	}
	j = spaces(data, j+1)
	return j, j < len(data)
}

// valueTag finds the value of <setting name="Password"><value>…</value>.
func valueTag(data []byte, i int) (int, bool) {
	j := i
	for j < len(data) && j-i < 60 && (data[j] == ' ' || data[j] == '\n' || data[j] == '\r' || data[j] == '\t') {
		j++
	}
	for _, tag := range []string{"<value>", "<Value>", "<string>", "<defaultvalue>"} {
		if bytes.HasPrefix(data[j:], []byte(tag)) {
			return j + len(tag), true
		}
	}
	return 0, false
}

func spaces(data []byte, i int) int {
	for n := 0; n < 40 && i < len(data) && (data[i] == ' ' || data[i] == '\t'); n++ {
		i++
	}
	return i
}

// value reads what stands at i into the pair.
func value(data []byte, i int, p *pair) bool {
	if p.element {
		return elementText(data, i, p)
	}
	i = stringPrefix(data, i)
	escaped := false
	for i < len(data) && data[i] == '\\' {
		escaped = true
		i++
	}
	if i >= len(data) {
		return false
	}
	if q := data[i]; q == '"' || q == '\'' || q == '`' {
		p.quoted = true
		if i+2 < len(data) && data[i+1] == q && data[i+2] == q {
			i += 2
		}
		p.start = i + 1
		p.end = closing(data, p.start, q, escaped)
		return p.end > p.start
	}
	if escaped {
		return false
	}
	p.start = i
	for i < len(data) && i-p.start <= valueMax && !ends(data[i]) {
		i++
	}
	p.end = i
	return p.end > p.start && p.end-p.start <= valueMax
}

// elementText reads up to the next tag on the same line.
func elementText(data []byte, i int, p *pair) bool {
	p.start, p.end = i, i
	for p.end < len(data) && p.end-i <= valueMax && data[p.end] != '<' && data[p.end] != '\n' {
		p.end++
	}
	return p.end > i && p.end < len(data) && data[p.end] == '<'
}

// stringPrefix steps over the letters that languages put before a quote.
func stringPrefix(data []byte, i int) int {
	for n := 0; n < 2 && i+n+1 < len(data); n++ {
		if c := data[i+n+1]; c != '"' && c != '\'' {
			continue
		}
		if bytes.IndexByte([]byte("bBrRuUfFN@$"), data[i+n]) >= 0 {
			return i + n + 1
		}
	}
	return i
}

// closing is where the string that began before start ends.
func closing(data []byte, start int, quote byte, escaped bool) int {
	for i := start; i < len(data) && i-start <= valueMax; i++ {
		switch c := data[i]; {
		case c == '\n':
			return -1
		case c == quote:
			if escaped && data[i-1] == '\\' {
				return i - 1
			}
			return i
		case c == '\\' && !escaped:
			i++
		}
	}
	return -1
}

func ends(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', '"', '\'', '`', '<', '>', ',', ';', ')', '}', ']', '|':
		return true
	}
	return false
}
