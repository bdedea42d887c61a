// Package storetest runs a test of tables on every database rekey supports.
//
// The SQL of a package is one text for SQLite and PostgreSQL, so each of its
// tests runs on both: on a fresh SQLite file and on a fresh database of a
// private PostgreSQL server, started once per test binary and ended with it. A
// machine without PostgreSQL fails these tests; REKEY_TEST_POSTGRES=off says
// that this is intended.
package storetest

import (
	"os"
	"path/filepath"
	"testing"

	"rekey.example/rekey/internal/store"
)

// Each runs f as a subtest on SQLite and on PostgreSQL, each time with an empty
// database that has the tables of schemas.
func Each(t *testing.T, schemas []store.Schema, f func(t *testing.T, db *store.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, SQLite(t, schemas...)) })
	t.Run("postgres", func(t *testing.T) { f(t, Postgres(t, schemas...)) })
}

// SQLite returns an empty database in a file that goes with the test.
func SQLite(t testing.TB, schemas ...store.Schema) *store.DB {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "rekey.db"), schemas)
}

// Postgres returns an empty database on the test binary's PostgreSQL server. It
// skips the test if REKEY_TEST_POSTGRES is off.
func Postgres(t testing.TB, schemas ...store.Schema) *store.DB {
	t.Helper()
	return open(t, Address(t), schemas)
}

// Address makes an empty PostgreSQL database and returns its address, for tests
// that open it themselves.
func Address(t testing.TB) string {
	t.Helper()
	if os.Getenv("REKEY_TEST_POSTGRES") == "off" {
		t.Skip("REKEY_TEST_POSTGRES=off")
	}
	server, err := start()
	if err != nil {
		t.Fatalf("%v (install PostgreSQL 15 or newer, or set REKEY_TEST_POSTGRES=off to leave it out)", err)
	}
	address, err := server.database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func open(t testing.TB, where string, schemas []store.Schema) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), where, schemas...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("cannot close the database: %v", err)
		}
	})
	return db
}
