package daemon

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/replica"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

// street is several replicas of one installation, in this process, on one
// PostgreSQL, before one pretended tenant.
type street struct {
	*town
	replicas []*Daemon
	mu       sync.Mutex
	issued   map[string]int // requests for a new secret that reached the directory, by client-request-id
}

func newStreet(t *testing.T, replicas int) *street {
	t.Helper()
	s := &street{town: newTown(t, 0), issued: map[string]int{}}
	s.close()
	s.config.Database = storetest.Address(t)
	s.config.Round = s.cloud.RoundTripper(sim.Hooks{After: func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/addPassword") {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.issued[r.Header.Get("client-request-id")]++
		}
	}})
	s.open()
	s.sync()
	s.replicas = append(s.replicas, s.daemon)
	for range replicas - 1 {
		d := s.another()
		t.Cleanup(func() { s.closed(d) })
		s.replicas = append(s.replicas, d)
	}
	return s
}

// another is one more replica: a data folder of its own, with the same master key; the keyring is in the database.
func (s *street) another() *Daemon {
	s.t.Helper()
	c := s.config
	c.Data = s.t.TempDir()
	for _, name := range []string{"master.key"} {
		copyFile(s.t, filepath.Join(s.config.Data, name), filepath.Join(c.Data, name))
	}
	d, err := Open(s.t.Context(), c)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

func (s *street) closed(d *Daemon) {
	if err := d.Close(); err != nil {
		s.t.Errorf("cannot close a replica: %v", err)
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// propose approves a rotation of every secret that can have one.
func (s *street) propose(limit int) (ids []string) {
	s.t.Helper()
	nora, omar, ctx := s.as("nora", wire.GivenRoleAdministrator), s.as("omar", wire.GivenRoleAdministrator), s.t.Context()
	seen := map[string]bool{}
	for c, err := range nora.Credentials(ctx, wire.ListCredentialsParams{Expiring: "365d", Kind: wire.CredentialKindClientSecret}) {
		if err != nil {
			s.t.Fatal(err)
		}
		if len(ids) == limit {
			break
		}
		a, _ := s.cloud.Application(c.Application.ClientID)
		if len(c.Places) == 0 || seen[c.Application.ObjectID] || !slices.Contains(a.Owners, s.tenant.Writer.PrincipalID) {
			continue
		}
		r, err := nora.Propose(ctx, wire.RotationRequest{Application: c.Application.ObjectID, Credential: c.KeyID, Reason: "test"}, "")
		if err != nil {
			continue // it is not one that can be renewed
		}
		seen[c.Application.ObjectID] = true
		if _, err := omar.Approve(ctx, r.ID, r.Hash); err != nil {
			s.t.Fatal(err)
		}
		ids = append(ids, r.ID)
	}
	if len(ids) < 3 {
		s.t.Fatalf("only %d rotations could be proposed", len(ids))
	}
	return ids
}

// done waits for the rotations and checks that each took one request and one attempt.
func (s *street) done(ids []string) {
	s.t.Helper()
	for _, id := range ids {
		var r wire.Rotation
		for now, err := range s.local().Watch(s.t.Context(), id) {
			if err != nil {
				s.t.Fatal(err)
			}
			r = now
		}
		if r.State != wire.RotationStateDone || len(r.Attempts) != 1 {
			s.t.Errorf("%s ended %s after %d attempts: %s", id, r.State, len(r.Attempts), r.Problem)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.issued) != len(ids) {
		s.t.Errorf("%d rotations sent %d requests for a secret", len(ids), len(s.issued))
	}
	for id, n := range s.issued {
		if n != 1 {
			s.t.Errorf("request %s was sent %d times", id, n)
		}
	}
}

// carriers is how many processes have worked on jobs.
func (s *street) carriers() (n int) {
	s.t.Helper()
	err := s.daemon.store.View(s.t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT count(DISTINCT attempted_by[1]) FROM river_job`).Scan(&n)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func TestThreeReplicasShareTheWork(t *testing.T) {
	s := newStreet(t, 3)
	for _, d := range s.replicas {
		d.Work()
	}
	s.done(s.propose(12))
	if n := s.carriers(); n < 2 {
		t.Errorf("%d of three replicas did all the work", n)
	}
	status, err := s.local().Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	alive := 0
	for _, r := range status.Replicas {
		if r.Alive {
			alive++
		}
	}
	if alive != 3 || status.Installation == "" {
		t.Errorf("status shows %d replicas alive of %q", alive, status.Installation)
	}
	if v, err := s.as("ines", wire.GivenRoleAuditor).VerifyAudit(t.Context(), ""); err != nil || !v.Ok {
		t.Errorf("the log: %+v, %v", v, err)
	}
}

// TestReplicasComeAndGo: each is closed in the middle of the work, and another
// one opened; nothing waits for one that is gone.
func TestReplicasComeAndGo(t *testing.T) {
	s := newStreet(t, 1)
	ids := s.propose(8)
	for range 4 {
		d := s.another()
		d.Work()
		time.Sleep(400 * time.Millisecond)
		s.closed(d)
	}
	s.daemon.Work()
	s.done(ids)
}

// TestConnectionsAreCut ends every connection to the database again and again
// while rotations are under way.
func TestConnectionsAreCut(t *testing.T) {
	s := newStreet(t, 3)
	admin, err := store.OpenAny(t.Context(), s.config.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	for _, d := range s.replicas {
		d.Work()
	}
	ids := s.propose(6)
	for range 6 {
		time.Sleep(500 * time.Millisecond)
		err := admin.View(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range ids {
		state := ""
		for range 600 { // a watch could be cut; look at the row
			err := admin.View(t.Context(), func(tx *store.Tx) error {
				return tx.QueryRow(`SELECT state FROM rotation WHERE tenant = $1 AND id = $2`, s.tenant.ID, id).Scan(&state)
			})
			if err != nil {
				t.Fatal(err)
			}
			if state != "open" {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if state != "done" {
			t.Errorf("%s is %s", id, state)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, n := range s.issued {
		if n != 1 {
			t.Errorf("request %s was sent %d times", id, n)
		}
	}
}

func TestACopyOfTheDataFolderIsRefused(t *testing.T) {
	s := newStreet(t, 1)
	if err := s.daemon.others.join(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := s.config
	c.Data = t.TempDir()
	for _, name := range []string{"master.key", replica.FileName} {
		copyFile(t, filepath.Join(s.config.Data, name), filepath.Join(c.Data, name))
	}
	d, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	err = d.Serve(t.Context(), Serving{Listen: "127.0.0.1:0"})
	if e, ok := errors.AsType[*replica.CloneError](err); !ok || e.Other.Folder != s.config.Data {
		t.Errorf("the copy ended with %v", err)
	}
}

// TestTheLastOneToComeStays: a machine that was copied whole, its name with it,
// cannot be told from a restart; then the first one stops.
func TestTheLastOneToComeStays(t *testing.T) {
	s := newStreet(t, 1)
	done := make(chan error, 1)
	opened := make(chan string, 1)
	go func() {
		done <- s.daemon.Serve(t.Context(), Serving{Listen: "127.0.0.1:0", Opened: func(a string) error { opened <- a; return nil }})
	}()
	<-opened
	twin := replica.New(s.daemon.store, s.daemon.others.member.Self, s.daemon.logger)
	if err := twin.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, replica.ErrReplaced) {
		t.Errorf("the first one ended with %v", err)
	}
}

func TestAReplicaWithoutTheMasterKeyIsRefused(t *testing.T) {
	s := newStreet(t, 1)
	c := s.config
	c.Data = t.TempDir()
	if _, err := Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), "master key") {
		t.Errorf("without the master key: %v", err)
	}
}

// TestTheDoctorLooksAtTheDatabase: the test's server has fsync off.
func TestTheDoctorLooksAtTheDatabase(t *testing.T) {
	s := newStreet(t, 1)
	if err := s.daemon.others.join(t.Context()); err != nil {
		t.Fatal(err)
	}
	checks, err := s.local().Doctor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]wire.Check{}
	for _, c := range checks {
		seen[c.Name] = c
	}
	if c := seen["Database"]; c.State != wire.CheckStateWarning || !strings.Contains(c.Detail, "fsync is off") {
		t.Errorf("database: %+v", c)
	}
	if c := seen["Replicas"]; c.State != wire.CheckStateOk || c.Detail != "1 alive" {
		t.Errorf("replicas: %+v", c)
	}
}
