package usage

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// A generated history: what one credential did for months, and what an intruder or a
// mishap did with it, if anything.
type history struct {
	shape string
	uses  []Use
	fate  Fate
	plant *plant
}

// plant is what was put into a history that is not like the rest.
type plant struct {
	kind     Kind
	from, to time.Time // of its uses
}

// mold says how the histories of one set are made. The set that the thresholds were
// chosen on and the one that was held out differ in every field.
type mold struct {
	seed      uint64
	each      int // histories of each shape
	days      int
	zone      string
	land      string
	lands     []string // of a credential that lives in several
	six       bool     // some have IPv6 addresses
	holidays  [][2]int // days of the year, from and to
	growth    float64  // per year
	step      float64  // the volume after a release
	shapes    []shape
	strength  float64 // of a planted volume, times the usual one
	silence   int     // days
	saturdays float64 // the share of Saturdays with somebody at work
}

type shape struct {
	name  string
	plan  func(g *maker, day time.Time) []time.Time
	nets  int // networks at a time, in wides /16
	wides int
	roam  bool // a new network whenever it likes
	apis  []string
	any   bool // used at any hour: no hour is odd
}

type maker struct {
	mold
	*rand.Rand
	zone    *time.Location
	shape   shape
	pool    []string // /24, as "20.50.1"
	hours   [2]int
	rate    float64
	minute  int
	release int
	began   time.Time
}

func (m mold) histories() []history {
	zone, err := time.LoadLocation(m.zone)
	if err != nil {
		panic(err)
	}
	g := &maker{mold: m, Rand: rand.New(rand.NewPCG(m.seed, 7)), zone: zone}
	var list []history
	for _, s := range m.shapes {
		for n := range m.each {
			h := g.history(s)
			if kinds := plantable(s); n%2 == 1 { // every other history is only itself
				g.sow(&h, kinds[n/2%len(kinds)])
			}
			list = append(list, h)
		}
	}
	return list
}

// plantable are the kinds that can be told from a shape's habits at all.
func plantable(s shape) []Kind {
	kinds := []Kind{NewCountry, NewNetwork, Volume, LongSilence, Expired, Withdrawn, NewResource}
	if !s.any {
		kinds = append(kinds, NewHour)
	}
	if s.name == "monthly" || s.name == "quarterly" {
		kinds = slices.DeleteFunc(kinds, func(k Kind) bool { return k == LongSilence || k == NewHour })
	}
	return kinds
}

func (g *maker) history(s shape) history {
	g.shape, g.pool = s, nil
	for w := range s.wides {
		base := fmt.Sprintf("%d.%d", 20+g.IntN(60), g.IntN(200))
		for range (s.nets + s.wides - 1 - w) / s.wides {
			g.pool = append(g.pool, fmt.Sprintf("%s.%d", base, g.IntN(250)))
		}
	}
	g.hours = [2]int{7 + g.IntN(2), 17 + g.IntN(2)}
	g.rate, g.minute, g.release = 4+20*g.Float64(), 5+g.IntN(45), g.days/2+g.IntN(g.days/4)
	g.began = time.Date(2025, 1, 6, 0, 0, 0, 0, g.zone).AddDate(0, 0, g.IntN(120))
	h := history{shape: s.name}
	for d := range g.days {
		day := g.began.AddDate(0, 0, d)
		for _, at := range s.plan(g, day) {
			h.uses = append(h.uses, g.use(at, d))
		}
	}
	return h
}

func (g *maker) use(at time.Time, day int) Use {
	u := Use{Time: at.UTC(), Country: g.land, Resource: g.shape.apis[0]}
	if len(g.shape.apis) > 1 && g.IntN(4) == 0 {
		u.Resource = g.shape.apis[1]
	}
	net := g.pool[g.IntN(len(g.pool))]
	if g.shape.roam && g.IntN(3) == 0 {
		net = fmt.Sprintf("%d.%d.%d", 80+g.IntN(30), g.IntN(250), g.IntN(250))
	}
	u.Address = fmt.Sprintf("%s.%d", net, 1+g.IntN(250))
	if g.six && g.shape.nets == 1 {
		u.Address = "2a02:26f7:" + fmt.Sprintf("%x", len(net)*100) + "::" + fmt.Sprintf("%x", 1+g.IntN(60000))
	}
	if g.shape.name == "moved to a new cloud" && day >= g.release {
		u.Address = fmt.Sprintf("13.7%d.%d.%d", g.IntN(2), g.IntN(40), 1+g.IntN(250))
	}
	if g.shape.name == "two regions" && (day/6)%5 == 4 { // the other one takes over now and then
		u.Country, u.Address = g.lands[0], "51.104.7."+fmt.Sprint(1+g.IntN(250))
	}
	return u
}

func (g *maker) holiday(day time.Time) bool {
	return slices.ContainsFunc(g.holidays, func(h [2]int) bool { return day.YearDay() >= h[0] && day.YearDay() <= h[1] })
}

// grown is how much more is done than in the beginning.
func (g *maker) grown(day time.Time) float64 {
	d := int(day.Sub(g.began).Hours() / 24)
	f := 1 + g.growth*float64(d)/365
	if g.step > 0 && d >= g.release {
		f *= g.step
	}
	return f
}

func (g *maker) poisson(mean float64) int {
	n, p, limit := 0, g.Float64(), math.Exp(-min(mean, 600))
	for p > limit {
		n, p = n+1, p*g.Float64()
	}
	return n
}

func at(day time.Time, hour, minute, second int) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), hour, minute, second, 0, day.Location())
}

// The habits.

func office(g *maker, day time.Time) (list []time.Time) {
	free := day.Weekday() == time.Sunday || day.Weekday() == time.Saturday && g.Float64() >= g.saturdays
	if free || g.holiday(day) {
		return nil
	}
	for range g.poisson(g.rate * g.grown(day)) {
		list = append(list, at(day, g.hours[0]+g.IntN(g.hours[1]-g.hours[0]), g.IntN(60), g.IntN(60)))
	}
	return list
}

func nightly(g *maker, day time.Time) (list []time.Time) {
	for i := range 1 + g.IntN(3) {
		list = append(list, at(day, 2, g.minute+i, g.IntN(60)))
	}
	if g.IntN(60) == 0 { // it failed, and tried for an hour
		for i := range 12 {
			list = append(list, at(day, 2+(g.minute+5*i)/60, (g.minute+5*i)%60, 0))
		}
	}
	return list
}

func weekly(g *maker, day time.Time) (list []time.Time) {
	if day.Weekday() != time.Sunday {
		return nil
	}
	for i := range 3 + g.IntN(3) {
		list = append(list, at(day, 4, g.minute+i, 0))
	}
	return list
}

func monthly(g *maker, day time.Time) (list []time.Time) {
	if day.Day() != 1 {
		return nil
	}
	return []time.Time{at(day, 6, g.minute, 0), at(day, 6, g.minute+4, 0)}
}

func quarterly(g *maker, day time.Time) []time.Time {
	if day.Day() > 5 || (day.Month()-1)%3 != 0 {
		return nil
	}
	return []time.Time{at(day, 9, g.minute, 0), at(day, 10, g.minute, 0)}
}

func clock(g *maker, day time.Time) (list []time.Time) {
	for h := range 24 {
		for range g.poisson(g.rate / 10 * g.grown(day)) {
			list = append(list, at(day, h, g.IntN(60), g.IntN(60)))
		}
	}
	return list
}

func sixHours(g *maker, day time.Time) (list []time.Time) {
	for h := range 4 {
		list = append(list, at(day, 6*h, g.minute, g.IntN(60)))
	}
	if day.Day() >= 28 { // the end of the month
		for range 8 {
			list = append(list, at(day, 6*g.IntN(4), g.minute+g.IntN(10), 0))
		}
	}
	return list
}

func shifts(g *maker, day time.Time) (list []time.Time) {
	if g.holiday(day) {
		return nil
	}
	from := 6
	if _, week := day.ISOWeek(); week%2 == 0 {
		from = 14
	}
	for range g.poisson(g.rate * g.grown(day)) {
		list = append(list, at(day, from+g.IntN(8), g.IntN(60), 0))
	}
	return list
}

func developer(g *maker, day time.Time) (list []time.Time) {
	if g.IntN(3) > 0 || g.holiday(day) {
		return nil
	}
	for range 1 + g.IntN(5) {
		list = append(list, at(day, 8+g.IntN(15), g.IntN(60), 0))
	}
	return list
}

func fortnight(g *maker, day time.Time) []time.Time {
	if _, week := day.ISOWeek(); week%2 == 0 || day.Weekday() != time.Thursday {
		return nil
	}
	return []time.Time{at(day, 22, g.minute, 0), at(day, 22, g.minute+7, 0)}
}

func onCall(g *maker, day time.Time) []time.Time {
	list := office(g, day)
	if g.IntN(25) == 0 { // somebody is called out of bed
		list = append(list, at(day, g.IntN(24), g.IntN(60), 0))
	}
	return list
}

func sparse(g *maker, day time.Time) (list []time.Time) {
	for range g.poisson(0.4) {
		list = append(list, at(day, g.IntN(24), g.IntN(60), 0))
	}
	return list
}

func movedHour(g *maker, day time.Time) []time.Time {
	hour := 2
	if int(day.Sub(g.began).Hours()/24) >= g.release {
		hour = 5
	}
	return []time.Time{at(day, hour, g.minute, 0), at(day, hour, g.minute+1, 30)}
}

func evening(g *maker, day time.Time) []time.Time {
	if day.Weekday() == time.Sunday || day.Weekday() == time.Saturday {
		return nil
	}
	return []time.Time{at(day, 23, g.minute, 0), at(day, 23, g.minute+3, 0)}
}

// sow puts something unusual of one kind into the last third of a history, at a time
// and from a place that are usual but for that.
func (g *maker) sow(h *history, k Kind) {
	i := len(h.uses)*2/3 + g.IntN(max(len(h.uses)/4, 1))
	like := h.uses[min(i, len(h.uses)-1)]
	var odd []Use
	repeat := func(n int, gap time.Duration, change func(u *Use)) {
		for j := range n {
			u := like
			u.Time = like.Time.Add(time.Duration(j) * gap)
			change(&u)
			odd = append(odd, u)
		}
	}
	far := fmt.Sprintf("%d.%d.%d.9", 180+g.IntN(20), g.IntN(250), g.IntN(250))
	switch k {
	case NewCountry:
		repeat(3, 4*time.Minute, func(u *Use) { u.Country, u.Address = "BR", far })
	case NewNetwork:
		repeat(2, 4*time.Minute, func(u *Use) { u.Address = far })
	case NewResource:
		repeat(2, 4*time.Minute, func(u *Use) { u.Resource = "Azure Key Vault" })
	case NewHour:
		odd = g.oddHour(like)
	case Volume:
		n := int(g.strength*g.usual(h)) + 40
		repeat(n, 30*time.Minute/time.Duration(n), func(u *Use) {})
	case LongSilence:
		end := like.Time.AddDate(0, 0, g.silence)
		h.uses = slices.DeleteFunc(h.uses, func(u Use) bool { return u.Time.After(like.Time) && u.Time.Before(end) })
		like.Time = end
		repeat(1, 0, func(*Use) {})
	case Expired:
		h.fate.Expires = like.Time.Add(-time.Hour)
		repeat(1, 0, func(u *Use) { u.Error = "AADSTS7000222" })
		h.uses = slices.DeleteFunc(h.uses, func(u Use) bool { return !u.Time.Before(h.fate.Expires) })
	case Withdrawn:
		h.fate.Gone = like.Time.Add(-3 * time.Hour)
		repeat(1, 0, func(*Use) {})
		h.uses = slices.DeleteFunc(h.uses, func(u Use) bool { return !u.Time.Before(h.fate.Gone) })
	}
	h.plant = &plant{k, odd[0].Time, odd[len(odd)-1].Time}
	h.uses = append(h.uses, odd...)
	slices.SortStableFunc(h.uses, func(a, b Use) int { return a.Time.Compare(b.Time) })
}

// oddHour is a use ten hours away from all that is usual.
func (g *maker) oddHour(like Use) []Use {
	at := like.Time.In(g.zone)
	hour := 14
	if g.shape.name == "office hours" {
		hour = 2
	}
	like.Time = time.Date(at.Year(), at.Month(), at.Day(), hour, g.IntN(60), 0, 0, g.zone).UTC()
	return []Use{like}
}

// usual is how often a credential is used on a day of use.
func (g *maker) usual(h *history) float64 {
	days := map[int64]bool{}
	for _, u := range h.uses {
		days[dayOf(u.Time)] = true
	}
	return float64(len(h.uses)) / float64(max(len(days), 1))
}
