package inventory

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/store"
)

// Syncer brings the inventory up to date with the systems.
//
// The first reading of a feed is full, later ones follow its delta. Where it
// stands is kept in the same transaction as what was read: a process that is
// killed goes on from its last commit. What differs from the reading before is
// recorded as audit events in that transaction too.
type Syncer struct {
	Store *store.DB
	Log   *audit.Log

	// Ours reports whether a credential that appeared was made by a rotation. Any
	// other that appears after the first reading is remembered as unmanaged. nil
	// means that none is ours.
	Ours func(tx *store.Tx, tenant string, holder ObjectID, keyID, label string) (bool, error)

	// Whole is how old the last full reading may be before everything is read
	// again, deltas or not: owners are not part of a delta. 0 means a day.
	Whole time.Duration

	// Progress, if not nil, is told how far a reading is, after each commit.
	Progress func(Progress)
}

// Counts say what a reading met.
type Counts struct {
	Pages     int           `json:"pages"`
	Bytes     int64         `json:"bytes"`
	Read      int           `json:"read"`      // objects that the systems listed
	Unchanged int           `json:"unchanged"` // of these
	Appeared  int           `json:"appeared"`  // credentials that were not there before
	Changed   int           `json:"changed"`   // credentials and applications
	Gone      int           `json:"gone"`      // credentials and applications
	Took      time.Duration `json:"took"`
}

func (c *Counts) add(d Counts) {
	c.Pages += d.Pages
	c.Bytes += d.Bytes
	c.Read += d.Read
	c.Unchanged += d.Unchanged
	c.Appeared += d.Appeared
	c.Changed += d.Changed
	c.Gone += d.Gone
}

// Progress tells how far a reading is.
type Progress struct {
	Feed  string // applications, servicePrincipals, or a vault's host
	Phase string // "reading everything", "missing what is gone", "following changes"
	Counts
	Rate float64 // objects a second since the beginning
}

// Directory reads the feeds of a directory, one after the other. With full,
// everything is read again. The counts are also those of a reading that failed.
func (s *Syncer) Directory(ctx context.Context, by access.Actor, full bool, feeds ...Feed) (total Counts, err error) {
	if err := by.Check(access.SyncInventory); err != nil {
		return total, err
	}
	began := time.Now()
	for _, f := range feeds {
		r := &reading{Syncer: s, tenant: by.Tenant, feed: f, began: time.Now()}
		err = r.read(ctx, full)
		total.add(r.counts)
		if err != nil {
			break
		}
	}
	total.Took = time.Since(began)
	return total, err
}

// reading is one reading of one feed.
type reading struct {
	*Syncer
	tenant string
	feed   Feed
	at     position
	kept   place // where the database says that it stands
	counts Counts
	began  time.Time
	people map[ObjectID]string // whom this reading has already written down, and how

	// In a first walk: which objects may be known already. One that surely is not
	// need not be looked up.
	strangers *perhaps
}

// resyncs is how often in one reading a feed may say that it forgot its position.
const resyncs = 3

func (r *reading) read(ctx context.Context, full bool) error {
	if err := r.load(ctx); err != nil {
		return err
	}
	again := r.Whole
	if again == 0 {
		again = 24 * time.Hour
	}
	old := time.Since(fromMillis(r.at.whole)) > again
	if r.at.phase == neverRead || r.at.phase == following && (full || old) {
		r.at.begin()
	}
	forgotten := 0
	for {
		var err error
		done := false
		switch r.at.phase {
		case walking:
			err = r.walk(ctx)
		case sweeping:
			err = r.sweep(ctx)
		case following:
			r.strangers = nil
			err = r.follow(ctx)
			done = err == nil
		default:
			return fmt.Errorf("%s is in phase %q, which this program does not know; a newer rekey has written it", r.at.feed, r.at.phase)
		}
		if errors.Is(err, ErrResync) {
			if forgotten++; forgotten < resyncs {
				r.at.begin()
				continue
			}
		}
		if err != nil || done {
			return err
		}
	}
}

func (r *reading) load(ctx context.Context) error {
	return r.Store.Do(ctx, func(tx *store.Tx) error {
		number, err := enrolled(tx, r.tenant)
		if err != nil {
			return err
		}
		if r.at, err = loadPosition(tx, number, r.feed.Name()); err != nil {
			return err
		}
		r.kept = r.at.place()
		if r.at.phase == neverRead {
			return r.at.save(tx) // from now on there is a row to lock
		}
		return nil
	})
}

// walk goes through everything, from where the last walk stopped.
func (r *reading) walk(ctx context.Context) error {
	return r.each(ctx, r.feed.Full(ctx, r.at.next), func(pages *batch) error {
		return r.commit(ctx, "reading everything", func(w *writer) error {
			for p := range pages.all {
				if err := w.whole(p); err != nil {
					return err
				}
				w.next = p.Next
				if p.Mark != "" {
					w.mark = p.Mark
				}
				if p.Next == "" {
					w.phase = sweeping
				}
			}
			return nil
		})
	})
}

// follow reads what changed since the mark.
func (r *reading) follow(ctx context.Context) error {
	return r.each(ctx, r.feed.Delta(ctx, r.at.mark), func(pages *batch) error {
		p := pages.first
		if err := r.complete(ctx, p); err != nil {
			return err
		}
		return r.commit(ctx, "following changes", func(w *writer) error {
			if err := w.changes(p); err != nil {
				return err
			}
			switch {
			case p.Next != "":
				w.mark = p.Next
			case p.Mark != "":
				w.mark, w.fresh = p.Mark, time.Now().UnixMilli()
			}
			return nil
		})
	})
}

// each reads pages ahead while earlier ones are being written.
func (r *reading) each(ctx context.Context, pages iter.Seq2[*Page, error], write func(*batch) error) error {
	ctx, cancel := context.WithCancel(ctx)
	arriving := newQueue(ctx)
	var reader sync.WaitGroup
	defer reader.Wait()
	defer cancel()
	reader.Go(func() {
		for p, err := range pages {
			if !arriving.push(p, err) {
				return
			}
		}
		arriving.push(nil, nil)
	})
	for {
		p, err := arriving.pull()
		if p == nil || err != nil {
			return err
		}
		if err := write(&batch{first: p, rest: arriving}); err != nil {
			return err
		}
	}
}

// commit runs fn in a transaction that also keeps the position, the rows and the
// events that fn collects.
func (r *reading) commit(ctx context.Context, phase string, fn func(*writer) error) error {
	var after position
	var counts Counts
	err := r.Store.Do(ctx, func(tx *store.Tx) error {
		if err := r.at.lock(tx, r.kept); err != nil {
			return err
		}
		w := newWriter(r, tx)
		defer w.end()
		err := fn(w)
		if err == nil {
			err = w.finish()
		}
		after, counts = w.position, w.counts
		return err
	})
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx) // database/sql says only that its transaction is over
	}
	if err != nil {
		return fmt.Errorf("cannot keep what was read of %s: %w", r.at.feed, err)
	}
	r.at, r.kept = after, after.place()
	r.counts.add(counts)
	if r.Progress != nil {
		took := time.Since(r.began)
		p := Progress{Feed: r.at.feed, Phase: phase, Counts: r.counts, Rate: float64(r.counts.Read) / max(took.Seconds(), 0.001)}
		p.Took = took
		r.Progress(p)
	}
	return nil
}
