package inventory

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// sweepStep is how many rows one transaction looks at, and the most of them that
// it may find gone.
const sweepStep = 2000

// sweep finds what a full walk did not meet, and ends it.
func (r *reading) sweep(ctx context.Context) error {
	for r.at.phase == sweeping {
		err := r.commit(ctx, "missing what is gone", func(w *writer) error {
			if w.seen.count() == w.live {
				return w.arrive() // everything that is known was met
			}
			return w.sweepSome()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) sweepSome() error {
	kind, part := HolderKind(w.reading.feed.Name()), Part(nil)
	if p, ok := w.reading.feed.(Part); ok {
		kind, part = p.Kind(), p
	}
	rows, err := w.tx.Query(`SELECT `+applicationColumns+` FROM inventory_application WHERE tenant = $1 AND num > $2 AND holder = $3 AND gone = 0 ORDER BY num LIMIT $4`,
		w.position.tenant, w.sweepFrom(), string(kind), int64(sweepStep))
	if err != nil {
		return fmt.Errorf("cannot look for what is gone: %w", err)
	}
	defer rows.Close()
	var lost []application
	n, last := 0, int64(0)
	for rows.Next() {
		a, err := scanApplication(rows, w.reading.tenant)
		if err != nil {
			return fmt.Errorf("cannot look for what is gone: %w", err)
		}
		n, last = n+1, a.num
		if !w.seen.has(a.num) && (part == nil || part.Holds(a.ObjectID)) {
			lost = append(lost, a)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("cannot look for what is gone: %w", err)
	}
	rows.Close()
	for i := range lost {
		if err := w.lose(&lost[i]); err != nil {
			return err
		}
	}
	w.next = strconv.FormatInt(last, 10)
	if n < sweepStep {
		return w.arrive()
	}
	return nil
}

// sweepFrom is the number up to which rows have been looked at. The walk's own
// position is free to hold it: the walk is over.
func (w *writer) sweepFrom() int64 {
	n, _ := strconv.ParseInt(w.next, 10, 64) // empty at first
	return n
}

// arrive ends a full walk. The first one is recorded as what was there before
// rekey began to watch.
func (w *writer) arrive() error {
	w.phase, w.next, w.seen, w.swept = following, "", nil, 0
	w.position.whole = time.Now().UnixMilli()
	if w.baseline != 0 {
		return nil
	}
	w.baseline = w.position.whole
	var credentials int64
	err := w.tx.QueryRow(`SELECT count(*) FROM inventory_credential WHERE tenant = $1 AND gone = 0`, w.position.tenant).Scan(&credentials)
	if err != nil {
		return fmt.Errorf("cannot count the credentials: %w", err)
	}
	e := event(w.reading.tenant, evBaseline, &Application{ObjectID: ObjectID(w.reading.feed.Name())}, map[string]string{
		"objects": strconv.FormatInt(w.live, 10), "credentials": strconv.FormatInt(credentials, 10),
	})
	w.events = append(w.events, e)
	return nil
}
