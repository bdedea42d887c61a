package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// table is what lists show as columns. In a terminal it is for reading: only
// the columns marked brief, times in words, long names cut. As tsv and csv it is
// for machines: every column, times in UTC, nothing cut.
type table struct {
	columns []column
	rows    [][]any
	none    string // said on stderr when there are no rows
}

// column is one column of a table.
type column struct {
	name  string // as machines see it: app_name
	title string // as people see it; empty: not shown to them
	cut   bool   // a name, which may be cut; ids never are
}

func (t *table) add(cells ...any) { t.rows = append(t.rows, cells) }

const (
	gap       = 2
	narrowest = 12 // a name is never cut below this
	widest    = 60 // nor shown longer than this
)

// write prints the table for people. columns is the terminal's width, 0 if unknown.
func (t *table) write(w io.Writer, now time.Time, columns int, bold func(string) string) error {
	var shown []int
	for i, c := range t.columns {
		if c.title != "" {
			shown = append(shown, i)
		}
	}
	lines := make([][]string, 0, len(t.rows)+1)
	head := make([]string, len(shown))
	for j, i := range shown {
		head[j] = t.columns[i].title
	}
	lines = append(lines, head)
	for _, r := range t.rows {
		line := make([]string, len(shown))
		for j, i := range shown {
			line[j] = visible(forPeople(r[i], now))
			if t.columns[i].cut {
				line[j] = shorten(line[j], widest)
			}
		}
		lines = append(lines, line)
	}
	widths := t.fit(lines, shown, columns)
	for n, line := range lines {
		var b strings.Builder
		for j, cell := range line {
			cell = shorten(cell, widths[j])
			b.WriteString(cell)
			if j < len(line)-1 {
				b.WriteString(strings.Repeat(" ", widths[j]-width(cell)+gap))
			}
		}
		text := strings.TrimRight(b.String(), " ")
		if n == 0 {
			text = bold(text)
		}
		if _, err := fmt.Fprintln(w, text); err != nil {
			return err
		}
	}
	return nil
}

// fit gives each column what it needs, and takes from the longest names what the
// terminal does not have.
func (t *table) fit(lines [][]string, shown []int, columns int) []int {
	widths := make([]int, len(shown))
	total := -gap
	for j := range shown {
		for _, line := range lines {
			widths[j] = max(widths[j], width(line[j]))
		}
		total += widths[j] + gap
	}
	for columns > 0 && total > columns {
		longest := -1
		for j, i := range shown {
			if t.columns[i].cut && widths[j] > narrowest && (longest < 0 || widths[j] > widths[longest]) {
				longest = j
			}
		}
		if longest < 0 {
			break
		}
		widths[longest]--
		total--
	}
	return widths
}

// writeTSV prints tab separated values without a header, as az does.
func (t *table) writeTSV(w io.Writer) error {
	for _, r := range t.rows {
		cells := make([]string, len(r))
		for i, v := range r {
			cells[i] = visible(forMachines(v))
		}
		if _, err := fmt.Fprintln(w, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return nil
}

// writeCSV prints RFC 4180 with the byte order mark without which Excel takes
// UTF-8 for something else.
func (t *table) writeCSV(w io.Writer) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	c := csv.NewWriter(w)
	c.UseCRLF = true
	head := make([]string, len(t.columns))
	for i, col := range t.columns {
		head[i] = col.name
	}
	if err := c.Write(head); err != nil {
		return err
	}
	for _, r := range t.rows {
		cells := make([]string, len(r))
		for i, v := range r {
			cells[i] = harmless(v)
		}
		if err := c.Write(cells); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// harmless is a cell that no spreadsheet takes for a formula: a text that begins
// like one gets an apostrophe in front (OWASP, CSV injection).
func harmless(v any) string {
	s := visible(forMachines(v))
	if mayBeFormula(v) && s != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", []rune(s)[0]) {
		return "'" + s
	}
	return s
}

func mayBeFormula(v any) bool {
	switch v.(type) {
	case string, names:
		return true
	}
	return false
}

// forMachines writes a cell so that it sorts and parses.
func forMachines(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.UTC().Format("2006-01-02T15:04:05Z")
	case *int:
		if v == nil {
			return ""
		}
		return strconv.Itoa(*v)
	}
	return fmt.Sprint(v)
}

// forPeople writes a cell as one says it.
func forPeople(v any, now time.Time) string {
	switch v := v.(type) {
	case time.Time:
		return when(v, now)
	case names:
		if len(v) > 1 {
			return fmt.Sprintf("%s +%d", v[0], len(v)-1)
		}
	}
	return forMachines(v)
}

// names are several texts in one cell: all of them for machines, the first and
// how many more for people.
type names []string

func (n names) String() string { return strings.Join(n, "; ") }
