package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Names come from directories that others fill. One may hold an escape sequence
// that repaints the terminal, or turn the reading direction so that a line shows
// another order than it has. visible makes such runes readable as what they are.
func visible(s string) string {
	if !strings.ContainsFunc(s, hostile) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case hostile(r):
			b.WriteString(escaped(r))
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// hostile is true for runes that do something instead of showing something.
func hostile(r rune) bool {
	switch {
	case r < ' ' || 0x7f <= r && r < 0xa0: // C0, delete, C1
		return true
	case r == 0x200d || r == 0x200c: // joiners: part of emoji and of Persian words
		return false
	case r < 0x80:
		return false
	}
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || unicode.Is(unicode.Co, r) || r == utf8.RuneError
}

// escaped is a rune as JSON, YAML and C# write it; above the first plane JSON
// wants two.
func escaped(r rune) string {
	if r < 0x10000 {
		return fmt.Sprintf(`\u%04x`, r)
	}
	r -= 0x10000
	return fmt.Sprintf(`\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
}

// width is how many columns of a terminal s takes.
func width(s string) int { return text.StringWidth(s) }

// shorten cuts s to so many columns; an ellipsis says that something is missing.
func shorten(s string, columns int) string {
	if width(s) <= columns {
		return s
	}
	var b strings.Builder
	room := columns - 1
	for _, r := range s {
		w := text.RuneWidth(r)
		if w > room {
			break
		}
		room -= w
		b.WriteRune(r)
	}
	return b.String() + "…"
}
