package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/store"
)

// backups are what somebody keeps of the database, and what became of them.
type backups struct {
	guarded  bool
	guard    *rotation.Guard
	floor    chan struct{}     // a token for each process that may be at work
	kept     map[string][]byte // the last backup, by file
	size     int64             // of the audit log in it
	pending  int               // restores and acceptances to come
	held     bool              // nobody has accepted yet
	restored bool              // the journal lacks some time
}

// opened puts the guard before the processes, as the daemon does.
func (c *chaos) opened() {
	if c.floor == nil {
		c.floor = make(chan struct{}, 2)
		c.leave()
		c.leave()
	}
	if c.db == nil {
		c.start()
	}
	if !c.guarded {
		return
	}
	c.guard = &rotation.Guard{Keeper: c.keeper, Tenant: c.tenant.ID, Instance: "host-1 " + c.folder, Shared: true, Beacons: []rotation.Beacon{rotation.FileBeacon{Folder: c.folder}}}
	c.keeper.Held = c.guard.Held
	if err := c.guard.Open(context.Background()); err != nil {
		c.t.Errorf("the guard: %v", err)
	}
}

// leave gives a token back that enter takes.
func (c *chaos) leave() { c.floor <- struct{}{} }

// alone runs fn while no process is at work and nothing strikes.
func (c *chaos) alone(fn func()) {
	for range cap(c.floor) {
		<-c.floor
	}
	at := c.spot
	c.spot = func(spot) {}
	defer func() {
		c.spot = at
		for range cap(c.floor) {
			c.leave()
		}
	}()
	fn()
}

// keepBackups puts one restore, and what has to come before it, into the schedule.
func (c *chaos) keepBackups() {
	backup := act{name: "backup", do: c.backup}
	for range 1 + c.rnd.IntN(2) {
		c.sometime(backup)
	}
	c.after(c.began, backup)
	c.pending++
	in := []time.Duration{5 * time.Minute, 3 * time.Hour, 40 * time.Hour, 90 * time.Hour}[c.rnd.IntN(4)]
	patience := time.Duration(1+c.rnd.IntN(30*60)) * time.Minute
	killed := c.rnd.IntN(2) == 0
	c.after(c.began.Add(time.Minute+time.Duration(c.rnd.Int64N(int64(in)))), act{name: "an older backup is restored", do: func() { c.restore(killed, patience) }})
}

// backup copies the files while nobody can commit.
func (c *chaos) backup() {
	ctx := context.Background()
	db, err := store.OpenAny(ctx, filepath.Join(c.folder, "rekey.db"))
	if err != nil {
		c.t.Errorf("backup: %v", err)
		return
	}
	defer db.Close()
	kept := map[string][]byte{}
	err = db.Do(ctx, func(tx *store.Tx) (err error) {
		for _, name := range []string{"rekey.db", "rekey.db-wal"} {
			if kept[name], err = os.ReadFile(filepath.Join(c.folder, name)); err != nil {
				return err
			}
		}
		return tx.QueryRow(`SELECT size FROM audit_head`).Scan(&c.size)
	})
	if err != nil {
		c.t.Errorf("backup: %v", err)
		return
	}
	c.kept = kept
}

// events is how long the audit log is, into which every change goes that has an
// effect.
func (c *chaos) events() int64 {
	head, err := c.log.Latest(context.Background(), c.db)
	if err != nil {
		c.t.Errorf("the audit log: %v", err)
	}
	return head.Size
}

// restore stops everything, puts the last backup back and starts again. What was
// written since is lost; if it was anything about the rotation, rekey has to notice.
func (c *chaos) restore(killed bool, patience time.Duration) {
	c.shutdown()
	c.alone(func() {
		defer func() { c.pending-- }()
		if killed { // a beat is at most a minute old
			time.Sleep(time.Minute + time.Second)
			c.beatNow()
		} else if err := c.guard.Close(context.Background()); err != nil {
			c.t.Errorf("the guard: %v", err)
		}
		lost := c.events() > c.size
		c.stop()
		os.Remove(filepath.Join(c.folder, "rekey.db-shm"))
		for name, raw := range c.kept {
			if err := os.WriteFile(filepath.Join(c.folder, name), raw, 0o600); err != nil {
				c.t.Fatal(err)
			}
		}
		c.hired = [2]*rotation.Keeper{}
		c.opened()
		c.held = c.guard.Held() != ""
		if c.held != lost {
			c.t.Errorf("the backup lacks events of the log: %v; held: %q", lost, c.guard.Held())
		}
		c.restored = c.restored || lost
		c.disturbed()
	})
	if c.held {
		c.pending++
		c.after(time.Now().Add(patience), act{name: "the report is accepted", do: c.accept})
	}
}

// accept is a person who looks at the report and accepts it, as soon as it can be
// made: while the clouds are sick it cannot.
func (c *chaos) accept() {
	var err error
	died := false
	c.alone(func() {
		c.spot = func(s spot) { // only a crash: the guard is locked, and looks in goroutines of its own
			if s.commit && !s.after {
				c.reached(s)
			}
		}
		died = c.survive(func() {
			var rep *rotation.Report
			if rep, err = c.guard.Show(context.Background(), omar, c.everything()); err != nil {
				return
			}
			c.held = false
			_, err = c.guard.Accept(context.Background(), omar, rep.Hash, c.everything())
		})
		c.spot = func(spot) {}
		if died {
			c.opened()
		}
		c.held = c.guard.Held() != ""
		c.disturbed()
	})
	if !c.held {
		c.pending--
		return
	}
	if !died && err == nil {
		c.t.Errorf("held after it was accepted: %s", c.guard.Held())
	}
	if time.Since(c.over) > 24*time.Hour && time.Since(c.acted) > 24*time.Hour {
		c.t.Errorf("the report cannot be accepted: %v", err)
		c.pending--
		return
	}
	c.after(time.Now().Add(time.Hour), act{name: fmt.Sprintf("the report is accepted, again (%v)", err), do: c.accept})
}

// everything is what a reading of the inventory shows of the application.
func (c *chaos) everything() (list []inventory.Credential) {
	for _, p := range c.cloud.Passwords(c.tenant.Demo.ClientID) {
		list = append(list, inventory.Credential{Tenant: c.tenant.ID, Holder: inventory.ObjectID(c.tenant.Demo.ApplicationID), KeyID: p.KeyID, Kind: inventory.ClientSecret, Label: p.Name, Starts: p.Starts, Expires: p.Ends})
	}
	return list
}

// beat is the chore of every minute.
func (c *chaos) beat() {
	if c.guard != nil && !c.held {
		c.beatNow()
	}
}

func (c *chaos) beatNow() {
	if err := c.guard.Beat(context.Background()); err != nil && !errors.Is(err, context.Canceled) {
		c.t.Errorf("beat: %v", err)
	}
	if why := c.guard.Held(); why != "" && !c.held {
		c.t.Errorf("held in the middle: %s", why)
	}
}

// settling reports whether a restore or an acceptance is still to come.
func (c *chaos) settling() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pending > 0
}

// holds reports whether nothing may have an effect.
func (c *chaos) holds() bool { return c.held }

// quiet: while it is held, no request is sent that changes anything (SAFETY F38).
func (c *chaos) quiet(s spot) {
	if s.request == nil || s.after || !c.held || s.request.Method == http.MethodGet || strings.HasPrefix(s.request.URL.Host, "login.") {
		return
	}
	c.t.Errorf("%s although nobody has accepted the report", s)
}

// judgeRestored is what holds in the end after a restore: nothing went but the
// approved secret and our own, each request was sent once, consumers have what is
// accepted, the log is whole, and what waits says for whom.
func (c *chaos) judgeRestored(r *rotation.Rotation) string {
	ours := map[string]bool{c.old.KeyID: true}
	for _, f := range c.cloud.World().Facts("addPassword") {
		ours[f.Key] = f.By == c.tenant.Writer.ClientID
	}
	for _, f := range c.cloud.World().Facts("removePassword") {
		if f.By == c.tenant.Writer.ClientID && !ours[f.Key] {
			c.t.Errorf("secret %s was removed, which is neither the old one nor ours", f.Key)
		}
	}
	for id, n := range c.sent {
		if n > 1 {
			c.t.Errorf("request %s was on the wire %d times", id, n)
		}
	}
	now, _ := c.cloud.CurrentVersion(c.tenant.Demo.Vault, c.tenant.Demo.Secret)
	if why := c.refused(now); why != "" {
		c.t.Errorf("in the end: %s", why)
	}
	if _, err := c.log.Verify(c.t.Context(), c.db); err != nil {
		c.t.Error(err)
	}
	if r.State == rotation.Open {
		if r.Problem == "" || r.Needs == "" {
			c.t.Errorf("it waits without a reason: %s", where(r))
		}
		return "restored, open at " + r.Current().Name
	}
	if r.Problem == "" && r.State != rotation.Done {
		c.t.Errorf("ended %s without a reason", r.State)
	}
	return "restored, " + string(r.State)
}
