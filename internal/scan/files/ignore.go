package files

import (
	"bufio"
	"io"
	"os"
	"path"
	"strings"
)

// An ignore is one .gitignore file, with those of the folders above it.
type ignore struct {
	above *ignore
	dir   string
	rules []ignoreRule
}

type ignoreRule struct {
	pattern string
	not     bool
	dirs    bool // only folders
	rooted  bool // the pattern begins at the file's own folder
}

// readIgnore reads the .gitignore of a folder; without one it is that above.
func readIgnore(root *os.Root, dir string, above *ignore) *ignore {
	f, err := open(root, ".gitignore")
	if err != nil {
		return above
	}
	defer f.Close()
	own := &ignore{above: above, dir: dir}
	lines := bufio.NewScanner(io.LimitReader(f, 1<<20))
	for lines.Scan() && len(own.rules) < 5000 {
		if r, ok := parseRule(lines.Text()); ok {
			own.rules = append(own.rules, r)
		}
	}
	return own
}

func parseRule(line string) (r ignoreRule, ok bool) {
	line = strings.TrimRight(line, " \t\r")
	if line == "" || line[0] == '#' {
		return r, false
	}
	if line[0] == '!' {
		r.not, line = true, line[1:]
	}
	line = strings.TrimPrefix(line, `\`)
	if rest, found := strings.CutSuffix(line, "/"); found {
		r.dirs, line = true, rest
	}
	r.rooted = strings.Contains(line, "/")
	r.pattern = strings.TrimPrefix(line, "/")
	return r, r.pattern != ""
}

// ignores reports whether the last rule that matches says so.
func (g *ignore) ignores(full string, dir bool) bool {
	for ; g != nil; g = g.above {
		rel := full
		if g.dir != "." {
			rel = strings.TrimPrefix(full, g.dir+"/")
		}
		for i := len(g.rules) - 1; i >= 0; i-- {
			r := g.rules[i]
			if (!r.dirs || dir) && r.matches(rel) {
				return !r.not
			}
		}
	}
	return false
}

func (r ignoreRule) matches(rel string) bool {
	if !r.rooted {
		ok, _ := path.Match(r.pattern, path.Base(rel))
		return ok
	}
	return matchParts(strings.Split(r.pattern, "/"), strings.Split(rel, "/"), 64)
}

// matchParts matches a path part by part, ** being any number of parts. Tries
// bounds the work.
func matchParts(pattern, parts []string, tries int) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			for i := 0; i <= len(parts) && tries > 0; i++ {
				tries--
				if matchParts(pattern[1:], parts[i:], tries/2) {
					return true
				}
			}
			return false
		}
		if len(parts) == 0 {
			return false
		}
		if ok, err := path.Match(pattern[0], parts[0]); !ok || err != nil {
			return false
		}
		pattern, parts = pattern[1:], parts[1:]
	}
	return len(parts) == 0
}
