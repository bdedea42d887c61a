package ui

import (
	"maps"
	"slices"
	"strings"
)

// sheet is a part of a page about one thing, with a title. Only what is set is shown.
type sheet struct {
	ID, Title string
	Lead      Text
	Lines     []Text // sentences, one each
	Cure      []cureLine
	Facts     Facts
	Table     *Table
	Trail     []happening
	Raw       string // to be copied as it is
	Forms     []form
	Links     []Link
	More      Link // beside the title
	Fold      bool // closed until somebody opens it
}

// form is what a person fills in and sends.
type form struct {
	Action  string
	Read    bool // a question: its answer is an address
	Fields  []Field
	Buttons []button
	Cancel  Link
}

// Method is how it is sent.
func (f form) Method() string {
	if f.Read {
		return "get"
	}
	return "post"
}

// button sends its form.
type button struct {
	Text, Name, Value, Tone string
}

// sheetsView is a page of sheets: the answer in one sentence, what belongs to it, and
// what stands beside.
type sheetsView struct {
	Answer *answer
	Sheets []sheet
	Side   []sheet
}

// answer is the first line of a page: how it stands.
type answer struct {
	State    Badge
	Sentence Text
	Detail   Text
	Links    []Link
}

func facts(id, title string, f Facts) sheet { return sheet{ID: id, Title: title, Facts: f} }

func listed(id, title string, t Table) sheet { return sheet{ID: id, Title: title, Table: &t} }

// hiddenField carries a value through a form.
func hiddenField(name, value string) Field { return Field{Name: name, Kind: "hidden", Value: value} }

// lines are sentences of which some hold words from outside.
func lines(all ...string) (list []Text) {
	for _, s := range all {
		list = append(list, sentence(s))
	}
	return list
}

// sentence is a text that stands as a whole; the ends of its lines are nothing strange.
func sentence(s string) Text {
	t := words(strings.ReplaceAll(strings.ReplaceAll(s, "\r", ""), "\n", " "))
	t.Short, t.Cut = t.Full, false
	return t
}

// block is a text of several lines, each made visible, to be shown as it is.
func block(s string) string {
	var b strings.Builder
	for l := range strings.Lines(cut(s, fullText)) {
		b.WriteString(visible(strings.TrimRight(l, "\r\n")))
		b.WriteByte('\n')
	}
	return strings.TrimRight(b.String(), "\n")
}

func sorted[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
