package rotation

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/store"
)

// journal writes down what becomes of rotations. Entries that come while others
// are being written wait, and are then written together: in one transaction, under
// one signature of the log, for one wait for the disk. Each is still written
// whole, with its events, or not at all, and its writer hears of it only after the
// commit. Its zero value is ready.
//
// No goroutine of its own writes. Whoever comes first writes for those who came
// meanwhile, and then hands the pen to one of those who came after. On PostgreSQL
// there are several pens: while one waits for the disk, another asks its questions.
type journal struct {
	mu      sync.Mutex
	waiting []*entry
	writing int // how many do
}

// entry is a change of one row with its events.
type entry struct {
	rows   func(*store.Tx) error
	events []audit.Event
	pen    chan []*entry // to write, itself the first of them
	done   chan error
}

// pens is how many write at once. SQLite has one writer anyway.
func pens(db *store.DB) int {
	if db.Pool() == nil {
		return 1
	}
	return 3
}

// together is how many entries one transaction takes at most.
const together = 64

// notNow are the errors of rows that have written nothing: they are one entry's,
// and the others go on.
var notNow = []error{ErrOvertaken, ErrOpen}

// write commits rows and events. The error of a commit may mean that it happened.
func (j *journal) write(ctx context.Context, db *store.DB, log *audit.Log, rows func(*store.Tx) error, events []audit.Event) error {
	e := &entry{rows: rows, events: events, pen: make(chan []*entry, 1), done: make(chan error, 1)}
	if j.join(e, pens(db)) {
		j.turn(ctx, db, log, []*entry{e})
		return <-e.done
	}
	gone := ctx.Done()
	for {
		select {
		case err := <-e.done:
			return err
		case batch := <-e.pen:
			j.turn(ctx, db, log, batch)
		case <-gone:
			if j.leave(e) {
				return context.Cause(ctx)
			}
			gone = nil // too late: it is being written
		}
	}
}

// join reports whether an entry's writer is to write it at once; else it waits.
func (j *journal) join(e *entry, pens int) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.writing < pens {
		j.writing++
		return true
	}
	j.waiting = append(j.waiting, e)
	return false
}

// leave takes an entry out of the queue that nobody has begun to write.
func (j *journal) leave(e *entry) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	i := slices.Index(j.waiting, e)
	if i < 0 {
		return false
	}
	j.waiting = slices.Delete(j.waiting, i, i+1)
	return true
}

// errStopped is what others hear whose writer died over their entries.
var errStopped = errors.New("cannot write to the journal: whoever was writing stopped in the middle")

// turn writes a batch, and hands the pen on.
func (j *journal) turn(ctx context.Context, db *store.DB, log *audit.Log, batch []*entry) {
	errs := slices.Repeat([]error{errStopped}, len(batch))
	defer func() { // also in a panic
		for i, e := range batch {
			e.done <- errs[i]
		}
		j.pass()
	}()
	commit(ctx, db, log, batch, errs)
}

// pass gives the pen to those who wait, or lays it down.
func (j *journal) pass() {
	j.mu.Lock()
	defer j.mu.Unlock()
	batch := slices.Clone(j.waiting[:min(len(j.waiting), together)])
	j.waiting = slices.Delete(j.waiting, 0, len(batch))
	if len(batch) == 0 {
		j.writing--
		return
	}
	batch[0].pen <- batch
}

// commit writes a batch. If one entry spoils the transaction for all, each is
// written by itself, so that the error finds whose it is. errs is only touched
// when it is known how it ended.
func commit(ctx context.Context, db *store.DB, log *audit.Log, batch []*entry, errs []error) {
	if len(batch) > 1 { // the writer's own end is not that of the others
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), brief)
		defer cancel()
	}
	var each []error
	recorded := false
	err := db.Do(ctx, func(tx *store.Tx) (err error) {
		if each, err = fill(tx, log, batch); err == nil {
			recorded = true
		}
		return err
	})
	switch {
	case err == nil:
		copy(errs, each)
	case len(batch) == 1:
		errs[0] = err
	case recorded: // nobody knows whether the commit has happened
		for i := range errs {
			errs[i] = cmp.Or(each[i], err)
		}
	default:
		for i := range batch {
			commit(ctx, db, log, batch[i:i+1], errs[i:i+1])
		}
	}
}

// fill writes a batch into a transaction. each says which entries it left out, for
// they have written nothing; err spoils all.
func fill(tx *store.Tx, log *audit.Log, batch []*entry) (each []error, err error) {
	each = make([]error, len(batch))
	var events []audit.Event
	for i, e := range batch {
		err := e.rows(tx)
		if err != nil && (len(batch) == 1 || !alone(err)) {
			return nil, err
		}
		if each[i] = err; err == nil {
			events = append(events, e.events...)
		}
	}
	return each, log.Record(tx, events...)
}

// alone reports whether an error is of one entry, which has written nothing.
func alone(err error) bool {
	for _, known := range notNow {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
