package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var notes = Schema{Version: 1, SQL: `CREATE TABLE note (id BIGINT PRIMARY KEY, text TEXT NOT NULL);`}

func openNotes(t *testing.T, file string, more ...Schema) *DB {
	t.Helper()
	db, err := Open(t.Context(), file, append([]Schema{notes}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func add(db *DB, id int, text string) error {
	return db.Do(context.Background(), func(tx *Tx) error {
		_, err := tx.Exec(`INSERT INTO note (id, text) VALUES ($1, $2)`, id, text)
		return err
	})
}

func count(t *testing.T, db *DB) (n int) {
	t.Helper()
	err := db.View(t.Context(), func(tx *Tx) error { return tx.QueryRow(`SELECT count(*) FROM note`).Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWhatDoReturnsNilForIsThereAfterReopening(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sub", "rekey.db")
	db := openNotes(t, file)
	for i := range 10 {
		if err := add(db, i, "x"); err != nil {
			t.Fatal(err)
		}
	}
	failed := errors.New("no")
	err := db.Do(t.Context(), func(tx *Tx) error {
		if _, err := tx.Exec(`INSERT INTO note (id, text) VALUES (99, '')`); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Errorf("got %v, want the function's own error", err)
	}
	db.Close()
	if n := count(t, openNotes(t, file)); n != 10 {
		t.Errorf("%d rows after reopening, want 10", n)
	}
}

func TestOthersCannotReadTheDatabase(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sub", "rekey.db")
	if err := add(openNotes(t, file), 1, "x"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Dir(file), file, file + "-wal"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %04o", filepath.Base(name), info.Mode().Perm())
		}
	}
}

func TestReadersSeeOneStateWhileSomebodyWrites(t *testing.T) {
	db := openNotes(t, filepath.Join(t.TempDir(), "rekey.db"))
	err := db.View(t.Context(), func(tx *Tx) error {
		for i := range 3 {
			var n int
			if err := tx.QueryRow(`SELECT count(*) FROM note`).Scan(&n); err != nil {
				return err
			}
			if n != 0 {
				return fmt.Errorf("look %d sees %d rows", i, n)
			}
			if err := add(db, i, "x"); err != nil {
				return err
			}
		}
		_, err := tx.Exec(`INSERT INTO note (id, text) VALUES (99, '')`)
		if err == nil {
			return errors.New("a reader could write")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestDiskFullLosesNothingAndSaysSo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rekey.db")
	db := openNotes(t, file)
	if _, err := db.write.Exec(`PRAGMA max_page_count = 40`); err != nil {
		t.Fatal(err)
	}
	kept, text := 0, strings.Repeat("x", 4000)
	var err error
	for err == nil && kept < 1000 {
		if err = add(db, kept, text); err == nil {
			kept++
		}
	}
	if !errors.Is(err, ErrFull) || kept == 0 {
		t.Fatalf("after %d rows: %v, want ErrFull", kept, err)
	}
	if n := count(t, db); n != kept {
		t.Errorf("%d rows, want the %d that were acknowledged", n, kept)
	}
	if _, err := db.write.Exec(`PRAGMA max_page_count = 4000`); err != nil {
		t.Fatal(err)
	}
	if err := add(db, kept, text); err != nil {
		t.Errorf("with room again: %v", err)
	}
	var verdict string
	if err := db.read.QueryRow(`PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity: %s, %v", verdict, err)
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rekey.db")
	openNotes(t, file, Schema{Version: 2, SQL: `ALTER TABLE note ADD COLUMN more TEXT`}).Close()
	if _, err := Open(t.Context(), file, notes); !errors.Is(err, ErrNewer) {
		t.Errorf("got %v, want ErrNewer", err)
	}
}

func TestFailedSchemaChangeChangesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rekey.db")
	if err := add(openNotes(t, file), 1, "x"); err != nil {
		t.Fatal(err)
	}
	bad := Schema{Version: 2, SQL: `DELETE FROM note; SELECT nonsense FROM nowhere;`}
	if _, err := Open(t.Context(), file, notes, bad); err == nil {
		t.Fatal("a broken change was applied")
	}
	if n := count(t, openNotes(t, file)); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

func TestDamagedFileIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rekey.db")
	if err := os.WriteFile(file, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), file, notes); !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v, want ErrCorrupt", err)
	}
}

func TestPostgresPasswordIsNotInErrors(t *testing.T) {
	for _, where := range []string{"postgres://u:s3cret-pw@127.0.0.1:1/db", "postgres://u:s3cret-pw@[::1/db", "postgres://u:s3cret-pw@127.0.0.1:1/db?sslmode=nonsense"} {
		_, err := Open(t.Context(), where, notes)
		if err == nil || strings.Contains(err.Error(), "s3cret-pw") {
			t.Errorf("%v", err)
		}
	}
}
