package policy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Trial is the judgement of a name.
type Trial struct {
	Name       string   `json:"name"`
	OK         bool     `json:"ok"`
	Problems   []string `json:"problems"`
	Suggestion string   `json:"suggestion,omitempty"` // what is not known stands in {}
	Template   string   `json:"template"`
}

// Try judges a name before it is given.
func (p *Policy) Try(name string) Trial { return p.rules.naming.try(name) }

// longestName is what Entra takes as a display name.
const longestName = 120

// convention is a naming template that is ready to judge by.
type convention struct {
	template string
	parts    []part
	whole    *regexp.Regexp // of the template
	own      *regexp.Regexp // the configured expression, if there is one
	systems  []string
}

// part is a piece of a template: a word to fill in, or text as it is.
type part struct {
	word     string // empty: text
	text     string
	optional int // number of the [] it stands in, 0: none
}

// anyWord is what stands for a word of a name. It has no separator, so that a
// name can be taken apart again, and begins like a name does.
const anyWord = `[A-Z][A-Za-z0-9]*`

func newConvention(c Config) (*convention, error) {
	n := &convention{template: c.Naming.Template, systems: c.Naming.Systems}
	var err error
	if n.parts, err = parseTemplate(c.Naming.Template); err != nil {
		return nil, fmt.Errorf("policy.naming.template: %w", err)
	}
	n.whole = n.expression()
	if c.Naming.Expression != "" {
		if n.own, err = regexp.Compile(`^(?:` + c.Naming.Expression + `)$`); err != nil {
			return nil, fmt.Errorf("policy.naming.expression: %w", err)
		}
	}
	return n, nil
}

func parseTemplate(text string) (parts []part, err error) {
	bracket, brackets := 0, 0
	seen := map[string]bool{}
	for rest := text; rest != ""; {
		at := strings.IndexAny(rest, "{}[]")
		if at < 0 {
			at = len(rest)
		}
		if at > 0 {
			parts = append(parts, part{text: rest[:at], optional: bracket})
			rest = rest[at:]
			continue
		}
		switch rest[0] {
		case '{':
			word, after, found := strings.Cut(rest[1:], "}")
			if !found || !regexp.MustCompile(`^[a-z][a-z0-9]*$`).MatchString(word) {
				return nil, fmt.Errorf("%q: a word to fill in is written {purpose}, in small letters", text)
			}
			if seen[word] {
				return nil, fmt.Errorf("%q has {%s} twice", text, word)
			}
			if n := len(parts); n > 0 && parts[n-1].word != "" {
				return nil, fmt.Errorf("%q has two words with nothing between them, so names could not be taken apart", text)
			}
			seen[word] = true
			parts, rest = append(parts, part{word: word, optional: bracket}), after
		case '[':
			if bracket != 0 {
				return nil, fmt.Errorf("%q has [ inside [ ]", text)
			}
			brackets++
			bracket, rest = brackets, rest[1:]
		case ']':
			if bracket == 0 {
				return nil, fmt.Errorf("%q has ] without [", text)
			}
			bracket, rest = 0, rest[1:]
		default:
			return nil, fmt.Errorf("%q has } without {", text)
		}
	}
	if bracket != 0 {
		return nil, fmt.Errorf("%q has [ without ]", text)
	}
	if len(seen) == 0 {
		return nil, errors.New("it needs at least one word to fill in, such as {purpose}")
	}
	return parts, nil
}

func (n *convention) expression() *regexp.Regexp {
	var b strings.Builder
	bracket := 0
	b.WriteString(`^`)
	for _, p := range append(slices.Clone(n.parts), part{}) {
		if bracket != 0 && p.optional != bracket {
			b.WriteString(`)?`)
		}
		if p.optional != 0 && p.optional != bracket {
			b.WriteString(`(?:`)
		}
		bracket = p.optional
		switch {
		case p.word == "environment":
			b.WriteString(`(?P<environment>` + strings.Join(environmentNames(), "|") + `)`)
		case p.word != "":
			b.WriteString(`(?P<` + p.word + `>` + anyWord + `)`)
		default:
			b.WriteString(regexp.QuoteMeta(p.text))
		}
	}
	b.WriteString(`$`)
	return regexp.MustCompile(b.String())
}

// try judges a name. Hints are other texts that may tell what it is for.
func (n *convention) try(name string, hints ...string) Trial {
	t := Trial{Name: name, Template: n.template, Problems: n.problems(name)}
	if n.own != nil {
		t.Template = n.own.String()[4 : len(n.own.String())-2]
	}
	t.OK = len(t.Problems) == 0
	if t.OK {
		return t
	}
	t.Suggestion = n.suggest(name, hints)
	if n.own != nil && !n.own.MatchString(t.Suggestion) || t.Suggestion == name || len(t.Suggestion) > longestName {
		t.Suggestion = ""
	}
	return t
}

func (n *convention) problems(name string) []string {
	if n.own != nil {
		if n.own.MatchString(name) {
			return []string{}
		}
		return []string{"It does not match the expression of the naming convention."}
	}
	if words := n.whole.FindStringSubmatch(name); words != nil {
		return n.misused(words)
	}
	known := read(name)
	var missing []string
	for _, p := range n.parts {
		if p.word != "" && p.optional == 0 && known[p.word] == "" {
			missing = append(missing, p.word)
		}
	}
	switch {
	case known["system"] == "" && known["party"] == "" && known["purpose"] == "":
		return []string{"It says neither what it connects nor what for."}
	case len(missing) > 0:
		return []string{"It does not say the " + enumerate(missing) + ", as " + n.template + " asks."}
	}
	return []string{"It is not written as " + n.template + "."}
}

// misused looks at the words of a name that has the right form.
func (n *convention) misused(words []string) []string {
	problems := []string{}
	for i, word := range n.whole.SubexpNames() {
		switch is := canonicalEnvironment(words[i]); {
		case word == "" || words[i] == "":
		case word == "system" && len(n.systems) > 0 && !slices.Contains(n.systems, words[i]):
			problems = append(problems, fmt.Sprintf("%q is none of the systems %s.", words[i], enumerate(n.systems)))
		case word != "environment" && is != "":
			problems = append(problems, fmt.Sprintf("%q is an environment, and stands where the %s belongs.", words[i], word))
		case word != "environment" && noise[strings.ToLower(words[i])]:
			problems = append(problems, fmt.Sprintf("%q says nothing as the %s.", words[i], word))
		}
	}
	return problems
}

// suggest puts what a name and the hints tell into the template. It is empty if
// they tell nothing.
func (n *convention) suggest(name string, hints []string) string {
	known := read(name)
	for _, h := range hints {
		addHint(known, h)
	}
	if known["system"] == "" && known["party"] == "" {
		return ""
	}
	if s := known["system"]; s != "" && len(n.systems) > 0 && !slices.Contains(n.systems, s) {
		known["system"] = ""
	}
	var b strings.Builder
	for _, p := range n.parts {
		switch {
		case p.optional != 0 && !n.fills(p.optional, known):
		case p.word == "":
			b.WriteString(p.text)
		case known[p.word] != "":
			b.WriteString(known[p.word])
		default:
			b.WriteString("{" + p.word + "}")
		}
	}
	return b.String()
}

// fills reports whether all words of an optional piece are known.
func (n *convention) fills(bracket int, known map[string]string) bool {
	return !slices.ContainsFunc(n.parts, func(p part) bool { return p.optional == bracket && p.word != "" && known[p.word] == "" })
}
