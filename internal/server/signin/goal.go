package signin

import (
	"net/url"
	"slices"
	"strings"
)

const longestGoal = 2048

// goal is where a person goes on after signing in: a path of this server, or the
// front page if the text is anything else. Browsers read a backslash as a slash,
// drop tabs and line ends, and take two slashes for the beginning of another
// host; so nothing that could be read in two ways is let through.
func goal(text string) string {
	const front = "/"
	if len(text) > longestGoal || !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") {
		return front
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f || r == '\uFFFD' || r > 0x7e }) {
		return front
	}
	u, err := url.Parse(text)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || u.Opaque != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") {
		return front
	}
	if strings.ContainsFunc(u.Path, func(r rune) bool { return r < ' ' || r == '\\' }) || slices.Contains(strings.Split(u.Path, "/"), "..") {
		return front
	}
	for _, own := range []string{"/signin", "/signout", "/setup"} {
		if u.Path == own || strings.HasPrefix(u.Path, own+"/") {
			return front // they would lead in a circle
		}
	}
	return text
}
