package policy

import (
	"slices"
	"strings"
	"unicode"
)

// What a name can say that it is for.
const (
	production = "production"
	elsewhere  = "test and the like"
)

func opposite(environment string) string {
	if environment == production {
		return elsewhere
	}
	return production
}

// environment is what a name says that it is for, empty if it says nothing. Only
// whole words count: TestAutomation is a purpose, Gateway-Test an environment.
func (b *rulebook) environment(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	has := func(list []string) bool {
		return slices.ContainsFunc(words, func(w string) bool {
			return slices.ContainsFunc(list, func(l string) bool { return strings.EqualFold(l, w) })
		})
	}
	switch other := has(b.Environment.NonProduction) || slices.Contains(words, "non"); {
	case other:
		return elsewhere
	case has(b.Environment.Production):
		return production
	}
	return ""
}
