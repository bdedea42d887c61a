package ui

import (
	"fmt"
	"time"

	"rekey.example/rekey/api"
)

// timeline is the picture of what ends when: one bar for each day, stacked by
// consequence, with change freezes behind and overlaps below. The buckets under it are
// links, and the table beside it says the same in numbers.
type timeline struct {
	Width, Height, Floor int
	Full                 int // with the scale
	Bars                 []bar
	Freezes              []band
	Overlaps             []band
	Weeks                []mark
	Lines                []mark // of the scale
	Summary              string
	Buckets              []bucket
	Table                Table
	Legend               []legend
	AnyFreeze, AnyLap    bool
}

// bar is one stack segment of a day.
type bar struct {
	X, Y, W, H int
	Tone       string
	Href       string
	Title      string
}

// band is a span of time.
type band struct {
	X, Y, W, H int
	Title      string
	Name       Text
	Href       string
}

type mark struct {
	X, Y int
	Text string
}

type bucket struct {
	Title, Number, Href string
	Tone                string
	Parts               []bar
	Zero                bool
}

type legend struct{ Tone, Text string }

// The picture's measures. The width of a day is a whole number, so that nothing blurs.
const (
	dayWidth   = 10
	plotHeight = 120
	scaleWidth = 28
	lapHeight  = 7
	mostLaps   = 6
)

func newTimeline(o api.Overview, now time.Time) timeline {
	t := timeline{Width: max(len(o.Days), 1) * dayWidth, Full: max(len(o.Days), 1)*dayWidth + scaleWidth, Floor: plotHeight, Legend: []legend{{"breaks", impactWord(api.ImpactBreaks)}, {"used", impactWord(api.ImpactUsed)}, {"quiet", impactWord(api.ImpactQuiet)}}}
	most, total, busiest := 4, 0, api.DayCount{}
	for _, d := range o.Days {
		total += d.Count
		if d.Count > busiest.Count {
			busiest = d
		}
		most = max(most, d.Count)
	}
	t.bars(o.Days, most)
	t.scale(most)
	t.spans(o)
	t.buckets(o)
	t.Summary = fmt.Sprintf("%s end within the next %d days.", count(total, "credential"), len(o.Days))
	if busiest.Count > 1 {
		t.Summary += fmt.Sprintf(" Most on one day: %d, on %s.", busiest.Count, busiest.Date.UTC().Format(time.DateOnly))
	}
	return t
}

// bars stacks what ends on each day, the worst at the bottom where it is seen first.
func (t *timeline) bars(days []api.DayCount, most int) {
	for i, d := range days {
		y := plotHeight
		date := d.Date.UTC().Format(time.DateOnly)
		for _, part := range []struct {
			n      int
			impact api.Impact
		}{{d.Breaks, api.ImpactBreaks}, {d.Used, api.ImpactUsed}, {d.Quiet, api.ImpactQuiet}} {
			if part.n == 0 {
				continue
			}
			h := max(3, part.n*(plotHeight-8)/most)
			y -= h
			t.Bars = append(t.Bars, bar{
				X: i*dayWidth + 1, Y: y, W: dayWidth - 2, H: h - 1, Tone: string(part.impact),
				Href:  at("/credentials", "from", date, "before", d.Date.UTC().AddDate(0, 0, 1).Format(time.DateOnly), "impact", string(part.impact)),
				Title: fmt.Sprintf("%s: %d, %s", date, part.n, impactWord(part.impact)),
			})
		}
		if d.Date.UTC().Weekday() == time.Monday {
			t.Weeks = append(t.Weeks, mark{X: i * dayWidth, Text: d.Date.UTC().Format("2 Jan")})
		}
	}
}

func (t *timeline) scale(most int) {
	for _, n := range []int{most, most / 2} {
		t.Lines = append(t.Lines, mark{Y: plotHeight - n*(plotHeight-8)/most, Text: number(n)})
	}
}

// spans draws freezes behind the bars and overlaps below them.
func (t *timeline) spans(o api.Overview) {
	t.Height = t.Floor + 20
	if len(o.Days) == 0 {
		return
	}
	begin := o.Days[0].Date
	at := func(when time.Time) int {
		return min(max(int(when.Sub(begin).Hours()*dayWidth/24), 0), t.Width)
	}
	for _, f := range o.Freezes {
		if x, end := at(f.From), at(f.To); end > x {
			t.Freezes = append(t.Freezes, band{X: x, W: end - x, H: plotHeight, Name: words(f.Name), Title: "Change freeze " + visible(f.Name) + ", " + f.From.Format(time.DateOnly) + " to " + f.To.Format(time.DateOnly)})
		}
	}
	for i, l := range o.Overlaps {
		if i == mostLaps {
			break
		}
		x := at(l.From)
		t.Overlaps = append(t.Overlaps, band{
			X: x, Y: t.Floor + 20 + i*(lapHeight+2), W: max(at(l.Until)-x, 4), H: lapHeight, Name: words(l.Application),
			Title: "Both valid: " + visible(l.Application) + ", until " + l.Until.UTC().Format("2006-01-02 15:04"), Href: "/rotations/" + escape(l.Rotation),
		})
	}
	t.Height += len(t.Overlaps) * (lapHeight + 2)
	t.AnyFreeze, t.AnyLap = len(t.Freezes) > 0, len(t.Overlaps) > 0
}

// buckets are the parts of time, and the picture's twin in numbers.
func (t *timeline) buckets(o api.Overview) {
	var rows []Row
	total := 1
	for _, e := range o.Ends {
		total = max(total, e.Count)
	}
	for _, e := range o.Ends {
		to := at("/credentials", "ends", string(e.Ends))
		b := bucket{Title: endsWord(e.Ends), Number: number(e.Count), Href: to, Tone: endsTone(e), Zero: e.Count == 0}
		x := 0
		for _, p := range []struct {
			n    int
			tone string
		}{{e.Breaks, "breaks"}, {e.Used, "used"}, {e.Quiet, "quiet"}} {
			if w := p.n * 100 / total; p.n > 0 {
				b.Parts = append(b.Parts, bar{X: x, W: max(w, 2), H: 4, Tone: p.tone})
				x += max(w, 2)
			}
		}
		t.Buckets = append(t.Buckets, b)
		row := []Cell{linkCell(endsTitle(e.Ends), to)}
		split := e.Ends != api.EndsLater && e.Ends != api.EndsNever && e.Ends != api.EndsUnknown
		for _, p := range []struct {
			n      int
			impact api.Impact
		}{{e.Breaks, api.ImpactBreaks}, {e.Used, api.ImpactUsed}, {e.Quiet, api.ImpactQuiet}} {
			if !split {
				row = append(row, textCell(plain("–")))
				continue
			}
			row = append(row, numberCell(p.n, at("/credentials", "ends", string(e.Ends), "impact", string(p.impact))))
		}
		rows = append(rows, Row{Cells: append(row, numberCell(e.Count, to))})
	}
	t.Table = table("What ends when, in numbers", []Column{{Title: "Ends"}, {Title: "Breaks", Number: true}, {Title: "In use", Number: true}, {Title: "No use known", Number: true}, {Title: "All", Number: true}}, rows, Empty{Title: "Nothing is known yet"})
}

func endsTitle(e api.Ends) string {
	switch e {
	case api.EndsExpired, api.EndsLater:
		return endsWord(e)
	case api.EndsNever:
		return "Never: its kind has no end"
	case api.EndsUnknown:
		return "Unknown: the issuer tells none"
	}
	return "Within " + endsWord(e)
}

func endsTone(e api.EndsCount) string {
	switch {
	case e.Count == 0:
		return "none"
	case e.Ends == api.EndsExpired, e.Ends == api.EndsWithin2, e.Ends == api.EndsWithin7:
		return "bad"
	case e.Ends == api.EndsWithin14, e.Ends == api.EndsWithin30, e.Ends == api.EndsUnknown:
		return "warn"
	}
	return "none"
}
