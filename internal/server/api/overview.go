package api

import (
	"context"
	"sync"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/rotation"
)

// Counting a large tenant takes longer than a page may. So it is counted when the
// audit log has grown, which every change of state does in its own transaction, and
// when it was some time ago, because time itself moves credentials from one part to the
// next. Where counting takes long, whoever asks gets the counts before it meanwhile.
const (
	keptFor  = 30 * time.Second     // counts are taken as they are
	shownFor = 5 * time.Minute      // counts are shown while new ones are made
	quick    = 8 * time.Millisecond // counting that whoever asks can wait for
	restFor  = 20                   // times as long as counting took, before it is done again
)

// overviews are the counts of each tenant, and of each user's part of it.
type overviews struct {
	mu   sync.Mutex
	kept map[string]*overview
}

// overview are the counts of one tenant.
type overview struct {
	counting sync.Mutex // held while they are made

	mu   sync.Mutex
	wire wire.Overview
	seq  int64     // of the audit log, when they were made
	at   time.Time // zero: there are none
	took time.Duration
}

func (o *overviews) of(tenant string) *overview {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.kept == nil {
		o.kept = map[string]*overview{}
	}
	if o.kept[tenant] == nil {
		o.kept[tenant] = &overview{}
	}
	return o.kept[tenant]
}

// GetOverview says whether anything needs somebody.
func (s *service) GetOverview(ctx context.Context, _ GetOverviewRequestObject) (GetOverviewResponseObject, error) {
	actor := actorOf(ctx)
	for _, action := range []access.Action{access.ReadInventory, access.ReadRotations, access.ReadPolicy} {
		if err := actor.Check(action); err != nil {
			return nil, err
		}
	}
	seq, err := audit.Newest(ctx, s.Store, actor.Tenant)
	if err != nil {
		return nil, err
	}
	whose := actor.Tenant
	if actor.OnlyOwn() {
		whose += "\x00" + actor.Owner // what is theirs and nothing else
	}
	o := s.overviews.of(whose)
	shown, fresh, usable := o.now(seq)
	if !fresh && (!usable || !s.countLater(o, actor)) {
		if shown, err = s.count(ctx, o, actor, seq); err != nil {
			return nil, err
		}
	}
	if err := s.addFreshness(ctx, actor, &shown); err != nil {
		return nil, err
	}
	return GetOverview200JSONResponse(shown), nil
}

// now returns the counts, whether they still hold, and whether they can be shown while
// new ones are made.
func (o *overview) now(seq int64) (shown wire.Overview, fresh, usable bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	age := time.Since(o.at)
	fresh = !o.at.IsZero() && (o.seq == seq && age < keptFor || age < min(restFor*o.took, keptFor))
	return o.wire, fresh, !o.at.IsZero() && o.took > quick && age < shownFor
}

// countLater has the counts made while nobody waits. It reports whether that was possible.
func (s *service) countLater(o *overview, actor access.Actor) bool {
	if s.Background == nil {
		return false
	}
	if !o.counting.TryLock() {
		return true // somebody does it
	}
	admitted := s.Background(func(ctx context.Context) {
		defer o.counting.Unlock()
		if err := s.recount(ctx, o, actor); err != nil && ctx.Err() == nil {
			s.Logger.Warn("cannot count the inventory", "error", err.Error())
		}
	})
	if !admitted {
		o.counting.Unlock()
	}
	return admitted
}

// count makes the counts, or waits for whoever makes them.
func (s *service) count(ctx context.Context, o *overview, actor access.Actor, seq int64) (wire.Overview, error) {
	o.counting.Lock()
	defer o.counting.Unlock()
	if shown, fresh, _ := o.now(seq); fresh {
		return shown, nil
	}
	if err := s.recount(ctx, o, actor); err != nil {
		return wire.Overview{}, err
	}
	shown, _, _ := o.now(seq)
	return shown, nil
}

func (s *service) recount(ctx context.Context, o *overview, actor access.Actor) error {
	began := time.Now()
	seq, err := audit.Newest(ctx, s.Store, actor.Tenant) // first: what comes meanwhile makes them old again
	if err != nil {
		return err
	}
	counted, err := s.overview(ctx, actor)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wire, o.seq, o.at, o.took = counted, seq, time.Now(), time.Since(began)
	return nil
}

// overview counts.
func (s *service) overview(ctx context.Context, actor access.Actor) (wire.Overview, error) {
	open, err := s.open(ctx, actor)
	if err != nil {
		return wire.Overview{}, err
	}
	busy := map[inventory.ObjectID]bool{}
	for _, r := range open {
		busy[r.Terms.Application.ObjectID] = true
	}
	counted, err := s.Inventory.Overview(ctx, actor, func(id inventory.ObjectID) bool { return busy[id] })
	if err != nil {
		return wire.Overview{}, err
	}
	rules, err := s.Policy.Counts(ctx, actor)
	if err != nil {
		return wire.Overview{}, err
	}
	out := wireOverview(counted)
	out.Hygiene.Findings = each(rules, func(r policy.RuleCount) wire.RuleCount {
		return wire.RuleCount{Rule: r.Rule, Title: r.Title, Severity: wire.Severity(r.Severity), Open: r.Open}
	})
	out.Board, out.Overlaps, out.Freezes = board(open), overlaps(open), s.freezes()
	return out, nil
}

// open reads all open rotations: an application has one at most.
func (s *service) open(ctx context.Context, actor access.Actor) (all []*rotation.Rotation, err error) {
	for f := (rotation.Filter{State: rotation.Open, Limit: 1000}); ; {
		list, more, err := s.Rotations.List(ctx, actor, f)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if !more {
			return all, nil
		}
		last := list[len(list)-1]
		f.Before = rotation.Cursor{Asked: last.Asked, ID: last.ID}
	}
}

// addFreshness says how old the picture is, now.
func (s *service) addFreshness(ctx context.Context, actor access.Actor, out *wire.Overview) error {
	feeds, err := s.Inventory.Freshness(ctx, actor)
	if err != nil {
		return err
	}
	out.Sources, out.Stale, out.LastSync, out.Sync = []wire.Source{}, len(feeds) == 0, time.Time{}, wire.Sync{}
	for _, f := range feeds {
		source := s.source(f)
		out.Sources = append(out.Sources, source)
		out.Stale = out.Stale || source.Stale
		if out.LastSync.IsZero() || f.Read.Before(out.LastSync) { // as old as its oldest part
			out.LastSync = f.Read
		}
	}
	if runs := s.Syncs.List(actor.Tenant); len(runs) > 0 {
		out.Sync = runs[0]
	}
	if s.Rotations.Held != nil {
		out.Held = s.Rotations.Held()
	}
	return nil
}
