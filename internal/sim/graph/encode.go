package graph

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// appendText appends s as a JSON text.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = append(b, s[start:i]...)
			b = appendEscaped(b, c)
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			b = append(b, s[start:i]...)
			b = append(b, "\ufffd"...)
			start = i + n
		}
		i += n
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

func appendEscaped(b []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// appendOptional appends null for "".
func appendOptional(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return appendText(b, s)
}

func appendTexts(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, s)
	}
	return append(b, ']')
}

// appendTime appends a time with as many digits of a second as it has, null for none.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, "null"...)
	}
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, "2006-01-02T15:04:05.9999999Z")
	return append(b, '"')
}

// appendSeconds is appendTime in whole seconds.
func appendSeconds(b []byte, t time.Time) []byte { return appendTime(b, t.Truncate(time.Second)) }

// appendCreated has fractions in the answer to the creation and none ever after.
func appendCreated(b []byte, t time.Time, v *view) []byte {
	if v.exact {
		return appendTime(b, t)
	}
	return appendSeconds(b, t)
}

func appendBool(b []byte, v bool) []byte { return strconv.AppendBool(b, v) }

func appendBase64(b []byte, data []byte) []byte {
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, data)
	return append(b, '"')
}

// pairs builds an object of text values: pairs(b, "key", "value", ...).
func pairs(b []byte, list ...string) []byte {
	b = append(b, '{')
	for i := 0; i+1 < len(list); i += 2 {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, list[i])
		b = append(b, ':')
		b = appendOptional(b, list[i+1])
	}
	return append(b, '}')
}

// property is one property of an entity, in the order in which the service writes
// them.
type property[T any] struct {
	name   string
	prefix string // ,"name":
	asked  bool   // only there when $select names it
	append func(b []byte, o T, v *view) []byte
}

func newProperty[T any](name string, fn func(b []byte, o T, v *view) []byte) property[T] {
	return property[T]{name: name, prefix: `,"` + name + `":`, append: fn}
}

// constant is a property whose value is always the same JSON.
func constant[T any](name, json string) property[T] {
	return newProperty(name, func(b []byte, _ T, _ *view) []byte { return append(b, json...) })
}

// onlyAsked makes a property one that has to be selected.
func onlyAsked[T any](p property[T]) property[T] {
	p.asked = true
	return p
}

// entity knows how one kind of object is written.
type entity[T any] struct {
	name       string // microsoft.graph.application
	set        string // applications
	properties []property[T]
}

// fields appends the chosen properties, each with a comma before it; nil means all
// that are there without asking.
func (e *entity[T]) fields(b []byte, o T, v *view, chosen []int) []byte {
	if chosen == nil {
		for i := range e.properties {
			if p := &e.properties[i]; !p.asked {
				b = p.append(append(b, p.prefix...), o, v)
			}
		}
		return b
	}
	for _, i := range chosen {
		p := &e.properties[i]
		b = p.append(append(b, p.prefix...), o, v)
	}
	return b
}

// find gives a property's place by its name, without regard to case; -1 if there is none.
func (e *entity[T]) find(name string) int {
	for i := range e.properties {
		if strings.EqualFold(e.properties[i].name, name) {
			return i
		}
	}
	return -1
}

// object wraps fields that begin with a comma into an object.
func object(b []byte, start int) []byte {
	b[start] = '{'
	return append(b, '}')
}
