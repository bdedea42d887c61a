package schedule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// Planner proposes what is due. Whoever may approve still has to.
type Planner struct {
	Service *Service

	// Propose proposes the rotation of one credential. An error means that it
	// cannot be proposed now; it is tried again a day later.
	Propose func(ctx context.Context, r inventory.Row) error

	mu     sync.Mutex // one run at a time
	failed map[string]time.Time
}

// Outcome is what a run has done.
type Outcome struct {
	Proposed int           // rotations
	Waiting  int           // due as well, but there are enough open rotations
	Failed   int           // could not be proposed; Errors says why
	Skipped  map[State]int // due, and why not proposed
	Errors   []error       // the first few
}

const fewErrors = 5

// Run proposes what is due in a tenant, in the order in which the credentials
// end, until as many rotations are open as Bulk.AtOnce says. A nil Propose or
// Config.Propose false proposes nothing and only counts.
func (p *Planner) Run(ctx context.Context, tenant string) (Outcome, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := Outcome{Skipped: map[State]int{}}
	now := time.Now()
	room, ready, err := p.ready(ctx, tenant, now, &o)
	if err != nil {
		return o, fmt.Errorf("cannot find out what is due in %s: %w", tenant, err)
	}
	taken := map[inventory.ObjectID]bool{}
	for _, item := range ready {
		if taken[item.Application.ObjectID] || o.Proposed >= room || p.Propose == nil || !p.Service.Schedule.Config.Propose {
			o.Waiting++ // an application has one rotation at a time
			continue
		}
		if err := p.Propose(ctx, *item.Row); err != nil {
			if ctx.Err() != nil {
				return o, errors.Join(ctx.Err(), err)
			}
			p.note(item.KeyID, now, err, &o)
			continue
		}
		taken[item.Application.ObjectID] = true
		o.Proposed++
	}
	return o, nil
}

// note remembers what could not be proposed, so that the same few do not keep
// the others waiting.
func (p *Planner) note(keyID string, now time.Time, err error, o *Outcome) {
	if p.failed == nil {
		p.failed = map[string]time.Time{}
	}
	p.failed[keyID] = now.Add(day)
	if o.Failed++; len(o.Errors) < fewErrors {
		o.Errors = append(o.Errors, fmt.Errorf("cannot propose to renew %q: %w", keyID, err))
	}
}

// ready is what may be proposed, the first to end first, and how many may.
func (p *Planner) ready(ctx context.Context, tenant string, now time.Time, o *Outcome) (room int, list []Item, err error) {
	for key, until := range p.failed {
		if !now.Before(until) {
			delete(p.failed, key)
		}
	}
	s := p.Service
	room = s.Schedule.Config.Bulk.AtOnce
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		if s.Standing != nil {
			known, err := s.Standing(tx, tenant)
			if err != nil {
				return err
			}
			room -= len(known.Open)
		}
		for item, err := range s.items(tx, access.Rekey(tenant), now, Question{Until: now}) {
			if err != nil {
				return err
			}
			if _, again := p.failed[item.KeyID]; again || item.State != Ready {
				o.Skipped[item.State]++
				continue
			}
			list = append(list, item)
		}
		return nil
	})
	slices.SortStableFunc(list, func(a, b Item) int { return cmp.Or(a.Ends.Compare(b.Ends), cmp.Compare(a.KeyID, b.KeyID)) })
	return room, list, err
}
