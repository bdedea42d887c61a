package trail

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/store"
)

// The states of a source.
const (
	Reading    = "reading"    // its records are there up to Through
	Failing    = "failing"    // it was not read to the end; Problem says why
	Unrecorded = "unrecorded" // the tenant keeps no such records, or we may not read them
)

const (
	margin      = 10 * time.Minute // before the end of what a source keeps
	usualBack   = 10 * time.Minute // how far back is read again each time
	mostRecords = 1000             // in one transaction
)

// Cycle is what one reading of a source came to.
type Cycle struct {
	Source  string `json:"source"`
	Records int    `json:"records"` // events in them that were new
	Joined  int    `json:"joined"`  // that another source had told of
	Again   int    `json:"again"`   // that were there already
	Gaps    int    `json:"gaps"`    // that were found
}

// Read brings one source of a tenant up to date. It returns when everything that
// the source has now is kept; an error leaves what was read so far.
func (t *Trail) Read(ctx context.Context, tenant string, source connector.Recorder) (Cycle, error) {
	r := &reading{Trail: t, tenant: tenant, source: source, habits: source.Habits(), result: Cycle{Source: source.Name()}}
	err := r.run(ctx)
	if ctx.Err() != nil {
		return r.result, ctx.Err()
	}
	if wrote := r.end(ctx, err); wrote != nil {
		return r.result, errors.Join(err, wrote)
	}
	if err != nil {
		return r.result, fmt.Errorf("cannot read %s: %w", source.Name(), err)
	}
	return r.result, nil
}

// reading is one reading of one source.
type reading struct {
	*Trail
	tenant string
	num    int64
	source connector.Recorder
	habits connector.Habits
	at     position
	result Cycle
	parts  map[int64]string // state by the hash of the part, of the window that is read
	until  time.Time        // of the reading
	open   time.Time        // since of the oldest gap that can be closed; zero: none
	sweep  bool             // everything that may be late is read again
	failed error            // of a part
}

// run reads window after window up to now.
func (r *reading) run(ctx context.Context) error {
	began := now()
	if err := r.begin(ctx, began); err != nil {
		return err
	}
	for from := r.from(began); from.Before(r.until); {
		to := from.Add(r.habits.Window)
		if to.After(r.until) {
			to = r.until
		}
		if err := r.window(ctx, from, to); err != nil {
			return err
		}
		from = to
	}
	return r.failed
}

// begin loads the position. What was missed so long ago that the source has
// dropped it is a gap that nothing closes.
func (r *reading) begin(ctx context.Context, began time.Time) error {
	r.until = began
	return r.act(ctx, r.tenant, func(tx *store.Tx, num int64) (err error) {
		r.num = num
		if r.at, err = loadPosition(tx, num, r.source.Name()); err != nil {
			return err
		}
		r.at.keeps, r.at.late = r.habits.Keeps, r.habits.Late
		oldest := began.Add(-r.habits.Keeps)
		if !r.at.done.IsZero() && r.at.done.Before(oldest) {
			if err := r.lose(tx, connector.Loss{From: r.at.done, To: oldest, Why: "rekey did not read it in time, and the source keeps " + days(r.habits.Keeps) + " only"}, 0); err != nil {
				return err
			}
			r.at.done = oldest
		}
		if r.open, err = r.reach(tx); err != nil {
			return err
		}
		return r.at.save(tx)
	})
}

// from is where this reading begins: a little before the end of the last one, or
// as far back as something may still come late, a few times in that span.
func (r *reading) from(began time.Time) time.Time {
	oldest := began.Add(margin - r.habits.Keeps)
	if r.at.done.IsZero() {
		r.sweep = true
		return oldest
	}
	back := usualBack
	if began.Sub(r.at.swept) >= r.habits.Late/4 {
		r.sweep, back = true, r.habits.Late
	}
	from := r.at.done.Add(-max(back, min(usualBack, r.habits.Late)))
	if !r.open.IsZero() && r.open.Before(from) {
		from = r.open
	}
	if from.Before(oldest) {
		return oldest
	}
	return from
}

// window reads one span. The position moves with the last of its records.
func (r *reading) window(ctx context.Context, from, to time.Time) error {
	if err := r.remember(ctx, from, to); err != nil {
		return err
	}
	next, stop := ahead(r.source.Records(ctx, from, to, r.known), r.source.Name(), r.habits.Partner)
	defer stop()
	for {
		b, more := next()
		if !more {
			break
		}
		if b.err != nil {
			return b.err
		}
		if err := r.batch(ctx, b); err != nil {
			return err
		}
	}
	return r.act(ctx, r.tenant, func(tx *store.Tx, _ int64) error {
		at := r.at
		if to.After(at.done) {
			at.done = to
		}
		if r.sweep && !to.Before(r.until) {
			at.swept = to
		}
		if err := at.save(tx); err != nil {
			return err
		}
		r.at = at
		return nil
	})
}

// batch keeps some records, the part they came in, and how far the reading is, in
// transactions that are not too long for others.
func (r *reading) batch(ctx context.Context, b prepared) error {
	if b.Lost != nil {
		lost := *b.Lost
		if lost.From.IsZero() {
			lost.From = r.at.done
		}
		if lost.From.IsZero() {
			return nil // nothing was read before, so nothing is missing
		}
		return r.act(ctx, r.tenant, func(tx *store.Tx, _ int64) error { return r.lose(tx, lost, 0) })
	}
	if b.Err != nil {
		r.failed = b.Err
		return r.act(ctx, r.tenant, func(tx *store.Tx, _ int64) error { return r.missed(tx, b.Batch) })
	}
	rows := b.rows
	for first := true; first || len(rows) > 0; first = false {
		n := min(len(rows), mostRecords)
		last := n == len(rows)
		err := r.act(ctx, r.tenant, func(tx *store.Tx, _ int64) error { return r.write(tx, rows[:n], b, last) })
		if err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func (r *reading) write(tx *store.Tx, rows []row, b prepared, last bool) error {
	k, err := r.keeper(tx, r.tenant)
	if err != nil {
		return err
	}
	defer k.close()
	if err := k.keep(rows); err != nil {
		return err
	}
	at := r.at
	at.count(rows, k)
	if err := at.save(tx); err != nil {
		return err
	}
	if last && b.Part != "" {
		if err := r.took(tx, b.Batch); err != nil {
			return err
		}
	}
	if err := k.judge(); err != nil {
		return err
	}
	r.at = at
	r.result.Records, r.result.Joined, r.result.Again = r.result.Records+k.added, r.result.Joined+k.joined, r.result.Again+k.again
	return nil
}

// end writes down how the reading ended.
func (r *reading) end(ctx context.Context, err error) error {
	if r.num == 0 {
		return nil
	}
	return r.act(ctx, r.tenant, func(tx *store.Tx, _ int64) error {
		at := r.at
		at.looked, at.state, at.problem = now(), Reading, ""
		if err != nil {
			at.state, at.problem = Failing, short(err.Error())
		}
		if errors.Is(err, connector.ErrUnrecorded) {
			at.state = Unrecorded
		}
		return at.save(tx)
	})
}

func days(d time.Duration) string {
	if n := int(d / (24 * time.Hour)); n > 0 {
		return fmt.Sprintf("%d days", n)
	}
	return d.String()
}

// Take keeps records that were sent to us, of a source that is not polled.
func (t *Trail) Take(ctx context.Context, tenant, source string, records []connector.Record) error {
	rows := rowsOf(source, false, records, now())
	err := t.act(ctx, tenant, func(tx *store.Tx, num int64) error {
		k, err := t.keeper(tx, tenant)
		if err != nil {
			return err
		}
		defer k.close()
		if err := k.keep(rows); err != nil {
			return err
		}
		p, err := loadPosition(tx, num, source)
		if err != nil {
			return err
		}
		p.count(rows, k)
		p.looked, p.done, p.state = now(), now(), Reading
		if err := p.save(tx); err != nil {
			return err
		}
		return k.judge()
	})
	if err != nil {
		return fmt.Errorf("cannot keep what %s sent: %w", source, err)
	}
	return nil
}
