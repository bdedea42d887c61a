package schedule

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/inventory"
)

func calendar(t testing.TB, windows []Window, freezes []Freeze) *Calendar {
	t.Helper()
	c, err := NewCalendar(windows, freezes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// shapes are windows that meet every change of the clocks in its own way.
var shapes = []Window{
	{Name: "nights", Days: []string{"mon..fri"}, From: "22:00", To: "04:00"},
	{Name: "the hour that is lost or doubled", From: "02:15", To: "02:45"},
	{Name: "around midnight", From: "23:50", To: "00:10"},
	{Name: "all of sunday", Days: []string{"sun"}, From: "00:00", To: "24:00"},
	{Name: "a day and a night", Days: []string{"sat"}, From: "05:00", To: "05:00"},
	{Name: "over the week's end", Days: []string{"fri..mon"}, From: "1:30", To: "02:00"},
}

// Places and years with something odd: half an hour, at midnight, to midnight, a
// change against the season, a day that is left out, none at all.
var odd = map[string][]int{
	"Europe/Zurich": {2026}, "America/New_York": {2027}, "Australia/Lord_Howe": {2026, 2027}, "America/Sao_Paulo": {2018},
	"Atlantic/Azores": {2026}, "Africa/Casablanca": {2026}, "Pacific/Apia": {2011}, "Asia/Kathmandu": {2026}, "America/Havana": {2026},
}

// oracle answers what a person with a clock and a list of hours would say.
func oracle(w Window) func(local time.Time) bool {
	from, _ := parseClock(w.From)
	to, _ := parseClock(w.To)
	if to <= from {
		to += 24 * 60
	}
	days, _ := parseDays(w.Days)
	return func(l time.Time) bool {
		wall := time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)
		for back := range 2 {
			begins := time.Date(l.Year(), l.Month(), l.Day()-back, 0, 0, 0, 0, time.UTC)
			after := wall.Sub(begins) / time.Minute
			if days[begins.Weekday()] && after >= time.Duration(from) && after < time.Duration(to) {
				return true
			}
		}
		return false
	}
}

// TestWindowsMinuteByMinute compares Open and Next with the clock on the wall at
// every minute of odd years in odd places.
func TestWindowsMinuteByMinute(t *testing.T) {
	for name, years := range odd {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, year := range years {
			for _, shape := range shapes {
				t.Run(name+"/"+shape.Name, func(t *testing.T) {
					t.Parallel()
					shape.Zone = name
					minuteByMinute(t, shape, zone, time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC))
				})
			}
		}
	}
}

func minuteByMinute(t *testing.T, w Window, zone *time.Location, start time.Time) {
	c := calendar(t, []Window{w}, nil)
	var none inventory.Application
	const minutes = 370 * 24 * 60
	open, says := make([]bool, minutes+8*24*60), oracle(w)
	for m := range open {
		at := start.Add(time.Duration(m) * time.Minute)
		open[m] = says(at.In(zone))
		if got, why := c.Open(at, none); got != open[m] || got != (why == "") {
			t.Fatalf("%s: open %v (%s), want %v", at.In(zone), got, why, open[m])
		}
	}
	next, opened := len(open), 0
	for m := len(open) - 1; m >= 0; m-- {
		if open[m] {
			next, opened = m, opened+1
		}
		at := start.Add(time.Duration(m) * time.Minute)
		_, end := at.In(zone).ZoneBounds()
		near := !end.IsZero() && end.Sub(at) < 5*time.Hour
		if m >= minutes || !near && m%61 != 0 {
			continue
		}
		if got, want := c.Next(at, none), start.Add(time.Duration(next)*time.Minute); !got.Equal(want) {
			t.Fatalf("after %s: %s, want %s", at.In(zone), got.In(zone), want.In(zone))
		}
		if odd := at.Add(37 * time.Second); !open[m] && !c.Next(odd, none).Equal(start.Add(time.Duration(next)*time.Minute)) {
			t.Fatalf("after %s: %s", odd.In(zone), c.Next(odd, none).In(zone))
		}
	}
	if opened == 0 {
		t.Fatal("it was never open; nothing was compared")
	}
}

// TestDaysBeginWhenTheirDateDoes holds the first moment of each day against a
// walk through its minutes.
func TestDaysBeginWhenTheirDateDoes(t *testing.T) {
	for name, years := range odd {
		zone, _ := time.LoadLocation(name)
		for _, year := range years {
			at := time.Date(year, 1, 1, 12, 0, 0, 0, zone)
			for at.Year() == year {
				before := at.Format(time.DateOnly)
				for at.Format(time.DateOnly) == before {
					at = at.Add(15 * time.Minute)
				}
				at = at.Truncate(15 * time.Minute)
				if got := startOf(at.Year(), at.Month(), at.Day(), zone); !got.Equal(at) {
					t.Errorf("%s %s begins %s, want %s", name, at.Format(time.DateOnly), got.In(zone), at)
				}
				at = at.Add(90 * time.Minute) // past a midnight that comes twice
			}
		}
	}
	apia, _ := time.LoadLocation("Pacific/Apia") // 30 December 2011 was left out
	if got, want := startOf(2011, 12, 30, apia), time.Date(2011, 12, 31, 0, 0, 0, 0, apia); !got.Equal(want) {
		t.Errorf("the day that was left out begins %s, want %s", got.In(apia), want)
	}
}

func TestFreezesHoldTheirDaysAndTheirEnds(t *testing.T) {
	zurich, _ := time.LoadLocation("Europe/Zurich")
	c := calendar(t, []Window{{Name: "nights", From: "22:00", To: "04:00", Zone: "Europe/Zurich"}}, []Freeze{
		{Name: "year end", From: "2026-12-15", To: "2027-01-06", Zone: "Europe/Zurich", Allow: []string{"next"}},
		{Name: "stock take", From: "2027-01-07T23:30", To: "2027-01-08T01:00", Zone: "Europe/Zurich", Apps: []string{"D365_*"}},
	})
	at := func(month time.Month, dom, hour, minute int) time.Time {
		year := 2026
		if month == time.January {
			year = 2027
		}
		return time.Date(year, month, dom, hour, minute, 0, 0, zurich)
	}
	d365 := inventory.Application{Name: "d365_Basware"}
	for _, test := range []struct {
		at, next time.Time
		app      inventory.Application
	}{
		{at(12, 14, 23, 59), at(12, 14, 23, 59), d365},
		{at(12, 15, 0, 0), at(1, 7, 0, 0), d365},
		{at(1, 6, 23, 59), at(1, 7, 0, 0), d365},
		{at(1, 7, 22, 0), at(1, 7, 22, 0), d365},
		{at(1, 7, 23, 30), at(1, 8, 1, 0), d365},
		{at(1, 7, 23, 30), at(1, 7, 23, 30), inventory.Application{Name: "PBI"}},
		{at(1, 7, 12, 0), at(1, 7, 22, 0), d365},
	} {
		if got := c.Next(test.at, test.app); !got.Equal(test.next) {
			t.Errorf("%s after %s: %s, want %s", test.app.Name, test.at, got.In(zurich), test.next)
		}
		if open, _ := c.Open(test.at, test.app); open != test.at.Equal(test.next) {
			t.Errorf("%s at %s: open %v", test.app.Name, test.at, open)
		}
	}
	frozen := at(12, 20, 23, 0)
	if until, why := c.Holds("deposit", "planned", frozen, d365); !until.Equal(at(1, 7, 0, 0)) || !strings.Contains(why, "year end") {
		t.Errorf("a deposit in the freeze waits until %s for %q", until, why)
	}
	if until, _ := c.Holds("issue", "next", frozen, d365); !until.IsZero() {
		t.Errorf("a plan that the freeze allows waits until %s", until)
	}
}

// TestOnlyWhatOthersNoticeIsHeld goes through every step of every plan.
func TestOnlyWhatOthersNoticeIsHeld(t *testing.T) {
	at := time.Date(2026, 12, 20, 12, 0, 0, 0, time.UTC)
	c := calendar(t, nil, []Freeze{{Name: "all", From: "2026-12-01", To: "2026-12-31"}})
	held := map[string][]string{}
	for _, plan := range []string{"planned", "next", "rollback", "emergency", "revoke"} {
		for _, step := range []string{"approve", "issue", "verify", "deposit", "propagate", "overlap", "withdraw", "watch", "revoke", "retract", "settle"} {
			if until, why := c.Holds(step, plan, at, inventory.Application{}); !until.IsZero() {
				held[plan] = append(held[plan], step)
				if why == "" {
					t.Errorf("%s of %s is held without a reason", step, plan)
				}
			}
		}
	}
	if want := []string{"issue", "deposit", "withdraw"}; !slices.Equal(held["planned"], want) || !slices.Equal(held["next"], want) || len(held["emergency"])+len(held["revoke"]) != 0 {
		t.Errorf("held: %v", held)
	}
	var nobody *Calendar
	if until, _ := nobody.Holds("issue", "planned", at, inventory.Application{}); !until.IsZero() || !nobody.Next(at, inventory.Application{}).Equal(at) {
		t.Error("no calendar holds something back")
	}
}

// TestNamedWindowsStandInPlaceOfGeneralOnes: what names an application is the
// more particular.
func TestNamedWindowsStandInPlaceOfGeneralOnes(t *testing.T) {
	c := calendar(t, []Window{
		{Name: "for all", From: "01:00", To: "02:00"},
		{Name: "finance", From: "03:00", To: "04:00", Apps: []string{"FIN_*"}, Owners: []string{"*@finance.contoso.com"}},
		{Name: "lunch", From: "12:00", To: "13:00", Tags: []string{"lunch"}},
	}, nil)
	at := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		app  inventory.Application
		hour int
	}{
		{inventory.Application{Name: "PBI"}, 1},
		{inventory.Application{Name: "fin_export"}, 3},
		{inventory.Application{Name: "PBI", Owners: []inventory.Owner{{Mail: "Nora@Finance.contoso.com"}}}, 3},
		{inventory.Application{Name: "PBI", Notes: "nightly job, see wiki. #Lunch, #other"}, 12},
		{inventory.Application{Name: "PBI", Notes: "lunch"}, 1},
	} {
		if got := c.Next(at, test.app); got.Hour() != test.hour {
			t.Errorf("%+v may begin at %s, want %d:00", test.app, got, test.hour)
		}
	}
}

func TestCalendarsThatCannotBeMeantAreRefused(t *testing.T) {
	good := Window{Name: "x", From: "22:00", To: "04:00"}
	for _, test := range []struct {
		change func(*Window)
		want   string
	}{
		{func(w *Window) { w.Name = "" }, "no name"},
		{func(w *Window) { w.From = "25:00" }, "no time of day"},
		{func(w *Window) { w.To = "24:01" }, "after the end of the day"},
		{func(w *Window) { w.Zone = "Mars/Olympus" }, "no time zone"},
		{func(w *Window) { w.Zone = "Local" }, "no time zone"},
		{func(w *Window) { w.Days = []string{"mon..funday"} }, "no day"},
	} {
		w := good
		test.change(&w)
		if _, err := NewCalendar([]Window{w}, nil); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", w, err, test.want)
		}
	}
	for _, f := range []Freeze{
		{From: "2026-01-01", To: "2026-01-02"}, {Name: "x", From: "2026-01-02", To: "2026-01-01"}, {Name: "x", From: "tomorrow", To: "2026-01-01"},
		{Name: "x", From: "2026-01-01", To: "2028-01-01"}, {Name: "x", From: "2026-01-01", To: "2026-02-30"},
	} {
		if _, err := NewCalendar(nil, []Freeze{f}); err == nil {
			t.Errorf("%+v was taken", f)
		}
	}
}

func TestEndlessFreezesAreToldFrom(t *testing.T) {
	var years []Freeze
	for _, y := range []string{"2026", "2027", "2028", "2029", "2030"} {
		years = append(years, Freeze{Name: y, From: y + "-01-01", To: y + "-12-31"})
	}
	c := calendar(t, nil, years)
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	if next := c.Next(at, inventory.Application{}); !next.IsZero() {
		t.Errorf("next is %s", next)
	}
	if until, _ := c.Holds("issue", "planned", at, inventory.Application{}); !until.After(at) {
		t.Errorf("held until %s", until)
	}
}

func FuzzCalendarText(f *testing.F) {
	f.Add("mon..fri", "22:00", "04:00", "Europe/Zurich", "2026-12-15", "2027-01-06T12:00")
	f.Fuzz(func(t *testing.T, days, from, to, zone, begin, end string) {
		c, err := NewCalendar([]Window{{Name: "x", Days: []string{days}, From: from, To: to, Zone: zone}}, []Freeze{{Name: "y", From: begin, To: end, Zone: zone}})
		if err != nil {
			return
		}
		at := time.Date(2026, 12, 20, 0, 0, 0, 0, time.UTC)
		if next := c.Next(at, inventory.Application{}); !next.IsZero() {
			if open, why := c.Open(next, inventory.Application{}); !open || next.Before(at) {
				t.Errorf("%s is not open: %s", next, why)
			}
		}
	})
}
