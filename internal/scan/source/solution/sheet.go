package solution

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"rekey.example/rekey/internal/scan"
)

// A sheet is one file that is cut into stretches, each with its place. A stretch
// may lie in another; the bytes between belong to the innermost one around them.
type sheet struct {
	w         *scan.Worker
	path      string
	data      []byte
	place     []string
	advice    string
	format    format
	stretches []stretch
	padded    []byte
}

// A stretch is data[start:end]. With a name it is a value that is looked at as if
// it were assigned to that name, because the name stands elsewhere in the
// file; skip leaves it out: it refers to a value and is none.
type stretch struct {
	start, end int
	place      []string
	advice     string
	name       string
	skip       bool
}

// cut marks data[start:end] as standing at a place.
func (s *sheet) cut(start, end int, place []string, advice string) {
	s.stretches = append(s.stretches, stretch{start: start, end: end, place: place, advice: cmp.Or(advice, s.advice)})
}

// value marks data[start:end] as the value of a name.
func (s *sheet) value(start, end int, name string, place []string, advice string) {
	s.stretches = append(s.stretches, stretch{start: start, end: end, name: name, place: place, advice: cmp.Or(advice, s.advice)})
}

// skip leaves data[start:end] out.
func (s *sheet) skip(start, end int) {
	s.stretches = append(s.stretches, stretch{start: start, end: end, skip: true})
}

// at is the sheet's place with more names.
func (s *sheet) at(more ...string) []string {
	return append(slices.Clip(slices.Clone(s.place)), more...)
}

// flush scans all stretches.
func (s *sheet) flush() {
	slices.SortStableFunc(s.stretches, func(a, b stretch) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end))
	})
	lines := &lineCounter{data: s.data}
	open := []stretch{{start: 0, end: len(s.data), place: s.place, advice: s.advice}}
	pos := 0
	upTo := func(to int) {
		for len(open) > 1 && open[len(open)-1].end <= to {
			top := open[len(open)-1]
			s.raw(lines, pos, top.end, &top)
			pos = max(pos, top.end)
			open = open[:len(open)-1]
		}
		s.raw(lines, pos, to, &open[len(open)-1])
		pos = max(pos, to)
	}
	for i := range s.stretches {
		x := s.stretches[i]
		x.end = min(x.end, len(s.data))
		if x.start < pos && (x.name != "" || x.skip) || x.end <= x.start || len(open) > 64 {
			continue // lies in a value that was looked at
		}
		upTo(x.start)
		switch {
		case x.skip:
			pos = x.end
		case x.name != "":
			s.named(lines, &x)
			pos = x.end
		default:
			open = append(open, x)
		}
	}
	upTo(len(s.data))
}

// raw scans a stretch as it is written, unless hardly anything is in it.
func (s *sheet) raw(lines *lineCounter, start, end int, x *stretch) {
	if x.skip || end-start < 12 {
		return
	}
	from := start
	for from > 0 && start-from < 200 && (s.data[from-1] == ' ' || s.data[from-1] == '\t') {
		from-- // so that columns are counted from the start of the line
	}
	line, data, pad := lines.at(from), s.data[from:end], lines.column(from)
	if pad > 0 { // stands where the rest of the line does, so that columns are right
		s.padded = append(append(s.padded[:0], blank[:pad]...), data...)
		data = s.padded
	}
	s.w.Scan(scan.Piece{Path: s.path, Line0: line, Off0: int64(from - pad), Data: data, Place: x.place, Advice: x.advice})
}

// padMost is the column up to which columns are told exactly. In longer lines,
// which no person counts in, they are told from where the place begins.
const padMost = 1500

var blank = bytes.Repeat([]byte(" "), padMost)

// named scans a value beside its name.
func (s *sheet) named(lines *lineCounter, x *stretch) {
	value := s.data[x.start:x.end]
	if len(value) < 4 {
		return
	}
	quote := byte('"')
	if bytes.IndexByte(value, '"') >= 0 && bytes.IndexByte(value, '\\') < 0 {
		quote = '\''
		if bytes.IndexByte(value, '\'') >= 0 {
			s.raw(lines, x.start, x.end, x)
			return
		}
	}
	line := lines.at(x.start)
	column := lines.column(x.start)
	name, between := `"`+strings.Map(nameChar, x.name[:min(len(x.name), 50)])+`"`, `: `
	pad := max(0, column-len(name)-len(between)-1)
	text := append(s.padded[:0], blank[:pad]...)
	if short := `"value": `; column > len(short) && column < len(name)+len(between)+1 {
		// the name is too long to stand before the value on its line
		name, between = `"name": `+name+",\n", string(blank[:column-len(short)-1])+short
		line--
	}
	text = append(append(append(text, name...), between...), quote)
	start := x.start - len(text)
	text = append(append(text, value...), quote)
	s.padded = text
	s.w.Scan(scan.Piece{Path: s.path, Line0: line, Off0: int64(start), Data: text, Place: x.place, Advice: x.advice})
}

// nameChar keeps what a name may hold for a detector.
func nameChar(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-', r == '.':
		return r
	}
	return '_'
}

// lineCounter counts lines while positions grow.
type lineCounter struct {
	data             []byte
	pos, line, start int // start is where the line begins
}

// column is how many UTF-16 units stand before pos on its line, which at was
// asked for; 0 if they are more than padMost.
func (c *lineCounter) column(pos int) int {
	if pos-c.start > 4*padMost {
		return 0
	}
	n := 0
	for _, r := range string(c.data[c.start:pos]) {
		n++
		if r > 0xffff {
			n++
		}
	}
	if n > padMost {
		return 0
	}
	return n
}

func (c *lineCounter) at(pos int) int {
	if pos < c.pos {
		*c = lineCounter{data: c.data}
	}
	for {
		i := bytes.IndexByte(c.data[c.pos:pos], '\n')
		if i < 0 {
			c.pos = pos
			return c.line
		}
		c.pos += i + 1
		c.line++
		c.start = c.pos
	}
}
