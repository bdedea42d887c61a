package audit

import (
	"fmt"
	"slices"
)

// Report is what a verification has looked at and what it found.
type Report struct {
	Events   int64      `json:"events"`            // looked at, one by one
	Latest   Checkpoint `json:"checkpoint"`        // the signed head they were compared with
	Complete bool       `json:"complete"`          // they are the whole log up to that head
	Kept     int        `json:"kept"`              // earlier checkpoints compared too, ...
	Outside  int        `json:"outside"`           // ... and those that were kept outside the database
	Newest   int64      `json:"newest"`            // size of the newest of these: a rollback behind it is seen, one after it is not
	Scope    Scope      `json:"scope,omitzero"`    // of an export
	Key      string     `json:"key"`               // the verifier key that signed
	Trusted  bool       `json:"trusted"`           // the caller named that key
	Problems []Problem  `json:"problems,omitzero"` // the first hundred
	Found    int        `json:"found"`             // how many problems there are
}

// Problem is one thing that is not as it was recorded.
type Problem struct {
	Seq  int64  `json:"seq"` // of the event; -1: it concerns the log as a whole
	What string `json:"what"`
}

func (p Problem) String() string {
	if p.Seq < 0 {
		return p.What
	}
	return fmt.Sprintf("event %d %s", p.Seq, p.What)
}

const wholeLog = -1

func (r *Report) problem(seq int64, format string, args ...any) {
	r.Found++
	if len(r.Problems) < 100 {
		r.Problems = append(r.Problems, Problem{seq, fmt.Sprintf(format, args...)})
	}
}

func (r *Report) err() error {
	switch r.Found {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%w: %v", ErrTampered, r.Problems[0])
	}
	return fmt.Errorf("%w: %v, and %d more", ErrTampered, r.Problems[0], r.Found-1)
}

// witness compares a growing tree with checkpoints of it that were kept.
type witness struct {
	due []expected // by size
}

type expected struct {
	Checkpoint
	where string // of the checkpoint, for the message
}

func (w *witness) expect(where string, list ...Checkpoint) {
	for _, c := range list {
		w.due = append(w.due, expected{c, where})
	}
}

func (w *witness) sort() {
	slices.SortStableFunc(w.due, func(a, b expected) int { return int(max(-1, min(1, a.Size-b.Size))) })
}

// see is called with every size that the tree goes through.
func (w *witness) see(tree *frontier, r *Report) {
	for len(w.due) > 0 && w.due[0].Size <= tree.size {
		c := w.due[0]
		w.due = w.due[1:]
		if c.Size == tree.size && c.Root != tree.root() {
			r.problem(wholeLog, "the first %d events are not those that the checkpoint %s has seen", c.Size, c.where)
		}
	}
}

// end reports the checkpoints that saw a longer log.
func (w *witness) end(size int64, r *Report) {
	for _, c := range w.due {
		r.problem(wholeLog, "the log ends after %d events, and the checkpoint %s has seen %d", size, c.where, c.Size)
	}
}
