package schedule

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/secret"
)

func newSchedule(t testing.TB, c Config, r Rules) *Schedule {
	t.Helper()
	ring, err := secret.OpenKeyring(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	r.Keyed = ring.Markers
	s, err := New(c, r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var (
	created = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	needs   = 5 * day
)

// batch are 1,000 secrets made on one morning for 180 days.
func batch() (list []inventory.Credential) {
	for i := range 1000 {
		starts := created.Add(time.Duration(i) * 10 * time.Second)
		list = append(list, inventory.Credential{KeyID: fmt.Sprintf("%08x-0000-4000-8000-000000000000", i), Kind: inventory.ClientSecret, Starts: starts, Expires: starts.Add(180 * day)})
	}
	return list
}

// busiest compares the busiest day with the mean of the days from first to last.
func busiest(t *testing.T, what string, times []time.Time) {
	t.Helper()
	days, first, last := map[int64]int{}, times[0], times[0]
	for _, at := range times {
		days[at.Unix()/86400]++
		if at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	most := 0
	for _, n := range days {
		most = max(most, n)
	}
	span := int(last.Unix()/86400-first.Unix()/86400) + 1
	mean := float64(len(times)) / float64(span)
	t.Logf("%s: %d over %d days, %d on the busiest, %.1f times the mean", what, len(times), span, most, float64(most)/mean)
	if span < 5 || float64(most) > 3*mean {
		t.Errorf("%s: %d of %d on one of %d days", what, most, len(times), span)
	}
}

// TestAThousandSecretsOfOneDayDoNotMeetAgain follows them through two lives:
// neither their rotations nor their ends meet on one day, with the calendar free
// and with a freeze where they would begin.
func TestAThousandSecretsOfOneDayDoNotMeetAgain(t *testing.T) {
	freeze := Freeze{Name: "summer", From: "2026-07-20", To: "2026-08-16"}
	for name, freezes := range map[string][]Freeze{"free": nil, "with a freeze": {freeze}} {
		t.Run(name, func(t *testing.T) {
			c := Default()
			c.Freezes = freezes
			s := newSchedule(t, c, Rules{Needs: needs, Lifetime: policy.Default().Lifetime})
			list := batch()
			for life := range 2 {
				var due, ends []time.Time
				for i := range list {
					d := s.Due(list[i], inventory.Application{}, list[i].Starts)
					if d.Warning != "" || d.At.Add(needs).After(list[i].Expires) || s.Calendar.frozen(d.At, inventory.Application{}, "planned") != nil {
						t.Fatalf("secret %d of %s is due %s: %+v", i, list[i].Expires, d.At, d)
					}
					due = append(due, d.At)
					key := fmt.Sprintf("%d-%d", life, i)
					length := s.Lifetime(180*day, 30*day, key)
					if length > 180*day || length < 162*day {
						t.Fatalf("a lifetime of %s", length)
					}
					list[i].KeyID, list[i].Starts, list[i].Expires = key, d.At, d.At.Add(length)
					ends = append(ends, list[i].Expires)
				}
				busiest(t, fmt.Sprintf("rotations of life %d", life+1), due)
				busiest(t, fmt.Sprintf("ends of life %d", life+2), ends)
			}
		})
	}
}

// TestNewLifetimesSpreadByThemselves: even where all rotations end on one day.
func TestNewLifetimesSpreadByThemselves(t *testing.T) {
	s := newSchedule(t, Default(), Rules{})
	var ends []time.Time
	for i := range 1000 {
		ends = append(ends, created.Add(s.Lifetime(180*day, day, fmt.Sprint("r-", i))))
	}
	busiest(t, "ends", ends)
	if got := s.Lifetime(30*day, 30*day, "r-1"); got != 30*day {
		t.Errorf("under the least: %s", got)
	}
	if got := s.Lifetime(31*day, 30*day, "r-1"); got < 30*day {
		t.Errorf("under the least: %s", got)
	}
	first := s.Lifetime(180*day, day, "r-1")
	if again := s.Lifetime(180*day, day, "r-1"); again != first {
		t.Error("it is another each time")
	}
}

func TestDueDates(t *testing.T) {
	c := Default()
	c.Spread = time.Second // so that the days can be told
	c.Freezes = []Freeze{{Name: "year end", From: "2026-12-15", To: "2027-01-06"}, {Name: "before it", From: "2026-12-01", To: "2026-12-12", Apps: []string{"D365_*"}}}
	d365 := inventory.Application{Name: "D365_Basware"}
	date := func(text string) time.Time {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, test := range []struct {
		what          string
		needs         time.Duration
		kind          inventory.Kind
		starts, ends  string
		app           inventory.Application
		now           string
		want, warning string
	}{
		{"thirty days ahead", needs, "", "2026-01-01", "2026-06-30", d365, "2026-02-01", "2026-05-31", ""},
		{"earlier if it takes longer", 40 * day, "", "2026-01-01", "2026-06-30", d365, "2026-02-01", "2026-05-19", ""},
		{"too old before it ends", needs, inventory.ClientSecret, "2026-01-01", "2028-01-01", d365, "2026-02-01", "2026-12-02", ""},
		{"a certificate may become older", needs, inventory.Certificate, "2026-01-02", "2027-12-01", d365, "2026-02-01", "2027-11-01", ""},
		{"before the freeze, with time to finish", needs, "", "2026-07-01", "2027-01-31", inventory.Application{Name: "PBI"}, "2026-07-02", "2026-12-10", ""},
		{"before the freeze before it", needs, "", "2026-07-01", "2027-01-31", d365, "2026-07-02", "2026-11-26", ""},
		{"after the freeze, if it is noticed in it", needs, "", "2026-07-01", "2027-01-31", inventory.Application{Name: "PBI"}, "2026-12-16", "2027-01-07", ""},
		{"after the freeze, which is too late", needs, "", "2026-07-01", "2027-01-08", inventory.Application{Name: "PBI"}, "2026-12-16", "2027-01-07", "leaves no time"},
		{"overdue stays when it was due", needs, "", "2026-01-01", "2026-06-30", d365, "2026-06-20", "2026-05-31", ""},
		{"a short life is not always due", needs, "", "2026-01-01", "2026-01-21", d365, "2026-01-02", "2026-01-11", ""},
		{"too short a life", needs, "", "2026-01-01", "2026-01-07", d365, "2026-01-02", "2026-01-04", "is not over"},
	} {
		s := newSchedule(t, c, Rules{Needs: test.needs, Lifetime: policy.Lifetime{Longest: 730 * day, Secret: 365 * day}})
		if test.what == "too old before it ends" {
			s.Calendar = nil
		}
		got := s.Due(inventory.Credential{KeyID: "k", Kind: test.kind, Starts: date(test.starts), Expires: date(test.ends)}, test.app, date(test.now))
		if off := date(test.want).Sub(got.At).Abs(); off > 2*time.Second || (test.warning == "") != (got.Warning == "") || !strings.Contains(got.Warning, test.warning) {
			t.Errorf("%s: due %s (%s; %s), want %s", test.what, got.At, got.Why, got.Warning, test.want)
		}
	}
	s := newSchedule(t, c, Rules{Needs: needs})
	if got := s.Due(inventory.Credential{KeyID: "k", Starts: created}, d365, created); !got.At.IsZero() {
		t.Errorf("what never ends is due %s", got.At)
	}
}

func TestSchedulesThatCannotBeMeantAreRefused(t *testing.T) {
	for _, change := range []func(*Config){
		func(c *Config) { c.Lead = -day }, func(c *Config) { c.Spread = 400 * day }, func(c *Config) { c.Bulk.AtOnce = -1 },
		func(c *Config) { c.Bulk.Writes = 5 }, func(c *Config) { c.Bulk.Reserve = 95 }, func(c *Config) { c.Windows = []Window{{}} },
	} {
		c := Default()
		change(&c)
		if _, err := New(c, Rules{}); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
