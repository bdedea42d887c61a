package policy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// Query selects findings. Zero fields select all.
type Query struct {
	Rule        string
	Severity    Severity // at least as bad
	State       State    // empty: Open
	Application inventory.ObjectID
	After       Finding // the last one of the page before; its Severity, Rule and ID are enough
	Limit       int     // 0 means 100; at most 1000
}

// ErrNotFound means that there is no finding with this id.
var ErrNotFound = errors.New("there is no such finding")

// InvalidError reports a judgement that makes no sense as things are.
type InvalidError struct{ Why string }

func (e *InvalidError) Error() string { return e.Why }

// Findings lists findings of the actor's tenant, the worst first.
func (p *Policy) Findings(ctx context.Context, actor access.Actor, q Query) (found []Finding, err error) {
	if err := actor.Check(access.ReadPolicy); err != nil {
		return nil, err
	}
	if q.Limit <= 0 {
		q.Limit = 100
	}
	q.Limit, q.State = min(q.Limit, 1000), orElse(q.State, Open)
	err = p.db.View(ctx, func(tx *store.Tx) error {
		own, all, err := inventory.Own(tx, actor)
		if err != nil {
			return err
		}
		if all || own[q.Application] {
			found, err = list(tx, actor.Tenant, q)
			return err
		}
		found, err = listOwn(tx, actor.Tenant, q, own)
		return err
	})
	return found, err
}

// All walks the findings that a query selects, page by page.
func (p *Policy) All(ctx context.Context, actor access.Actor, q Query) iter.Seq2[Finding, error] {
	return func(yield func(Finding, error) bool) {
		for q.Limit = 1000; ; {
			page, err := p.Findings(ctx, actor, q)
			if err != nil {
				yield(Finding{}, err)
				return
			}
			for _, f := range page {
				if !yield(f, nil) {
					return
				}
			}
			if len(page) < q.Limit {
				return
			}
			q.After = page[len(page)-1]
		}
	}
}

// Finding returns one finding of the actor's tenant.
func (p *Policy) Finding(ctx context.Context, actor access.Actor, id string) (f Finding, err error) {
	if err := actor.Check(access.ReadPolicy); err != nil {
		return Finding{}, err
	}
	err = p.db.View(ctx, func(tx *store.Tx) error {
		if f, err = byID(tx, actor.Tenant, id); err != nil {
			return err
		}
		if sees, err := inventory.Sees(tx, actor, f.Application); err != nil || !sees {
			f = Finding{}
			return errors.Join(err, fmt.Errorf("%w: %s", ErrNotFound, id))
		}
		return nil
	})
	return f, err
}

// listOwn lists the findings of a user's own applications, in the same order.
func listOwn(tx *store.Tx, tenant string, q Query, own map[inventory.ObjectID]bool) ([]Finding, error) {
	found := []Finding{}
	if q.Application != "" { // and it is not theirs
		return found, nil
	}
	for object := range own {
		q.Application = object
		some, err := list(tx, tenant, q)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	slices.SortFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Severity.rank(), b.Severity.rank()), strings.Compare(a.Rule, b.Rule), strings.Compare(a.ID, b.ID))
	})
	return found[:min(len(found), q.Limit)], nil
}

// Checked says when the actor's tenant was last checked to the end; zero: never.
func (p *Policy) Checked(ctx context.Context, actor access.Actor) (at time.Time, err error) {
	if err := actor.Check(access.ReadPolicy); err != nil {
		return time.Time{}, err
	}
	err = p.db.View(ctx, func(tx *store.Tx) error {
		at, err = checked(tx, actor.Tenant)
		return err
	})
	return at, err
}

// Acknowledge says that a finding is known and may stay. It opens again if it
// gets worse, or after it was resolved and came back.
func (p *Policy) Acknowledge(ctx context.Context, actor access.Actor, id, why string) (f Finding, err error) {
	if err := actor.Check(access.JudgeFinding); err != nil {
		return Finding{}, err
	}
	if why = strings.TrimSpace(why); why == "" {
		return Finding{}, &InvalidError{Why: "cannot acknowledge a finding without saying why it may stay"}
	}
	err = p.db.Do(ctx, func(tx *store.Tx) error {
		if f, err = byID(tx, actor.Tenant, id); err != nil {
			return err
		}
		if f.State == Resolved {
			return &InvalidError{Why: "cannot acknowledge a finding that is resolved"}
		}
		f.State, f.Judge, f.Why = Acknowledged, actor.ID, why
		if err := acknowledge(tx, actor.Tenant, id, actor.ID, why); err != nil {
			return err
		}
		e := audit.By(actor, access.JudgeFinding, f.ID, audit.Done)
		e.Title, e.Detail = f.Title, map[string]string{"rule": f.Rule, "application": string(f.Application), "why": why}
		return p.log.Record(tx, e)
	})
	return f, err
}
