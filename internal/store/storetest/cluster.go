package storetest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Cluster is a PostgreSQL server of one test, with the settings of a real one,
// that the test can stop in the middle of its work.
type Cluster struct {
	server *server
}

// restarts is watch for a server that is restarted: each line asks for that. The
// server gets no time for anything, as with pg_ctl restart -m immediate.
const restarts = `
folder=$1; shift
run() { "$@" </dev/null >>"$folder/log" 2>&1 & server=$!; }
run "$@"
while read -r _; do
  kill -QUIT $server
  wait $server
  run "$@"
done
kill -QUIT $server
wait $server
rm -rf "$folder"
`

// NewCluster starts a server that ends with the test. It skips the test if
// REKEY_TEST_POSTGRES is off.
func NewCluster(t testing.TB) *Cluster {
	t.Helper()
	if os.Getenv("REKEY_TEST_POSTGRES") == "off" {
		t.Skip("REKEY_TEST_POSTGRES=off")
	}
	bin, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "rekey-pg-")
	if err != nil {
		t.Fatal(err)
	}
	s, err := launchIn(folder, bin, restarts)
	if err != nil {
		t.Fatal(errors.Join(err, os.RemoveAll(folder)))
	}
	t.Cleanup(func() { s.life.Close() })
	return &Cluster{server: s}
}

// Database makes an empty database and returns its address.
func (c *Cluster) Database(t testing.TB) string {
	t.Helper()
	address, err := c.server.database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// Socket is the file that the server listens on.
func (c *Cluster) Socket() string { return filepath.Join(c.server.folder, ".s.PGSQL.5432") }

// Restart ends the server without warning, as a crash does, and starts it again.
func (c *Cluster) Restart(t testing.TB) {
	t.Helper()
	if _, err := fmt.Fprintln(c.server.life, "restart"); err != nil {
		t.Fatal(err)
	}
	if err := c.server.wait(); err != nil {
		t.Fatal(err)
	}
}

// Launch starts a server for a measurement, with the settings of a real one, and
// returns the address of an empty database and what ends it.
func Launch() (address string, stop func(), err error) {
	bin, err := binaries()
	if err != nil {
		return "", nil, err
	}
	folder, err := os.MkdirTemp("", "rekey-pg-")
	if err != nil {
		return "", nil, fmt.Errorf("cannot make a folder for PostgreSQL: %w", err)
	}
	s, err := launchIn(folder, bin, watch)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(folder))
	}
	return s.address("postgres"), func() { s.life.Close() }, nil
}
