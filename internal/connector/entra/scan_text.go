package entra

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

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
	switch {
	case escaped:
		return unescape(raw)
	case !utf8.Valid(raw):
		return unescape(raw)
	}
	return s.keep(raw), nil
}

// keep copies a text. A Builder never changes what it has given out: when one
// piece is full, the next begins and the strings keep the old one.
func (s *scanner) keep(raw []byte) string {
	const piece = 32 << 10
	if s.texts == nil || len(raw) > piece/8 {
		return string(raw)
	}
	if s.texts.Cap()-s.texts.Len() < len(raw) {
		s.texts.Reset()
		s.texts.Grow(piece)
	}
	start := s.texts.Len()
	s.texts.Write(raw)
	return s.texts.String()[start:]
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
	if bad || month < 1 || month > 12 || day < 1 || day > 28 && day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	return time.Unix(int64(daysUntil(year, month, day))*86400+int64(hour*3600+minute*60+second), 0).UTC(), true
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysUntil counts the days from 1970-01-01 to a date. Years begin in March, so
// that the leap day is the last.
func daysUntil(year, month, day int) int {
	if month < 3 {
		year--
		month += 12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 719468
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
