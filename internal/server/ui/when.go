package ui

import (
	"fmt"
	"time"
)

// When is a time as a person reads it: the date, how far away that is, and the exact
// time on hover, for copying and for machines.
type When struct {
	Machine  string // RFC 3339
	Date     string // 2026-12-07
	Exact    string // Monday 7 December 2026, 09:15 UTC
	Relative string // in 12 days, 3 hours ago
}

// when is the time t seen from now; nil for none.
func when(t, now time.Time) *When {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &When{
		Machine: t.Format(time.RFC3339), Date: t.Format(time.DateOnly),
		Exact: t.Format("Monday 2 January 2006, 15:04 UTC"), Relative: relative(t, now),
	}
}

// moment is one in the last days or the next, whose hour matters.
func moment(t, now time.Time) *When {
	w := when(t, now)
	if w != nil {
		w.Date = t.UTC().Format("2006-01-02 15:04")
	}
	return w
}

// relative is how far away a time is: "in 12 days", "3 minutes ago", "now".
func relative(t, now time.Time) string {
	d := t.Sub(now)
	past := d < 0
	d = d.Abs()
	text := ""
	switch {
	case d < time.Minute && past:
		return "just now"
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		text = count(int(d.Minutes()), "minute")
	case d < 48*time.Hour:
		text = count(int(d.Hours()), "hour")
	case d < 100*24*time.Hour:
		text = count(int(d.Hours()/24), "day")
	case d < 2*365*24*time.Hour:
		text = count(int(d.Hours()/24/30.44), "month")
	case d < 200*365*24*time.Hour:
		text = count(int(d.Hours()/24/365.25), "year")
	default:
		text = "centuries"
	}
	if past {
		return text + " ago"
	}
	return "in " + text
}

// lasting is a length of time in words.
func lasting(d time.Duration) string {
	switch {
	case d < time.Minute:
		return count(int(d.Seconds()), "second")
	case d < 2*time.Hour:
		return count(int(d.Minutes()), "minute")
	case d < 72*time.Hour:
		return count(int(d.Hours()), "hour")
	}
	return count(int(d.Hours()/24), "day")
}

// count is a number with its noun: 1 day, 12 days.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + noun + "s"
}

// number is one that people can read: 1,234,567.
func number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
