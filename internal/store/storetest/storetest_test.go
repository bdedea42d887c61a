package storetest_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

var schema = store.Schema{Version: 1, SQL: `CREATE TABLE thing (id BIGINT PRIMARY KEY, name TEXT NOT NULL); INSERT INTO thing (id, name) VALUES (1, 'one');`}

func TestEveryDatabaseIsFreshAndHasItsTables(t *testing.T) {
	for range 2 {
		storetest.Each(t, []store.Schema{schema}, func(t *testing.T, db *store.DB) {
			err := db.Do(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec(`INSERT INTO thing (id, name) VALUES ($1, $2)`, 2, "two")
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			var n int
			err = db.View(t.Context(), func(tx *store.Tx) error {
				return tx.QueryRow(`SELECT count(*) FROM thing`).Scan(&n)
			})
			if err != nil || n != 2 {
				t.Fatalf("got %d rows, %v; want 2", n, err)
			}
		})
	}
}

func TestAFailedTransactionLeavesNothing(t *testing.T) {
	storetest.Each(t, []store.Schema{schema}, func(t *testing.T, db *store.DB) {
		refused := errors.New("refused")
		err := db.Do(t.Context(), func(tx *store.Tx) error {
			if _, err := tx.Exec(`DELETE FROM thing`); err != nil {
				return err
			}
			return refused
		})
		if !errors.Is(err, refused) {
			t.Fatalf("got %v, want %v", err, refused)
		}
		var n int
		err = db.View(t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow(`SELECT count(*) FROM thing`).Scan(&n)
		})
		if err != nil || n != 1 {
			t.Fatalf("got %d rows, %v; want 1", n, err)
		}
	})
}

// The server ends with the process that started it, even a killed one.
func TestNothingIsLeftBehind(t *testing.T) {
	if folder := os.Getenv("STORETEST_CHILD"); folder != "" {
		address := storetest.Address(t)
		if err := os.WriteFile(folder, []byte(address), 0o600); err != nil {
			t.Fatal(err)
		}
		select {}
	}
	if os.Getenv("REKEY_TEST_POSTGRES") == "off" {
		t.Skip("REKEY_TEST_POSTGRES=off")
	}
	tmp, err := os.MkdirTemp("", "left")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil { // the server's own user has to pass
		t.Fatal(err)
	}
	file := filepath.Join(tmp, "address")
	cmd := exec.Command(os.Args[0], "-test.run=TestNothingIsLeftBehind")
	cmd.Env = append(os.Environ(), "STORETEST_CHILD="+file, "TMPDIR="+tmp)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the server is up", func() bool { b, _ := os.ReadFile(file); return len(b) > 0 })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	until(t, "the folder is gone", func() bool {
		left, _ := filepath.Glob(filepath.Join(tmp, "rekey-pg-*"))
		return len(left) == 0
	})
	if b, _ := os.ReadFile(file); !strings.HasPrefix(string(b), "postgres://") {
		t.Fatalf("address %q is none of PostgreSQL", b)
	}
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 600 {
		if done() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("waited in vain: %s", what)
}
