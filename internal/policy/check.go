package policy

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// Result is what a check has changed.
type Result struct {
	Checked  time.Time `json:"checked"`
	Found    int       `json:"found"`    // against the policy now, acknowledged ones too
	Opened   int       `json:"opened"`   // new, or back again
	Resolved int       `json:"resolved"` // no longer there
}

// Check judges the inventory of the actor's tenant by every rule and keeps the
// difference to the check before. It walks the inventory once, in one state of
// it; memory grows with the number of findings only, by some 100 bytes each.
func (p *Policy) Check(ctx context.Context, actor access.Actor) (Result, error) {
	if err := actor.Check(access.CheckPolicy); err != nil {
		return Result{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &check{Policy: p, ctx: ctx, tenant: actor.Tenant, result: Result{Checked: time.Now().UTC().Truncate(time.Millisecond)}, told: map[string]int{}}
	if err := p.db.View(ctx, c.walk); err != nil {
		return c.result, fmt.Errorf("cannot check the policy: %w", err)
	}
	if err := c.finish(); err != nil {
		return c.result, fmt.Errorf("cannot check the policy: %w", err)
	}
	return c.result, nil
}

// check is one run.
type check struct {
	*Policy
	ctx     context.Context // of the run; it ends with it
	tenant  string
	known   map[string]*known
	pending []Finding // new or different ones, not written yet
	result  Result
	told    map[string]int // events by action and rule
	failed  error
}

const batch = 500

func (c *check) walk(tx *store.Tx) error {
	var err error
	if c.known, err = loadKnown(tx, c.tenant); err != nil {
		return err
	}
	j := &judge{rulebook: c.rules, tenant: c.tenant, now: c.result.Checked, found: c.found}
	if c.Planned != nil {
		if j.planned, err = c.Planned(c.ctx, tx, c.tenant); err != nil {
			return fmt.Errorf("cannot read which rotations are under way: %w", err)
		}
	}
	for h, err := range inventory.Holdings(tx, c.tenant) {
		if err != nil {
			return err
		}
		if j.application(h); c.failed != nil {
			return c.failed
		}
	}
	for k, err := range inventory.Vaulted(tx, c.tenant) {
		if err != nil {
			return err
		}
		if j.entry(k); c.failed != nil {
			return c.failed
		}
	}
	for s, err := range inventory.SharedValues(tx, c.tenant) {
		if err != nil {
			return err
		}
		if j.shared(s); c.failed != nil {
			return c.failed
		}
	}
	for s, err := range inventory.SharedCertificates(tx, c.tenant) {
		if err != nil {
			return err
		}
		if j.shared(s); c.failed != nil {
			return c.failed
		}
	}
	return nil
}

// found takes what the rules report. Most of it is known from the check before,
// and costs nothing.
func (c *check) found(f Finding) {
	k := c.known[f.ID]
	if k != nil && k.seen { // one thing against one rule twice, in two vaults for instance
		return
	}
	c.result.Found++
	if k != nil && k.state != Resolved && k.text == f.text() {
		k.seen = true
		return
	}
	if k == nil {
		k = &known{}
		c.known[f.ID] = k
	}
	k.seen = true
	if c.pending = append(c.pending, f); len(c.pending) == batch && c.failed == nil {
		c.failed = c.flush()
	}
}

// flush writes what is pending, in a transaction of its own with its events:
// a check that is stopped halfway has found what it has found.
func (c *check) flush() error {
	if len(c.pending) == 0 {
		return nil
	}
	opened := 0
	err := c.db.Do(c.ctx, func(tx *store.Tx) error {
		opened = 0
		adding, err := tx.Prepare(insertFinding)
		if err != nil {
			return err
		}
		defer adding.Close()
		var events []audit.Event
		for _, f := range c.pending {
			fresh, err := c.write(tx, adding, f)
			if err != nil {
				return err
			}
			if fresh {
				opened++
				events = c.tell(events, "finding.opened", f)
			}
		}
		return c.log.Record(tx, events...)
	})
	c.pending = c.pending[:0]
	c.result.Opened += opened
	return err
}

func (c *check) write(tx *store.Tx, adding *sql.Stmt, f Finding) (fresh bool, err error) {
	switch k := c.known[f.ID]; {
	case k.state == "":
		return insert(adding, f, c.result.Checked)
	case k.state == Resolved, k.state == Acknowledged && f.Severity.rank() < k.rank:
		return reopen(tx, f, c.result.Checked)
	default:
		return false, rewrite(tx, f)
	}
}

// finish writes the rest, and resolves what was not found again.
func (c *check) finish() error {
	if err := c.flush(); err != nil {
		return err
	}
	var gone []string
	for id, k := range c.known {
		if !k.seen && k.state != Resolved {
			gone = append(gone, id)
		}
	}
	for len(gone) > 0 {
		n := min(batch, len(gone))
		if err := c.resolve(gone[:n]); err != nil {
			return err
		}
		gone = gone[n:]
	}
	return c.db.Do(c.ctx, func(tx *store.Tx) error {
		if err := c.log.Record(tx, c.rest()...); err != nil {
			return err
		}
		return setChecked(tx, c.tenant, c.result.Checked)
	})
}

func (c *check) resolve(ids []string) error {
	resolved := 0
	err := c.db.Do(c.ctx, func(tx *store.Tx) error {
		var events []audit.Event
		for _, id := range ids {
			f, done, err := resolve(tx, c.tenant, id, c.result.Checked)
			if err != nil {
				return err
			}
			if done {
				resolved++
				events = c.tell(events, "finding.resolved", f)
			}
		}
		return c.log.Record(tx, events...)
	})
	c.result.Resolved += resolved
	return err
}

// mostTold is how many findings of one rule a check records one by one. What it
// finds in a large tenant for the first time is told as a number: an event for
// each of a hundred thousand bad names would bury the log.
const mostTold = 200

func (c *check) tell(events []audit.Event, action string, f Finding) []audit.Event {
	key := action + " " + f.Rule
	if c.told[key]++; c.told[key] > mostTold {
		return events
	}
	return append(events, told(action, f))
}

func (c *check) event(action, subject string) audit.Event {
	return audit.By(access.Rekey(c.tenant), access.Action(action), subject, audit.Seen)
}

// rest tells how many findings there were beyond those told one by one.
func (c *check) rest() (events []audit.Event) {
	for _, r := range Rules {
		for _, action := range []string{"finding.opened", "finding.resolved"} {
			if n := c.told[action+" "+r.Code] - mostTold; n > 0 {
				e := c.event(action, "rule:"+r.Code)
				e.Title, e.Detail = r.Title, map[string]string{"rule": r.Code, "more": fmt.Sprint(n)}
				events = append(events, e)
			}
		}
	}
	return events
}
