package ui

// Link leads somewhere. As a button, Icon and Tone dress it.
type Link struct {
	Text    Text
	Href    string
	Icon    string
	Tone    string // primary, danger
	Current bool
}

// link is one whose text may come from outside.
func link(text, href string) Link { return Link{Text: words(text), Href: href} }

// Badge is a state: a word, a shape and a colour that say the same.
type Badge struct {
	Tone string // good, info, warn, bad, none
	Text string
}

// Icon is the shape of the badge's tone.
func (b Badge) Icon() string { return toneIcon(b.Tone) }

func toneIcon(tone string) string {
	switch tone {
	case "good", "warn", "bad", "info":
		return tone
	}
	return "dot"
}

// Facts are what is known of one thing, a name and its values each.
type Facts []Fact

// Fact is one of them. Without cells it is shown as unknown.
type Fact struct {
	Name  string
	Cells []Cell
}

// Empty says that there is nothing, why, and what to do about it.
type Empty struct {
	Title  string
	Detail string
	Action Link
}

// Pager leads through a list whose pages are found by key.
type Pager struct {
	First, Previous, Next string // addresses; empty: there is none
	Note                  string // what is shown
}

// Filter is a form whose answer is an address that can be shared.
type Filter struct {
	Action string
	Fields []Field
	Chips  []Link // what is filtered by; each leads to the list without it
	Clear  string // the address without any; empty if nothing is filtered
	Hidden []Field
	Open   bool
}

// Field is a field of a form.
type Field struct {
	Name, Label, Kind string // kind: text, search, select, check, area, date, hidden
	Value             string
	Hint              string
	Problem           string // what is wrong with what was entered
	Placeholder       string
	Options           []Option
	Checked, Required bool
	Longest           int
}

// Option is a choice of a select.
type Option struct {
	Value, Text string
	Chosen      bool
}

// Confirm is the page before an act that cannot be taken back.
type Confirm struct {
	Title   string
	Section string
	Crumbs  []Link
	What    []Text // what will happen, a sentence each
	Facts   Facts
	Fields  []Field
	Button  string
	Danger  bool
	Cancel  string // where "keep it as it is" leads
}

// Tile is a number that leads to what it counts.
type Tile struct {
	Number, Label, Detail string
	Href                  string
	Tone                  string
}

// Icon is the shape of the tile's tone.
func (t Tile) Icon() string { return toneIcon(t.Tone) }
