package schedule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/inventory"
)

// Freeze is a time without changes. Emergencies and revocations are never held.
type Freeze struct {
	Name   string   `koanf:"name" yaml:"name" help:"what people call it"`
	From   string   `koanf:"from" yaml:"from" help:"first day, YYYY-MM-DD, or YYYY-MM-DDTHH:MM"`
	To     string   `koanf:"to" yaml:"to" help:"last day, all of it, or the moment YYYY-MM-DDTHH:MM when it ends"`
	Zone   string   `koanf:"zone" yaml:"zone" help:"time zone, such as Europe/Zurich; empty: UTC"`
	Allow  []string `koanf:"allow" yaml:"allow" help:"plans that are not held besides emergency and revoke, which never are"`
	Apps   []string `koanf:"apps" yaml:"apps" help:"only for applications with such a name; * stands for any text"`
	Tags   []string `koanf:"tags" yaml:"tags" help:"... or with the word #TAG in their notes"`
	Owners []string `koanf:"owners" yaml:"owners" help:"... or with such an owner: name, mail address or object id; * stands for any text"`
}

// freeze is a Freeze that is ready to be asked: from inclusive, to exclusive.
type freeze struct {
	name     string
	from, to time.Time
	allow    []string
	scope    scope
}

// Calendar knows the windows and the freezes. The zero value and nil are always
// open.
type Calendar struct {
	windows []window
	freezes []freeze
}

// Plans that nothing holds back: waiting would cost more than any surprise.
var urgent = []string{"emergency", "revoke"}

// Steps that are held back: those after which something is different for
// somebody else. Looking and proving go on at any time.
var noticed = []string{"issue", "deposit", "withdraw"}

// NewCalendar checks windows and freezes and says everything that is wrong with
// them.
func NewCalendar(windows []Window, freezes []Freeze) (*Calendar, error) {
	c := &Calendar{}
	var wrong []error
	for i, w := range windows {
		parsed, err := parseWindow(w)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("entry %d of schedule.windows, %.40q: %w", i+1, w.Name, err))
		}
		c.windows = append(c.windows, parsed)
	}
	for i, f := range freezes {
		parsed, err := parseFreeze(f)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("entry %d of schedule.freezes, %.40q: %w", i+1, f.Name, err))
		}
		c.freezes = append(c.freezes, parsed)
	}
	return c, errors.Join(wrong...)
}

// Bounds are the first moment of the freeze with that index in the configuration,
// and the first one after it.
func (c *Calendar) Bounds(i int) (from, to time.Time) { return c.freezes[i].from, c.freezes[i].to }

func parseFreeze(f Freeze) (out freeze, err error) {
	if f.Name == "" {
		return out, errors.New("it has no name")
	}
	zone, err := parseZone(f.Zone)
	if err != nil {
		return out, err
	}
	out = freeze{name: f.Name, allow: f.Allow, scope: newScope(f.Apps, f.Tags, f.Owners)}
	if out.from, _, err = parseMoment(f.From, zone); err != nil {
		return out, fmt.Errorf("from: %w", err)
	}
	to, whole, err := parseMoment(f.To, zone)
	if err != nil {
		return out, fmt.Errorf("to: %w", err)
	}
	if whole {
		to = startOf(to.Year(), to.Month(), to.Day()+1, zone)
	}
	if out.to = to; !out.to.After(out.from) || out.to.Sub(out.from) > 366*day {
		return out, errors.New("it does not end after it begins, or lasts for more than a year")
	}
	return out, nil
}

// parseMoment reads a day or a moment of it.
func parseMoment(text string, zone *time.Location) (at time.Time, whole bool, err error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return startOf(t.Year(), t.Month(), t.Day(), zone), true, nil
	}
	if t, err := time.ParseInLocation("2006-01-02T15:04", text, zone); err == nil {
		return t, false, nil
	}
	return at, false, fmt.Errorf("%.30q is no date; write 2026-12-15 or 2026-12-15T18:00", text)
}

// startOf is the first moment of a day. Where the clocks are changed at midnight
// that is not 00:00, and time.Date would answer with a moment of the day before.
func startOf(year int, month time.Month, dom int, zone *time.Location) time.Time {
	t := time.Date(year, month, dom, 0, 0, 0, 0, zone)
	want := time.Date(year, month, dom, 0, 0, 0, 0, time.UTC)
	begin, end := t.ZoneBounds()
	wall := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	switch {
	case wall.Before(want):
		return end
	case wall.After(want):
		return begin
	case begin.IsZero():
		return t
	}
	_, old := begin.Add(-time.Nanosecond).Zone() // midnight may come twice
	if first := want.Add(-time.Duration(old) * time.Second).In(zone); first.Before(begin) && first.Day() == want.Day() {
		return first
	}
	return t
}

// applying are the windows that hold for an application: those that name it,
// else those for all.
func (c *Calendar) applying(a inventory.Application) (list []*window) {
	var general []*window
	for i := range c.windows {
		w := &c.windows[i]
		switch {
		case w.scope.all():
			general = append(general, w)
		case w.scope.names(a):
			list = append(list, w)
		}
	}
	if len(list) == 0 {
		return general
	}
	return list
}

// frozen is the freeze that holds for an application and a plan at a moment.
func (c *Calendar) frozen(at time.Time, a inventory.Application, plan string) *freeze {
	if c == nil {
		return nil
	}
	for i := range c.freezes {
		f := &c.freezes[i]
		if !at.Before(f.from) && at.Before(f.to) && (f.scope.all() || f.scope.names(a)) && !slices.Contains(f.allow, plan) {
			return f
		}
	}
	return nil
}

// Open reports whether changes are made at a moment, and else why not.
func (c *Calendar) Open(at time.Time, a inventory.Application) (open bool, why string) {
	return c.open(at, a, "planned")
}

func (c *Calendar) open(at time.Time, a inventory.Application, plan string) (bool, string) {
	if c == nil {
		return true, ""
	}
	if f := c.frozen(at, a, plan); f != nil {
		return false, fmt.Sprintf("the change freeze %q", f.name)
	}
	windows := c.applying(a)
	var names []string
	for _, w := range windows {
		if w.open(at) {
			return true, ""
		}
		names = append(names, w.name)
	}
	if len(windows) == 0 {
		return true, ""
	}
	return false, "the next maintenance window (" + strings.Join(names, ", ") + ")"
}

// horizon bounds how far Next looks: freezes that follow each other for longer
// are a mistake.
const horizon = 3 * 366 * day

// Next is the first moment from at on when changes are made; the zero time if
// there is none in three years.
func (c *Calendar) Next(at time.Time, a inventory.Application) time.Time {
	return c.next(at, a, "planned")
}

func (c *Calendar) next(at time.Time, a inventory.Application, plan string) time.Time {
	if c == nil {
		return at
	}
	windows := c.applying(a)
	for t := at; t.Sub(at) <= horizon; {
		if f := c.frozen(t, a, plan); f != nil {
			t = f.to
			continue
		}
		if len(windows) == 0 || slices.ContainsFunc(windows, func(w *window) bool { return w.open(t) }) {
			return t
		}
		next := t.Add(day)
		for _, w := range windows {
			if n := w.change(t); n.Before(next) {
				next = n
			}
		}
		t = next
	}
	return time.Time{}
}

// Holds says until when a step of a plan has to wait, and for what; the zero
// time if it need not.
func (c *Calendar) Holds(step, plan string, at time.Time, a inventory.Application) (until time.Time, why string) {
	if c == nil || slices.Contains(urgent, plan) || !slices.Contains(noticed, step) {
		return time.Time{}, ""
	}
	open, why := c.open(at, a, plan)
	if open {
		return time.Time{}, ""
	}
	if until = c.next(at, a, plan); until.IsZero() {
		until = at.Add(day) // the configuration may be mended by then
	}
	return until, why
}
