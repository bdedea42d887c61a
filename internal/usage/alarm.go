package usage

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is in which way a use is unusual.
type Kind string

// The kinds.
const (
	NewCountry  Kind = "new country"
	NewNetwork  Kind = "new network"
	NewResource Kind = "new resource"
	NewHour     Kind = "new hour"
	Volume      Kind = "sudden volume"
	LongSilence Kind = "after long silence"
	Expired     Kind = "expired key"
	Withdrawn   Kind = "withdrawn key"
)

// Kinds lists them.
var Kinds = []Kind{NewCountry, NewNetwork, NewResource, NewHour, Volume, LongSilence, Expired, Withdrawn}

// Alarm says that a credential was used as it never was: what happened, and what is
// normal for it. It stands until a person acknowledges it.
type Alarm struct {
	Kind   Kind      `json:"kind"`
	Thing  string    `json:"thing,omitempty"` // the country, the network, ...
	Since  time.Time `json:"since"`           // the first such use
	Last   time.Time `json:"last"`            // the newest
	Count  int64     `json:"count"`
	What   string    `json:"what"`
	Normal string    `json:"normal"`
}

// Reason is the alarm in words.
func (a *Alarm) Reason() string {
	text := a.What + ". Normal for it: " + a.Normal
	if a.Count > 1 {
		text += fmt.Sprintf(". There were %d such uses so far, the last on %s", a.Count, moment(a.Last))
	}
	return text
}

// Fate is what is known of a credential's end.
type Fate struct {
	Expires time.Time // zero: not known
	Gone    time.Time // when it was seen to be gone; zero: it is there
}

// The thresholds. They were chosen on the histories of quality_test.go, and looked
// at once with those that were held out (docs/reference/usage.md).
const (
	rare         = 0.10 // a sort of novelty that happens on more days than this is normal
	longSilence  = 45 * 24 * time.Hour
	silenceTimes = 3 // of the longest silence so far
	fewWeekdays  = 3 // of one that is used on more, another is no surprise: people catch up on Saturdays
	volumeDays   = 7 // days of use before a volume is judged
	volumeTimes  = 3 // of the median
	volumeMore   = 20
	volumeSpread = 8   // of the usual spread
	volumeMost   = 1.5 // of the most so far
	clockSkew    = 5 * time.Minute
	removalLag   = time.Hour // until a directory has forgotten a credential everywhere
)

// Take judges a use and learns it. It returns the alarms that are new or have
// changed by it.
func (s *Sketch) Take(u Use, f Fate) (changed []*Alarm) {
	u.Time = u.Time.UTC()
	for _, a := range s.judge(u, f) {
		changed = append(changed, s.raise(a, u))
	}
	s.learn(u)
	if a := s.volume(u); a != nil {
		changed = append(changed, s.raise(*a, u))
	}
	return changed
}

// raise notes an alarm, or one more use of one that stands.
func (s *Sketch) raise(a Alarm, u Use) *Alarm {
	old := s.Alarms[a.Kind]
	if old == nil {
		a.Since, a.Last, a.Count = u.Time, u.Time, 1
		if s.Alarms == nil {
			s.Alarms = map[Kind]*Alarm{}
		}
		s.Alarms[a.Kind] = &a
		return &a
	}
	old.Count++
	if u.Time.After(old.Last) {
		old.Last = u.Time
	}
	if a.Kind == Volume {
		old.What = a.What
	}
	return old
}

// judge compares a use with what is normal, before it is learnt.
func (s *Sketch) judge(u Use, f Fate) (list []Alarm) {
	add := func(k Kind, thing, what, normal string) {
		list = append(list, Alarm{Kind: k, Thing: thing, What: what, Normal: normal})
	}
	when := moment(u.Time)
	if !f.Gone.IsZero() && u.Time.After(f.Gone.Add(-clockSkew)) && !u.Time.After(f.Gone.Add(removalLag)) {
		return nil // rekey itself tries it from its own address, until it is refused everywhere
	}
	if !f.Gone.IsZero() && u.Time.After(f.Gone.Add(removalLag)) {
		add(Withdrawn, "", "it was used on "+when+u.from()+u.outcome()+", though it was withdrawn: it is gone from the directory since "+moment(f.Gone), "a credential that was withdrawn is used by nobody")
	} else if !f.Expires.IsZero() && u.Time.After(f.Expires.Add(clockSkew)) {
		add(Expired, "", "it was used on "+when+u.from()+u.outcome()+", though it ended on "+moment(f.Expires), "a credential that has ended is used by nobody")
	}
	if a, silent := s.silent(u); silent {
		list = append(list, a)
	}
	land := clip(u.Country)
	if s.strange(&s.Lands, NewCountry, land, u.Time) {
		add(NewCountry, land, "it was used on "+when+u.from()+": never before from "+land, s.normal(&s.Lands, "from ")+", and something new on "+s.share(&s.Lands))
	} else if net := s.strangeNetwork(u); net != "" {
		add(NewNetwork, net, "it was used on "+when+u.from()+": never before from the network "+net, s.normal(&s.Nets, "from ")+", and a new network on "+s.share(&s.Nets))
	}
	if api := clip(u.Resource); s.strange(&s.APIs, NewResource, api, u.Time) {
		add(NewResource, api, "it was used on "+when+u.from()+": never before for "+api, s.normal(&s.APIs, "for ")+", and something new on "+s.share(&s.APIs))
	}
	if thing, what := s.strangeHour(u.Time); thing != "" {
		add(NewHour, thing, "it was used on "+when+u.from()+": never before "+what, s.hours()+", and a new hour or weekday on "+s.share(&s.Hours))
	}
	return list
}

// strange reports whether a thing is new for a credential that seldom has anything
// new, or is the one that a standing alarm is about.
func (s *Sketch) strange(k *Known, kind Kind, thing string, at time.Time) bool {
	if a := s.Alarms[kind]; a != nil && a.Thing == thing {
		return true
	}
	return !k.has(thing) && s.rarely(k, at)
}

// rarely reports whether enough is known, and something new would be rare.
func (s *Sketch) rarely(k *Known, at time.Time) bool {
	if !s.taught(at) {
		return false
	}
	judged, novel := s.Judged, *k
	if s.begins(dayOf(at)) { // today is not counted yet
		judged, novel.Novel = judged+1, novel.Novel<<1
	}
	return len(k.Items) > 0 && novel.novelty(judged) <= rare
}

// strangeNetwork is the network of a use, if that is unusual. Of a pool of addresses
// a new part is not, and for one that changes its network all the time the wide
// network counts.
func (s *Sketch) strangeNetwork(u Use) string {
	net, wide := networks(u.Address)
	if net == "" {
		return ""
	}
	if a := s.Alarms[NewNetwork]; a != nil && (a.Thing == net || a.Thing == wide) {
		return a.Thing
	}
	if s.Nets.has(net) {
		return ""
	}
	siblings := 0
	for _, i := range s.Nets.Items {
		if wideOf(i.Name) == wide {
			siblings++
		}
	}
	switch {
	case siblings < 2 && s.rarely(&s.Nets, u.Time):
		return net
	case !s.Wide.has(wide) && s.rarely(&s.Wide, u.Time):
		return wide
	}
	return ""
}

// strangeHour is the hour or the weekday of a use, if it was never used then, nor
// an hour earlier or later: summer time comes and goes.
func (s *Sketch) strangeHour(at time.Time) (thing, what string) {
	around := []time.Time{at, at.Add(-time.Hour), at.Add(time.Hour)}
	known := func(k *Known, name func(time.Time) string) bool {
		return slices.ContainsFunc(around, func(t time.Time) bool { return k.has(name(t)) })
	}
	day := func(t time.Time) string { return t.UTC().Weekday().String() }
	standing := s.Alarms[NewHour]
	switch {
	case standing != nil && (standing.Thing == hourName(at) || standing.Thing == day(at)):
		return standing.Thing, ""
	case !known(&s.Hours, hourName) && s.rarely(&s.Hours, at):
		return hourName(at), "between " + hourName(around[1]) + " and " + hourName(at.Add(2*time.Hour)) + " UTC"
	case len(s.Week.Items) <= fewWeekdays && !known(&s.Week, day) && s.rarely(&s.Week, at):
		return day(at), "on a " + day(at)
	}
	return "", ""
}

// silent reports a first use after a silence that is long for this credential.
func (s *Sketch) silent(u Use) (Alarm, bool) {
	// What was seen for a shorter time than it was silent may have a longer rhythm.
	last := s.Last.Time
	gap := u.Time.Sub(last)
	known := s.Active >= 3 && last.Sub(s.First) >= gap
	if s.Uses == 0 {
		last, known = s.Before, true
		gap = u.Time.Sub(last)
	}
	if last.IsZero() || !known || gap < max(longSilence, silenceTimes*s.Silence) {
		return Alarm{}, false
	}
	normal := "it was not used since " + moment(last)
	if s.Silence > 0 {
		normal += ", and was never silent for more than " + span(s.Silence) + " before"
	}
	return Alarm{Kind: LongSilence, What: "it was used on " + moment(u.Time) + u.from() + u.outcome() + ", after " + span(gap) + " of silence", Normal: normal}, true
}

// from says where a use came from and what it was for.
func (u Use) from() string {
	var b strings.Builder
	if net := Network(u.Address); net != "" {
		b.WriteString(" from " + u.Address)
	}
	if place := strings.Trim(clip(u.City)+", "+clip(u.Country), ", "); place != "" {
		b.WriteString(" (" + place + ")")
	}
	if u.Resource != "" {
		b.WriteString(" for " + clip(u.Resource))
	}
	return b.String()
}

func (u Use) outcome() string {
	if u.Error == "" {
		return ", and got a token"
	}
	return ", and was refused (" + clip(u.Error) + ")"
}

func moment(t time.Time) string { return t.UTC().Format("2 January 2006 at 15:04 UTC") }

func span(d time.Duration) string {
	if n := int(d.Hours() / 24); n >= 2 {
		return fmt.Sprintf("%d days", n)
	}
	return fmt.Sprintf("%d hours", int(d.Hours()))
}
