package ui

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is what a person reads, whoever wrote it. Short fits into a row; Full is all of
// it, as far as a page can hold it. Strange says that something was made visible.
type Text struct {
	Short, Full string
	Cut         bool
	Strange     bool
}

const (
	shortText = 72     // characters
	fullText  = 10_000 // characters
	mostMarks = 4      // combining marks on one letter
)

// plain is a text of ours, which needs no care.
func plain(s string) Text { return Text{Short: s, Full: s} }

// words is a text from outside.
func words(s string) Text {
	full := visible(s)
	t := Text{Short: full, Full: full, Strange: full != s}
	if utf8.RuneCountInString(full) > fullText {
		t.Full = cut(full, fullText)
	}
	if utf8.RuneCountInString(full) > shortText {
		t.Short, t.Cut = cut(full, shortText), true
	}
	return t
}

// or is the text, or what is said instead of an empty one.
func (t Text) or(instead string) Text {
	if t.Full == "" {
		return plain(instead)
	}
	return t
}

// cut shortens to so many characters; an ellipsis says that something is missing.
func cut(s string, most int) string {
	n := 0
	for i := range s {
		if n == most-1 && utf8.RuneCountInString(s[i:]) > 1 {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// visible makes runes that do something instead of showing something readable as what
// they are: one may turn the reading direction, hide, or stack upon its neighbours.
func visible(s string) string {
	var b strings.Builder
	marks := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if unicode.Is(unicode.Mn, r) {
			marks++
		} else {
			marks = 0
		}
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n' || r == '\t':
			b.WriteByte(' ')
		case hidden(r):
			fmt.Fprintf(&b, "‹U+%04X›", r)
		case marks > mostMarks: // the rest of a pile that would cover the lines above
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// hidden is true for control characters, format characters such as bidi overrides and
// zero-width spaces, fillers and private use.
func hidden(r rune) bool {
	switch {
	case r < ' ', 0x7f <= r && r < 0xa0:
		return true
	case r < 0x80:
		return false
	case r == 0x200d: // joins emoji
		return false
	case r == 0x115f, r == 0x1160, r == 0x3164, r == 0xffa0, r == 0x2800: // blank letters
		return true
	}
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs) || 0xfe00 <= r && r <= 0xfe0e || 0xe0100 <= r && r <= 0xe01ef
}
