package audit

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

var schemas = []store.Schema{Schema}

// newLog returns a log that keeps a checkpoint every 16 events.
func newLog(t testing.TB) *Log {
	t.Helper()
	l, err := New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	l.every = 16
	return l
}

func auditor(tenant string) access.Actor {
	return access.Actor{ID: "local:1", Name: "Ada", Person: "ada", Role: access.Auditor, Tenant: tenant}
}

// event is the n-th of a sequence in which tenants, subjects and actions recur.
func event(n int) Event {
	return Event{
		Tenant: fmt.Sprintf("tenant-%d", n%2), Actor: fmt.Sprintf("local:%d", n%3), Name: "Ada <b>", Role: access.Administrator,
		Action: []string{"rotation.approve", "rotation.step", "credential.appeared"}[n%3], Subject: fmt.Sprintf("app-%d", n%5),
		Title: "Rechnung – Ausgang", Outcome: Done, Detail: map[string]string{"n": fmt.Sprint(n)},
	}
}

func record(t testing.TB, l *Log, db *store.DB, events ...Event) {
	t.Helper()
	if err := db.Do(t.Context(), func(tx *store.Tx) error { return l.Record(tx, events...) }); err != nil {
		t.Fatal(err)
	}
}

// fill appends n events in transactions of different sizes.
func fill(t testing.TB, l *Log, db *store.DB, n int) {
	t.Helper()
	for i, size := 0, 1; i < n; size = size%7 + 1 {
		var list []Event
		for ; len(list) < size && i < n; i++ {
			list = append(list, event(i))
		}
		record(t, l, db, list...)
	}
}

func TestTheTreeIsTheOneEverybodyComputes(t *testing.T) {
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) (list []tlog.Hash, _ error) {
		for _, i := range indexes {
			list = append(list, stored[i])
		}
		return list, nil
	})
	var f frontier
	for n := range int64(300) {
		body := fmt.Appendf(nil, "event %d", n)
		want, err := tlog.StoredHashes(n, body, read)
		if err != nil {
			t.Fatal(err)
		}
		var wantBytes []byte
		for level, h := range want {
			if seq, l := place(tlog.StoredHashIndex(level, (n+1)>>level-1)); seq != n || l != level {
				t.Fatalf("hash %d of event %d is looked for as hash %d of event %d", level, n, l, seq)
			}
			wantBytes = append(wantBytes, h[:]...)
		}
		stored = append(stored, want...)
		if got := f.add(leaf(body)); !bytes.Equal(got, wantBytes) {
			t.Fatalf("event %d completes %x, want %x", n, got, wantBytes)
		}
		root, err := tlog.TreeHash(n+1, read)
		if err != nil {
			t.Fatal(err)
		}
		if f.root() != root {
			t.Fatalf("root of %d events is %v, want %v", n+1, f.root(), root)
		}
		again, err := newFrontier(f.size, f.bytes())
		if err != nil || again.root() != root {
			t.Fatalf("the edge of %d events does not come back: %v", n+1, err)
		}
	}
}

func TestWhatIsRecordedIsListedNewestFirst(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		l := newLog(t)
		fill(t, l, db, 100)
		var seen []int64
		for q := (Query{Limit: 7}); ; {
			page, err := List(t.Context(), db, auditor("tenant-0"), q)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, e := range page {
				want := event(int(e.Seq))
				want.Time = e.Time
				if diff := cmp.Diff(want, e.Event); diff != "" {
					t.Fatalf("event %d (-want +got):\n%s", e.Seq, diff)
				}
				if e.Seq == 0 {
					break
				}
				seen = append(seen, e.Seq)
			}
			if q.Before = page[len(page)-1].Seq; q.Before == 0 {
				break
			}
		}
		var want []int64
		for seq := int64(98); seq > 0; seq -= 2 {
			want = append(want, seq)
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Fatalf("sequence numbers (-want +got):\n%s", diff)
		}
	})
}

func TestAQuerySelectsBySubjectActionActorAndTime(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		l := newLog(t)
		start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		for i := range 60 {
			e := event(i)
			e.Time = start.Add(time.Duration(i) * time.Hour)
			record(t, l, db, e)
		}
		for _, c := range []struct {
			name  string
			query Query
			holds func(n int) bool
		}{
			{"everything", Query{}, func(int) bool { return true }},
			{"a subject", Query{Subject: "app-4"}, func(n int) bool { return n%5 == 4 }},
			{"an action", Query{Action: "rotation.step"}, func(n int) bool { return n%3 == 1 }},
			{"actions of a kind", Query{Action: "rotation."}, func(n int) bool { return n%3 != 2 }},
			{"no wildcard", Query{Action: "rotation"}, func(int) bool { return false }},
			{"an actor", Query{Actor: "local:2"}, func(n int) bool { return n%3 == 2 }},
			{"since a time", Query{Since: start.Add(50 * time.Hour)}, func(n int) bool { return n >= 50 }},
			{"all of it", Query{Subject: "app-4", Action: "rotation.", Actor: "local:0", Since: start.Add(10 * time.Hour), Before: 55}, func(n int) bool { return n%5 == 4 && n%3 == 0 && n >= 10 && n < 55 }},
		} {
			list, err := List(t.Context(), db, auditor("tenant-0"), c.query)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			got, want := []int64{}, []int64{}
			for _, e := range list {
				got = append(got, e.Seq)
			}
			for n := 58; n >= 0; n -= 2 {
				if c.holds(n) {
					want = append(want, int64(n))
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.name, diff)
			}
		}
	})
}

// Whatever the filters, the log is walked from its newest end through an index,
// and never sorted.
func TestEveryListComesFromAnIndex(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	for text, index := range map[string]string{
		listBy.subject: "audit_event_subject (tenant=? AND subject=? AND seq<?",
		listBy.action:  "audit_event_action (tenant=? AND action=? AND seq<?",
		listBy.actor:   "audit_event_actor (tenant=? AND actor=? AND seq<?",
		listBy.time:    "audit_event_tenant (tenant=? AND seq<?",
		pages.tenant:   "audit_event_tenant (tenant=? AND seq>?",
		pages.subject:  "audit_event_subject (tenant=? AND subject=? AND seq>?",
	} {
		plan := explain(t, db, text)
		if !strings.Contains(plan, index) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("want %s:\n%s\n%s", index, text, plan)
		}
		if strings.Contains(text, "MIN(") && !strings.Contains(plan, "audit_event_time (tenant=? AND time>?") {
			t.Errorf("the time is not looked up in its index:\n%s\n%s", text, plan)
		}
	}
}

func explain(t *testing.T, db *store.DB, text string) string {
	var plan strings.Builder
	err := db.View(t.Context(), func(tx *store.Tx) error {
		args := make([]any, strings.Count(text, "$")) // more than there are, never fewer
		for n := range args {
			if !strings.Contains(text, fmt.Sprintf("$%d", n+1)) {
				args = args[:n]
				break
			}
		}
		rows, err := tx.Query(`EXPLAIN QUERY PLAN `+text, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				return err
			}
			plan.WriteString(detail + "\n")
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan.String()
}

func TestOnlyThoseWhoMayReadTheLogReadIt(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	l := newLog(t)
	fill(t, l, db, 10)
	user := access.Actor{ID: "local:2", Name: "Bo", Role: access.User, Tenant: "tenant-0"}
	if _, err := List(t.Context(), db, user, Query{}); !denied(err) {
		t.Errorf("a user lists the log: %v", err)
	}
	if _, err := l.Export(t.Context(), db, user, Scope{}, &bytes.Buffer{}); !denied(err) {
		t.Errorf("a user exports the log: %v", err)
	}
	if _, err := l.Export(t.Context(), db, auditor("tenant-0"), Scope{Tenant: "tenant-1"}, &bytes.Buffer{}); !denied(err) {
		t.Errorf("an auditor exports another tenant's log: %v", err)
	}
}

func denied(err error) bool {
	_, ok := errors.AsType[*access.DeniedError](err)
	return ok
}

func TestAnEventGoesWithItsTransaction(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		l := newLog(t)
		fill(t, l, db, 5)
		refused := errors.New("refused")
		err := db.Do(t.Context(), func(tx *store.Tx) error {
			return errors.Join(l.Record(tx, event(5)), refused)
		})
		if !errors.Is(err, refused) {
			t.Fatal(err)
		}
		record(t, l, db, event(6), event(7))
		report, err := l.Verify(t.Context(), db)
		if err != nil || report.Events != 7 {
			t.Fatalf("got %d events, %v; want 7", report.Events, err)
		}
	})
}

func TestManyWritersMakeOneLog(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		var wg sync.WaitGroup
		for w := range 8 {
			l := newLog(t) // each as in a process of its own
			wg.Go(func() {
				for i := range 10 {
					err := db.Do(t.Context(), func(tx *store.Tx) error { return l.Record(tx, event(w*100+i), event(w*100+i+50)) })
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		report, err := newLog(t).Verify(t.Context(), db)
		if err != nil || report.Events != 160 || report.Kept != 10 {
			t.Fatalf("got %d events and %d checkpoints, %v; want 160 and 10", report.Events, report.Kept, err)
		}
	})
}

// Whatever names people give to things, the log verifies and gives back what it
// was told, as far as it can be written down.
func TestNoNameMakesALogLookTamperedWith(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		l := newLog(t)
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"", "a\x00b", "\xff\xfe", "<script>", `"\`, "\u2028", "\u202egpj", "\x7f", "é", strings.Repeat("ü", 5000), "\n{\"seq\":1}",
		}))
		rapid.Check(t, func(r *rapid.T) {
			e := Event{
				Tenant: text.Draw(r, "tenant"), Actor: text.Draw(r, "actor"), Name: text.Draw(r, "name"), Role: "user",
				Action: text.Draw(r, "action"), Subject: text.Draw(r, "subject"), Title: text.Draw(r, "title"), Outcome: Seen,
				Detail: map[string]string{"a": text.Draw(r, "detail"), text.Draw(r, "key"): "b"},
				Time:   time.UnixMilli(rapid.Int64Range(-1e12, 1e13).Draw(r, "time")),
			}
			record(t, l, db, e)
			list, err := List(t.Context(), db, auditor(storable(e.Tenant)), Query{Limit: 1})
			if err != nil || len(list) != 1 {
				r.Fatalf("got %d events, %v", len(list), err)
			}
			if got := list[0]; got.Subject != storable(e.Subject) || !got.Time.Equal(e.Time) {
				r.Fatalf("got %+v, want %+v", got, e)
			}
		})
		if _, err := l.Verify(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		if _, err := l.ExportAll(t.Context(), db, &file); err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyExport(&file, l.VerifierKey()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAnEventTooLargeToKeepIsRefused(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	l := newLog(t)
	e := event(1)
	for i := range 100 {
		e.Detail[fmt.Sprint(i)] = strings.Repeat("x", 10_000)
	}
	err := db.Do(t.Context(), func(tx *store.Tx) error { return l.Record(tx, e) })
	if err == nil || !strings.Contains(err.Error(), "at most") {
		t.Fatalf("got %v", err)
	}
}

func TestALongNameIsCutBetweenItsLetters(t *testing.T) {
	got := clip(strings.Repeat("ü", maxText))
	if want := strings.Repeat("ü", maxText/2) + "…"; got != want {
		t.Errorf("got %d bytes ending in %q", len(got), got[len(got)-8:])
	}
	if got := clip("a" + strings.Repeat("ü", maxText)); !strings.HasSuffix(got, "ü…") {
		t.Errorf("got an end of %q", got[len(got)-8:])
	}
}
