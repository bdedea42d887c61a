package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rekey.example/rekey/internal/daemon"
	"rekey.example/rekey/internal/store/storetest"
)

// TestAnInstallationMovesThereAndBack: from SQLite to PostgreSQL and into a file
// again. Nothing is lost, the old ones are not used by accident, and the log of
// the last says where it has been.
func TestAnInstallationMovesThereAndBack(t *testing.T) {
	_, env := installed(t, 0)
	ok(t, env, "sync")
	before := ok(t, env, "credentials", "list", "-o", "json")
	address := storetest.Address(t)

	var there daemon.DatabaseCopy
	read(t, ok(t, env, "db", "copy", "--to", address, "-o", "json"), &there)
	if there.Events == 0 || len(there.Tables) < 15 {
		t.Errorf("copied %+v", there)
	}
	exit, _, problems := typed(t, env, false, "serve")
	if exit != exitConflict || !strings.Contains(problems, "was copied to") || !strings.Contains(problems, "--database") {
		t.Errorf("serving the old one ends with %d: %s", exit, problems)
	}
	env["REKEY_DATABASE"] = address
	if after := ok(t, env, "credentials", "list", "-o", "json"); after != before {
		t.Error("the copy lists other credentials")
	}
	if exit, _, problems = typed(t, env, false, "db", "copy", "--to", address); exit != exitFailure || !strings.Contains(problems, "onto itself") {
		t.Errorf("onto itself: %d, %s", exit, problems)
	}
	ok(t, env, "sync")

	back := filepath.Join(t.TempDir(), "rekey.db")
	ok(t, env, "db", "copy", "--to", back)
	if exit, _, problems = typed(t, env, false, "status"); exit != exitConflict {
		t.Errorf("the second old one: %d, %s", exit, problems)
	}
	delete(env, "REKEY_DATABASE")
	home := filepath.Join(env["REKEY_DATA"], "rekey.db")
	for _, end := range []string{"", "-wal", "-shm"} {
		os.Remove(home + end) // what is not there need not go
	}
	if err := os.Rename(back, home); err != nil {
		t.Fatal(err)
	}
	if after := ok(t, env, "credentials", "list", "-o", "json"); after != before {
		t.Error("the copy of the copy lists other credentials")
	}
	ok(t, env, "audit", "verify")
	if n := strings.Count(ok(t, env, "audit", "log", "-o", "json"), `"database.copy"`); n != 2 {
		t.Errorf("the log has %d events of the moves, want 2", n)
	}
}

func TestACopyGoesIntoAnEmptyDatabaseOnly(t *testing.T) {
	_, env := installed(t, 0)
	ok(t, env, "sync")
	address := storetest.Address(t)
	elsewhere := map[string]string{"REKEY_DATA": t.TempDir(), "REKEY_DATABASE": address}
	ok(t, elsewhere, "db", "migrate")
	ok(t, elsewhere, "status") // makes it an installation
	exit, _, problems := typed(t, env, false, "db", "copy", "--to", address)
	if exit != exitConflict || !strings.Contains(problems, "empty database only") {
		t.Errorf("into one that is in use: %d, %s", exit, problems)
	}
	ok(t, env, "status") // the old one is still the one in use
}

func TestTheMarkCanBeOverruled(t *testing.T) {
	_, env := installed(t, 0)
	ok(t, env, "status")
	ok(t, env, "db", "copy", "--to", storetest.Address(t))
	var d daemon.Database
	read(t, ok(t, env, "db", "status", "-o", "json"), &d)
	if d.Moved == "" || d.Kind != "sqlite" || d.Schema != d.Newest {
		t.Errorf("status %+v", d)
	}
	loaded, err := daemon.Load(daemon.Given{Env: func(k string) (string, bool) { v, ok := env[k]; return v, ok }})
	if err != nil {
		t.Fatal(err)
	}
	loaded.Config.Force = true
	forced, err := daemon.Open(t.Context(), loaded.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := forced.Close(); err != nil {
		t.Fatal(err)
	}
	ok(t, env, "status")
}

func TestDatabaseStatusNamesWhatCouldLoseACommit(t *testing.T) {
	_, env := installed(t, 0)
	address := storetest.Address(t) // of a server without fsync
	ok(t, env, "status", "--database", address)
	_, out, _ := typed(t, env, true, "db", "status", "--database", address)
	for _, want := range []string{"postgres", "fsync is off", "timeline 1", "audit_event", "Installation"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	exit, _, problems := typed(t, env, false, "db", "status")
	if exit != exitFailure || !strings.Contains(problems, "no database yet") {
		t.Errorf("without one: %d, %s", exit, problems)
	}
}

func TestNoPasswordAmongTheArguments(t *testing.T) {
	_, env := installed(t, 0)
	for _, args := range [][]string{
		{"status", "--database", "postgres://rekey:s3cret-pw@localhost/rekey"},
		{"status", "--database", "postgres://rekey@localhost/rekey?password=s3cret-pw"},
		{"db", "copy", "--to", "postgres://rekey:s3cret-pw@localhost/rekey"},
	} {
		exit, out, problems := typed(t, env, false, args...)
		if exit != exitUsage || !strings.Contains(problems, "PGPASSWORD") || strings.Contains(out+problems, "s3cret-pw") {
			t.Errorf("%q: %d, %s%s", args[:2], exit, out, problems)
		}
	}
}

func ok(t *testing.T, env map[string]string, args ...string) string {
	t.Helper()
	exit, out, problems := typed(t, env, false, args...)
	if exit != exitOK {
		t.Fatalf("rekey %s ends with %d: %s", strings.Join(args, " "), exit, problems)
	}
	return out
}

func read(t *testing.T, raw string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(raw), into); err != nil {
		t.Fatalf("%v in %q", err, raw)
	}
}
