package trail

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/store"
)

// position is where the reading of a source stands.
type position struct {
	tenant      int64
	source      string
	keeps, late time.Duration
	done        time.Time     // everything that was there at its reading is kept up to here
	swept       time.Time     // when all that could still come late was last read again
	newest      time.Time     // event
	looked      time.Time     // when it was last read
	delay       time.Duration // between an event and our knowing of it, the longest of the last reading that found any
	records     int64
	state       string
	problem     string
}

func loadPosition(tx *store.Tx, tenant int64, source string) (p position, err error) {
	p = position{tenant: tenant, source: source}
	row := tx.QueryRow(`SELECT keeps, late, done, swept, newest, looked, delay, records, state, problem FROM trail_source WHERE tenant = $1 AND source = $2`, tenant, source)
	if err = p.scan(row.Scan); errors.Is(err, sql.ErrNoRows) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("cannot read the position of %s: %w", source, err)
	}
	return p, nil
}

func (p *position) scan(scan func(...any) error, more ...any) error {
	var keeps, late, done, swept, newest, looked, delay int64
	err := scan(append(more, &keeps, &late, &done, &swept, &newest, &looked, &delay, &p.records, &p.state, &p.problem)...)
	p.keeps, p.late, p.delay = time.Duration(keeps)*time.Millisecond, time.Duration(late)*time.Millisecond, time.Duration(delay)*time.Millisecond
	p.done, p.swept, p.newest, p.looked = fromMillis(done), fromMillis(swept), fromMillis(newest), fromMillis(looked)
	return err
}

func (p *position) save(tx *store.Tx) error {
	_, err := tx.Exec(`INSERT INTO trail_source (tenant, source, keeps, late, done, swept, newest, looked, delay, records, state, problem)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (tenant, source) DO UPDATE SET keeps = excluded.keeps, late = excluded.late, done = excluded.done, swept = excluded.swept, newest = excluded.newest,
		looked = excluded.looked, delay = excluded.delay, records = excluded.records, state = excluded.state, problem = excluded.problem`,
		p.tenant, p.source, p.keeps.Milliseconds(), p.late.Milliseconds(), millis(p.done), millis(p.swept), millis(p.newest), millis(p.looked), p.delay.Milliseconds(),
		p.records, p.state, p.problem)
	if err != nil {
		return fmt.Errorf("cannot keep the position of %s: %w", p.source, err)
	}
	return nil
}

// count adds what was kept. Only what is new says how late the source is, and not
// what it has kept from before the trail began.
func (p *position) count(rows []row, k *keeper) {
	p.records += int64(k.added + k.joined)
	for i := range rows {
		if at := rows[i].event.Time; at.After(p.newest) {
			p.newest = at
		}
	}
	var longest time.Duration
	for _, e := range k.fresh {
		s := e.Sources[len(e.Sources)-1]
		if e.Time.After(k.began) && s.Source == p.source {
			longest = max(longest, s.Arrived.Sub(e.Time))
		}
	}
	if longest > 0 {
		p.delay = longest.Truncate(time.Millisecond)
	}
}

// What became of a part.
const (
	partRead   = "read"
	partMissed = "missed"
)

// remember loads what is known of the parts of a window.
func (r *reading) remember(ctx context.Context, from, to time.Time) error {
	r.parts = map[int64]string{}
	return r.Store.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT part, state FROM trail_part WHERE tenant = $1 AND source = $2 AND created >= $3 AND created <= $4`,
			r.num, r.source.Name(), from.Add(-time.Hour).UnixMilli(), to.UnixMilli())
		if err != nil {
			return fmt.Errorf("cannot read which parts are known: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var part int64
			var state string
			if err := rows.Scan(&part, &state); err != nil {
				return fmt.Errorf("cannot read which parts are known: %w", err)
			}
			r.parts[part] = state
		}
		return rows.Err()
	})
}

// known is asked by the source, from the goroutine that reads ahead. The set does
// not change while a window is read.
func (r *reading) known(part string) bool { return r.parts[hash("p", part)] == partRead }

const putPart = `INSERT INTO trail_part (tenant, source, part, created, expires, state, why) VALUES ($1, $2, $3, $4, $5, $6, $7)
	ON CONFLICT (tenant, source, part) DO UPDATE SET state = excluded.state, why = excluded.why`

// took notes that a part is read, and closes the gap that it was.
func (r *reading) took(tx *store.Tx, b connector.Batch) error {
	part := hash("p", b.Part)
	if _, err := tx.Exec(putPart, r.num, r.source.Name(), part, millis(b.Created), millis(b.Expires), partRead, ""); err != nil {
		return fmt.Errorf("cannot note a part: %w", err)
	}
	_, err := tx.Exec(`UPDATE trail_gap SET state = 'closed', ended = $4 WHERE tenant = $1 AND source = $2 AND part = $3 AND state = 'open'`,
		r.num, r.source.Name(), part, now().UnixMilli())
	if err != nil {
		return fmt.Errorf("cannot close a gap: %w", err)
	}
	// What can be listed no more need not be remembered.
	_, err = tx.Exec(`DELETE FROM trail_part WHERE tenant = $1 AND source = $2 AND created < $3`, r.num, r.source.Name(), r.until.Add(-r.habits.Keeps-48*time.Hour).UnixMilli())
	if err != nil {
		return fmt.Errorf("cannot forget old parts: %w", err)
	}
	return nil
}

// missed notes that a part could not be read: a gap, until it can.
func (r *reading) missed(tx *store.Tx, b connector.Batch) error {
	part := hash("p", b.Part)
	why := short(b.Err.Error())
	if _, err := tx.Exec(putPart, r.num, r.source.Name(), part, millis(b.Created), millis(b.Expires), partMissed, why); err != nil {
		return fmt.Errorf("cannot note a part: %w", err)
	}
	added, err := putGap(tx, r.num, gap{source: r.source.Name(), since: b.Created, until: b.Expires, part: part, state: GapOpen, why: why})
	r.result.Gaps += added
	return err
}

// lose notes a span that no reading can bring back.
func (r *reading) lose(tx *store.Tx, l connector.Loss, part int64) error {
	added, err := putGap(tx, r.num, gap{source: r.source.Name(), since: l.From, until: l.To, part: part, state: GapLost, why: l.Why})
	r.result.Gaps += added
	return err
}

// prepared is a batch whose events are made.
type prepared struct {
	connector.Batch
	rows []row
	err  error
}

// ahead reads and prepares one batch while the one before is written. Stop ends
// the reading and waits for it.
func ahead(batches iter.Seq2[connector.Batch, error], source string, partner bool) (next func() (prepared, bool), stop func()) {
	out, done, ended := make(chan prepared, 1), make(chan struct{}), make(chan struct{})
	go func() { // owned by the caller, who calls stop
		defer close(ended)
		defer close(out)
		for b, err := range batches {
			p := prepared{Batch: b, err: err}
			if err == nil && b.Err == nil {
				p.rows = rowsOf(source, partner, b.Records, now())
				p.Records = nil
			}
			select {
			case out <- p:
			case <-done:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return func() (prepared, bool) { p, ok := <-out; return p, ok }, func() { close(done); <-ended }
}
