package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// sheet is one thing told at length: facts, and tables below headings.
type sheet struct {
	w     io.Writer
	s     *session
	now   time.Time
	facts []fact
	err   error
}

type fact struct{ name, text string }

// tell prints value at length for a person, or as a document for a machine.
func (s *session) tell(value any, people func(*sheet)) error {
	if !s.tabular() {
		generic, err := generalize(value)
		if err != nil {
			return err
		}
		return s.show(value, tableOf(generic))
	}
	p := &sheet{w: s.out, s: s, now: time.Now()}
	people(p)
	p.flush()
	return p.err
}

// fact is one line "name  text". Facts that follow each other are aligned. Empty
// ones are left out.
func (p *sheet) fact(name, format string, a ...any) {
	if text := visible(fmt.Sprintf(format, a...)); text != "" {
		p.facts = append(p.facts, fact{name, text})
	}
}

// moment is a fact that is a time, both as a date and in words.
func (p *sheet) moment(name string, t time.Time) {
	if !t.IsZero() {
		p.fact(name, "%s (%s)", t.UTC().Format("2006-01-02 15:04 UTC"), when(t, p.now))
	}
}

func (p *sheet) flush() {
	longest := 0
	for _, f := range p.facts {
		longest = max(longest, width(f.name))
	}
	for _, f := range p.facts {
		p.line("%s%s  %s", f.name, strings.Repeat(" ", longest-width(f.name)), f.text)
	}
	p.facts = nil
}

func (p *sheet) line(format string, a ...any) {
	if _, err := fmt.Fprintf(p.w, format+"\n", a...); err != nil && p.err == nil {
		p.err = err
	}
}

func (p *sheet) heading(text string) {
	p.flush()
	p.line("")
	p.line("%s", p.s.bold(text))
}

// table prints a table below a heading; nothing if it has no rows.
func (p *sheet) table(heading string, t *table) {
	if len(t.rows) == 0 {
		return
	}
	p.heading(heading)
	if err := t.write(p.w, p.now, p.s.width, func(s string) string { return s }); err != nil && p.err == nil {
		p.err = err
	}
}
