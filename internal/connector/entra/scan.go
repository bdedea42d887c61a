package entra

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"strings"
)

// scanner pulls what it is asked for out of a JSON document and steps over the
// rest. It exists because a directory of 100,000 applications is 200 MB of JSON
// of which rekey keeps a tenth, and encoding/json builds all of it. What it
// steps over is only checked for its structure; what it returns is checked in
// full.
type scanner struct {
	b []byte
	i int

	// Where texts go, if it is not nil: many in one piece of memory, which is far
	// cheaper than a string for each.
	texts *strings.Builder
}

var errJSON = errors.New("damaged JSON")

// deepest bounds nesting, so that a hostile answer cannot use up the stack.
const deepest = 64

// next skips white space and returns the byte that follows, 0 at the end.
func (s *scanner) next() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\n', '\t', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) take(c byte) error {
	if s.next() != c {
		return errJSON
	}
	s.i++
	return nil
}

// quoted steps over a string and returns what stands between its quotes.
func (s *scanner) quoted() (raw []byte, escaped bool, err error) {
	if s.i >= len(s.b) || s.b[s.i] != '"' {
		if s.next() != '"' {
			return nil, false, errJSON
		}
	}
	start := s.i + 1
	at := mark(s.b, start)
	for at < len(s.b) && s.b[at] == '\\' {
		escaped = true
		at = mark(s.b, at+2) // whatever the backslash escapes
	}
	if at >= len(s.b) {
		return nil, false, errJSON
	}
	s.i = at + 1
	return s.b[start:at], escaped, nil
}

const (
	ones   = 0x0101010101010101
	highs  = 0x8080808080808080
	quotes = ones * '"'
	slants = ones * '\\'
)

// mark is the index of the first quotation mark or backslash at or behind i, or
// len(b). It looks at eight bytes at a time: subtracting one from a byte that is
// zero borrows from its highest bit.
func mark(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		q, s := w^quotes, w^slants
		if hit := ((q-ones)&^q | (s-ones)&^s) & highs; hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	for ; i < len(b); i++ {
		if b[i] == '"' || b[i] == '\\' {
			return i
		}
	}
	return len(b)
}

// skip steps over one value of any kind.
func (s *scanner) skip() error {
	switch s.next() {
	case '"':
		_, _, err := s.quoted()
		return err
	case '{', '[':
		return s.skipNested()
	case 0:
		return errJSON
	}
	return s.skipScalar()
}

// skipScalar steps over a number, true, false or null.
func (s *scanner) skipScalar() error {
	start := s.i
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ',', '}', ']', ' ', '\n', '\t', '\r':
			goto end
		}
		s.i++
	}
end:
	if s.i == start {
		return errJSON
	}
	switch word := s.b[start:s.i]; word[0] {
	case 't', 'f', 'n':
		if w := string(word); w != "true" && w != "false" && w != "null" {
			return errJSON
		}
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
	default:
		return errJSON
	}
	return nil
}

// skipNested steps over an object or an array.
func (s *scanner) skipNested() error {
	var open [deepest]byte
	depth := 0
	b, i := s.b, s.i
	for i < len(b) {
		switch c := b[i]; c {
		case '"':
			at := mark(b, i+1)
			for at < len(b) && b[at] == '\\' {
				at = mark(b, at+2)
			}
			i = at
		case '{', '[':
			if depth == deepest {
				return errJSON
			}
			open[depth] = c + 2 // in ASCII the closing bracket is two further
			depth++
		case '}', ']':
			depth--
			if open[depth] != c {
				return errJSON
			}
			if depth == 0 {
				s.i = i + 1
				return nil
			}
		}
		i++
	}
	return errJSON
}

// members walks an object: visit gets each name and must pull or skip its value.
func (s *scanner) members(visit func(name []byte) error) error {
	if err := s.take('{'); err != nil {
		return err
	}
	if s.next() == '}' {
		s.i++
		return nil
	}
	for {
		name, escaped, err := s.quoted()
		if err != nil {
			return err
		}
		if escaped {
			text, err := unescape(name)
			if err != nil {
				return err
			}
			name = []byte(text)
		}
		if s.i < len(s.b) && s.b[s.i] == ':' {
			s.i++
		} else if err := s.take(':'); err != nil {
			return err
		}
		if err := visit(name); err != nil {
			return err
		}
		switch s.next() {
		case ',':
			s.i++
		case '}':
			s.i++
			return nil
		default:
			return errJSON
		}
	}
}

// elements walks an array: visit must pull or skip each value. null is an empty array.
func (s *scanner) elements(visit func() error) error {
	if s.null() {
		return nil
	}
	if err := s.take('['); err != nil {
		return err
	}
	if s.next() == ']' {
		s.i++
		return nil
	}
	for {
		if err := visit(); err != nil {
			return err
		}
		switch s.next() {
		case ',':
			s.i++
		case ']':
			s.i++
			return nil
		default:
			return errJSON
		}
	}
}
