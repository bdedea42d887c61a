// Package usage knows how each credential is used: when last, from where, for what,
// and what is unusual about it.
//
// It is told of each sign-in once, in the transaction that keeps the record, and
// keeps a small sketch per credential instead of a second copy of the records: a
// crash loses neither, and a record that comes again changes nothing. What a
// sketch has never seen becomes one finding per credential and kind, which says
// what happened and what is normal. It stands until a person acknowledges it.
package usage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/trail"
)

// Rule is the rule of the findings.
const Rule = "unusual-use"

// Meter keeps the sketches.
type Meter struct {
	Store *store.DB
	Log   *audit.Log
}

// fresh is how young a use has to be for an alarm: what a source has kept from
// before it was read is learnt, and nobody is asked about it.
const fresh = 3 * 24 * time.Hour

// Take learns new sign-ins, in the transaction that keeps them, and reports what is
// unusual about them. They are those of one tenant, and each comes once.
func (m *Meter) Take(tx *store.Tx, tenant string, signIns []*trail.Event) error {
	byKey := map[string][]*trail.Event{}
	for _, e := range signIns {
		if key := strings.ToLower(e.KeyID); key != "" {
			byKey[key] = append(byKey[key], e)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		if err := m.one(tx, tenant, key, byKey[key]); err != nil {
			return fmt.Errorf("cannot learn the uses of credential %q: %w", key, err)
		}
	}
	return nil
}

func (m *Meter) one(tx *store.Tx, tenant, key string, list []*trail.Event) error {
	known, err := inventory.Recorded(tx, tenant, key)
	if err != nil && !errors.Is(err, inventory.ErrNotFound) {
		return err
	}
	s, there, err := lockSketch(tx, tenant, key)
	if err != nil {
		return err
	}
	if !there {
		s.Before = known.Credential.LastUsed
	}
	slices.SortStableFunc(list, func(a, b *trail.Event) int { return a.Time.Compare(b.Time) })
	changed := map[Kind]*Alarm{}
	for _, e := range list {
		before := s.standing()
		for _, a := range s.Take(UseOf(e), Fate{Expires: known.Credential.Expires, Gone: known.Gone}) {
			changed[a.Kind] = a
		}
		if time.Since(e.Time) > fresh { // history: learnt, not asked about
			s.forget(before)
		}
	}
	if err := s.save(tx, tenant, key); err != nil {
		return err
	}
	for _, k := range slices.Sorted(maps.Keys(changed)) {
		if s.Alarms[k] == nil {
			continue
		}
		name := cmp.Or(known.Application.Name, list[0].Name, list[0].ClientID, key)
		if err := m.report(tx, tenant, key, name, known, s.Alarms[k]); err != nil {
			return err
		}
	}
	return inventory.SetUses(tx, tenant, []inventory.Use{{KeyID: key, At: s.Good}})
}

// standing are the kinds of which an alarm stands.
func (s *Sketch) standing() map[Kind]bool {
	m := map[Kind]bool{}
	for k := range s.Alarms {
		m[k] = true
	}
	return m
}

// forget drops the alarms that did not stand before.
func (s *Sketch) forget(before map[Kind]bool) {
	maps.DeleteFunc(s.Alarms, func(k Kind, _ *Alarm) bool { return !before[k] })
	s.settle(Volume, s.Alarms[Volume] == nil)
}

// settle takes a volume as normal from now on.
func (s *Sketch) settle(k Kind, over bool) {
	for i := range s.Days {
		if k == Volume && over {
			s.Days[i].Odd = false
		}
	}
}

// UseOf reads a use out of a record.
func UseOf(e *trail.Event) Use {
	return Use{
		Time: e.Time.UTC(), Address: e.Actor.Address, Country: e.Detail["country"], City: e.Detail["city"], Resource: e.Detail["resource"], Error: e.Detail["error"],
	}
}

func (m *Meter) report(tx *store.Tx, tenant, key, name string, known inventory.Known, a *Alarm) error {
	f := policy.Finding{
		Tenant: tenant, Rule: Rule, Severity: policy.Medium, Application: known.Application.ObjectID, KeyID: cmp.Or(known.Credential.KeyID, key),
		Place: place(a.Kind), Title: name, Reason: a.Reason(),
	}
	switch a.Kind {
	case Withdrawn, NewCountry:
		f.Severity = policy.High
	case Expired:
		f.Cure = "find out who still has it, from the addresses: rekey credentials use " + key + "; what is not needed is switched off, what is gets the new credential"
	}
	_, err := policy.Report(tx, m.Log, f)
	return err
}

// place makes the findings of one credential differ by kind.
func place(k Kind) string { return "sign-ins: " + string(k) }

func kindOf(place string) (Kind, bool) {
	k := Kind(strings.TrimPrefix(place, "sign-ins: "))
	return k, slices.Contains(Kinds, k)
}

// Settle closes the findings that a person has acknowledged: what they are about is
// normal from then on, and the next unusual use opens a new one.
func (m *Meter) Settle(ctx context.Context, tenant string) error {
	var done []policy.Finding
	err := m.Store.View(ctx, func(tx *store.Tx) error {
		list, err := policy.Standing(tx, tenant, Rule)
		for _, f := range list {
			if f.State == policy.Acknowledged {
				done = append(done, f)
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot list the unusual uses: %w", err)
	}
	for _, f := range done {
		err := m.Store.Do(ctx, func(tx *store.Tx) error { return m.settle(tx, tenant, f) })
		if err != nil {
			return fmt.Errorf("cannot settle the unusual use of %q: %w", f.KeyID, err)
		}
	}
	return nil
}

func (m *Meter) settle(tx *store.Tx, tenant string, f policy.Finding) error {
	key := strings.ToLower(f.KeyID)
	s, there, err := lockSketch(tx, tenant, key)
	if err != nil {
		return err
	}
	if k, known := kindOf(f.Place); there && known {
		delete(s.Alarms, k)
		s.settle(k, true)
		if err := s.save(tx, tenant, key); err != nil {
			return err
		}
	}
	return policy.Settle(tx, m.Log, tenant, f.ID, "it was acknowledged: such use is normal from now on")
}
