package archive

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"rekey.example/rekey/internal/scan"
)

// A budget is what may still be spent on one outermost archive. It goes along
// with the context to the archives inside; one goroutine uses it.
type budget struct {
	limits  Limits
	left    int64 // bytes that may still come out
	entries int
	memory  int64 // bytes of nested archives that are held now
	large   bool  // this archive holds the unpacker's large token
	spent   bool  // nothing more is read
	notes   map[string]*note
}

type budgetKey struct{}

// A note is a reason for which something was left out, and where first.
type note struct {
	first string
	times int
}

func newBudget(l Limits, size int64) *budget {
	return &budget{limits: l, left: min(l.Bytes, freeBytes+min(size, l.Bytes)*l.Ratio), notes: map[string]*note{}}
}

// note remembers a limit. One finding is told for each reason, not for each entry:
// 200,000 findings are a bomb too.
func (b *budget) note(why, path string) {
	n := b.notes[why]
	if n == nil {
		n = &note{first: path}
		b.notes[why] = n
	}
	n.times++
}

// end is a limit after which nothing more of this archive is read.
func (b *budget) end(why, path string) {
	if !b.spent {
		b.note(why, path)
	}
	b.spent = true
}

// tell reports what was noted as findings.
func (b *budget) tell(w *scan.Worker, outermost string) {
	for _, why := range slices.Sorted(maps.Keys(b.notes)) {
		n := b.notes[why]
		switch {
		case n.times > 1:
			w.Limit(outermost, fmt.Sprintf("%s (%d times, first at %s)", why, n.times, n.first))
		case n.first != outermost:
			w.Limit(outermost, fmt.Sprintf("%s (%s)", why, n.first))
		default:
			w.Limit(outermost, why)
		}
	}
}

// entry counts an entry and reports whether it may be read.
func (b *budget) entry(path string) bool {
	if b.spent {
		return false
	}
	if b.entries++; b.entries > b.limits.Entries {
		b.end(fmt.Sprintf("only the first %d entries were read", b.limits.Entries), path)
		return false
	}
	return true
}

// errSpent ends the reading of an entry; that it is told is the budget's care.
var errSpent = errors.New("the archive's budget is spent")

// A metered reader takes what it hands out from the budget.
type metered struct {
	r    io.Reader
	b    *budget
	path string
}

func (m *metered) Read(p []byte) (int, error) {
	if m.b.left <= 0 {
		m.b.end("more bytes come out of the archive than its size allows", m.path)
	}
	if m.b.spent {
		return 0, errSpent
	}
	n, err := m.r.Read(p[:min(int64(len(p)), m.b.left)])
	m.b.left -= int64(n)
	return n, err
}
