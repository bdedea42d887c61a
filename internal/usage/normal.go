package usage

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// volume judges how often a credential was used on the day of a use, against the
// days before it.
func (s *Sketch) volume(u Use) *Alarm {
	i := slices.IndexFunc(s.Days, func(d Day) bool { return d.Day == dayOf(u.Time) })
	if i < 0 || !s.taught(u.Time) || s.Days[i].Count <= volumeMore { // so many are never too many
		return nil
	}
	var before []int64
	for _, d := range s.Days[:i] {
		if !d.Odd {
			before = append(before, d.Count)
		}
	}
	if len(before) < volumeDays {
		return nil
	}
	m, spread, most := typical(before)
	limit := max(m+volumeSpread*spread, volumeTimes*m, volumeMost*float64(most), m+volumeMore)
	today := &s.Days[i]
	if float64(today.Count) <= limit {
		return nil
	}
	today.Odd = true
	return &Alarm{
		Kind: Volume, What: fmt.Sprintf("it was used %d times on %s so far", today.Count, u.Time.Format("2 January 2006")),
		Normal: fmt.Sprintf("on the last %d days of use it was used %.0f times a day (median), and %d at most; more than %.0f is unusual", len(before), m, most, math.Floor(limit)),
	}
}

// typical are the median of some counts, their usual spread around it, and the most.
func typical(counts []int64) (m, spread float64, most int64) {
	m = median(counts)
	away := make([]int64, len(counts))
	for i, c := range counts {
		away[i] = int64(math.Abs(float64(c) - m))
	}
	return m, 1.4826 * median(away), slices.Max(counts)
}

func median(list []int64) float64 {
	list = slices.Sorted(slices.Values(list))
	n := len(list)
	return float64(list[(n-1)/2]+list[n/2]) / 2
}

// mostNamed is how many things a sentence names.
const mostNamed = 5

// normal names what a set holds, the most usual first.
func (s *Sketch) normal(k *Known, word string) string {
	list := slices.SortedFunc(slices.Values(k.Items), func(a, b Item) int {
		return cmp.Or(b.Days-a.Days, strings.Compare(a.Name, b.Name))
	})
	var names []string
	for _, i := range list[:min(len(list), mostNamed)] {
		names = append(names, i.Name)
	}
	text := "on " + count(s.Active, "day") + " of use it came " + word + strings.Join(names, ", ")
	if word == "for " {
		text = "on " + count(s.Active, "day") + " of use it asked for " + strings.Join(names, ", ")
	}
	if more := len(list) - mostNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// share says how often something new came.
func (s *Sketch) share(k *Known) string {
	n := min(s.Judged, 63)
	mask := uint64(1)<<n - 1
	return fmt.Sprintf("%d of the last %s of use", bits.OnesCount64(k.Novel&mask), count(n, "day"))
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// hours says when a credential is used.
func (s *Sketch) hours() string {
	var parts [24]bool
	for _, i := range s.Hours.Items {
		var h int
		if _, err := fmt.Sscanf(i.Name, "%d:00", &h); err == nil && h >= 0 && h < 24 {
			parts[h] = true
		}
	}
	var spans []string
	for h := 0; h < 24; h++ {
		if !parts[h] {
			continue
		}
		from := h
		for h < 24 && parts[h] {
			h++
		}
		spans = append(spans, fmt.Sprintf("%02d:00-%02d:00", from, h%24))
	}
	var days []string
	for _, d := range []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"} {
		if s.Week.has(d) {
			days = append(days, d)
		}
	}
	on := strings.Join(days, ", ")
	if len(days) == 7 {
		on = "any day"
	}
	return "it is used between " + strings.Join(spans, ", ") + " UTC, on " + on
}

// Normal is what is usual for a credential, a sentence for each sort of thing.
func (s *Sketch) Normal() []string {
	if s.Uses == 0 {
		return []string{}
	}
	list := []string{s.hours()}
	for _, p := range []struct {
		k    *Known
		word string
	}{{&s.Lands, "from "}, {&s.Nets, "from "}, {&s.APIs, "for "}} {
		if len(p.k.Items) > 0 {
			list = append(list, s.normal(p.k, p.word))
		}
	}
	var counts []int64
	for _, d := range s.Days {
		counts = append(counts, d.Count)
	}
	m, spread, most := typical(counts)
	return append(list, fmt.Sprintf("it is used %.0f times a day (median; usual spread %.0f, at most %d), on %s so far", m, spread, most, count(s.Active, "day")))
}
