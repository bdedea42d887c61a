package inventory

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// Overview counts a tenant's credentials by when they end and what that hits, and says
// which of them need somebody first. Each number is that of the rows which Credentials
// lists for the same filter.
type Overview struct {
	Counted time.Time

	Applications, Credentials, Entries, Consumers int

	Ends []EndsCount // one for each of AllEnds
	Days []DayCount  // one for each of the next Ahead days, UTC
	Soon int         // break something within 7 days
	Lost int         // have ended within the last 30 days, and broke something

	NoOwner, Unused, Unmanaged, Shared, Stray int

	Attention []Attention // the worst first
}

// Ahead is how many days the overview looks forward.
const Ahead = 90

// Hits counts credentials by what is hit when they end.
type Hits struct{ Breaks, Used, Quiet int }

// All is their sum.
func (h Hits) All() int { return h.Breaks + h.Used + h.Quiet }

// EndsCount counts those that end in a part of time. Those beyond the days that are
// looked at are counted as Quiet, whatever they hit.
type EndsCount struct {
	Ends Ends
	Hits
}

// DayCount counts those that end on a day.
type DayCount struct {
	Date time.Time // its beginning, in UTC
	Hits
}

// Attention is a credential that somebody has to do something about.
type Attention struct {
	Row
	Impact Impact
}

const (
	mostAttention = 10
	attentionPast = 30 * 24 * time.Hour // what ended longer ago has been lived with
)

// Overview counts the tenant's inventory. busy tells whether an application is being
// taken care of already, so that it needs no attention; it may be nil.
func (s *Service) Overview(ctx context.Context, by access.Actor, busy func(ObjectID) bool) (o Overview, err error) {
	if err := by.Check(access.ReadInventory); err != nil {
		return o, err
	}
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		number, err := tenantNumber(tx, by.Tenant)
		if err != nil {
			return err
		}
		v := &overlook{Service: s, tx: tx, by: by, tenant: by.Tenant, number: number, now: time.Now(), into: &o}
		return v.look(busy)
	})
	if err != nil {
		return Overview{}, fmt.Errorf("cannot count the inventory: %w", err)
	}
	return o, nil
}

// overlook is one counting.
type overlook struct {
	*Service
	tx     *store.Tx
	by     access.Actor
	tenant string
	number int64
	now    time.Time
	used   *consumption
	into   *Overview
	urgent []urgent
}

// urgent is a credential that may need attention.
type urgent struct {
	credential
	impact Impact
	score  int
}

func (v *overlook) look(busy func(ObjectID) bool) (err error) {
	if v.used, err = v.consumption(v.tx, v.by, v.number); err != nil {
		return err
	}
	o := v.into
	o.Counted, o.Consumers, o.Shared = v.now, len(v.used.by), size(v.used.shared())
	if !v.by.OnlyOwn() {
		f := finder{Service: v.Service, tx: v.tx, tenant: v.tenant, number: v.number, by: v.by}
		stray, err := f.stray()
		if err != nil {
			return err
		}
		o.Stray = size(stray)
	}
	for _, e := range AllEnds {
		o.Ends = append(o.Ends, EndsCount{Ends: e})
	}
	today := v.now.UTC().Truncate(24 * time.Hour)
	for i := range Ahead {
		o.Days = append(o.Days, DayCount{Date: today.AddDate(0, 0, i)})
	}
	if v.by.OnlyOwn() {
		err = v.own()
	} else if err = v.near(); err == nil {
		err = v.count()
	}
	if err != nil {
		return err
	}
	for _, e := range o.Ends {
		o.Credentials += e.All()
	}
	return v.attend(busy)
}

// near goes along the credentials that have ended or end within the days ahead.
func (v *overlook) near() error {
	until := max(v.now.Add(Ahead*24*time.Hour).UnixMilli(), v.into.Days[Ahead-1].Date.AddDate(0, 0, 1).UnixMilli())
	last := v.now.Add(Ahead * 24 * time.Hour).UnixMilli()
	return eachRow(v.tx, func(rows *sql.Rows) error {
		var c credential
		var ends, used int64
		if err := rows.Scan(&c.num, &c.KeyID, &c.Kind, &ends, &used); err != nil {
			return err
		}
		c.Expires, c.LastUsed = fromMillis(ends), fromMillis(used)
		impact := v.impact(&c, used)
		if ends < last {
			v.into.Ends[slices.Index(AllEnds, partOf(ends, c.Kind, v.now))].add(impact)
		}
		v.ahead(c, impact)
		return nil
	}, `SELECT num, key_id, kind, expires, used FROM inventory_credential WHERE tenant = $1 AND gone = 0 AND expires < $2 ORDER BY expires`, v.number, until)
}

// ahead puts a credential on its day, and among what is urgent.
func (v *overlook) ahead(c credential, impact Impact) {
	if i := int(c.Expires.Sub(v.into.Days[0].Date) / (24 * time.Hour)); !c.Expires.Before(v.into.Days[0].Date) && i < Ahead {
		v.into.Days[i].add(impact)
	}
	v.judge(c, impact)
}

func (v *overlook) impact(c *credential, used int64) Impact {
	switch {
	case v.used.of[c.num][c.KeyID]:
		return Breaks
	case used >= v.now.Add(-Unused).UnixMilli():
		return InUse
	}
	return Quiet
}

func (h *Hits) add(i Impact) {
	switch i {
	case Breaks:
		h.Breaks++
	case InUse:
		h.Used++
	default:
		h.Quiet++
	}
}

// judge weighs consequence with time: what breaks in two days comes before what nobody
// is known to use tomorrow.
func (v *overlook) judge(c credential, impact Impact) {
	left := c.Expires.Sub(v.now)
	weight := map[Impact]int{Breaks: 100, InUse: 40, Quiet: 8}[impact]
	switch {
	case left < -attentionPast:
		return
	case left < 0:
		if impact == Quiet {
			return // it has ended and nobody noticed
		}
		weight *= 8
		if impact == Breaks {
			v.into.Lost++
		}
	case left < 2*24*time.Hour:
		weight *= 6
	case left < 7*24*time.Hour:
		weight *= 4
	case left < 14*24*time.Hour:
		weight *= 2
	case left >= 30*24*time.Hour:
		return
	}
	if impact == Breaks && left >= 0 && left < 7*24*time.Hour {
		v.into.Soon++
	}
	v.urgent = append(v.urgent, urgent{c, impact, weight})
}

// count counts the rest by the database.
func (v *overlook) count() error {
	o, noticed := v.into, v.now.Add(-Unused).UnixMilli()
	later, _ := EndsLater.span(v.now)
	at := func(e Ends) *int { return &o.Ends[slices.Index(AllEnds, e)].Quiet }
	for _, c := range []struct {
		into      *int
		query     string
		arguments []any
	}{
		{&o.Applications, `SELECT count(*) FROM inventory_application WHERE tenant = $1 AND gone = 0`, []any{v.number}},
		{&o.Entries, `SELECT count(*) FROM inventory_entry WHERE tenant = $1 AND gone = 0`, []any{v.number}},
		{&o.Unmanaged, `SELECT count(*) FROM inventory_credential WHERE tenant = $1 AND gone = 0 AND unmanaged <> 0`, []any{v.number}},
		{&o.Unused, `SELECT count(*) FROM inventory_credential WHERE tenant = $1 AND gone = 0 AND used <> 0 AND used < $2`, []any{v.number, noticed}},
		{&o.NoOwner, `SELECT count(*) FROM inventory_credential c JOIN inventory_application a ON a.tenant = c.tenant AND a.num = c.num WHERE c.tenant = $1 AND c.gone = 0 AND a.owned = 0`, []any{v.number}},
		{at(EndsLater), countEnding, []any{v.number, later, int64(noEnd)}},
		{at(EndsNever), countEndless + `kind IN ('accessKey', 'federated', 'owner')`, []any{v.number, int64(noEnd)}},
		{at(EndsUnknown), countEndless + `kind NOT IN ('accessKey', 'federated', 'owner')`, []any{v.number, int64(noEnd)}},
	} {
		if err := v.tx.QueryRow(c.query, c.arguments...).Scan(c.into); err != nil {
			return err
		}
	}
	return nil
}

// own counts what is a user's own, one application after the other: they have a few.
func (v *overlook) own() error {
	o, noticed := v.into, v.now.Add(-Unused)
	numbers, err := ownNumbers(v.tx, v.number, v.by)
	if err != nil {
		return err
	}
	for num := range numbers {
		a, err := loadApplication(v.tx, v.tenant, v.number, num)
		if err != nil {
			return err
		}
		if a.gone != 0 {
			continue
		}
		o.Applications++
		held, err := loadCredentials(v.tx, v.tenant, v.number, num, a.ObjectID)
		if err != nil {
			return err
		}
		for _, c := range held {
			if c.gone != 0 {
				continue
			}
			c.num = num
			used := millis(c.LastUsed)
			part := partOf(endMillis(c.Expires), c.Kind, v.now)
			impact := v.impact(&c, used)
			if part == EndsLater || part == EndsNever || part == EndsUnknown {
				o.Ends[slices.Index(AllEnds, part)].Quiet++
			} else {
				o.Ends[slices.Index(AllEnds, part)].add(impact)
				v.ahead(c, impact)
			}
			if c.unmanaged != 0 {
				o.Unmanaged++
			}
			if used != 0 && c.LastUsed.Before(noticed) {
				o.Unused++
			}
		}
	}
	return nil
}

const countEndless = `SELECT count(*) FROM inventory_credential WHERE tenant = $1 AND gone = 0 AND expires >= $2 AND `

// attend reads the worst of what is urgent.
func (v *overlook) attend(busy func(ObjectID) bool) error {
	slices.SortStableFunc(v.urgent, func(a, b urgent) int {
		return cmp.Or(cmp.Compare(b.score, a.score), a.Expires.Compare(b.Expires), cmp.Compare(a.num, b.num))
	})
	for _, u := range v.urgent {
		if len(v.into.Attention) == mostAttention {
			return nil
		}
		found, err := credentialAt(v.tx, v.tenant, v.number, u.num, u.KeyID)
		if err != nil {
			return err
		}
		rows, err := v.rows(v.tx, v.tenant, v.number, []credential{found})
		if err != nil {
			return err
		}
		a := rows[0].Application
		if a.Kind == "ManagedIdentity" || busy != nil && busy(a.ObjectID) {
			continue
		}
		v.into.Attention = append(v.into.Attention, Attention{rows[0], u.impact})
	}
	return nil
}

func credentialAt(tx *store.Tx, tenant string, number, num int64, key string) (credential, error) {
	return scanCredential(tx.QueryRow(`SELECT `+credentialColumns+` FROM inventory_credential WHERE tenant = $1 AND num = $2 AND key_id = $3`, number, num, key), tenant, "")
}
