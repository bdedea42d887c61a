package rotation_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

const span = time.Minute

// waiting is a database with rotations: so many due, and so many due in a day.
func waiting(t *testing.T, due, later int) *store.DB {
	t.Helper()
	db := storetest.Postgres(t, audit.Schema, rotation.Schema, rotation.LeaseSchema)
	now := time.Now()
	err := db.Do(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO rotation (tenant, id, holder, state, asked, due, version, body, sealed, previous)
			SELECT 't', 'r' || n, 'h' || n, 'open', 0, CASE WHEN n <= $1 THEN $2 + n ELSE $3 + n END, 1, '{"state":"open"}', '', '' FROM generate_series(1, $4::bigint) AS n`,
			int64(due), now.Add(-time.Hour).UnixMilli(), now.Add(24*time.Hour).UnixMilli(), int64(due+later))
		if err == nil {
			_, err = tx.Exec(`ANALYZE rotation`)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func call(t *testing.T, db *store.DB, limit int) (calls []rotation.Call, next time.Time) {
	t.Helper()
	err := db.Shared(t.Context(), func(c *sql.Conn, _ pgx.Tx) (err error) {
		calls, next, err = rotation.CallDue(t.Context(), c, limit, span)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return calls, next
}

func TestEachDueRotationIsCalledForOnce(t *testing.T) {
	db := waiting(t, 50, 5)
	seen, results := map[string]bool{}, make(chan []rotation.Call)
	for range 4 {
		go func() {
			calls, _ := call(t, db, 1000)
			results <- calls
		}()
	}
	for range 4 {
		for _, c := range <-results {
			if seen[c.ID] {
				t.Errorf("%s was called for twice", c.ID)
			}
			seen[c.ID] = true
		}
	}
	if len(seen) != 50 {
		t.Errorf("%d were called for, want the 50 that are due", len(seen))
	}
	if _, next := call(t, db, 1000); time.Until(next) < 23*time.Hour {
		t.Errorf("the next is due at %s, want in a day", next)
	}
}

func TestCallsOutAreLimited(t *testing.T) {
	db := waiting(t, 50, 0)
	first, _ := call(t, db, 10)
	if len(first) != 10 || first[0].Tenant != "t" {
		t.Fatalf("%d calls %v, want 10", len(first), first)
	}
	if more, _ := call(t, db, 10); len(more) != 0 {
		t.Errorf("%d more calls while 10 are out", len(more))
	}
	k := &rotation.Keeper{Store: db}
	for _, c := range first[:4] { // these are being worked on, and no longer out
		if mine, err := k.Answer(t.Context(), c, "a", span); err != nil || !mine {
			t.Fatalf("cannot answer %v: %v, %v", c, mine, err)
		}
	}
	if more, _ := call(t, db, 10); len(more) != 4 {
		t.Errorf("%d more calls after 4 were answered", len(more))
	}
}

// TestALeaseLapses: whoever had it can neither keep it nor give it back once
// another one was called.
func TestALeaseLapses(t *testing.T) {
	db, ctx := waiting(t, 1, 0), context.Background()
	k := &rotation.Keeper{Store: db}
	first, _ := call(t, db, 1)
	if mine, err := k.Answer(ctx, first[0], "a", span); err != nil || !mine {
		t.Fatal(mine, err)
	}
	if mine, err := k.Answer(ctx, first[0], "b", span); err != nil || mine {
		t.Errorf("two answered one call: %v", err)
	}
	if mine, err := k.Renew(ctx, first[0], "a", span); err != nil || !mine {
		t.Errorf("the holder cannot renew: %v", err)
	}
	err := db.Do(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE rotation_lease SET until = 1`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	second, _ := call(t, db, 1)
	if len(second) != 1 || second[0].Fence <= first[0].Fence {
		t.Fatalf("called again: %v after %v", second, first)
	}
	if mine, err := k.Renew(ctx, first[0], "a", span); err != nil || mine {
		t.Errorf("the sleeper renewed: %v", err)
	}
	if err := k.Release(ctx, first[0], "a"); err != nil {
		t.Fatal(err)
	}
	if mine, err := k.Answer(ctx, second[0], "b", span); err != nil || !mine {
		t.Errorf("the sleeper took its successor's lease away: %v", err)
	}
}

// TestWaitingRotationsAreNotLookedAt: among 20,000 that wait, those that are due
// come out of the index.
func TestWaitingRotationsAreNotLookedAt(t *testing.T) {
	db := waiting(t, 3, 20000)
	var plan strings.Builder
	err := db.Shared(t.Context(), func(c *sql.Conn, _ pgx.Tx) error {
		rows, err := c.QueryContext(t.Context(), `EXPLAIN `+rotation.CallDueText, 100, span.Milliseconds(), time.Now().UnixMilli(), "called")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				return err
			}
			plan.WriteString(line + "\n")
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(plan.String(), "rotation_due") || strings.Contains(plan.String(), "Seq Scan on rotation ") {
		t.Errorf("the plan:\n%s", &plan)
	}
	calls, _ := call(t, db, 100)
	if len(calls) != 3 {
		t.Errorf("%d calls, want 3", len(calls))
	}
}
