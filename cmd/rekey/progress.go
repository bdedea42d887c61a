package main

import (
	"fmt"
	"strings"
)

// progress is one line on stderr that is written over as the work goes on. It is
// only there when a person watches.
type progress struct {
	s     *session
	shown bool
}

func (s *session) progress() *progress { return &progress{s: s} }

func (p *progress) active() bool { return p.s.watched && !p.s.flags.quiet }

// at replaces the line.
func (p *progress) at(format string, a ...any) {
	if !p.active() {
		return
	}
	line := visible(fmt.Sprintf(format, a...))
	if p.s.width > 1 {
		line = shorten(line, p.s.width-1)
	}
	fmt.Fprint(p.s.err, "\r\x1b[K", line)
	p.shown = true
}

// log leaves a line standing above.
func (p *progress) log(format string, a ...any) {
	if !p.active() {
		return
	}
	p.done()
	fmt.Fprintln(p.s.err, visible(fmt.Sprintf(format, a...)))
}

// done takes the line away.
func (p *progress) done() {
	if p.shown {
		fmt.Fprint(p.s.err, "\r\x1b[K")
		p.shown = false
	}
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int) string {
	digits := fmt.Sprint(n)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// plural counts things: 1 page, 2 pages.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return thousands(n) + " " + thing + "s"
}
