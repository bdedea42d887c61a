package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// server is a PostgreSQL of this process alone. It listens on a socket in its
// folder and on no network.
type server struct {
	folder string
	count  atomic.Int64 // databases made
	life   *os.File     // while this process holds it open, the server runs
}

// start returns the test binary's server, started by the first caller.
var start = sync.OnceValues(launch)

// watch runs the server until its standard input ends, which happens when the
// test process ends in whatever way, and then removes every trace.
const watch = `
folder=$1; shift
"$@" </dev/null >"$folder/log" 2>&1 &
server=$!
read -r _
kill -QUIT $server
wait $server
rm -rf "$folder"
`

func launch() (*server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "rekey-pg-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a folder for PostgreSQL: %w", err)
	}
	// A test's data need not survive the machine, so nothing is synced.
	s, err := launchIn(folder, bin, watch, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return s, nil
}

func launchIn(folder, bin, script string, settings ...string) (*server, error) {
	as, err := unprivileged(folder)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(folder, "data")
	initdb := append(slices.Clone(as), filepath.Join(bin, "initdb"), "-D", data, "-U", "rekey", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
	cmd := exec.Command(initdb[0], initdb[1:]...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cannot make a PostgreSQL cluster: %w\n%s", err, out)
	}
	postgres := append(slices.Clone(as), filepath.Join(bin, "postgres"), "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "shared_buffers=32MB")
	for _, setting := range settings {
		postgres = append(postgres, "-c", setting)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot start PostgreSQL: %w", err)
	}
	cmd = exec.Command("sh", append([]string{"-c", script, "sh", folder}, postgres...)...)
	cmd.Dir = folder
	cmd.Stdin = r
	err = cmd.Start()
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot start PostgreSQL: %w", err), w.Close())
	}
	s := &server{folder: folder, life: w}
	if err := s.wait(); err != nil {
		log, _ := os.ReadFile(filepath.Join(folder, "log"))
		return nil, errors.Join(fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, log), w.Close())
	}
	return s, nil
}

// binaries finds the folder of initdb and postgres. Debian keeps it out of the
// path; REKEY_TEST_POSTGRES may name another.
func binaries() (string, error) {
	if dir := os.Getenv("REKEY_TEST_POSTGRES"); dir != "" {
		return dir, nil
	}
	if file, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(file), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("PostgreSQL is not installed")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// unprivileged returns what to put before a command so that it does not run as
// root, which PostgreSQL refuses, and gives the folder to that user.
func unprivileged(folder string) ([]string, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	var who *user.User
	var err error
	for _, name := range []string{"postgres", "nobody"} {
		if who, err = user.Lookup(name); err == nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no other user: %w", err)
	}
	uid, err := strconv.Atoi(who.Uid)
	if err != nil {
		return nil, fmt.Errorf("cannot run PostgreSQL as %s: %w", who.Username, err)
	}
	gid, err := strconv.Atoi(who.Gid)
	if err != nil {
		return nil, fmt.Errorf("cannot run PostgreSQL as %s: %w", who.Username, err)
	}
	if err := os.Chown(folder, uid, gid); err != nil {
		return nil, fmt.Errorf("cannot run PostgreSQL as %s: %w", who.Username, err)
	}
	return []string{"setpriv", "--reuid=" + who.Uid, "--regid=" + who.Gid, "--clear-groups"}, nil
}

func (s *server) address(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User("rekey"), Path: "/" + database, RawQuery: url.Values{"host": {s.folder}}.Encode()}
	return u.String()
}

func (s *server) wait() error {
	db, err := sql.Open("pgx", s.address("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	for range 600 {
		if err = db.Ping(); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

func (s *server) database(ctx context.Context) (string, error) {
	db, err := sql.Open("pgx", s.address("postgres"))
	if err != nil {
		return "", fmt.Errorf("cannot reach the test's PostgreSQL: %w", err)
	}
	defer db.Close()
	name := fmt.Sprintf("test%d", s.count.Add(1))
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("cannot make database %s: %w", name, err)
	}
	return s.address(name), nil
}
