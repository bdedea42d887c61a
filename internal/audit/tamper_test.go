package audit

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

// attack is one thing that somebody with the database, and without the key, can do.
type attack struct {
	name string
	do   func(x *attacker) error
}

// attacker acts inside a transaction that is taken back afterwards.
type attacker struct {
	*rand.Rand
	tx   *store.Tx
	size int64
	past map[int64]head // the heads that the log has had, by size
}

func (x *attacker) exec(query string, args ...any) error {
	_, err := x.tx.Exec(query, args...)
	return err
}

func (x *attacker) seq() int64 { return x.Int64N(x.size) }

// bend changes one byte of a text, adds one or takes one away.
func (x *attacker) bend(b []byte) []byte {
	b = bytes.Clone(b)
	if len(b) == 0 {
		return []byte("x")
	}
	i := x.IntN(len(b))
	switch x.IntN(3) {
	case 0:
		b[i] = "abcxyz019{}\",: "[x.IntN(15)]
	case 1:
		b = append(b[:i], b[i+1:]...)
	case 2:
		b = append(b[:i], append([]byte("0"), b[i:]...)...)
	}
	return b
}

// bendText is bend for what PostgreSQL takes as a text.
func (x *attacker) bendText(s string) string {
	return strings.ToValidUTF8(string(x.bend([]byte(s))), "?")
}

var attacks = []attack{
	{"alter a column", func(x *attacker) error {
		column := []string{"tenant", "actor", "action", "subject"}[x.IntN(4)]
		var was string
		seq := x.seq()
		if err := x.tx.QueryRow(`SELECT `+column+` FROM audit_event WHERE seq = $1`, seq).Scan(&was); err != nil {
			return err
		}
		return x.exec(`UPDATE audit_event SET `+column+` = $1 WHERE seq = $2`, x.bendText(was), seq)
	}},
	{"alter a time", func(x *attacker) error {
		return x.exec(`UPDATE audit_event SET time = time + $1 WHERE seq = $2`, x.Int64N(2_000_000)-1_000_000, x.seq())
	}},
	{"alter a body", func(x *attacker) error {
		var was string
		seq := x.seq()
		if err := x.tx.QueryRow(`SELECT body FROM audit_event WHERE seq = $1`, seq).Scan(&was); err != nil {
			return err
		}
		return x.exec(`UPDATE audit_event SET body = $1 WHERE seq = $2`, x.bendText(was), seq)
	}},
	{"alter hashes", func(x *attacker) error {
		var was []byte
		seq := x.seq()
		if err := x.tx.QueryRow(`SELECT hashes FROM audit_event WHERE seq = $1`, seq).Scan(&was); err != nil {
			return err
		}
		return x.exec(`UPDATE audit_event SET hashes = $1 WHERE seq = $2`, x.bend(was), seq)
	}},
	{"remove events", func(x *attacker) error {
		from := x.seq()
		return x.exec(`DELETE FROM audit_event WHERE seq >= $1 AND seq < $2`, from, from+1+x.Int64N(5))
	}},
	{"remove events and close the gap", func(x *attacker) error {
		from, n := x.seq(), 1+x.Int64N(3)
		if err := x.exec(`DELETE FROM audit_event WHERE seq >= $1 AND seq < $2`, from, from+n); err != nil {
			return err
		}
		return x.move(from+n, -n)
	}},
	{"cut the end off", func(x *attacker) error {
		return x.exec(`DELETE FROM audit_event WHERE seq >= $1`, x.seq())
	}},
	{"remove everything", func(x *attacker) error {
		if err := x.exec(`DELETE FROM audit_event`); err != nil {
			return err
		}
		if err := x.exec(`DELETE FROM audit_checkpoint`); err != nil {
			return err
		}
		return x.exec(`UPDATE audit_head SET size = 0, checkpoint = '', peaks = ''`)
	}},
	{"swap two events", func(x *attacker) error { return x.swap(x.seq(), x.seq(), "seq") }},
	{"swap two bodies", func(x *attacker) error { return x.swap(x.seq(), x.seq(), "body") }},
	{"say an event again", func(x *attacker) error {
		return x.exec(`INSERT INTO audit_event (seq, tenant, time, actor, action, subject, body, hashes)
			SELECT CAST($1 AS BIGINT), tenant, time, actor, action, subject, body, hashes FROM audit_event WHERE seq = $2`, x.size+x.Int64N(3), x.seq())
	}},
	{"insert an event in the middle", func(x *attacker) error {
		at := x.seq()
		if err := x.move(at, 1); err != nil {
			return err
		}
		return x.forge(at)
	}},
	{"append a forged event", func(x *attacker) error {
		if err := x.forge(x.size); err != nil {
			return err
		}
		return x.recompute(x.size + 1)
	}},
	{"replace an event and recompute every hash", func(x *attacker) error {
		at := x.seq()
		if err := x.exec(`DELETE FROM audit_event WHERE seq = $1`, at); err != nil {
			return err
		}
		if err := x.forge(at); err != nil {
			return err
		}
		return x.recompute(x.size)
	}},
	{"change the head's size", func(x *attacker) error {
		return x.exec(`UPDATE audit_head SET size = size + $1`, x.Int64N(7)-3)
	}},
	{"change the head's checkpoint", func(x *attacker) error {
		var was string
		if err := x.tx.QueryRow(`SELECT checkpoint FROM audit_head`).Scan(&was); err != nil {
			return err
		}
		return x.exec(`UPDATE audit_head SET checkpoint = $1`, x.bendText(was))
	}},
	{"change the head's edge", func(x *attacker) error {
		return x.exec(`UPDATE audit_head SET peaks = $1`, x.bend(x.past[x.size].peaks))
	}},
	{"remove the head", func(x *attacker) error { return x.exec(`DELETE FROM audit_head`) }},
	{"add a head", func(x *attacker) error {
		return x.exec(`INSERT INTO audit_head (id, size, checkpoint, peaks) SELECT $1, size, checkpoint, peaks FROM audit_head WHERE id = 1`, 2+x.IntN(9))
	}},
	{"go back to an earlier head", func(x *attacker) error { return x.setHead(x.earlier()) }},
	{"roll the whole log back", func(x *attacker) error {
		h := x.earlier()
		if err := x.exec(`DELETE FROM audit_event WHERE seq >= $1`, h.size); err != nil {
			return err
		}
		if err := x.exec(`DELETE FROM audit_checkpoint WHERE size > $1`, h.size); err != nil {
			return err
		}
		return x.setHead(h)
	}},
	{"remove a kept checkpoint", func(x *attacker) error {
		return x.exec(`DELETE FROM audit_checkpoint WHERE size = $1`, 16*(1+x.Int64N(x.size/16)))
	}},
	{"change a kept checkpoint", func(x *attacker) error {
		var was string
		at := 16 * (1 + x.Int64N(x.size/16))
		if err := x.tx.QueryRow(`SELECT checkpoint FROM audit_checkpoint WHERE size = $1`, at).Scan(&was); err != nil {
			return err
		}
		return x.exec(`UPDATE audit_checkpoint SET checkpoint = $1 WHERE size = $2`, x.bendText(was), at)
	}},
	{"take a head for a kept checkpoint", func(x *attacker) error {
		return x.exec(`UPDATE audit_checkpoint SET checkpoint = (SELECT checkpoint FROM audit_head) WHERE size = $1`, 16*(1+x.Int64N(x.size/16)))
	}},
}

// move renumbers the events from one on.
func (x *attacker) move(from, by int64) error {
	if err := x.exec(`UPDATE audit_event SET seq = -seq - 1000 WHERE seq >= $1`, from); err != nil {
		return err
	}
	return x.exec(`UPDATE audit_event SET seq = -seq - 1000 + $1 WHERE seq <= -1000`, by)
}

func (x *attacker) swap(a, b int64, column string) error {
	if column == "seq" {
		for _, m := range [][2]int64{{a, -1}, {b, a}, {-1, b}} {
			if err := x.exec(`UPDATE audit_event SET seq = $1 WHERE seq = $2`, m[1], m[0]); err != nil {
				return err
			}
		}
		return nil
	}
	var bodyA, bodyB string
	if err := x.tx.QueryRow(`SELECT body FROM audit_event WHERE seq = $1`, a).Scan(&bodyA); err != nil {
		return err
	}
	if err := x.tx.QueryRow(`SELECT body FROM audit_event WHERE seq = $1`, b).Scan(&bodyB); err != nil {
		return err
	}
	return errors.Join(x.exec(`UPDATE audit_event SET body = $1 WHERE seq = $2`, bodyA, b), x.exec(`UPDATE audit_event SET body = $1 WHERE seq = $2`, bodyB, a))
}

// forge writes an event as rekey would, with a hash of its own.
func (x *attacker) forge(seq int64) error {
	e := event(int(seq))
	e.Detail = map[string]string{"n": "forged"}
	r, err := newRow(seq, e)
	if err != nil {
		return err
	}
	h := leaf(r.body)
	r.hashes = h[:]
	return insertRows(x.tx, []row{r})
}

// recompute makes all hashes and the head's edge those of the events there are:
// all that can be done without the key.
func (x *attacker) recompute(size int64) error {
	var f frontier
	for seq := range size {
		var body string
		if err := x.tx.QueryRow(`SELECT body FROM audit_event WHERE seq = $1`, seq).Scan(&body); err != nil {
			return err
		}
		if err := x.exec(`UPDATE audit_event SET hashes = $1 WHERE seq = $2`, f.add(leaf([]byte(body))), seq); err != nil {
			return err
		}
	}
	return x.exec(`UPDATE audit_head SET size = $1, peaks = $2`, f.size, f.bytes())
}

func (x *attacker) setHead(h head) error { return setHead(x.tx, h) }

func (x *attacker) earlier() head {
	for size := x.Int64N(x.size); ; size-- {
		if h, ok := x.past[size]; ok {
			return h
		}
	}
}

// state is everything that the tables hold.
func state(tx *store.Tx) ([32]byte, error) {
	sum := sha256.New()
	for _, query := range []string{
		`SELECT seq, time, tenant, actor, action, subject, body, hashes FROM audit_event ORDER BY seq`,
		`SELECT id, size, checkpoint, peaks FROM audit_head ORDER BY id`,
		`SELECT size, checkpoint FROM audit_checkpoint ORDER BY size`,
	} {
		rows, err := tx.Query(query)
		if err != nil {
			return [32]byte{}, err
		}
		columns, _ := rows.Columns()
		for rows.Next() {
			list := make([]any, len(columns))
			for i := range list {
				list[i] = new(string)
			}
			if err := rows.Scan(list...); err != nil {
				rows.Close()
				return [32]byte{}, err
			}
			for _, s := range list {
				fmt.Fprintf(sum, "%q,", *s.(*string))
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return [32]byte{}, err
		}
	}
	return [32]byte(sum.Sum(nil)), nil
}

func TestTenThousandManipulationsAreAllSeen(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { manipulate(t, storetest.SQLite(t, schemas...), 10_000/slow) })
	t.Run("postgres", func(t *testing.T) { manipulate(t, storetest.Postgres(t, schemas...), 500/slow) })
}

func manipulate(t *testing.T, db *store.DB, rounds int) {
	l := newLog(t)
	past := map[int64]head{}
	for i := range 40 {
		record(t, l, db, event(i))
		err := db.View(t.Context(), func(tx *store.Tx) error {
			h, err := readHead(tx)
			past[h.size] = h
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	past[0] = head{peaks: []byte{}}
	var before [32]byte
	if err := db.View(t.Context(), func(tx *store.Tx) (err error) { before, err = state(tx); return err }); err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	outside, err := l.Latest(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	undone := errors.New("undone")
	done := map[string]int{}
	for round := range rounds {
		x := &attacker{Rand: rand.New(rand.NewPCG(seed, uint64(round))), size: 40, past: past}
		a := attacks[x.IntN(len(attacks))]
		err := db.Do(t.Context(), func(tx *store.Tx) error {
			x.tx = tx
			if err := a.do(x); err != nil {
				return fmt.Errorf("cannot %s: %w", a.name, err)
			}
			after, err := state(tx)
			if err != nil {
				return err
			}
			var r Report
			found := l.verify(tx, &r, []Checkpoint{outside})
			if found == nil {
				found = r.err()
			}
			if found != nil && !errors.Is(found, ErrTampered) {
				return fmt.Errorf("%s: %w", a.name, found)
			}
			if changed := before != after; changed != (found != nil) {
				t.Errorf("seed %d round %d: %s: changed %v, reported %v", seed, round, a.name, changed, found)
			} else if changed {
				done[a.name]++
			}
			return undone
		})
		if !errors.Is(err, undone) {
			t.Fatalf("seed %d round %d: %v", seed, round, err)
		}
	}
	for _, a := range attacks {
		if done[a.name] == 0 && rounds > 5000 {
			t.Errorf("never tried: %s", a.name)
		}
	}
	if report, err := l.Verify(t.Context(), db, outside); err != nil || report.Kept != 2 || report.Outside != 1 {
		t.Errorf("the log that nobody touched: %+v, %v", report, err)
	}
}

// Without a checkpoint outside, a log that was rolled back with its head is
// just a younger log; with one, the loss is seen. Both are promises of the
// reference.
func TestARollbackIsSeenFromOutsideOnly(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		l := newLog(t)
		fill(t, l, db, 20)
		earlier, err := l.Latest(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		var was head
		db.View(t.Context(), func(tx *store.Tx) error { was, err = readHead(tx); return err })
		fill(t, l, db, 20)
		outside, err := l.Latest(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		if report, err := l.Verify(t.Context(), db, earlier, outside); err != nil {
			t.Fatalf("%v %+v", err, report)
		}
		err = db.Do(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(`DELETE FROM audit_event WHERE seq >= 20`)
			_, err2 := tx.Exec(`DELETE FROM audit_checkpoint WHERE size > 20`)
			return errors.Join(err, err2, setHead(tx, was))
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Verify(t.Context(), db, earlier); err != nil {
			t.Errorf("a younger log: %v", err)
		}
		if _, err := l.Verify(t.Context(), db, earlier, outside); !errors.Is(err, ErrTampered) {
			t.Errorf("a log rolled back behind a checkpoint outside: %v", err)
		}
	})
}

// An append puts our signature under everything before it, so it has to refuse
// a head that is not ours.
func TestNothingIsSignedOnTopOfAForgery(t *testing.T) {
	for _, c := range []struct{ name, change string }{
		{"edge", `UPDATE audit_head SET peaks = (SELECT hashes FROM audit_event WHERE seq = 2)`},
		{"size", `UPDATE audit_head SET size = size + 1`},
		{"checkpoint", `UPDATE audit_head SET checkpoint = 'rekey.example/audit'`},
		{"no head", `DELETE FROM audit_head`},
		{"empty checkpoint", `UPDATE audit_head SET checkpoint = ''`},
	} {
		t.Run(c.name, func(t *testing.T) {
			storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
				l := newLog(t)
				fill(t, l, db, 4)
				err := db.Do(t.Context(), func(tx *store.Tx) error { _, err := tx.Exec(c.change); return err })
				if err != nil {
					t.Fatal(err)
				}
				err = db.Do(t.Context(), func(tx *store.Tx) error { return l.Record(tx, event(4)) })
				if !errors.Is(err, ErrTampered) {
					t.Errorf("got %v, want %v", err, ErrTampered)
				}
			})
		})
	}
}

func TestALogOfAnotherInstallationIsNotOurs(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	other, err := New(bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	fill(t, other, db, 3)
	l := newLog(t)
	if _, err := l.Verify(t.Context(), db); !errors.Is(err, ErrTampered) {
		t.Errorf("verified: %v", err)
	}
	if err := db.Do(t.Context(), func(tx *store.Tx) error { return l.Record(tx, event(3)) }); !errors.Is(err, ErrTampered) {
		t.Errorf("appended: %v", err)
	}
}

func TestTheReportSaysWhichEventWasAltered(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	l := newLog(t)
	fill(t, l, db, 50)
	err := db.Do(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE audit_event SET body = replace(body, '"n":"33"', '"n":"34"') WHERE seq = 33`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Verify(t.Context(), db)
	if !errors.Is(err, ErrTampered) || len(r.Problems) == 0 || r.Problems[0] != (Problem{33, "was altered"}) {
		t.Errorf("got %v, %v", r.Problems, err)
	}
	if !strings.Contains(err.Error(), "event 33 was altered") {
		t.Errorf("got %q", err)
	}
}

// In SQLite any column takes any type.
func TestAColumnOfTheWrongTypeIsSeen(t *testing.T) {
	for _, change := range []string{
		`UPDATE audit_event SET time = 'soon' WHERE seq = 3`,
		`UPDATE audit_event SET time = 1.5 WHERE seq = 3`,
		`UPDATE audit_event SET seq = 'three' WHERE seq = 3`,
		`UPDATE audit_event SET hashes = 7 WHERE seq = 3`,
		`UPDATE audit_head SET size = 'many'`,
		`UPDATE audit_checkpoint SET size = 'many'`,
	} {
		db := storetest.SQLite(t, schemas...)
		l := newLog(t)
		fill(t, l, db, 20)
		if err := db.Do(t.Context(), func(tx *store.Tx) error { _, err := tx.Exec(change); return err }); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Verify(t.Context(), db); !errors.Is(err, ErrTampered) {
			t.Errorf("%s: got %v", change, err)
		}
	}
}

var _ tlog.HashReader = (*hashes)(nil)
