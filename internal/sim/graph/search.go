package graph

import (
	"strings"
	"unicode"
)

// parseSearch reads "displayName:some words", joined by AND and OR. A word is
// found at the beginning of any word of the property, as the index does it.
func parseSearch(s *schema, text string) (func(source) bool, error) {
	var match func(source) bool
	join := ""
	for rest := text; rest != ""; {
		if rest[0] != '"' {
			return nil, syntaxError{"Syntax error: the $search expression must be enclosed in double quotes, as in \"displayName:text\"."}
		}
		clause, after, ok := strings.Cut(rest[1:], `"`)
		if !ok {
			return nil, syntaxError{"There is an unterminated string literal in the $search expression."}
		}
		one, err := searchClause(s, clause)
		if err != nil {
			return nil, err
		}
		match = joined(match, join, one)
		rest = strings.TrimSpace(after)
		if rest == "" {
			break
		}
		join, rest, _ = strings.Cut(rest, " ")
		rest = strings.TrimSpace(rest)
		if join != "AND" && join != "OR" || rest == "" {
			return nil, syntaxError{"Syntax error in the $search expression: clauses are joined by AND or OR."}
		}
	}
	return match, nil
}

func joined(left func(source) bool, join string, right func(source) bool) func(source) bool {
	switch join {
	case "AND":
		return func(o source) bool { return left(o) && right(o) }
	case "OR":
		return func(o source) bool { return left(o) || right(o) }
	}
	return right
}

func searchClause(s *schema, clause string) (func(source) bool, error) {
	name, wanted, ok := strings.Cut(clause, ":")
	if !ok {
		return nil, syntaxError{"Syntax error: the $search clause must be property:text."}
	}
	path := ""
	for known, kind := range s.fields {
		if strings.EqualFold(known, name) && kind == textValue {
			path = known
		}
	}
	words := searchWords(wanted)
	if path == "" || len(words) == 0 {
		return nil, syntaxError{"The property '" + name + "' cannot be searched."}
	}
	return func(o source) bool {
		have := searchWords(o(path).text)
		for _, w := range words {
			if !anyPrefix(have, w) {
				return false
			}
		}
		return true
	}, nil
}

func searchWords(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func anyPrefix(list []string, prefix string) bool {
	for _, s := range list {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}
