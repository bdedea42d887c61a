package usage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/trail"
)

// Evidence is what is known of a credential's use.
type Evidence struct {
	KeyID       string
	Application inventory.Application // the zero value if the inventory never knew it
	Credential  inventory.Credential
	Gone        time.Time
	Last        Use       // the newest use in the sign-in records; its time is zero if there is none
	Reported    time.Time // the newest that is known from anywhere: the records, or Entra's report of last uses
	Sketch      Sketch
	Since       time.Time      // from here on the users are told
	Users       []User         // the last one first
	Count       int            // uses since then
	Whole       bool           // false: there were more, and the users are those of the newest
	Sources     []trail.Status // how far the clouds' records were read, so that silence can be told from lag
}

// User is who used a credential, as far as the records tell: one network asking for
// one API.
type User struct {
	Network   string
	Addresses []string // at most ten
	Country   string
	City      string
	Resource  string
	Count     int
	Refused   int
	First     time.Time
	Last      time.Time
}

const (
	mostUses      = 10_000
	mostAddresses = 10
	mostUsers     = 100
)

// Evidence tells how a credential is used, and by whom since a moment. The error is
// inventory.ErrNotFound if neither the inventory nor the records know the key id.
func (m *Meter) Evidence(ctx context.Context, by access.Actor, keyID string, since time.Time) (e Evidence, err error) {
	if err := by.Check(access.ReadUse); err != nil {
		return e, err
	}
	key := strings.ToLower(strings.TrimSpace(keyID))
	e = Evidence{KeyID: key, Since: since, Users: []User{}}
	err = m.Store.View(ctx, func(tx *store.Tx) error {
		known, err := inventory.Recorded(tx, by.Tenant, key)
		unknown := errors.Is(err, inventory.ErrNotFound)
		if err != nil && !unknown {
			return err
		}
		s, there, err := readSketch(tx, by.Tenant, key)
		if err != nil {
			return err
		}
		if unknown && !there {
			return inventory.ErrNotFound
		}
		e.Application, e.Credential, e.Gone, e.Sketch, e.Last = known.Application, known.Credential, known.Gone, *s, s.Last
		e.KeyID = cmp.Or(known.Credential.KeyID, key)
		e.Reported = known.Credential.LastUsed
		if s.Last.Time.After(e.Reported) {
			e.Reported = s.Last.Time
		}
		uses, whole, err := trail.SignIns(tx, by.Tenant, key, since, mostUses)
		if err != nil {
			return err
		}
		e.Users, e.Count, e.Whole = usersOf(uses), len(uses), whole
		e.Sources, err = trail.SourcesOf(tx, by.Tenant)
		return err
	})
	if err != nil {
		return e, fmt.Errorf("cannot tell how credential %q is used: %w", key, err)
	}
	return e, nil
}

// usersOf sorts uses, the newest first, by who they are of.
func usersOf(uses []trail.Event) []User {
	type who struct{ network, country, resource string }
	found, list := map[who]int{}, []User{}
	for i := range uses {
		u := UseOf(&uses[i])
		w := who{Network(u.Address), clip(u.Country), clip(u.Resource)}
		n, known := found[w]
		if !known {
			if len(list) == mostUsers {
				continue
			}
			n = len(list)
			found[w] = n
			list = append(list, User{Network: w.network, Country: w.country, City: clip(u.City), Resource: w.resource, Last: u.Time, Addresses: []string{}})
		}
		list[n].add(u)
	}
	return list
}

func (w *User) add(u Use) {
	w.Count++
	w.First = u.Time
	if u.Error != "" {
		w.Refused++
	}
	a, err := netip.ParseAddr(u.Address)
	if err != nil || a.Zone() != "" {
		return
	}
	if text := a.String(); len(w.Addresses) < mostAddresses && !slices.Contains(w.Addresses, text) {
		w.Addresses = append(w.Addresses, text)
	}
}

// Standing are the alarms that nobody has acknowledged, the oldest first.
func (s *Sketch) Standing() []*Alarm {
	list := []*Alarm{}
	for _, k := range Kinds {
		if a := s.Alarms[k]; a != nil {
			list = append(list, a)
		}
	}
	slices.SortStableFunc(list, func(a, b *Alarm) int { return a.Since.Compare(b.Since) })
	return list
}

// Learning reports whether too little is known of a credential to call a use of it
// unusual.
func (s *Sketch) Learning(now time.Time) bool { return !s.taught(now) || s.Judged < 5 }
