package detect

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"sync"
)

// A Rule is a detector made ready: its expression is compiled when the first of
// its anchors is met, so that a start costs nothing for those that never are.
type Rule struct {
	*Detector
	Order int // place in the list; the lower wins a tie

	once  sync.Once
	re    *regexp.Regexp
	dense bool // only solid bytes can stand in a match
	solid int  // bytes from the anchor on that a match has then
}

// NewRules makes rules of detectors.
func NewRules(all []*Detector) []*Rule {
	rules := make([]Rule, len(all))
	out := make([]*Rule, len(all))
	for i, d := range all {
		rules[i].Detector, rules[i].Order = d, i
		out[i] = &rules[i]
	}
	return out
}

// Literals are what the engine looks for on the rule's behalf, and whether in any case.
func (r *Rule) Literals() ([]string, bool) {
	if len(r.Words) > 0 {
		return r.Words, true
	}
	return r.Anchors, r.Fold
}

const defaultWindow = 512

// Match looks at the place where a literal of the rule stands.
func (r *Rule) Match(in *Input, at, end int) (Match, bool) {
	var m Match
	ok := false
	switch {
	case r.Find != nil:
		m, ok = r.Find(in, at)
	case len(r.Words) > 0:
		m, ok = Named(r.Detector, in, at, end)
	default:
		m, ok = r.express(in, at)
	}
	if !ok || m.Class == None {
		return m, false
	}
	m.Detector, m.Value, m.Before = r.Detector, in.Data[m.Start:m.End], in.Data[max(0, m.Start-64):m.Start]
	if r.Check != nil {
		r.Check(&m)
	}
	return m, m.Class != None
}

// express runs the rule's expression on a short stretch.
func (r *Rule) express(in *Input, at int) (Match, bool) {
	r.once.Do(r.compile)
	data := in.Data
	start := at - r.Back
	if start < 0 || len(data)-at < r.solid {
		return Match{}, false
	}
	if r.dense {
		for _, c := range data[start : at+r.solid] {
			if !solid[c] {
				return Match{}, false
			}
		}
	}
	if start > 0 && classOf[data[start-1]]&edges[r.Edge] != 0 && !escapeEnds(data, start) {
		return Match{}, false
	}
	window := r.Window
	if window == 0 {
		window = defaultWindow
	}
	stretch := data[start:min(len(data), start+window)]
	loc := r.re.FindSubmatchIndex(stretch)
	if loc == nil {
		return Match{}, false
	}
	if !r.Edge.clear(data, start+loc[0], start+loc[1]) {
		return Match{}, false
	}
	m := Match{Start: start + loc[0], End: start + loc[1], Class: r.Class}
	for g := 2; g+1 < len(loc); g += 2 {
		if loc[g] >= 0 {
			m.Start, m.End = start+loc[g], start+loc[g+1]
			break
		}
	}
	value := data[m.Start:m.End]
	if r.Entropy < 0 {
		return m, true
	}
	least := r.Entropy
	if least == 0 {
		least = 2.5
	}
	if Placeholder(value) || Entropy(value) < least {
		return m, false
	}
	return m, true
}

func (r *Rule) compile() {
	r.re = regexp.MustCompile(`\A(?:` + r.Pattern + `)`)
	if tree, err := syntax.Parse(r.Pattern, syntax.Perl); err == nil && dense(tree) {
		r.dense, r.solid = true, max(0, min(shortest(tree)-r.Back, 24))
	}
}

// solid are the bytes of tokens: neither space nor quote nor bracket.
var solid = func() (t [256]bool) {
	for i := range alphabets["w"] {
		t[alphabets["w"][i]] = true
	}
	for _, c := range "+/=.~:%$!@&?;#*^" {
		t[c] = true
	}
	return t
}()

// dense reports whether only solid bytes can stand in a match.
func dense(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return false
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if r > 255 || !solid[r] {
				return false
			}
		}
	case syntax.OpCharClass:
		for i := 0; i < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				if r > 255 && r != 0x17f && r != 0x212a || r <= 255 && !solid[r] {
					return false
				}
			}
		}
	}
	for _, sub := range re.Sub {
		if !dense(sub) {
			return false
		}
	}
	return true
}

// shortest is the least number of characters of a match.
func shortest(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1
	case syntax.OpCapture, syntax.OpPlus:
		return shortest(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min * shortest(re.Sub[0])
	case syntax.OpConcat:
		n := 0
		for _, sub := range re.Sub {
			n += shortest(sub)
		}
		return n
	case syntax.OpAlternate:
		n := shortest(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			n = min(n, shortest(sub))
		}
		return n
	}
	return 0
}

// Valid tells what is wrong with a detector; the built-in ones are asked by a
// test, a user's when they are loaded.
func (d *Detector) Valid() error {
	literals, _ := (&Rule{Detector: d}).Literals()
	if d.ID == "" || d.Name == "" || len(literals) == 0 {
		return fmt.Errorf("detector %q needs an id, a name and at least one anchor or word", d.ID)
	}
	for _, l := range literals {
		if len(l) < 2 || len(l) < 3 && d.Next == "" {
			return fmt.Errorf("detector %q: the anchor %q is too short to look for", d.ID, l)
		}
	}
	if d.Find == nil && len(d.Words) == 0 {
		if _, err := regexp.Compile(d.Pattern); err != nil {
			return fmt.Errorf("detector %q: %w", d.ID, err)
		}
	}
	if len(d.Yes) == 0 && d.Make == nil || len(d.No) == 0 {
		return fmt.Errorf("detector %q needs examples that match and examples that do not", d.ID)
	}
	return nil
}

// Following are the bytes that may come after a short anchor.
func (d *Detector) Following() string {
	if d.Next != "" {
		return alphabets[d.Next]
	}
	return alphabets["w"] + "+/.~"
}
