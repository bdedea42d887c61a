package ical

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of what Decode takes.
const (
	largest   = 8 << 20
	mostLines = 200_000
)

// Decode reads a calendar as Encode writes it, and refuses everything that the
// grammar does not have: a longer line, another end of a line, a control
// character, a property without a name, an event within an event.
// https://www.rfc-editor.org/rfc/rfc5545#section-3.1
func Decode(raw []byte) (c Calendar, err error) {
	lines, err := unfold(raw)
	if err != nil {
		return c, err
	}
	r := reader{c: &c}
	for n, l := range lines {
		if err := r.take(l); err != nil {
			return c, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	if !r.done {
		return c, errors.New("the calendar has no end")
	}
	return c, nil
}

func unfold(raw []byte) (lines []string, err error) {
	if len(raw) > largest || !utf8.Valid(raw) {
		return nil, errors.New("it is too large, or not UTF-8")
	}
	for len(raw) > 0 {
		line, rest, ok := bytes.Cut(raw, []byte("\r\n"))
		if !ok {
			return nil, errors.New("the last line has no end")
		}
		raw = rest
		if len(line) > fold {
			return nil, fmt.Errorf("a line has %d octets", len(line))
		}
		if !utf8.Valid(line) {
			return nil, errors.New("a line is folded within a character")
		}
		if i := bytes.IndexFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }); i >= 0 {
			return nil, errors.New("a line has a control character")
		}
		switch {
		case len(line) == 0:
			return nil, errors.New("a line is empty")
		case line[0] == ' ' || line[0] == '\t':
			if len(lines) == 0 {
				return nil, errors.New("the first line goes on from nothing")
			}
			lines[len(lines)-1] += string(line[1:])
		default:
			lines = append(lines, string(line))
		}
		if len(lines) > mostLines {
			return nil, errors.New("there are too many lines")
		}
	}
	return lines, nil
}

type reader struct {
	c     *Calendar
	e     *Event
	seen  map[string]bool
	begun bool
	done  bool
}

func (r *reader) take(line string) error {
	head, value, ok := strings.Cut(line, ":")
	name, params, _ := strings.Cut(head, ";")
	if !ok || name == "" || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
		return errors.New("it is no property")
	}
	switch whole := name + ":" + value; {
	case r.done:
		return errors.New("it stands behind the end")
	case !r.begun:
		r.begun = whole == "BEGIN:VCALENDAR" && params == ""
		if !r.begun {
			return errors.New("it is no beginning of a calendar")
		}
		return nil
	case whole == "END:VCALENDAR":
		r.done = true
		if r.e != nil {
			return errors.New("an event has no end")
		}
		return nil
	case whole == "BEGIN:VEVENT":
		if r.e != nil {
			return errors.New("an event begins within another")
		}
		r.e, r.seen = &Event{}, map[string]bool{}
		return nil
	case whole == "END:VEVENT":
		return r.close()
	case name == "BEGIN" || name == "END":
		return errors.New("it is no part that is written here")
	}
	if r.e == nil {
		if name == "NAME" {
			r.c.Name = unescape(value)
		}
		return nil
	}
	if r.seen[name] {
		return fmt.Errorf("%s is there twice", name)
	}
	r.seen[name] = true
	return r.property(name, params, value)
}

func (r *reader) close() error {
	if r.e == nil {
		return errors.New("nothing ends here")
	}
	for _, must := range []string{"UID", "DTSTAMP", "DTSTART", "SUMMARY", "SEQUENCE"} {
		if !r.seen[must] {
			return fmt.Errorf("the event has no %s", must)
		}
	}
	r.c.Events = append(r.c.Events, *r.e)
	r.e = nil
	return nil
}

func (r *reader) property(name, params, value string) (err error) {
	e := r.e
	when := func() (time.Time, error) {
		if params == "VALUE=DATE" {
			e.AllDay = true
			return time.Parse("20060102", value)
		}
		return time.Parse("20060102T150405Z", value)
	}
	switch name {
	case "UID":
		e.UID = unescape(value)
	case "SUMMARY":
		e.Summary = unescape(value)
	case "DESCRIPTION":
		e.Text = unescape(value)
	case "URL":
		e.URL = value
	case "SEQUENCE":
		e.Sequence, err = strconv.Atoi(value)
	case "DTSTAMP":
		e.Stamp, err = when()
	case "LAST-MODIFIED":
		_, err = when()
	case "DTSTART":
		e.Start, err = when()
	case "DTEND":
		e.End, err = when()
	case "STATUS":
		e.Cancelled = value == "CANCELLED"
	case "TRANSP":
		e.Free = value == "TRANSPARENT"
	default:
		return fmt.Errorf("the property %s is none of ours", name)
	}
	return err
}

// unescape reads a TEXT value. A backslash before anything else is that character.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n', 'N':
			b.WriteByte('\n')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
