package schedule

import (
	"regexp"
	"slices"
	"strings"

	"rekey.example/rekey/internal/inventory"
)

// scope says for which applications something holds: for those that any of its
// parts names, or for all if there are none.
type scope struct {
	apps, owners []*regexp.Regexp
	tags         []string
}

func newScope(apps, tags, owners []string) (out scope) {
	for _, pattern := range apps {
		out.apps = append(out.apps, wildcard(pattern))
	}
	for _, pattern := range owners {
		out.owners = append(out.owners, wildcard(pattern))
	}
	for _, tag := range tags {
		out.tags = append(out.tags, "#"+strings.ToLower(strings.TrimPrefix(tag, "#")))
	}
	return out
}

// wildcard matches a whole text, * any part of it, letters of either case.
func wildcard(pattern string) *regexp.Regexp {
	return regexp.MustCompile(`(?is)^` + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `.*`) + `$`)
}

func (s scope) all() bool { return len(s.apps)+len(s.owners)+len(s.tags) == 0 }

// names reports whether the scope names the application.
func (s scope) names(a inventory.Application) bool {
	fits := func(text string) func(*regexp.Regexp) bool {
		return func(e *regexp.Regexp) bool { return text != "" && e.MatchString(text) }
	}
	if slices.ContainsFunc(s.apps, fits(a.Name)) {
		return true
	}
	for word := range strings.FieldsSeq(strings.ToLower(a.Notes)) {
		if slices.Contains(s.tags, strings.Trim(word, ",.;")) {
			return true
		}
	}
	return slices.ContainsFunc(a.Owners, func(o inventory.Owner) bool {
		return slices.ContainsFunc(s.owners, fits(o.Name)) || slices.ContainsFunc(s.owners, fits(o.Mail)) || slices.ContainsFunc(s.owners, fits(string(o.ObjectID)))
	})
}
