package scan

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"
)

// What is undone, and how much of it. Work is bounded: layers do not nest deeper
// than maxDepth, and a piece is decoded to at most decodeFactor times its size.
const (
	maxDepth     = 4
	decodeFactor = 3
	decodeFloor  = 64 << 10
	runLeast     = 32      // characters of base64 or hex worth a look
	regionMost   = 1 << 16 // bytes that one unescaping takes at once
)

const (
	in64 = 1 << iota
	inHex
	inURL
)

var runClass = func() (t [256]uint8) {
	for c := range 256 {
		b := byte(c)
		switch {
		case b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F':
			t[c] |= in64 | inHex
		case b >= 'g' && b <= 'z' || b >= 'G' && b <= 'Z' || b == '+' || b == '/' || b == '-' || b == '_':
			t[c] |= in64
		}
		if b > ' ' && b < 0x7f && b != '"' && b != '\'' && b != '<' && b != '>' && b != '`' && b != '\\' && b != '{' && b != '}' && b != '|' {
			t[c] |= inURL
		}
	}
	return t
}()

// runs calls found for every run of at least runLeast base64 characters. It
// looks at every sixteenth byte first: a long run cannot hide between them.
func runs(data []byte, found func(start, end int)) {
	const step = runLeast / 2
	for i := step - 1; i < len(data); i += step {
		if runClass[data[i]]&in64 == 0 || runClass[data[i-step/2]]&in64 == 0 && !leads(data, i) {
			continue
		}
		start, end := i, i+1
		for start > 0 && runClass[data[start-1]]&in64 != 0 && i-start < step {
			start--
		}
		for end < len(data) && runClass[data[end]]&in64 != 0 {
			end++
		}
		if end-start >= runLeast {
			found(start, end)
		}
		if end > i+step {
			i += (end - 1 - i) / step * step
		}
	}
}

// leads reports whether a run that began just before i goes on for a step.
func leads(data []byte, i int) bool {
	return i+15 < len(data) && runClass[data[i+15]]&in64 != 0 && runClass[data[i+8]]&in64 != 0
}

// printable reports whether b reads as text; wide if it does as UTF-16.
func printable(b []byte) (ok, wide bool) {
	if len(b) < 8 {
		return false, false
	}
	zeros := 0
	for i, c := range b {
		if c == 0 && i%2 == 1 {
			zeros++
			continue
		}
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c > 0x7e {
			return false, false
		}
	}
	return zeros == 0 || zeros == len(b)/2, zeros > 0
}

// un64 decodes a run of base64 into buf if text is in it.
func un64(run, buf []byte) []byte {
	var head [16]byte
	n, err := decode64(head[:], run[:20])
	if ok, _ := printable(head[:n&^1]); err != nil || !ok {
		return nil
	}
	if cap(buf) < len(run) {
		buf = make([]byte, 0, len(run)*2)
	}
	n, _ = decode64(buf[:cap(buf)], run[:len(run)&^3])
	rest := len(run) & 3
	if rest > 1 && n == len(run)/4*3 {
		m, _ := decode64(buf[n:cap(buf)], run[len(run)-rest:])
		n += m
	}
	return buf[:n]
}

// decode64 reads the alphabet that the text is of.
func decode64(dst, src []byte) (int, error) {
	if bytes.IndexByte(src, '-') >= 0 || bytes.IndexByte(src, '_') >= 0 {
		return base64.RawURLEncoding.Decode(dst, src)
	}
	return base64.RawStdEncoding.Decode(dst, src)
}

// unhex decodes a run of hexadecimal digits into buf if text is in it.
func unhex(run, buf []byte) []byte {
	buf = buf[:0]
	for i := 0; i+1 < len(run); i += 2 {
		if runClass[run[i]]&inHex == 0 || runClass[run[i+1]]&inHex == 0 {
			break
		}
		c := nibble(run[i])<<4 | nibble(run[i+1])
		if i < 40 && (c < ' ' && c != '\n' && c != '\r' && c != '\t' || c > 0x7e) {
			return nil
		}
		buf = append(buf, c)
	}
	return buf
}

func nibble(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

// An unescaper undoes one way of writing characters.
type unescaper struct {
	name string
	// next is where the next escape worth undoing begins, or -1.
	next func(data []byte, from int) int
	// region is the stretch around it that is read anew.
	region func(data []byte, at int) (int, int)
	// one reads an escape: the byte and its length, or 0.
	one func(data []byte) (rune, int)
	// lead is the byte escapes begin with.
	lead byte
}

var unescapers = [...]unescaper{
	{name: "percent", next: nextPercent, region: urlRegion, one: onePercent, lead: '%'},
	{name: "json", next: nextJSON, region: lineRegion, one: oneJSON, lead: '\\'},
	{name: "xml", next: nextXML, region: lineRegion, one: oneXML, lead: '&'},
}

// undo reads data[start:end] without its escapes.
func (u *unescaper) undo(data []byte, start, end int, buf []byte, marks []mark) ([]byte, []mark) {
	buf, marks = buf[:0], append(marks[:0], mark{0, int32(start), 1, 1})
	for i := start; i < end; {
		j := bytes.IndexByte(data[i:end], u.lead)
		if j < 0 {
			return append(buf, data[i:end]...), marks
		}
		buf = append(buf, data[i:i+j]...)
		i += j
		r, n := u.one(data[i:end])
		if n == 0 {
			buf = append(buf, data[i])
			i++
			continue
		}
		marks = append(marks, mark{int32(len(buf)), int32(i), 1, 1})
		buf = utf8.AppendRune(buf, r)
		i += n
		marks = append(marks, mark{int32(len(buf)), int32(i), 1, 1})
	}
	return buf, marks
}

func onePercent(b []byte) (rune, int) {
	if len(b) < 3 || runClass[b[1]]&inHex == 0 || runClass[b[2]]&inHex == 0 {
		return 0, 0
	}
	c := nibble(b[1])<<4 | nibble(b[2])
	if c >= 0x7f || c < ' ' && c != '\n' {
		return 0, 0
	}
	return rune(c), 3
}

func oneJSON(b []byte) (rune, int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch b[1] {
	case '"', '\\', '/':
		return rune(b[1]), 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		if len(b) < 6 {
			return 0, 0
		}
		r := rune(0)
		for _, c := range b[2:6] {
			if runClass[c]&inHex == 0 {
				return 0, 0
			}
			r = r<<4 | rune(nibble(c))
		}
		return r, 6
	}
	return 0, 0
}

func oneXML(b []byte) (rune, int) {
	end := bytes.IndexByte(b[:min(len(b), 10)], ';')
	if end < 3 {
		return 0, 0
	}
	switch name := string(b[1:end]); name {
	case "quot":
		return '"', 6
	case "amp":
		return '&', 5
	case "apos":
		return '\'', 6
	case "lt":
		return '<', 4
	case "gt":
		return '>', 4
	default:
		return reference(name, end+1)
	}
}

// reference reads &#43; and &#x2B;.
func reference(name string, length int) (rune, int) {
	if name[0] != '#' {
		return 0, 0
	}
	name = name[1:]
	base := rune(10)
	if name[0] == 'x' || name[0] == 'X' {
		base, name = 16, name[1:]
	}
	r := rune(0)
	for i := range len(name) {
		c := name[i]
		if runClass[c]&inHex == 0 || base == 10 && c > '9' {
			return 0, 0
		}
		r = r*base + rune(nibble(c))
	}
	if r == 0 || r > 0x10ffff {
		return 0, 0
	}
	return r, length
}

// nextPercent finds an escape of a character that keys and their surroundings have.
func nextPercent(data []byte, from int) int {
	for {
		j := bytes.IndexByte(data[from:], '%')
		if j < 0 || from+j+2 >= len(data) {
			return -1
		}
		at := from + j
		if r, n := onePercent(data[at:]); n > 0 && (r == '~' || r == '+' || r == '/' || r == '=' || r == '&' || r == '"' || r == ':' || r == '@' || r == ';') {
			return at
		}
		from = at + 1
	}
}

// nextJSON finds \u00 and \/ and the end of an escaped name, \":.
func nextJSON(data []byte, from int) int {
	for {
		j := bytes.IndexByte(data[from:], '\\')
		if j < 0 || from+j+2 >= len(data) {
			return -1
		}
		at := from + j
		switch data[at+1] {
		case '/':
			if runClass[data[at+2]]&in64 != 0 {
				return at
			}
		case '"':
			if data[at+2] == ':' {
				return at
			}
		case 'u':
			if data[at+2] == '0' {
				return at
			}
		}
		from = at + 2
	}
}

func nextXML(data []byte, from int) int {
	for {
		j := bytes.IndexByte(data[from:], '&')
		if j < 0 || from+j+4 >= len(data) {
			return -1
		}
		at := from + j
		if c := data[at+1]; c == 'q' || c == 'a' || c == '#' {
			if _, n := oneXML(data[at:]); n > 0 {
				return at
			}
		}
		from = at + 1
	}
}

// urlRegion is the address around at.
func urlRegion(data []byte, at int) (int, int) {
	start, end := at, at
	for start > 0 && at-start < 2048 && runClass[data[start-1]]&inURL != 0 {
		start--
	}
	for end < len(data) && end-at < 4096 && runClass[data[end]]&inURL != 0 {
		end++
	}
	return start, end
}

// lineRegion is the line around at, of which at most regionMost bytes on each side.
func lineRegion(data []byte, at int) (int, int) {
	from, to := max(0, at-4096), min(len(data), at+regionMost)
	if i := bytes.LastIndexByte(data[from:at], '\n'); i >= 0 {
		from += i + 1
	}
	if i := bytes.IndexByte(data[at:to], '\n'); i >= 0 {
		to = at + i
	}
	return from, to
}

// utf16Text turns UTF-16 into UTF-8, or returns nil if data is none.
func utf16Text(data []byte, buf []byte, marks []mark) ([]byte, []mark) {
	if len(data) < 4 {
		return nil, nil
	}
	i, big := 2, false
	switch {
	case data[0] == 0xff && data[1] == 0xfe:
	case data[0] == 0xfe && data[1] == 0xff:
		big = true
	default:
		zeros := [2]int{}
		head := data[:min(len(data)&^1, 256)]
		for j, c := range head {
			if c == 0 {
				zeros[j&1]++
			}
		}
		half := len(head) / 2
		switch {
		case zeros[1] > half*3/4 && zeros[0] == 0:
		case zeros[0] > half*3/4 && zeros[1] == 0:
			big = true
		default:
			return nil, nil
		}
		i = 0
	}
	buf, marks = buf[:0], append(marks[:0], mark{0, int32(i), 1, 2})
	for ; i+1 < len(data); i += 2 {
		r := rune(data[i]) | rune(data[i+1])<<8
		if big {
			r = rune(data[i])<<8 | rune(data[i+1])
		}
		if r < 0x80 {
			buf = append(buf, byte(r))
			continue
		}
		buf = utf8.AppendRune(buf, r)
		marks = append(marks, mark{int32(len(buf)), int32(i + 2), 1, 2})
	}
	return buf, marks
}
