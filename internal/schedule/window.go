package schedule

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a small container has no zones of its own
)

// Window is a part of the week in which changes are made, by the clock on the
// wall. One that lies in an hour which a change of the clocks leaves out is not
// there on that day; one in an hour that comes twice is open twice.
type Window struct {
	Name   string   `koanf:"name" yaml:"name" help:"what people call it"`
	Days   []string `koanf:"days" yaml:"days" help:"the days it begins on: mon, sat..sun, ...; empty: every day"`
	From   string   `koanf:"from" yaml:"from" help:"when it opens, HH:MM"`
	To     string   `koanf:"to" yaml:"to" help:"when it closes, HH:MM; not after from: on the next day"`
	Zone   string   `koanf:"zone" yaml:"zone" help:"time zone, such as Europe/Zurich; empty: UTC"`
	Apps   []string `koanf:"apps" yaml:"apps" help:"only for applications with such a name; * stands for any text"`
	Tags   []string `koanf:"tags" yaml:"tags" help:"... or with the word #TAG in their notes"`
	Owners []string `koanf:"owners" yaml:"owners" help:"... or with such an owner: name, mail address or object id; * stands for any text"`
}

// window is a Window that is ready to be asked.
type window struct {
	name     string
	days     [7]bool // by time.Weekday
	from, to int     // minutes of the day; to is above from, beyond 24 h on the next day
	zone     *time.Location
	scope    scope
}

// open reports whether the clock on the wall says so.
func (w *window) open(at time.Time) bool {
	local := at.In(w.zone)
	minute, today := local.Hour()*60+local.Minute(), local.Weekday()
	if w.days[today] && minute >= w.from && minute < w.to {
		return true
	}
	return w.days[(today+6)%7] && minute+24*60 < w.to
}

// change is the next moment after at when the clock on the wall shows one of the
// window's times, or is itself changed.
func (w *window) change(at time.Time) time.Time {
	local := at.In(w.zone)
	_, end := local.ZoneBounds()
	_, offset := local.Zone()
	wall := local.Unix() + int64(offset) // as if the zone were UTC
	midnight := wall - mod(wall, 86400)
	next := at.Add(day)
	for _, minute := range []int{w.from, w.to, w.to - 24*60} {
		for _, begin := range []int64{midnight, midnight + 86400} {
			if t := time.Unix(begin+int64(minute)*60-int64(offset), 0); t.After(at) && t.Before(next) {
				next = t
			}
		}
	}
	if !end.IsZero() && end.Before(next) {
		next = end
	}
	return next
}

func mod(a, b int64) int64 { return ((a % b) + b) % b }

func parseWindow(w Window) (out window, err error) {
	var wrong []error
	out.name = w.Name
	if w.Name == "" {
		wrong = append(wrong, errors.New("it has no name"))
	}
	if out.days, err = parseDays(w.Days); err != nil {
		wrong = append(wrong, err)
	}
	if out.from, err = parseClock(w.From); err != nil {
		wrong = append(wrong, fmt.Errorf("from: %w", err))
	}
	if out.to, err = parseClock(w.To); err != nil {
		wrong = append(wrong, fmt.Errorf("to: %w", err))
	}
	if out.to <= out.from {
		out.to += 24 * 60
	}
	if out.zone, err = parseZone(w.Zone); err != nil {
		wrong = append(wrong, err)
	}
	out.scope = newScope(w.Apps, w.Tags, w.Owners)
	return out, errors.Join(wrong...)
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// parseDays reads mon, tue, mon..fri, sat..mon.
func parseDays(list []string) (days [7]bool, err error) {
	if len(list) == 0 {
		return [7]bool{true, true, true, true, true, true, true}, nil
	}
	for _, text := range list {
		first, last, ranged := strings.Cut(strings.ToLower(strings.TrimSpace(text)), "..")
		if !ranged {
			last = first
		}
		a, b := slices.Index(weekdays, first), slices.Index(weekdays, last)
		if a < 0 || b < 0 {
			return days, fmt.Errorf("%.20q is no day; write mon, tue, wed, thu, fri, sat, sun, or mon..fri", text)
		}
		for d := a; ; d = (d + 1) % 7 {
			days[d] = true
			if d == b {
				break
			}
		}
	}
	return days, nil
}

var clock = regexp.MustCompile(`^([01]?[0-9]|2[0-4]):([0-5][0-9])$`)

// parseClock reads HH:MM as minutes of the day; 24:00 is its end.
func parseClock(text string) (int, error) {
	parts := clock.FindStringSubmatch(text)
	if parts == nil {
		return 0, fmt.Errorf("%.20q is no time of day; write 22:00", text)
	}
	hours, _ := strconv.Atoi(parts[1]) // the expression took care of what it is
	minutes, _ := strconv.Atoi(parts[2])
	if hours == 24 && minutes > 0 {
		return 0, fmt.Errorf("%.20q is after the end of the day", text)
	}
	return hours*60 + minutes, nil
}

func parseZone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("%.40q is no time zone; write one such as Europe/Zurich", name)
	}
	return zone, nil
}
