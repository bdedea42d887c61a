package schedule

import (
	"context"
	"iter"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// Service answers what is due when, and postpones.
type Service struct {
	Store     *store.DB
	Log       *audit.Log
	Inventory *inventory.Service
	Schedule  *Schedule

	// Standing tells what is known of a tenant's rotations. It is asked inside the
	// transaction that reads the inventory; nil means that there are none.
	Standing func(tx *store.Tx, tenant string) (Standing, error)
}

// Standing is what the schedule has to know of rotations.
type Standing struct {
	Open    map[inventory.ObjectID]bool // holders with an open rotation
	Refused map[string]bool             // key ids whose rotation a person has refused
}

// State is why a credential is proposed or not.
type State string

// The states of a credential in the schedule.
const (
	Later      State = "later"      // not due yet
	Ready      State = "due"        // may be proposed
	UnderWay   State = "underWay"   // its holder has an open rotation
	Postponed  State = "postponed"  // by a person
	Refused    State = "refused"    // by a person
	Placeless  State = "noPlace"    // no vault entry is known to hold its value
	Frozen     State = "frozen"     // due, and a change freeze holds now
	NotRotated State = "notRotated" // of a kind, or an owner, that rekey does not renew
)

// Item is a credential with its place in the schedule.
type Item struct {
	*inventory.Row
	Due
	State     State
	Postponed *Postponement
}

// Question is what Items and Days are asked.
type Question struct {
	Until time.Time // what is due before
	After string    // Row.Position of the item before the first
	Limit int       // 0 means 100, at most 1,000
}

// Items lists what is due, the credentials that end first at the beginning, and
// what to ask After for the next page: empty on the last.
func (s *Service) Items(ctx context.Context, by access.Actor, q Question) (list []Item, next string, err error) {
	if err := by.Check(access.ReadSchedule); err != nil {
		return nil, "", err
	}
	if q.Limit <= 0 {
		q.Limit = 100
	}
	q.Limit = min(q.Limit, 1000)
	list = []Item{}
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		for item, err := range s.items(tx, by, time.Now(), q) {
			if err != nil {
				return err
			}
			if len(list) == q.Limit {
				next = list[len(list)-1].Position()
				return nil
			}
			list = append(list, item)
		}
		return nil
	})
	return list, next, err
}

// Day is one day of the picture.
type Day struct {
	Date   time.Time // its beginning in UTC
	Due    int       // rotations that should begin; on the first day the overdue ones too
	Ends   int       // credentials that end
	Frozen string    // the change freeze that holds, for all applications, on some part of it
}

// Days counts what is due on each of the next days.
func (s *Service) Days(ctx context.Context, by access.Actor, count int) ([]Day, error) {
	if err := by.Check(access.ReadSchedule); err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	first := now.Truncate(day)
	days := make([]Day, count)
	for i := range days {
		days[i].Date = first.Add(time.Duration(i) * day)
		days[i].Frozen = s.frozenOn(days[i].Date)
	}
	last := first.Add(time.Duration(count) * day)
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		for item, err := range s.items(tx, by, now, Question{Until: last}) {
			if err != nil {
				return err
			}
			if !item.counts() {
				continue
			}
			days[max(0, int(item.At.Sub(first)/day))].Due++
			if i := item.Row.Expires.Sub(first) / day; item.Row.Expires.After(now) && int(i) < count {
				days[i].Ends++
			}
		}
		return nil
	})
	return days, err
}

// counts reports whether it is counted among what is due: not what is under way,
// nor what rekey does not renew.
func (i Item) counts() bool { return i.State != UnderWay && i.State != NotRotated }

// On reports whether Days counts it as due on the day that begins at date in UTC.
func (i Item) On(date, now time.Time) bool {
	at := i.At.UTC().Truncate(day)
	if today := now.UTC().Truncate(day); at.Before(today) {
		at = today
	}
	return i.counts() && at.Equal(date)
}

// frozenOn is the first freeze for all applications that touches a day.
func (s *Service) frozenOn(date time.Time) string {
	if s.Schedule.Calendar == nil {
		return ""
	}
	for _, f := range s.Schedule.Calendar.freezes {
		if f.scope.all() && f.from.Before(date.Add(day)) && f.to.After(date) {
			return f.name
		}
	}
	return ""
}

// items walks what is due before a time. What has ended is not in it: it is the
// policy that speaks of that.
func (s *Service) items(tx *store.Tx, by access.Actor, now time.Time, q Question) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		var known Standing
		var err error
		tenant := by.Tenant
		if s.Standing != nil {
			known, err = s.Standing(tx, tenant)
		}
		if err != nil {
			yield(Item{}, err)
			return
		}
		for r, err := range s.Inventory.Dated(tx, tenant, s.Schedule.dates(q)) {
			if err != nil {
				yield(Item{}, err)
				return
			}
			if !r.Application.Visible(by) {
				continue
			}
			item := Item{Row: r, Due: s.Schedule.Due(r.Credential, r.Application, now)}
			if item.At.IsZero() || !item.At.Before(q.Until) || !r.Expires.IsZero() && r.Expires.Before(now) {
				continue
			}
			if item.Postponed, err = postponed(tx, tenant, r.KeyID, now); err == nil {
				item.State = s.state(item, known, now)
			}
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}

// dates are those between which something can be due before q.Until: as early as
// the lead, the spread and all freezes together can move it.
func (s *Schedule) dates(q Question) inventory.Dates {
	slack := s.lead() + s.spread()
	if s.Calendar != nil {
		for _, f := range s.Calendar.freezes {
			slack += f.to.Sub(f.from) + s.needs + s.spread()
		}
	}
	d := inventory.Dates{EndBefore: q.Until.Add(slack), After: q.After}
	youngest := s.life.Longest
	if s.life.Secret > 0 && (youngest == 0 || s.life.Secret < youngest) {
		youngest = s.life.Secret
	}
	if youngest > 0 {
		d.StartBefore = q.Until.Add(slack - youngest)
	}
	return d
}

func (s *Service) state(i Item, known Standing, now time.Time) State {
	a := i.Application
	switch {
	case known.Open[a.ObjectID]:
		return UnderWay
	case !renewed(i.Kind) || a.Kind == "ManagedIdentity" || a.Home != "" && a.Home != a.Tenant:
		return NotRotated
	case known.Refused[i.KeyID]:
		return Refused
	case i.Postponed != nil:
		return Postponed
	case len(i.Places) == 0:
		return Placeless
	case i.At.After(now):
		return Later
	case s.Schedule.Calendar.frozen(now, a, "planned") != nil:
		return Frozen
	}
	return Ready
}

func renewed(k inventory.Kind) bool {
	return k == inventory.ClientSecret || k == inventory.Certificate || k == inventory.AccessKey
}
