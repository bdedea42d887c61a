package scan

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"rekey.example/rekey/internal/scan/detect"
	"rekey.example/rekey/internal/secret"
)

// hitsMost is how many hits one piece may have.
const hitsMost = 5000

// An Engine holds the rules and the prefilter made of them. It does not change,
// and any number of workers use it.
type Engine struct {
	filter *prefilter
	key    []byte
}

// NewEngine makes an engine. Detectors nil means all built-in ones; key is for
// fingerprints, see Hit.
func NewEngine(detectors []*detect.Detector, key []byte) *Engine {
	if detectors == nil {
		detectors = detect.All()
	}
	return &Engine{filter: newPrefilter(detect.NewRules(detectors)), key: key}
}

// A Buffer is what one worker needs and uses again.
type Buffer struct {
	found  []found
	layers [maxDepth + 1]layer
	bytes  [maxDepth + 1][]byte
	marks  [maxDepth + 1][]mark
	budget int
}

// found is a match with its place in the piece.
type found struct {
	detect.Match
	order      int
	value      []byte
	through    []string
	start, end int
}

// Piece returns what is found in a piece, in the order of places. Overlapping
// matches are one hit: the surest of the most particular detector.
func (e *Engine) Piece(p *Piece, b *Buffer) []*Hit {
	b.found = b.found[:0]
	b.budget = decodeFactor*len(p.Data) + decodeFloor
	bottom := &b.layers[0]
	*bottom = layer{data: p.Data}
	top, depth := bottom, 0
	if bytes.IndexByte(p.Data[:min(len(p.Data), 256)], 0) >= 0 || bytes.HasPrefix(p.Data, []byte{0xff, 0xfe}) {
		if text, marks := utf16Text(p.Data, b.bytes[1], b.marks[1]); text != nil {
			b.bytes[1], b.marks[1] = text, marks
			b.layers[1] = layer{below: bottom, name: "utf-16", data: text, marks: marks}
			top, depth = &b.layers[1], 1
		}
	}
	in := detect.Input{Path: p.Path, Text: p.Kind != Binary}
	e.look(in, top, depth, b)
	return e.settle(p, b)
}

// look searches a layer and then the layers above it.
func (e *Engine) look(in detect.Input, l *layer, depth int, b *Buffer) {
	in.Data = l.data
	e.filter.each(l.data, func(lit *literal, at int) {
		if len(b.found) >= hitsMost {
			return
		}
		for _, r := range lit.rules {
			m, ok := r.Match(&in, at, at+len(lit.text))
			if !ok {
				continue
			}
			start, end := l.origin(m.Start, m.End)
			f := found{Match: m, order: r.Order, start: start, end: end, through: l.through(), value: m.Value}
			if depth > 0 {
				f.value = slices.Clone(m.Value) // its memory is used again
			}
			b.found = append(b.found, f)
		}
	})
	if depth == maxDepth || b.budget <= 0 {
		return
	}
	e.decodeRuns(in, l, depth+1, b)
	for i := range unescapers {
		e.unescape(in, l, &unescapers[i], depth+1, b)
	}
}

func (e *Engine) decodeRuns(in detect.Input, l *layer, depth int, b *Buffer) {
	runs(l.data, func(start, end int) {
		if b.budget <= 0 {
			return
		}
		run, name, num, den := l.data[start:end], "base64", int32(3), int32(4)
		out := un64(run, b.bytes[depth])
		if out == nil && runClass[run[0]]&inHex != 0 && runClass[run[1]]&inHex != 0 {
			out = unhex(run, b.bytes[depth])
			name, num, den = "hex", 1, 2
		}
		if len(out) < 12 {
			return
		}
		b.budget -= len(out)
		b.bytes[depth] = out
		b.marks[depth] = append(b.marks[depth][:0], mark{0, int32(start), num, den})
		up := &b.layers[depth]
		*up = layer{below: l, name: name, data: out, marks: b.marks[depth]}
		if _, wide := printable(out[:min(len(out), 16)&^1]); wide && depth < maxDepth {
			text, marks := utf16Text(out, b.bytes[depth+1], b.marks[depth+1])
			if text != nil {
				b.bytes[depth+1], b.marks[depth+1] = text, marks
				b.layers[depth+1] = layer{below: up, name: "utf-16", data: text, marks: marks}
				e.look(in, &b.layers[depth+1], depth+1, b)
				return
			}
		}
		e.look(in, up, depth, b)
	})
}

func (e *Engine) unescape(in detect.Input, l *layer, u *unescaper, depth int, b *Buffer) {
	if l.name == u.name && u.name == "xml" {
		return // &amp;quot; is text about text
	}
	done := 0
	for b.budget > 0 {
		at := u.next(l.data, done)
		if at < 0 {
			return
		}
		start, end := u.region(l.data, at)
		start = max(start, done)
		done = max(end, at+1)
		if end <= start {
			continue
		}
		b.bytes[depth], b.marks[depth] = u.undo(l.data, start, end, b.bytes[depth], b.marks[depth])
		b.budget -= len(b.bytes[depth])
		b.layers[depth] = layer{below: l, name: u.name, data: b.bytes[depth], marks: b.marks[depth]}
		e.look(in, &b.layers[depth], depth, b)
	}
}

// settle makes hits of what was found.
func (e *Engine) settle(p *Piece, b *Buffer) []*Hit {
	if len(b.found) == 0 {
		return nil
	}
	kept := strongest(b.found)
	hits := make([]*Hit, 0, len(kept))
	lines := counter{data: p.Data, line: p.Line0 + 1}
	for i := range kept {
		f := &kept[i]
		h := &Hit{
			Detector: f.Match.Detector, Class: f.Class, Facts: f.Facts, Through: f.through,
			Path: p.Path, Commit: p.Commit, Place: p.Place, Advice: p.Advice, Ref: p.Ref,
			Offset: p.Off0 + int64(f.start), Length: f.end - f.start,
			Masked: mask(f.value), Value: secret.New(f.value),
		}
		if h.Advice == "" {
			h.Advice = h.Detector.Advice
		}
		h.Line, h.Column = lines.at(f.start)
		before, after := around(p.Data, f.start, f.end)
		h.text = string(before) + "\x00" + string(after)
		h.Allowed = allowed(p.Data, f.start, f.end)
		end := lines
		h.EndLine, h.EndColumn = end.at(f.end)
		h.Fingerprint = h.fingerprint(e.key)
		hits = append(hits, h)
	}
	return hits
}

// strongest removes what overlaps something better.
func strongest(all []found) []found {
	slices.SortStableFunc(all, func(x, y found) int {
		if better(x, y) {
			return -1
		}
		if better(y, x) {
			return 1
		}
		return 0
	})
	kept := all[:0:0]
	taken := spans{}
	for _, f := range all {
		if taken.free(f.start, f.end) {
			taken.add(f.start, f.end)
			kept = append(kept, f)
		}
	}
	slices.SortFunc(kept, func(x, y found) int { return x.start - y.start })
	return kept
}

// better: a particular detector before the generic ones, the surer before the
// less sure, what is written plainly before what was decoded, then the list's order.
func better(x, y found) bool {
	xg, yg := general(x.Match.Detector), general(y.Match.Detector)
	switch {
	case xg != yg:
		return !xg
	case rank(x.Class) != rank(y.Class):
		return rank(x.Class) > rank(y.Class)
	case len(x.through) != len(y.through):
		return len(x.through) < len(y.through)
	case x.order != y.order:
		return x.order < y.order
	}
	return x.start < y.start
}

// rank: that a checksum fails says more about a value than the name beside it.
func rank(c detect.Class) int {
	if c == detect.Broken {
		return 2*int(detect.Certain) - 1
	}
	return 2 * int(c)
}

func general(d *detect.Detector) bool {
	return d.Issuer == "any" && len(d.ID) > 8 && d.ID[:8] == "generic-"
}

// spans is a set of stretches that do not overlap, sorted.
type spans []span
type span struct{ start, end int }

func (s spans) free(start, end int) bool {
	i, _ := slices.BinarySearchFunc(s, start, func(x span, start int) int { return x.end - start - 1 })
	return i == len(s) || s[i].start >= end
}

func (s *spans) add(start, end int) {
	i, _ := slices.BinarySearchFunc(*s, start, func(x span, start int) int { return x.end - start - 1 })
	*s = slices.Insert(*s, i, span{start, end})
}

// counter counts lines as it goes.
type counter struct {
	data            []byte
	pos, line, from int
}

// at returns the line and the column, in UTF-16 units, of a position not before the last.
func (c *counter) at(pos int) (line, column int) {
	for c.pos < pos {
		i := bytes.IndexByte(c.data[c.pos:pos], '\n')
		if i < 0 {
			break
		}
		c.pos += i + 1
		c.line++
		c.from = c.pos
	}
	column = 1
	start := max(c.from, pos-1<<16)
	for b := c.data[start:pos]; len(b) > 0; {
		r, n := utf8.DecodeRune(b)
		b = b[n:]
		column++
		if r > 0xffff {
			column++
		}
	}
	return c.line, column
}

// around is the rest of the line before and after a stretch, up to 200 bytes each.
func around(data []byte, start, end int) (before, after []byte) {
	from, to := max(0, start-200), min(len(data), end+200)
	before, after = data[from:start], data[end:to]
	if i := bytes.LastIndexByte(before, '\n'); i >= 0 {
		before = before[i+1:]
	}
	if i := bytes.IndexByte(after, '\n'); i >= 0 {
		after = after[:i]
	}
	return before, after
}

// allowed reads a comment on the same line, or alone on the line before:
//
//	rekey:allow the reason, in words
func allowed(data []byte, start, end int) string {
	before, after := around(data, start, end)
	if r := reason(after); r != "" {
		return r
	}
	if r := reason(before); r != "" {
		return r
	}
	lineStart := start - len(before)
	if lineStart < 1 || len(before) >= 200 {
		return ""
	}
	above, _ := around(data, lineStart-1, lineStart-1)
	if line := bytes.TrimLeft(above, " \t#/*<!-;"); bytes.HasPrefix(line, []byte("rekey:allow")) {
		return reason(above)
	}
	return ""
}

func reason(b []byte) string {
	_, rest, found := bytes.Cut(b, []byte("rekey:allow"))
	if !found {
		return ""
	}
	rest = bytes.TrimRight(bytes.TrimSpace(rest), " \t\r*/->")
	if len(rest) < 3 || len(rest) > 160 {
		return ""
	}
	return string(rest)
}
