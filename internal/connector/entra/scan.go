package entra

import (
	"bytes"
	"errors"
	"math/bits"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner pulls what it is asked for out of a JSON document and steps over the
// rest. It exists because a directory of 100,000 applications is 200 MB of JSON
// of which rekey keeps a tenth, and encoding/json builds all of it. What it
// steps over is only checked for its structure; what it returns is checked in
// full.
type scanner struct {
	b []byte
	i int
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
	if err := s.take('"'); err != nil {
		return nil, false, err
	}
	start := s.i
	// Names and dates are short: the next quote is mostly within two words.
	for s.i < len(s.b) {
		end := quote(s.b[s.i:])
		if end < 0 {
			return nil, false, errJSON
		}
		s.i += end + 1
		slashes := 0
		for at := s.i - 2; at >= start && s.b[at] == '\\'; at-- {
			slashes++
		}
		if slashes%2 == 0 {
			raw = s.b[start : s.i-1]
			return raw, bytes.IndexByte(raw, '\\') >= 0, nil
		}
	}
	return nil, false, errJSON
}

// quote is the index of the first quotation mark, or -1. It looks at eight bytes
// at a time and leaves long texts to the vector code of package bytes.
func quote(b []byte) int {
	i := 0
	for ; i+8 <= len(b) && i < 48; i += 8 {
		w := uint64(b[i]) | uint64(b[i+1])<<8 | uint64(b[i+2])<<16 | uint64(b[i+3])<<24 |
			uint64(b[i+4])<<32 | uint64(b[i+5])<<40 | uint64(b[i+6])<<48 | uint64(b[i+7])<<56
		w ^= 0x2222222222222222
		if hit := (w - 0x0101010101010101) &^ w & 0x8080808080808080; hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	end := bytes.IndexByte(b[i:], '"')
	if end < 0 {
		return -1
	}
	return i + end
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
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case '"':
			if _, _, err := s.quoted(); err != nil {
				return err
			}
			continue
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
				s.i++
				return nil
			}
		}
		s.i++
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
		if err := s.take(':'); err != nil {
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

// null steps over a null, if one is next.
func (s *scanner) null() bool {
	if s.next() == 'n' && bytes.HasPrefix(s.b[s.i:], []byte("null")) {
		s.i += 4
		return true
	}
	return false
}

// text pulls a string; null is the empty one.
func (s *scanner) text() (string, error) {
	if s.null() {
		return "", nil
	}
	raw, escaped, err := s.quoted()
	if err != nil {
		return "", err
	}
	if !escaped && utf8.Valid(raw) {
		return string(raw), nil
	}
	return unescape(raw)
}

// flag pulls true or false; null is absent.
func (s *scanner) flag(absent bool) (bool, error) {
	s.next()
	start := s.i
	if err := s.skipScalar(); err != nil {
		return false, err
	}
	switch string(s.b[start:s.i]) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "null":
		return absent, nil
	}
	return false, errJSON
}

// time pulls a date-time; null is the zero time.
func (s *scanner) time() (time.Time, error) {
	if s.null() {
		return time.Time{}, nil
	}
	raw, escaped, err := s.quoted()
	if err != nil || escaped {
		return time.Time{}, errJSON
	}
	if t, ok := plainTime(raw); ok {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339Nano, string(raw))
	if err != nil {
		return time.Time{}, errJSON
	}
	return t.UTC(), nil
}

// plainTime reads 2024-05-07T06:52:43Z, the form that nearly every date has.
func plainTime(b []byte) (time.Time, bool) {
	if len(b) != 20 || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' || b[19] != 'Z' {
		return time.Time{}, false
	}
	bad := false
	two := func(i int) int {
		hi, lo := b[i]-'0', b[i+1]-'0'
		bad = bad || hi > 9 || lo > 9
		return int(hi)*10 + int(lo)
	}
	year, month, day := two(0)*100+two(2), two(5), two(8)
	hour, minute, second := two(11), two(14), two(17)
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	if bad || month < 1 || month > 12 || day < 1 || t.Day() != day || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	return t, true
}

// unescape resolves the escapes of a string. What is no UTF-8 becomes U+FFFD, as
// encoding/json does it.
func unescape(raw []byte) (string, error) {
	var b strings.Builder
	b.Grow(len(raw))
	for i := 0; i < len(raw); {
		c := raw[i]
		switch {
		case c != '\\' && c < utf8.RuneSelf:
			b.WriteByte(c)
			i++
		case c != '\\':
			r, size := utf8.DecodeRune(raw[i:])
			b.WriteRune(r)
			i += size
		default:
			size, err := unescapeOne(&b, raw[i:])
			if err != nil {
				return "", err
			}
			i += size
		}
	}
	return b.String(), nil
}

func unescapeOne(b *strings.Builder, raw []byte) (int, error) {
	if len(raw) < 2 {
		return 0, errJSON
	}
	if at := strings.IndexByte(`"\/bfnrt`, raw[1]); at >= 0 {
		b.WriteByte("\"\\/\b\f\n\r\t"[at])
		return 2, nil
	}
	r, ok := unicodeEscape(raw)
	if !ok {
		return 0, errJSON
	}
	if !utf16.IsSurrogate(r) {
		b.WriteRune(r)
		return 6, nil
	}
	if low, ok := unicodeEscape(raw[6:]); ok {
		if whole := utf16.DecodeRune(r, low); whole != utf8.RuneError {
			b.WriteRune(whole)
			return 12, nil
		}
	}
	b.WriteRune(utf8.RuneError)
	return 6, nil
}

func unicodeEscape(raw []byte) (rune, bool) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(raw[2:6]), 16, 32)
	return rune(n), err == nil
}
