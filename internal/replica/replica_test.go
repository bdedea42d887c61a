package replica_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"rekey.example/rekey/internal/replica"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

const tenant = "contoso"

var schema = []store.Schema{replica.Schema, {Version: 190, SQL: `CREATE TABLE note (id BIGINT PRIMARY KEY)`}}

func member(t *testing.T, db *store.DB, id, host string) *replica.Member {
	t.Helper()
	return replica.New(db, replica.Replica{ID: id, Host: host, Folder: "/data", Process: 1, Version: "test"}, slog.New(slog.DiscardHandler))
}

func write(db *store.DB, id int) error {
	return db.Do(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO note (id) VALUES ($1)`, id)
		return err
	})
}

// age makes all leases and signs of life older, as if their holders had been
// silent for so long.
func age(t *testing.T, db *store.DB, by time.Duration) {
	t.Helper()
	err := db.Do(t.Context(), func(tx *store.Tx) error {
		ms := strconv.FormatInt(by.Milliseconds(), 10)
		_, err := tx.Exec(`UPDATE lease SET until = until - ` + ms)
		if err == nil {
			_, err = tx.Exec(`UPDATE replica SET seen = seen - ` + ms)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOneHolderAtATime(t *testing.T) {
	db := storetest.Postgres(t, schema...)
	inside, ended := 0, make(chan error)
	for i := range 5 {
		m := member(t, db, strconv.Itoa(i), "host")
		go func() {
			ended <- m.Hold(t.Context(), tenant, "work", nil, func(_ context.Context, l *replica.Lease) error {
				inside++ // the race detector sees two
				if inside != 1 {
					t.Errorf("%d hold the lease", inside)
				}
				err := write(l.Store(db), i)
				inside--
				return err
			})
		}()
	}
	for range 5 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// TestAWokenHolderCannotWrite: SAFETY F36. It sleeps beyond its lease, another
// one takes over, and then it goes on as if nothing had been.
func TestAWokenHolderCannotWrite(t *testing.T) {
	db := storetest.Postgres(t, schema...)
	first, second := member(t, db, "1", "one"), member(t, db, "2", "two")
	err := first.Hold(t.Context(), tenant, "work", nil, func(ctx context.Context, l *replica.Lease) error {
		if err := write(l.Store(db), 1); err != nil {
			t.Errorf("as the holder: %v", err)
		}
		age(t, db, time.Minute)
		err := second.Hold(t.Context(), tenant, "work", nil, func(_ context.Context, other *replica.Lease) error {
			if err := write(l.Store(db), 2); !errors.Is(err, replica.ErrLost) {
				t.Errorf("beside its successor: %v, want ErrLost", err)
			}
			return write(other.Store(db), 3)
		})
		if err != nil {
			t.Errorf("the successor: %v", err)
		}
		if err := write(l.Store(db), 4); !errors.Is(err, replica.ErrLost) {
			t.Errorf("after its successor: %v, want ErrLost", err)
		}
		<-ctx.Done() // it is told, at the next renewal
		return nil
	})
	if !errors.Is(err, replica.ErrLost) {
		t.Errorf("Hold returned %v, want ErrLost", err)
	}
}

func TestWhoWaitsIsToldForWhom(t *testing.T) {
	db := storetest.Postgres(t, schema...)
	first, second := member(t, db, "1", "one"), member(t, db, "2", "two")
	if err := first.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := first.Hold(t.Context(), tenant, "work", nil, func(context.Context, *replica.Lease) error {
		ctx, cancel := context.WithCancel(t.Context())
		err := second.Hold(ctx, tenant, "work", func(host string) {
			if host != "one" {
				t.Errorf("waits for %q, want one", host)
			}
			cancel()
		}, func(context.Context, *replica.Lease) error { t.Error("two hold the lease"); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the second: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestASilentReplicaGivesItsIDFree(t *testing.T) {
	db := storetest.Postgres(t, schema...)
	if err := member(t, db, "r", "one").Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	age(t, db, time.Minute)
	if err := member(t, db, "r", "two").Join(t.Context()); err != nil {
		t.Errorf("after its host is gone: %v", err)
	}
	list, err := replica.List(t.Context(), db)
	if err != nil || len(list) != 1 || list[0].Host != "two" || !list[0].Alive {
		t.Errorf("listed %+v, %v", list, err)
	}
}

func TestARestartInPlaceWaitsForNothing(t *testing.T) {
	db := storetest.Postgres(t, schema...)
	for range 3 {
		if err := member(t, db, "r", "one").Join(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEachDatabaseIsOneInstallation(t *testing.T) {
	storetest.Each(t, schema, func(t *testing.T, db *store.DB) {
		first, err := replica.Open(t.Context(), db, "ring")
		if err != nil || first.ID == "" {
			t.Fatalf("got %+v, %v", first, err)
		}
		again, err := replica.Open(t.Context(), db, "ring")
		if err != nil || again != first {
			t.Errorf("again: %+v, %v; want %+v", again, err, first)
		}
		if _, err := replica.Open(t.Context(), db, "another"); !errors.Is(err, replica.ErrOtherKeyring) {
			t.Errorf("with another keyring: %v", err)
		}
		if err := db.Do(t.Context(), func(tx *store.Tx) error { return replica.SetMoved(tx, "postgres://elsewhere") }); err != nil {
			t.Fatal(err)
		}
		_, err = replica.Open(t.Context(), db, "ring")
		if e, ok := errors.AsType[*replica.MovedError](err); !ok || e.To != "postgres://elsewhere" {
			t.Errorf("moved: %v", err)
		}
	})
}

// TestAFailoverIsSeen: the timeline before is written into the table, as it
// would be after a failover; the server's own cannot be changed here.
func TestAFailoverIsSeen(t *testing.T) {
	db := storetest.Postgres(t, schema...)
	system, timeline, err := db.Epoch(t.Context())
	if err != nil || system == "" || timeline != "1" {
		t.Fatalf("epoch %q %q, %v; want a cluster on timeline 1", system, timeline, err)
	}
	err = db.Do(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO installation_epoch (system, timeline, since) VALUES ($1, '0', 1)`, system)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	m, seen := member(t, db, "r", "one"), 0
	m.Failover = func(before, now replica.Epoch) {
		if seen++; before.Timeline != "0" || now.Timeline != "1" {
			t.Errorf("from %+v to %+v", before, now)
		}
	}
	for range 2 {
		if err := m.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := replica.Epochs(t.Context(), db); seen != 1 || err != nil || len(list) != 2 {
		t.Errorf("told %d times, listed %+v, %v", seen, list, err)
	}
}
