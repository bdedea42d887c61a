package diagnosis

import (
	"bufio"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed symptoms/*.txt
var symptomFiles embed.FS

// Symptom is something that a text can say. Each is one file in symptoms/.
type Symptom struct {
	Name    string   // of the file
	Codes   []string // that stand for it: AADSTS7000215
	Phrases []string // lower case; any of them stands for it, one with " ... " in it if all its parts do, in that order
	Link    LinkID   // that fails when it is said; empty: it can be any
	Causes  []string // that it can come from, the usual one first
	Meaning string
	Cure    string // empty: that of the first cause
	Source  string // public document
	Weak    bool   // it says little; any other symptom in the same text goes before it
	Decides bool   // the text itself is evidence enough, where the link cannot be looked at
}

// symptoms reads the files, once.
var symptoms = sync.OnceValue(func() []Symptom {
	list, err := readSymptoms(symptomFiles, "symptoms")
	if err != nil {
		panic(err) // a test reads them all
	}
	return list
})

// Symptoms lists all that are known.
func Symptoms() []Symptom { return slices.Clone(symptoms()) }

func readSymptoms(files fs.FS, folder string) ([]Symptom, error) {
	names, err := fs.Glob(files, folder+"/*.txt")
	if err != nil {
		return nil, err
	}
	var list []Symptom
	for _, name := range names {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		s := Symptom{Name: strings.TrimSuffix(path.Base(name), ".txt")}
		for lines := bufio.NewScanner(strings.NewReader(string(raw))); lines.Scan(); {
			key, value, found := strings.Cut(lines.Text(), ": ")
			if !found || s.set(key, strings.TrimSpace(value)) != nil {
				return nil, fmt.Errorf("symptom %s: cannot read the line %q", name, lines.Text())
			}
		}
		list = append(list, s)
	}
	return list, nil
}

func (s *Symptom) set(key, value string) error {
	switch key {
	case "code":
		s.Codes = append(s.Codes, value)
	case "phrase":
		s.Phrases = append(s.Phrases, strings.ToLower(value))
	case "link":
		s.Link = LinkID(value)
	case "causes":
		s.Causes = strings.Fields(value)
	case "meaning":
		s.Meaning = value
	case "cure":
		s.Cure = value
	case "source":
		s.Source = value
	case "weak":
		s.Weak = value == "yes"
	case "decides":
		s.Decides = value == "yes"
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	return nil
}

// recognise finds the symptoms of a text, the most telling first: those with a
// code before those with a phrase, weak ones last; of two alike the later in the
// text, which is what the person saw at the end.
func recognise(p Pasted) []Symptom {
	type hit struct {
		s    *Symptom
		rank int
		at   int
	}
	var hits []hit
	folded := strings.Join(strings.Fields(strings.ToLower(p.Text)), " ")
	all := symptoms()
	for i := range all {
		s := &all[i]
		h := hit{s: s, rank: -1}
		for n, code := range p.Codes {
			if slices.ContainsFunc(s.Codes, func(c string) bool { return strings.EqualFold(c, code) }) {
				h.rank, h.at = 2, n
			}
		}
		for _, phrase := range s.Phrases {
			if at := says(folded, phrase); at >= 0 && h.rank < 2 {
				h.rank, h.at = 1, max(h.at, at)
			}
		}
		if h.rank < 0 {
			continue
		}
		if s.Weak {
			h.rank = 0
		}
		hits = append(hits, h)
	}
	slices.SortStableFunc(hits, func(a, b hit) int {
		if a.rank != b.rank {
			return b.rank - a.rank
		}
		return b.at - a.at
	})
	var list []Symptom
	for _, h := range hits {
		list = append(list, *h.s)
	}
	return list
}

// says finds a phrase; -1 if it is not there.
func says(text, phrase string) int {
	at := 0
	for part := range strings.SplitSeq(phrase, " ... ") {
		i := strings.Index(text[at:], part)
		if i < 0 {
			return -1
		}
		at += i + len(part)
	}
	return at
}

// named finds a symptom by a code.
func symptomOf(code string) (Symptom, bool) {
	for _, s := range symptoms() {
		if s.Name == strings.ToLower(code) || slices.ContainsFunc(s.Codes, func(c string) bool { return strings.EqualFold(c, code) }) {
			return s, true
		}
	}
	return Symptom{}, false
}
