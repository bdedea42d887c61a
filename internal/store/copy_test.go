package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

var shelf = []store.Schema{{Version: 1, SQL: `
CREATE TABLE book (id BIGINT PRIMARY KEY, title TEXT NOT NULL, cover BYTEA NOT NULL, note TEXT, weight DOUBLE PRECISION);
CREATE TABLE reader (name TEXT PRIMARY KEY);
INSERT INTO book (id, title, cover, note) VALUES (0, 'of the schema', '', NULL);`}}

func fill(t *testing.T, db *store.DB, books int) {
	t.Helper()
	err := db.Do(t.Context(), func(tx *store.Tx) error {
		for i := 1; i <= books; i++ {
			_, err := tx.Exec(`INSERT INTO book (id, title, cover, note, weight) VALUES ($1, $2, $3, NULL, $4)`, i, fmt.Sprintf("Bücher %d – 'n' \\ \"q\" \t☃", i), []byte{0, byte(i), 255}, float64(i)/3)
			if err != nil {
				return err
			}
		}
		_, err := tx.Exec(`INSERT INTO reader (name) VALUES ('zoe'), ('Åsa'), ('bob')`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func books(t *testing.T, db *store.DB) (n int64) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) (err error) {
		n, err = store.Count(tx, store.Table{Name: "book"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestACopyIsTheSameThereAndBack(t *testing.T) {
	lite := storetest.SQLite(t, shelf...)
	fill(t, lite, 1000)
	pg := storetest.Postgres(t, shelf...)
	there, err := store.Transfer{From: lite, To: pg, Leave: []string{"nothing"}}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(there) != 2 || there[0].Rows != 1001 || there[1].Rows != 3 {
		t.Errorf("copied %+v", there)
	}
	again, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "again.db"), shelf...)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	back, err := store.Transfer{From: pg, To: again}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range back {
		if back[i] != there[i] {
			t.Errorf("back came %+v, there went %+v", back[i], there[i])
		}
	}
}

func TestACopyThatFailsLeavesNothing(t *testing.T) {
	storetest.Each(t, shelf, func(t *testing.T, to *store.DB) {
		from := storetest.SQLite(t, shelf...)
		fill(t, from, 700)
		refused := errors.New("refused")
		_, err := store.Transfer{From: from, To: to, Also: func(*store.Tx) error { return refused }}.Run(t.Context())
		if !errors.Is(err, refused) {
			t.Errorf("got %v, want the error of Also", err)
		}
		if n := books(t, to); n != 1 {
			t.Errorf("%d books in the target, want the one of the schema", n)
		}
	})
}

// TestACopyIsCompared: the target changes a row on the way, as a trigger or a
// wrong character set would.
func TestACopyIsCompared(t *testing.T) {
	from, to := storetest.SQLite(t, shelf...), storetest.Postgres(t, shelf...)
	fill(t, from, 10)
	err := to.Do(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`CREATE FUNCTION blot() RETURNS trigger AS $f$ BEGIN NEW.title = upper(NEW.title); RETURN NEW; END $f$ LANGUAGE plpgsql;
			CREATE TRIGGER blot BEFORE INSERT ON book FOR EACH ROW WHEN (NEW.id = 7) EXECUTE FUNCTION blot();`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Transfer{From: from, To: to}.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "table book came out different") {
		t.Errorf("got %v, want that the table differs", err)
	}
}

func TestDifferentTablesAreNotCopied(t *testing.T) {
	from, to := storetest.SQLite(t, shelf...), storetest.SQLite(t, append(shelf, store.Schema{Version: 2, SQL: `CREATE TABLE more (id BIGINT PRIMARY KEY)`})...)
	if _, err := (store.Transfer{From: from, To: to}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "different tables") {
		t.Errorf("got %v", err)
	}
}

func TestOneMigratesWhileOthersWait(t *testing.T) {
	where, ended := storetest.Address(t), make(chan error)
	for range 6 {
		go func() {
			db, err := store.Open(t.Context(), where, shelf...)
			if err == nil {
				err = db.Close()
			}
			ended <- err
		}()
	}
	for range 6 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestOldTablesAreNamedWhereTheyMayNotBeChanged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rekey.db")
	if _, err := store.OpenAsIs(t.Context(), file, shelf...); !errors.Is(err, store.ErrOlder) {
		t.Errorf("without tables: %v, want ErrOlder", err)
	}
	db, err := store.Open(t.Context(), file, shelf...)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	same, err := store.OpenAsIs(t.Context(), file, shelf...)
	if err != nil {
		t.Fatal(err)
	}
	defer same.Close()
}

// TestCommitsAreDurableWhateverTheServerSays: the test's server has
// synchronous_commit off.
func TestCommitsAreDurableWhateverTheServerSays(t *testing.T) {
	db := storetest.Postgres(t)
	d, err := db.Durability(t.Context())
	if err != nil || d.Commit != "on" || d.Sync {
		t.Errorf("durability %+v, %v", d, err)
	}
	if list := d.Problems(); len(list) != 2 || !strings.Contains(list[0], "fsync") {
		t.Errorf("problems %q", list)
	}
	d = store.Durability{Commit: "on", Sync: true, WholePages: true, Standbys: []string{"b (async)"}}
	if list := d.Problems(); len(list) != 1 || !strings.Contains(list[0], "synchronous_standby_names") {
		t.Errorf("problems %q", list)
	}
}

func TestAGuardEndsTheTransaction(t *testing.T) {
	storetest.Each(t, shelf, func(t *testing.T, db *store.DB) {
		lost := errors.New("lost")
		guarded := db.Guarded(func(*store.Tx) error { return lost })
		err := guarded.Do(context.Background(), func(tx *store.Tx) error {
			t.Error("it ran")
			return nil
		})
		if !errors.Is(err, lost) {
			t.Errorf("got %v", err)
		}
	})
}

// TestASleeperHoldsNobody: SAFETY F36. A process falls asleep in the middle of a
// transaction, with a lock that all others need.
func TestASleeperHoldsNobody(t *testing.T) {
	db := storetest.Postgres(t, shelf...)
	touch := func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE book SET title = title WHERE id = 0`)
		return err
	}
	err := db.Do(t.Context(), func(tx *store.Tx) error {
		if err := touch(tx); err != nil {
			return err
		}
		return db.Do(t.Context(), touch) // the other one, while this one does nothing
	})
	if err == nil || !strings.Contains(err.Error(), "commit") {
		t.Errorf("the sleeper's transaction ended with %v, want that it cannot commit", err)
	}
}
