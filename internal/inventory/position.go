package inventory

import (
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"rekey.example/rekey/internal/store"
)

// The phases of a feed.
const (
	neverRead = ""
	walking   = "walking"  // a full walk is under way
	sweeping  = "sweeping" // it is finished; what it did not meet is being missed
	following = "following"
)

// position is where the reading of one feed stands. It changes in the same
// transaction as what was read, so that a crash loses nothing and repeats little.
type position struct {
	tenant   int64
	feed     string
	phase    string
	next     string // position of the walk
	mark     string // where the next delta begins
	began    int64  // of the walk
	baseline int64  // when everything had been read once; what differs later is news
	whole    int64  // when the last full walk ended
	fresh    int64  // when the feed was last read to its end
	swept    int64  // number of the last object that was looked at
	live     int64  // objects that are not gone
	seen     seen
}

func loadPosition(tx *store.Tx, tenant int64, feed string) (p position, err error) {
	p = position{tenant: tenant, feed: feed}
	var marked string
	err = tx.QueryRow(`SELECT phase, position, mark, began, baseline, whole, fresh, swept, live, seen FROM inventory_feed WHERE tenant = $1 AND feed = $2`, tenant, feed).
		Scan(&p.phase, &p.next, &p.mark, &p.began, &p.baseline, &p.whole, &p.fresh, &p.swept, &p.live, &marked)
	if errors.Is(err, sql.ErrNoRows) {
		return p, nil
	}
	if err == nil {
		p.seen, err = base64.StdEncoding.DecodeString(marked)
	}
	if err != nil {
		return p, fmt.Errorf("cannot read the position of %s: %w", feed, err)
	}
	return p, nil
}

func (p *position) save(tx *store.Tx) error {
	_, err := tx.Exec(`INSERT INTO inventory_feed (tenant, feed, phase, position, mark, began, baseline, whole, fresh, swept, live, seen)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (tenant, feed) DO UPDATE SET phase = excluded.phase, position = excluded.position, mark = excluded.mark, began = excluded.began,
		baseline = excluded.baseline, whole = excluded.whole, fresh = excluded.fresh, swept = excluded.swept, live = excluded.live, seen = excluded.seen`,
		p.tenant, p.feed, p.phase, p.next, p.mark, p.began, p.baseline, p.whole, p.fresh, p.swept, p.live, base64.StdEncoding.EncodeToString(p.seen))
	if err != nil {
		return fmt.Errorf("cannot keep the position of %s: %w", p.feed, err)
	}
	return nil
}

// place is what two readings of one feed would both move.
type place struct {
	phase, next, mark string
	began             int64
}

func (p *position) place() place { return place{p.phase, p.next, p.mark, p.began} }

// ErrOvertaken means that another process reads the same feed.
var ErrOvertaken = errors.New("another process is reading the same at this moment; let it finish")

// lock makes this transaction the only one that moves the feed's position, and
// makes sure that nobody has moved it since it was last seen. Two readings side
// by side would each write what the other does not know of.
func (p *position) lock(tx *store.Tx, kept place) error {
	var now place
	err := tx.QueryRow(`UPDATE inventory_feed SET feed = feed WHERE tenant = $1 AND feed = $2 RETURNING phase, position, mark, began`, p.tenant, p.feed).
		Scan(&now.phase, &now.next, &now.mark, &now.began)
	if err != nil {
		return fmt.Errorf("cannot lock the position of %s: %w", p.feed, err)
	}
	if now != kept {
		return ErrOvertaken
	}
	return nil
}

// copy is p with a set of its own: a transaction that fails must leave p alone.
func (p *position) copy() position {
	q := *p
	q.seen = slices.Clone(p.seen)
	return q
}

// begin starts a full walk.
func (p *position) begin() {
	p.phase, p.next, p.began, p.swept, p.seen = walking, "", time.Now().UnixMilli(), 0, nil
}

// seen is a set of object numbers, one bit each: a walk through a million
// objects remembers them in 125 KB.
type seen []byte

func (s *seen) add(num int64) {
	at := int(num / 8)
	if at >= len(*s) {
		*s = append(*s, make([]byte, at+1-len(*s)+at/8)...)
	}
	(*s)[at] |= 1 << (num % 8)
}

func (s seen) has(num int64) bool {
	at := int(num / 8)
	return at < len(s) && s[at]&(1<<(num%8)) != 0
}

// count is the number of objects in the set.
func (s seen) count() (n int64) {
	for _, b := range s {
		n += int64(bits.OnesCount8(b))
	}
	return n
}

// perhaps is a set that may hold more than was put into it, and never less. It
// has a fixed size; with a million objects in it every ninth stranger is taken
// for known, and looked up for nothing.
type perhaps [1 << 20]byte

func (p *perhaps) add(look int64) {
	at := uint64(look) % (8 << 20)
	p[at/8] |= 1 << (at % 8)
}

func (p *perhaps) has(look int64) bool {
	at := uint64(look) % (8 << 20)
	return p[at/8]&(1<<(at%8)) != 0
}
