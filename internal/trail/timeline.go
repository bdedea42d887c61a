package trail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// Query says of what a timeline is, and which page. One of the first three is set.
type Query struct {
	Applications []string // object ids and client id of one application
	Credential   string   // key id
	Entry        inventory.Place
	Quiet        bool   // without sign-ins and reads
	After        string // cursor of the event before; empty: from the newest
	Limit        int    // 0 means 100; at most 1000
}

// ErrCursor means that a page token is none of a timeline.
var ErrCursor = errors.New("not a page of a timeline")

// Most events of one page.
const MostEvents = 1000

// after is a place in the order of a timeline, the newest first.
type after struct{ time, id int64 }

func (a after) String() string { return fmt.Sprintf("%d-%d", a.time, a.id) }

func parseAfter(text string) (a after, err error) {
	if text == "" {
		return after{}, nil
	}
	ms, id, ok := strings.Cut(text, "-")
	if !ok {
		return a, ErrCursor
	}
	if a.time, err = strconv.ParseInt(ms, 10, 64); err != nil {
		return a, ErrCursor
	}
	if a.id, err = strconv.ParseInt(id, 10, 64); err != nil {
		return a, ErrCursor
	}
	return a, nil
}

// placed is an event with its place in the order.
type placed struct {
	Event
	at after
}

// The three timelines, each a walk through its index from where the last page
// ended. What is quiet is left out while walking.
const (
	selectByApplication = `SELECT time, id, body FROM trail_event WHERE tenant = $1 AND application = $2 AND application <> 0 AND (time, id) < ($3, $4) ORDER BY time DESC, id DESC LIMIT $5`
	selectByCredential  = `SELECT time, id, body FROM trail_event WHERE tenant = $1 AND credential = $2 AND credential <> 0 AND (time, id) < ($3, $4) ORDER BY time DESC, id DESC LIMIT $5`
	selectByEntry       = `SELECT time, id, body FROM trail_event WHERE tenant = $1 AND entry = $2 AND entry <> 0 AND (time, id) < ($3, $4) ORDER BY time DESC, id DESC LIMIT $5`
)

// selectEvents reads some events of one subject, the newest first.
func selectEvents(tx *store.Tx, text string, num, key int64, from after, limit int) ([]placed, error) {
	if from.time == 0 {
		from = after{math.MaxInt64, math.MaxInt64}
	}
	rows, err := tx.Query(text, num, key, from.time, from.id, limit)
	if err != nil {
		return nil, fmt.Errorf("cannot read a timeline: %w", err)
	}
	defer rows.Close()
	list := []placed{}
	for rows.Next() {
		var p placed
		var body string
		if err := rows.Scan(&p.at.time, &p.at.id, &body); err != nil {
			return nil, fmt.Errorf("cannot read a timeline: %w", err)
		}
		if p.Event, err = read(body); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

// Timeline returns one page of what happened to an application, a credential or
// a vault entry, ours and theirs, the newest first, and the cursor of the next
// page, empty after the last.
func (t *Trail) Timeline(ctx context.Context, by access.Actor, q Query) (page []Event, next string, err error) {
	if err := allowed(by); err != nil {
		return nil, "", err
	}
	from, err := parseAfter(q.After)
	if err != nil {
		return nil, "", err
	}
	if q.Limit <= 0 {
		q.Limit = 100
	}
	q.Limit = min(q.Limit, MostEvents)
	page = []Event{}
	err = t.Store.View(ctx, func(tx *store.Tx) error {
		num, _, err := tenantNumber(tx, by.Tenant)
		if err != nil {
			return err
		}
		page, next, err = q.page(tx, num, from)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("cannot show the timeline: %w", err)
	}
	return page, next, nil
}

// mostWalked is how many events one page looks at for those that are not quiet. A
// page may be shorter than asked for, and there is more all the same.
const mostWalked = 20_000

// page walks each subject's index and merges them.
func (q *Query) page(tx *store.Tx, num int64, from after) (page []Event, next string, err error) {
	page = []Event{}
	for walked := 0; ; {
		list, err := q.walk(tx, num, from, q.Limit+1)
		if err != nil {
			return nil, "", err
		}
		for i := range list {
			if i == q.Limit || len(page) == q.Limit {
				break
			}
			from = list[i].at
			walked++
			if !q.Quiet || !quiet(list[i].Action) {
				page = append(page, list[i].Event)
			}
		}
		switch {
		case len(list) <= q.Limit && (len(list) == 0 || from == list[len(list)-1].at):
			return page, "", nil
		case len(page) == q.Limit, walked >= mostWalked:
			return page, from.String(), nil
		}
	}
}

func quiet(action string) bool { return action == "signin" || action == "entry.read" }

// walk reads the next events of all subjects together.
func (q *Query) walk(tx *store.Tx, num int64, from after, limit int) (list []placed, err error) {
	for _, s := range q.subjects() {
		some, err := selectEvents(tx, s.text, num, s.key, from, limit)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	slices.SortFunc(list, func(a, b placed) int {
		return -cmp.Or(cmp.Compare(a.at.time, b.at.time), cmp.Compare(a.at.id, b.at.id))
	})
	list = slices.CompactFunc(list, func(a, b placed) bool { return a.at == b.at })
	return list[:min(len(list), limit)], nil
}

type subjectIndex struct {
	text string
	key  int64
}

func (q *Query) subjects() (list []subjectIndex) {
	if q.Credential != "" {
		list = append(list, subjectIndex{selectByCredential, credentialKey(q.Credential)})
	}
	if q.Entry.Name != "" {
		list = append(list, subjectIndex{selectByEntry, entryKey(q.Entry)})
	}
	for _, id := range q.Applications {
		if s := (subjectIndex{selectByApplication, applicationKey(id)}); id != "" && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}
