package graph

import (
	"fmt"
	"strings"
	"time"
)

// tokenKind is what a piece of a $filter is.
type tokenKind int

const (
	end    tokenKind = iota
	word             // a name, an operator, true, false, null; paths keep their slashes
	text             // 'quoted'
	number           // 42
	moment           // 2026-11-22T05:00:00Z or 2026-11-22
	guid             // unquoted
	symbol           // ( ) , :
)

type token struct {
	kind tokenKind
	text string // of text: unquoted
	time time.Time
	at   int
}

// lex cuts a $filter into tokens. Quotes inside texts are doubled, as OData has it.
func lex(s string) ([]token, error) {
	var list []token
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ' || c == '\t':
			i++
		case strings.IndexByte("(),:", c) >= 0:
			list = append(list, token{kind: symbol, text: s[i : i+1], at: i})
			i++
		case c == '\'':
			value, n, ok := quoted(s[i:])
			if !ok {
				return nil, syntaxError{fmt.Sprintf("There is an unterminated literal at position %d in '%s'.", len(s), s)}
			}
			list = append(list, token{kind: text, text: value, at: i})
			i += n
		default:
			n := strings.IndexAny(s[i:], " \t(),'")
			if n < 0 {
				n = len(s) - i
			}
			t := bare(s[i : i+n])
			if colon := strings.IndexByte(s[i:i+n], ':'); t.kind == word && colon > 0 { // any(c:c eq 'x')
				n = colon
				t = bare(s[i : i+n])
			}
			if t.kind == end {
				return nil, syntaxError{fmt.Sprintf("Syntax error: character '%c' is not valid at position %d in '%s'.", c, i, s)}
			}
			t.at = i
			list = append(list, t)
			i += n
		}
	}
	return append(list, token{at: len(s)}), nil
}

// quoted reads a text and says how long it was with its quotes.
func quoted(s string) (value string, n int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), i + 1, true
	}
	return "", 0, false
}

// bare says what an unquoted piece is; end means nothing that may stand there.
func bare(s string) token {
	if isGUID(s) {
		return token{kind: guid, text: strings.ToLower(s)}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02"} {
		if at, err := time.Parse(layout, s); err == nil {
			return token{kind: moment, text: s, time: at}
		}
	}
	if strings.Trim(s, "0123456789") == "" && len(s) < 19 {
		return token{kind: number, text: s}
	}
	for i, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || c == '@'
		if !letter && (i == 0 || !(c >= '0' && c <= '9' || c == '/' || c == '.' || c == ':')) {
			return token{}
		}
	}
	return token{kind: word, text: s}
}

func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
			continue
		}
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return true
}
