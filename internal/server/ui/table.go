package ui

// Table is a list. At narrow widths each row becomes a card whose lines are named by
// their columns.
type Table struct {
	Caption string
	Columns []Column
	Rows    []Row
	Empty   Empty // shown instead of no rows
}

// Column is a column's head.
type Column struct {
	Title  string
	Narrow bool // no wider than it has to be
	Number bool // right-aligned
}

// Row is a row; its cells are those of the columns, in order.
type Row struct {
	Cells []Cell
	Tone  string // a mark at its edge: bad, warn
}

// Cell is one value. Exactly one of Text, Link, When, Badge is set, or Items; Under
// is a second, softer line.
type Cell struct {
	Column string // filled in by table
	Number bool
	Head   bool // it names the row
	Text   *Text
	Link   *Link
	When   *When
	Badge  *Badge
	Code   string
	Items  []Cell
	Under  *Text
}

// table puts rows under columns. The first cell of a row names it.
func table(caption string, columns []Column, rows []Row, empty Empty) Table {
	for i := range rows {
		for j := range rows[i].Cells {
			c := &rows[i].Cells[j]
			if j < len(columns) {
				c.Column, c.Number = columns[j].Title, columns[j].Number
			}
			c.Head = j == 0
			c.brief()
		}
	}
	return Table{Caption: caption, Columns: columns, Rows: rows, Empty: empty}
}

const inRow = 200 // characters of a text that a row holds; all of it is on the page of the thing itself

// brief keeps a list of long names from being a long page.
func (c *Cell) brief() {
	for _, t := range []*Text{c.Text, c.Under} {
		if t != nil {
			t.Full = cut(t.Full, inRow)
		}
	}
	if c.Link != nil {
		c.Link.Text.Full = cut(c.Link.Text.Full, inRow)
	}
	for i := range c.Items {
		c.Items[i].brief()
	}
}

// columns are heads without more ado.
func columns(titles ...string) (list []Column) {
	for _, t := range titles {
		list = append(list, Column{Title: t})
	}
	return list
}

func textCell(t Text) Cell          { return Cell{Text: &t} }
func wordCell(s string) Cell        { t := words(s); return Cell{Text: &t} }
func linkCell(text, to string) Cell { l := link(text, to); return Cell{Link: &l} }
func badgeCell(tone, s string) Cell { return Cell{Badge: &Badge{Tone: tone, Text: s}} }
func codeCell(s string) Cell        { return Cell{Code: visible(s)} }
func numberCell(n int, to string) Cell {
	if to == "" {
		return textCell(plain(number(n)))
	}
	return linkCell(number(n), to)
}

// whenCell is a time, or a word for none.
func whenCell(w *When, none string) Cell {
	if w == nil {
		return Cell{Text: &Text{Short: none, Full: none}}
	}
	return Cell{When: w}
}

// with adds a second line.
func (c Cell) with(under string) Cell {
	if under != "" {
		t := words(under)
		c.Under = &t
	}
	return c
}

// few are some of a list, and how many more there are.
func few(all []Cell, most int) Cell {
	if len(all) == 0 {
		return textCell(plain("none known"))
	}
	shown := all
	if len(all) > most {
		shown = append(append([]Cell{}, all[:most]...), textCell(plain("and "+number(len(all)-most)+" more")))
	}
	return Cell{Items: shown}
}
