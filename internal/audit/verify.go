package audit

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"rekey.example/rekey/internal/store"
)

// Verify walks the whole log and checks that every event is the one that was
// recorded, in its place, and that none is missing: bodies against hashes,
// columns against bodies, the tree against its signed head, against the
// checkpoints in the database and against those kept outside (see Kept and
// Open). Only the outside ones can tell of an end that was cut off together
// with its head. Its error is ErrTampered if anything differs; the report says
// where.
func (l *Log) Verify(ctx context.Context, db *store.DB, outside ...Checkpoint) (Report, error) {
	r := Report{Key: l.key, Trusted: true, Complete: true, Outside: len(outside)}
	for _, c := range outside {
		r.Newest = max(r.Newest, c.Size)
	}
	err := db.View(ctx, func(tx *store.Tx) error { return l.verify(tx, &r, outside) })
	if err != nil && !errors.Is(err, ErrTampered) {
		return r, fmt.Errorf("cannot verify the audit log: %w", err)
	}
	if err != nil {
		r.problem(wholeLog, "%v", err)
	}
	return r, r.err()
}

func (l *Log) verify(tx *store.Tx, r *Report, outside []Checkpoint) error {
	h := l.verifyHead(tx, r)
	var w witness
	w.expect("outside", outside...)
	if err := l.verifyKept(tx, h.size, r, &w); err != nil {
		return err
	}
	w.sort()
	tree, err := walk(tx, h.size, r, &w)
	if err != nil {
		return err
	}
	w.end(tree.size, r)
	r.Events = tree.size
	if tree.size != h.size {
		r.problem(wholeLog, "the log has %d events and its head says %d", tree.size, h.size)
	}
	if root := tree.root(); r.Latest.Text != "" && root != r.Latest.Root {
		r.problem(wholeLog, "the events make the root %v, and the signed head says %v", root, r.Latest.Root)
	}
	if !bytes.Equal(tree.bytes(), h.peaks) {
		r.problem(wholeLog, "the head's edge is not that of the events")
	}
	return nil
}

// verifyHead checks the head by itself. A log without events has none.
func (l *Log) verifyHead(tx *store.Tx, r *Report) head {
	var count int64
	if err := tx.QueryRow(`SELECT COUNT(*) FROM audit_head`).Scan(&count); err != nil || count != 1 {
		r.problem(wholeLog, "the log has %d heads", count)
	}
	h, err := readHead(tx)
	if err != nil {
		r.problem(wholeLog, "%v", err)
		return h
	}
	if h.size == 0 && h.checkpoint == "" {
		return h
	}
	c, err := l.open(h.checkpoint)
	if err != nil {
		r.problem(wholeLog, "the head is not signed by this log: %v", err)
		return h
	}
	if c.Size != h.size {
		r.problem(wholeLog, "the head says %d events, and was signed for %d", h.size, c.Size)
	}
	r.Latest = c
	return h
}

// verifyKept reads the checkpoints in the database. There is one for
// each l.every events.
func (l *Log) verifyKept(tx *store.Tx, size int64, r *Report, w *witness) error {
	rows, err := tx.Query(`SELECT size, checkpoint FROM audit_checkpoint ORDER BY size`)
	if err != nil {
		return err
	}
	defer rows.Close()
	next := l.every
	for rows.Next() {
		var at int64
		var text string
		if err := rows.Scan(&at, &text); err != nil {
			return fmt.Errorf("%w: a kept checkpoint cannot be read: %w", ErrTampered, err)
		}
		c, err := l.open(text)
		switch {
		case err != nil:
			r.problem(wholeLog, "the kept checkpoint of %d events is not signed by this log: %v", at, err)
		case c.Size != at || at != next:
			r.problem(wholeLog, "a kept checkpoint of %d events stands where one of %d is expected", c.Size, next)
		default:
			w.expect("in the database", c)
			r.Kept++
		}
		next += l.every
	}
	if next <= size {
		r.problem(wholeLog, "the kept checkpoint of %d events is missing", next)
	}
	return rows.Err()
}

// batch is some events as they were read, in one piece of memory.
type batch struct {
	rows []stored
	text []byte
}

type stored struct {
	seq  int64
	time int64
	ends [6]int // in text: tenant, actor, action, subject, body, hashes
}

const batchSize = 512

// walk reads every event in order and returns the tree they make. One goroutine
// reads while this one hashes: both take about the same time.
func walk(tx *store.Tx, size int64, r *Report, w *witness) (*frontier, error) {
	rows, err := tx.Query(`SELECT seq, time, tenant, actor, action, subject, body, hashes FROM audit_event ORDER BY seq`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	full, free := make(chan *batch, 4), make(chan *batch, 4)
	for range cap(free) {
		free <- &batch{rows: make([]stored, 0, batchSize)}
	}
	var failed error
	go func() {
		defer close(full)
		for b := range free {
			more, err := b.read(rows)
			failed = err
			full <- b
			if !more || err != nil {
				return
			}
		}
	}()
	tree, c := &frontier{}, checker{size: size, report: r, witness: w}
	w.see(tree, r)
	for b := range full {
		for i := range b.rows {
			c.check(tree, b, i)
		}
		free <- b
	}
	return tree, failed
}

// read fills the batch and reports whether there may be more.
func (b *batch) read(rows *sql.Rows) (more bool, err error) {
	b.rows, b.text = b.rows[:0], b.text[:0]
	var col [6]sql.RawBytes
	for len(b.rows) < batchSize {
		if !rows.Next() {
			return false, rows.Err()
		}
		var s stored
		if err := rows.Scan(&s.seq, &s.time, &col[0], &col[1], &col[2], &col[3], &col[4], &col[5]); err != nil {
			return false, fmt.Errorf("%w: an event cannot be read: %w", ErrTampered, err)
		}
		for i, c := range col {
			b.text = append(b.text, c...)
			s.ends[i] = len(b.text)
		}
		b.rows = append(b.rows, s)
	}
	return true, nil
}

// part is the n-th column of the i-th event.
func (b *batch) part(i, n int) []byte {
	start := 0
	switch {
	case n > 0:
		start = b.rows[i].ends[n-1]
	case i > 0:
		start = b.rows[i-1].ends[len(b.rows[i-1].ends)-1]
	}
	return b.text[start:b.rows[i].ends[n]]
}

// checker compares the events, one after the other, with the tree they make.
type checker struct {
	size    int64 // that the head says
	report  *Report
	witness *witness
	prefix  []byte
	done    []byte
	lost    int64 // how far the numbers are ahead of the count, after a gap
}

func (c *checker) check(tree *frontier, b *batch, i int) {
	at := b.rows[i]
	if at.seq != tree.size+c.lost {
		c.report.problem(tree.size+c.lost, "is missing: the next event there is has the number %d", at.seq)
		c.lost = at.seq - tree.size
	}
	if at.seq >= c.size && c.report.Found < 100 {
		c.report.problem(at.seq, "stands behind the end that the head says")
	}
	body := b.part(i, 4)
	var same bool
	cols := columns{tenant: b.part(i, 0), actor: b.part(i, 1), action: b.part(i, 2), subject: b.part(i, 3), time: at.time}
	if same, c.prefix = cols.agree(body, c.prefix); !same {
		c.report.problem(at.seq, "is listed as something else than what was recorded")
	}
	c.done = tree.appendTo(c.done[:0], leaf(body))
	stored := b.part(i, 5)
	switch {
	case bytes.Equal(stored, c.done):
	case len(stored) < 32 || !bytes.Equal(stored[:32], c.done[:32]):
		c.report.problem(at.seq, "was altered")
	default:
		c.report.problem(at.seq, "has hashes that are not those of the events before it")
	}
	c.witness.see(tree, c.report)
}
