// Package ical writes calendars as RFC 5545 has them, and reads them back as
// strictly, for tests of what it wrote.
//
// Names in them come from anywhere. A text is escaped, and every line is folded at
// 75 octets between two characters, so that nothing in a name ends a line, a value
// or an event.
package ical

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Event is one entry of a calendar.
type Event struct {
	UID       string
	Sequence  int
	Stamp     time.Time // when it was last changed
	Start     time.Time // of an all-day event only the date counts, as the time's zone has it
	End       time.Time // exclusive; zero: one day, or the moment
	AllDay    bool
	Summary   string
	Text      string
	URL       string
	Cancelled bool
	Free      bool // does not make anybody busy
}

// Calendar is what a feed or an attachment holds.
type Calendar struct {
	Name    string
	Refresh time.Duration // how often to read a feed again; 0: not said
	Events  []Event
}

const (
	fold    = 75 // octets of a line, without its end
	longest = 2000
)

// Encode writes a calendar.
func (c Calendar) Encode() []byte {
	var w writer
	w.line("BEGIN:VCALENDAR")
	w.line("VERSION:2.0")
	w.line("PRODID:-//rekey//rekey//EN")
	w.line("CALSCALE:GREGORIAN")
	w.line("METHOD:PUBLISH")
	if c.Name != "" {
		w.text("NAME", c.Name)
		w.text("X-WR-CALNAME", c.Name)
	}
	if c.Refresh > 0 {
		minutes := int(c.Refresh / time.Minute)
		w.line(fmt.Sprintf("REFRESH-INTERVAL;VALUE=DURATION:PT%dM", minutes))
		w.line(fmt.Sprintf("X-PUBLISHED-TTL:PT%dM", minutes))
	}
	for _, e := range c.Events {
		w.event(e)
	}
	w.line("END:VCALENDAR")
	return w.b.Bytes()
}

type writer struct{ b bytes.Buffer }

func (w *writer) event(e Event) {
	w.line("BEGIN:VEVENT")
	w.text("UID", e.UID)
	w.line("DTSTAMP:" + utc(e.Stamp))
	w.line("LAST-MODIFIED:" + utc(e.Stamp))
	w.line(fmt.Sprintf("SEQUENCE:%d", e.Sequence))
	switch {
	case e.AllDay:
		end := e.End
		if !end.After(e.Start) {
			end = e.Start.AddDate(0, 0, 1)
		}
		w.line("DTSTART;VALUE=DATE:" + e.Start.Format("20060102"))
		w.line("DTEND;VALUE=DATE:" + end.Format("20060102"))
	default:
		w.line("DTSTART:" + utc(e.Start))
		if e.End.After(e.Start) {
			w.line("DTEND:" + utc(e.End))
		}
	}
	w.text("SUMMARY", e.Summary)
	if e.Text != "" {
		w.text("DESCRIPTION", e.Text)
	}
	if e.URL != "" && !strings.ContainsFunc(e.URL, func(r rune) bool { return r <= ' ' || r >= utf8.RuneSelf || r == 0x7f }) {
		w.line("URL:" + e.URL)
	}
	status := "CONFIRMED"
	if e.Cancelled {
		status = "CANCELLED"
	}
	w.line("STATUS:" + status)
	if e.Free {
		w.line("TRANSP:TRANSPARENT")
	}
	w.line("END:VEVENT")
}

func utc(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// text writes a property whose value is TEXT.
func (w *writer) text(name, value string) { w.line(name + ":" + Escape(value)) }

// Escape makes a foreign text a TEXT value: line breaks are kept as \n, other
// controls, and marks that reorder what is read, are not.
func Escape(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > longest {
		cut := longest
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "..."
	}
	var b strings.Builder
	s = strings.ReplaceAll(s, "\r\n", "\n")
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\\' || r == ';' || r == ',':
			b.WriteByte('\\')
			b.WriteRune(r)
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029':
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// line writes one content line, folded between characters.
func (w *writer) line(s string) {
	room := fold
	for len(s) > room {
		cut := room
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		w.b.WriteString(s[:cut] + "\r\n ")
		s, room = s[cut:], fold-1
	}
	w.b.WriteString(s + "\r\n")
}
