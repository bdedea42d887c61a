package rotation

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

var notes = store.Schema{Version: 1, SQL: `CREATE TABLE note (n BIGINT PRIMARY KEY)`}

// What is written together is written as if alone: each entry with its event, or
// not at all, whatever becomes of those beside it.
func TestEntriesWrittenTogetherDoNotSpoilEachOther(t *testing.T) {
	storetest.Each(t, []store.Schema{audit.Schema, notes}, func(t *testing.T, db *store.DB) {
		log, err := audit.New(bytes.Repeat([]byte{7}, 32))
		if err != nil {
			t.Fatal(err)
		}
		const n = 60
		var j journal
		var commits atomic.Int64
		first := make(chan struct{})
		db.Committing = func() { <-first } // until all others wait
		db.Committed = func() { commits.Add(1) }
		got := make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				got[i] = j.write(t.Context(), db, log, func(tx *store.Tx) error {
					<-first // one that fails never comes to its commit
					if i%10 == 3 {
						return fmt.Errorf("note %d: %w", i, ErrOvertaken)
					}
					row := i
					if i%10 == 7 {
						row = 1000 // the second of them breaks the key, and with it PostgreSQL's transaction
					}
					_, err := tx.Exec(`INSERT INTO note (n) VALUES ($1)`, row)
					return err
				}, []audit.Event{{Tenant: "t", Actor: "a", Action: "note", Subject: fmt.Sprint(i)}})
			})
		}
		for full := false; !full; {
			j.mu.Lock()
			full = len(j.waiting)+j.writing == n
			j.mu.Unlock()
			time.Sleep(time.Millisecond)
		}
		close(first)
		wg.Wait()
		done, broken := 0, 0
		for i, err := range got {
			switch {
			case i%10 == 3 && !errors.Is(err, ErrOvertaken):
				t.Errorf("entry %d: %v", i, err)
			case i%10 == 7 && err != nil:
				broken++
			case err == nil:
				done++
			case i%10 != 3:
				t.Errorf("entry %d: %v", i, err)
			}
		}
		if broken != n/10-1 || done != n-n/10-broken {
			t.Errorf("%d done and %d broken of %d", done, broken, n)
		}
		var rows, events int
		err = db.View(t.Context(), func(tx *store.Tx) error {
			return errors.Join(tx.QueryRow(`SELECT count(*) FROM note`).Scan(&rows), tx.QueryRow(`SELECT count(*) FROM audit_event`).Scan(&events))
		})
		if err != nil || rows != done || events != done {
			t.Errorf("%d rows and %d events for %d entries, %v", rows, events, done, err)
		}
		if _, err := log.Verify(t.Context(), db); err != nil {
			t.Error(err)
		}
	})
}

// Without an error in the way, those that wait cost one commit.
func TestEntriesThatWaitCostOneCommit(t *testing.T) {
	storetest.Each(t, []store.Schema{audit.Schema, notes}, func(t *testing.T, db *store.DB) {
		log, err := audit.New(bytes.Repeat([]byte{7}, 32))
		if err != nil {
			t.Fatal(err)
		}
		var j journal
		var commits atomic.Int64
		first := make(chan struct{})
		db.Committing = func() { <-first }
		db.Committed = func() { commits.Add(1) }
		var wg sync.WaitGroup
		n := pens(db) + together
		for i := range n {
			wg.Go(func() {
				if err := j.write(t.Context(), db, log, func(tx *store.Tx) error {
					_, err := tx.Exec(`INSERT INTO note (n) VALUES ($1)`, i)
					return err
				}, nil); err != nil {
					t.Error(err)
				}
			})
		}
		for full := false; !full; {
			j.mu.Lock()
			full = len(j.waiting)+j.writing == n
			j.mu.Unlock()
			time.Sleep(time.Millisecond)
		}
		close(first)
		wg.Wait()
		if got, want := commits.Load(), int64(pens(db)+1); got != want {
			t.Errorf("%d commits, want %d", got, want)
		}
	})
}

// Whoever dies over others' entries does not leave them waiting.
func TestAWriterThatDiesHandsOn(t *testing.T) {
	db := storetest.SQLite(t, audit.Schema, notes)
	log, err := audit.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	var j journal
	add := func(n int) error {
		return j.write(t.Context(), db, log, func(tx *store.Tx) error {
			_, err := tx.Exec(`INSERT INTO note (n) VALUES ($1)`, n)
			return err
		}, nil)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("nobody died")
			}
		}()
		db.Committing = func() { panic("died") }
		_ = add(1)
	}()
	db.Committing = nil
	if err := add(1); err != nil {
		t.Errorf("after a death: %v", err)
	}
}
