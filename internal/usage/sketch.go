package usage

import (
	"math/bits"
	"slices"
	"time"
)

// Use is one use of a credential, as a record tells it.
type Use struct {
	Time     time.Time `json:"time"`
	Address  string    `json:"address,omitempty"` // IP address
	Country  string    `json:"country,omitempty"` // two letters
	City     string    `json:"city,omitempty"`
	Resource string    `json:"resource,omitempty"` // name of the API that the token is for
	Error    string    `json:"error,omitempty"`    // AADSTS7000222; empty: a token was given
}

// Sketch is what is remembered of a credential's uses: not the uses, but the hours,
// weekdays, networks, countries and APIs that they came in, and how many a day. It
// is at most some kilobytes, however often the credential is used.
type Sketch struct {
	First   time.Time       `json:"first"`
	Last    Use             `json:"last"`             // the newest
	Good    time.Time       `json:"good,omitzero"`    // the newest that got a token
	Before  time.Time       `json:"before,omitzero"`  // the last one that was known when the sketch began
	Uses    int64           `json:"uses"`             // all in all
	Active  int             `json:"active"`           // days on which it was used
	Judged  int             `json:"judged"`           // of these, days after the learning period
	Silence time.Duration   `json:"silence"`          // the longest between two uses
	Days    []Day           `json:"days"`             // the last ones on which it was used, the newest last
	Hours   Known           `json:"hours,omitzero"`   // of the day, UTC
	Week    Known           `json:"week,omitzero"`    // weekdays, UTC
	Nets    Known           `json:"nets,omitzero"`    // /24, of IPv6 /48
	Wide    Known           `json:"wide,omitzero"`    // /16, of IPv6 /32
	Lands   Known           `json:"lands,omitzero"`   // countries
	APIs    Known           `json:"apis,omitzero"`    // resources
	Alarms  map[Kind]*Alarm `json:"alarms,omitempty"` // those that nobody has acknowledged
}

// Day is how often a credential was used on one day, UTC.
type Day struct {
	Day   int64 `json:"d"` // days since 1970
	Count int64 `json:"n"`
	Odd   bool  `json:"odd,omitempty"` // there was an alarm about it: no example of what is normal
}

// Known are the things of one sort that a credential's uses had: at most most of
// them, those that were not seen for longest go first.
type Known struct {
	Items []Item `json:"items,omitempty"`
	// Novel has a bit for each of the last days of use after the learning period,
	// the lowest for today: set if something new came.
	Novel uint64 `json:"novel,omitempty"`
}

// Item is one of them.
type Item struct {
	Name string `json:"name"`
	Days int    `json:"days"` // on which it was seen
	Last int64  `json:"last"` // day
}

// Limits of a sketch.
const (
	mostDays  = 42
	mostItems = 64
	longName  = 120
)

func dayOf(t time.Time) int64 { return t.Unix() / 86_400 }

func (k *Known) find(name string) *Item {
	if i := slices.IndexFunc(k.Items, func(i Item) bool { return i.Name == name }); i >= 0 {
		return &k.Items[i]
	}
	return nil
}

func (k *Known) has(name string) bool { return name == "" || k.find(name) != nil }

// note remembers a thing, and that it was new today.
func (k *Known) note(name string, day int64) {
	if name == "" {
		return
	}
	if i := k.find(name); i != nil {
		if day > i.Last {
			i.Days, i.Last = i.Days+1, day
		}
		return
	}
	if len(k.Items) >= mostItems {
		k.Items = slices.DeleteFunc(k.Items, func(oldest Item) func(Item) bool {
			return func(i Item) bool { return i == oldest }
		}(slices.MinFunc(k.Items, func(a, b Item) int { return int(a.Last - b.Last) })))
	}
	k.Items = append(k.Items, Item{name, 1, day})
	k.Novel |= 1
}

// novelty is how likely something new is on a day of use, judged by the days after
// the learning period: the share on which it happened, with half a case added, so
// that few days do not make sure.
func (k *Known) novelty(judged int) float64 {
	n := min(judged-1, 63) // without today
	if n <= 0 {
		return 1
	}
	mask := uint64(1)<<n - 1
	return (float64(bits.OnesCount64(k.Novel>>1&mask)) + 0.5) / (float64(n) + 1)
}

// sets are all the sets of a sketch.
func (s *Sketch) sets() [6]*Known {
	return [6]*Known{&s.Hours, &s.Week, &s.Nets, &s.Wide, &s.Lands, &s.APIs}
}

// learn takes a use into the sketch. Uses may come in any order; what is counted is
// the same, and only today's novelty is today's.
func (s *Sketch) learn(u Use) {
	day := dayOf(u.Time)
	if s.Uses == 0 || u.Time.Before(s.First) {
		s.First = u.Time
	}
	if s.begins(day) {
		s.Active++
		if s.taught(u.Time) {
			s.Judged++
			for _, k := range s.sets() {
				k.Novel <<= 1
			}
		}
	}
	s.count(day)
	if !s.Last.Time.IsZero() && u.Time.After(s.Last.Time) {
		s.Silence = max(s.Silence, u.Time.Sub(s.Last.Time))
	}
	if !u.Time.Before(s.Last.Time) {
		s.Last = u
	}
	if u.Error == "" && u.Time.After(s.Good) {
		s.Good = u.Time
	}
	s.Uses++
	net, wide := networks(u.Address)
	s.Hours.note(hourName(u.Time), day)
	s.Week.note(u.Time.UTC().Weekday().String(), day)
	s.Nets.note(net, day)
	s.Wide.note(wide, day)
	s.Lands.note(clip(u.Country), day)
	s.APIs.note(clip(u.Resource), day)
	if !s.taught(u.Time) {
		for _, k := range s.sets() {
			k.Novel = 0
		}
	}
}

// begins reports whether a day is one on which the credential was not used yet. One
// that is older than all that are remembered was counted before, or never will be.
func (s *Sketch) begins(day int64) bool {
	if len(s.Days) == mostDays && day < s.Days[0].Day {
		return false
	}
	return !slices.ContainsFunc(s.Days, func(d Day) bool { return d.Day == day })
}

func (s *Sketch) count(day int64) {
	i, found := slices.BinarySearchFunc(s.Days, day, func(d Day, day int64) int { return int(d.Day - day) })
	if found {
		s.Days[i].Count++
		return
	}
	if len(s.Days) == mostDays {
		if i == 0 {
			return
		}
		s.Days, i = slices.Delete(s.Days, 0, 1), i-1
	}
	s.Days = slices.Insert(s.Days, i, Day{Day: day, Count: 1})
}

// The learning period. The end of a month is in it.
const learning = 30 * 24 * time.Hour

// taught reports whether the learning period is over.
func (s *Sketch) taught(at time.Time) bool { return s.Uses > 0 && at.Sub(s.First) >= learning }

func hourName(t time.Time) string { return t.UTC().Format("15") + ":00" }

func clip(s string) string {
	if len(s) > longName {
		return s[:longName]
	}
	return s
}
