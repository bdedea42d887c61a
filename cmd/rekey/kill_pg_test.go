//go:build unix

package main

import (
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

// takeOver is how long the work of a replica that is gone may rest.
const takeOver = 15 * time.Second

// TestKillReplicas runs three real processes on one PostgreSQL. In turn the one
// that does the work of all is killed, or it sleeps for longer than its leases
// last and wakes, or it is cut off from the database, or the database itself
// crashes and comes back. Nothing that was acknowledged is lost, nothing happens
// twice, others go on within 15 seconds, and no secret is left that nobody knows.
// REKEY_KILL says how often; without it each happens once, and the sleep is short.
func TestKillReplicas(t *testing.T) {
	q := newQuarter(t, 3)
	harms := []struct {
		name string
		do   func(victim int)
	}{{"killed", q.kill}, {"asleep", q.sleep}, {"cut off", q.cut}, {"database crashed", q.crash}}
	rounds := times(len(harms))
	rotations := 0
	for n := range rounds {
		ids := q.houses[0].propose(5)
		if times(0) == 0 {
			q.pastIssue() // a lost answer is waited for, for two and a half minutes
		}
		victim := q.busiest()
		t.Logf("round %d: replica %d is %s", n+1, victim+1, harms[n%len(harms)].name)
		harms[n%len(harms)].do(victim)
		for _, h := range q.houses {
			h.answers()
		}
		q.houses[0].allEnded(ids)
		rotations += len(ids)
		q.houses[0].sync()
	}
	q.houses[0].verified()
	q.houses[0].once()
	t.Logf("%d kills, pauses, cuts and crashes, on PostgreSQL with three replicas: %d rotations, %d of them without an outcome yet; the longest take-over %.1f s",
		rounds, rotations, q.houses[0].waiting, q.longest.Seconds())
}

// quarter is three replicas, each with a line of its own to one database.
type quarter struct {
	t       *testing.T
	cluster *storetest.Cluster
	db      *store.DB // of the test itself
	houses  []*house
	lines   []*line
	longest time.Duration
}

func newQuarter(t *testing.T, replicas int) *quarter {
	t.Helper()
	q := &quarter{t: t, cluster: storetest.NewCluster(t)}
	address := q.cluster.Database(t)
	db, err := store.OpenAny(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() }) // nothing was written
	q.db = db
	for n := range replicas {
		l := newLine(t, q.cluster.Socket())
		q.lines = append(q.lines, l)
		if n == 0 {
			q.houses = append(q.houses, newHouse(t, l.address(t, address)))
		} else {
			q.houses = append(q.houses, q.houses[0].sibling(l.address(t, address)))
		}
	}
	for _, h := range q.houses {
		h.start()
	}
	return q
}

// held is what a process works on: the rotations, and where each stands.
func (q *quarter) held(process int) map[string]int64 {
	q.t.Helper()
	versions := map[string]int64{}
	err := q.db.View(q.t.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT r.id, r.version FROM rotation_lease AS l JOIN rotation AS r ON r.tenant = l.tenant AND r.id = l.id
			JOIN replica AS p ON p.run = l.holder WHERE r.state = 'open' AND p.process = $1`, process)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			var version int64
			if err := rows.Scan(&id, &version); err != nil {
				return err
			}
			versions[id] = version
		}
		return rows.Err()
	})
	if err != nil {
		q.t.Fatal(err)
	}
	return versions
}

// pastIssue waits until no open rotation has its new secret still ahead.
func (q *quarter) pastIssue() {
	q.t.Helper()
	for ahead := 1; ahead > 0; time.Sleep(10 * time.Millisecond) {
		err := q.db.View(q.t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow(`SELECT count(*) FROM rotation WHERE state = 'open' AND (body::json->>'at')::int < 2`).Scan(&ahead)
		})
		if err != nil {
			q.t.Fatal(err)
		}
	}
}

// leader is the process that reads the inventory for all.
func (q *quarter) leader() (process int) {
	err := q.db.View(q.t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT coalesce((SELECT p.process FROM lease AS l JOIN replica AS p ON p.run = l.holder WHERE l.name = 'refresh' AND l.until > (extract(epoch FROM clock_timestamp()) * 1000)::bigint), 0)`).Scan(&process)
	})
	if err != nil {
		q.t.Fatal(err)
	}
	return process
}

func (q *quarter) process(n int) int { return q.houses[n].server.Process.Pid }

// busiest is the leader, as soon as it works on a rotation too; else whoever does.
func (q *quarter) busiest() int {
	q.t.Helper()
	for look := range 600 {
		leader := q.leader()
		for n := range q.houses {
			if (q.process(n) == leader || look > 100) && len(q.held(q.process(n))) > 0 {
				return n
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	q.t.Fatal("nobody works on a rotation")
	return 0
}

// others waits until what a process held has been moved on by others, and
// somebody else does the work of all. It has to be out of the way already.
func (q *quarter) others(process int, led bool) {
	q.t.Helper()
	began, left := time.Now(), q.held(process)
	for len(left) > 0 || led && (q.leader() == process || q.leader() == 0) {
		if time.Since(began) > 2*takeOver {
			break
		}
		now := map[string]int64{}
		err := q.db.View(q.t.Context(), func(tx *store.Tx) error {
			for id := range left {
				var version int64
				if err := tx.QueryRow(`SELECT version FROM rotation WHERE id = $1`, id).Scan(&version); err != nil {
					return err
				}
				now[id] = version
			}
			return nil
		})
		if err != nil {
			q.t.Fatal(err)
		}
		for id, version := range now {
			if version > left[id] {
				delete(left, id)
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	took := time.Since(began)
	q.longest = max(q.longest, took)
	if took > takeOver {
		q.t.Errorf("others went on after %s; left are %v, leader %d", took, left, q.leader())
	}
}

func (q *quarter) kill(n int) {
	process := q.process(n)
	led := q.leader() == process
	q.houses[n].kill()
	q.others(process, led)
	q.houses[n].start()
}

// sleep stops a process beyond all its leases, and wakes it.
func (q *quarter) sleep(n int) {
	process := q.process(n)
	led := q.leader() == process
	pause := 12 * time.Second
	if times(0) > 0 {
		pause = time.Minute
	}
	until := time.After(pause)
	if err := syscall.Kill(process, syscall.SIGSTOP); err != nil {
		q.t.Fatal(err)
	}
	q.others(process, led)
	<-until
	if err := syscall.Kill(process, syscall.SIGCONT); err != nil {
		q.t.Fatal(err)
	}
}

// cut takes a replica's line to the database away for a while.
func (q *quarter) cut(n int) {
	process := q.process(n)
	led := q.leader() == process
	q.lines[n].cut()
	q.others(process, led)
	q.lines[n].mend()
}

func (q *quarter) crash(int) {
	q.cluster.Restart(q.t)
	began := time.Now()
	for q.db.Ping(q.t.Context()) != nil && time.Since(began) < takeOver {
		time.Sleep(50 * time.Millisecond)
	}
}

// line is a way to the database's socket that a test can cut.
type line struct {
	folder, to string
	mu         sync.Mutex
	broken     bool
	open       map[net.Conn]bool
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	folder, err := os.MkdirTemp("", "rekey-line-") // a socket's name is short, and t.TempDir's is not
	if err != nil {
		t.Fatal(err)
	}
	l := &line{folder: folder, to: to, open: map[net.Conn]bool{}}
	listener, err := net.Listen("unix", filepath.Join(folder, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { l.carry(in) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		l.cut()
		serving.Wait()
		os.RemoveAll(folder)
	})
	return l
}

// address is that of a database, by way of this line.
func (l *line) address(t *testing.T, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.RawQuery = url.Values{"host": {l.folder}}.Encode()
	return u.String()
}

func (l *line) carry(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("unix", l.to)
	if err != nil {
		return
	}
	defer out.Close()
	if !l.keep(in, out) {
		return
	}
	back := make(chan struct{})
	go func() { // ends when either end is closed, which the deferred calls see to
		defer close(back)
		io.Copy(in, out)
		in.Close()
	}()
	io.Copy(out, in)
	out.Close()
	<-back
}

func (l *line) keep(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range conns {
		l.open[c] = true
	}
	return !l.broken
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = true
	for c := range l.open {
		c.Close()
	}
	clear(l.open)
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = false
}
