package trail

import (
	"context"
	"fmt"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// The states of a gap.
const (
	GapOpen   = "open"   // it is asked for again until it is there or can no longer be had
	GapClosed = "closed" // it was read later
	GapLost   = "lost"   // the source no longer has it
)

// Gap is a span of a source that was not read when it should have been.
type Gap struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to,omitzero"` // zero: one part, made at From
	State string    `json:"state"`
	Why   string    `json:"why"`
	Found time.Time `json:"found"`
	Ended time.Time `json:"ended,omitzero"` // closed or lost
}

type gap struct {
	source       string
	since, until time.Time
	part         int64
	state, why   string
}

// putGap notes a gap once.
func putGap(tx *store.Tx, num int64, g gap) (added int, err error) {
	var ended int64
	if g.state == GapLost {
		ended = now().UnixMilli()
	}
	result, err := tx.Exec(`INSERT INTO trail_gap (tenant, source, since, until, part, state, why, found, ended) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (tenant, source, since, part) DO NOTHING`, num, g.source, millis(g.since), millis(g.until), g.part, g.state, short(g.why), now().UnixMilli(), ended)
	if err != nil {
		return 0, fmt.Errorf("cannot note a gap: %w", err)
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// reach gives up the gaps whose content has expired, and returns the beginning of
// the oldest that can still be closed; zero if there is none.
func (r *reading) reach(tx *store.Tx) (time.Time, error) {
	_, err := tx.Exec(`UPDATE trail_gap SET state = 'lost', ended = $3 WHERE tenant = $1 AND source = $2 AND state = 'open' AND until <= $3`,
		r.num, r.source.Name(), r.until.UnixMilli())
	if err != nil {
		return time.Time{}, fmt.Errorf("cannot give up what has expired: %w", err)
	}
	var oldest int64
	err = tx.QueryRow(`SELECT COALESCE(MIN(since), 0) FROM trail_gap WHERE tenant = $1 AND source = $2 AND state = 'open'`, r.num, r.source.Name()).Scan(&oldest)
	if err != nil {
		return time.Time{}, fmt.Errorf("cannot read the open gaps: %w", err)
	}
	return fromMillis(oldest), nil
}

// Status is how a source stands.
type Status struct {
	Name    string
	State   string
	Problem string
	Looked  time.Time     // when it was last read
	Newest  time.Time     // event
	Done    time.Time     // read up to here
	Through time.Time     // complete up to here: what is newer may still come
	Lag     time.Duration // between an event and our knowing of it, as last seen
	Keeps   time.Duration
	Records int64
	Gaps    []Gap // open and lost ones, and those that were closed in the last week
}

// Sources tells how each source of the actor's tenant stands, by name.
func (t *Trail) Sources(ctx context.Context, by access.Actor) (list []Status, err error) {
	if err := allowed(by); err != nil {
		return nil, err
	}
	err = t.Store.View(ctx, func(tx *store.Tx) (err error) {
		list, err = SourcesOf(tx, by.Tenant)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list the sources of the trail: %w", err)
	}
	return list, nil
}

// SourcesOf tells how each source of a tenant stands. Callers check permission.
func SourcesOf(tx *store.Tx, tenant string) ([]Status, error) {
	num, _, err := tenantNumber(tx, tenant)
	if err != nil {
		return nil, err
	}
	list, err := statuses(tx, num)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Gaps, err = gaps(tx, num, list[i].Name); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func statuses(tx *store.Tx, num int64) ([]Status, error) {
	rows, err := tx.Query(`SELECT source, keeps, late, done, swept, newest, looked, delay, records, state, problem FROM trail_source WHERE tenant = $1 ORDER BY source`, num)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []Status{}
	for rows.Next() {
		var p position
		if err := p.scan(rows.Scan, &p.source); err != nil {
			return nil, err
		}
		s := Status{Name: p.source, State: p.state, Problem: p.problem, Looked: p.looked, Newest: p.newest, Done: p.done, Lag: p.delay, Keeps: p.keeps, Records: p.records}
		if !p.done.IsZero() {
			s.Through = p.done.Add(-p.late)
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

func gaps(tx *store.Tx, num int64, source string) ([]Gap, error) {
	rows, err := tx.Query(`SELECT since, until, part, state, why, found, ended FROM trail_gap WHERE tenant = $1 AND source = $2 AND (state <> 'closed' OR ended > $3) ORDER BY since LIMIT 100`,
		num, source, now().Add(-7*24*time.Hour).UnixMilli())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []Gap{}
	for rows.Next() {
		var g Gap
		var since, until, part, found, ended int64
		if err := rows.Scan(&since, &until, &part, &g.State, &g.Why, &found, &ended); err != nil {
			return nil, err
		}
		g.From, g.To, g.Found, g.Ended = fromMillis(since), fromMillis(until), fromMillis(found), fromMillis(ended)
		if part != 0 {
			g.To = time.Time{}
		}
		list = append(list, g)
	}
	return list, rows.Err()
}
