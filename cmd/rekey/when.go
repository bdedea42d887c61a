package main

import (
	"fmt"
	"time"
)

// when says how far a moment is from now: in 6 days, 3 h ago.
func when(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	d := t.Sub(now)
	words := span(d.Abs())
	switch {
	case words == "":
		return "now"
	case d < 0:
		return words + " ago"
	}
	return "in " + words
}

// span is a length of time in its largest unit that tells enough.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return ""
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d < 2*365*day:
		return fmt.Sprintf("%d days", d/day)
	}
	return fmt.Sprintf("%d years", d/(365*day))
}
