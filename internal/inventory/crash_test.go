package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
	"rekey.example/rekey/internal/store"
)

var errKilled = errors.New("killed")

// run syncs until it is done or the process is killed, and reports which.
func (f *fixture) run(ctx context.Context, full bool) (killed bool, err error) {
	defer func() {
		if r := recover(); r == errKilled {
			killed = true
		} else if r != nil {
			panic(r)
		}
	}()
	_, err = f.syncer.Directory(ctx, f.actor(), full, f.feeds()...)
	return errors.Is(err, context.Canceled), err
}

// busy is a tenant that was read once and changed since.
func busy(t *testing.T) *fixture {
	f := open(t, sim.Config{})
	f.sync(false)
	demo := f.cloud.Tenant().Demo
	f.do("POST", "/applications/"+demo.ApplicationID+"/addPassword", map[string]any{"passwordCredential": map[string]any{"displayName": "by hand"}}, nil)
	f.do("DELETE", "/applications/"+f.cloud.Tenant().Writer.ApplicationID, nil, nil)
	return f
}

// A sync that is killed at any request or around any commit and then started
// again ends like one that was not, and tells everything once.
func TestCrashAnywhere(t *testing.T) {
	t.Run("first sync", func(t *testing.T) { crash(t, open(t, sim.Config{}), false) })
	t.Run("delta", func(t *testing.T) { crash(t, busy(t), false) })
	t.Run("full again", func(t *testing.T) { crash(t, busy(t), true) })
}

func crash(t *testing.T, start *fixture, full bool) {
	calm := start.copy()
	calm.sync(full)
	want, events := calm.table(), calm.events("")
	for _, where := range []string{"before a request", "after a request", "before a commit", "after a commit"} {
		step := 1
		if testing.Short() {
			step = 4
		}
		for n := 1; ; n += step {
			f := start.copy()
			ctx, cancel := context.WithCancel(t.Context())
			var count atomic.Int32
			strike := func() bool { return int(count.Add(1)) == n }
			hang := func(*http.Request) {
				if strike() {
					cancel()
				}
			}
			die := func() {
				if strike() {
					panic(errKilled)
				}
			}
			switch where {
			case "before a request":
				f.hooks.Before = hang
			case "after a request":
				f.hooks.After = hang
			case "before a commit":
				f.db.Committing = die
			case "after a commit":
				f.db.Committed = die
			}
			killed, err := f.run(ctx, full)
			cancel()
			if !killed && err != nil {
				t.Fatalf("killed %s %d: %v", where, n, err)
			}
			f.hooks = sim.Hooks{}
			f.reopen()
			f.sync(full)
			if d := cmp.Diff(want, f.table()); d != "" {
				t.Fatalf("killed %s %d: rows differ:\n%s", where, n, d)
			}
			if d := cmp.Diff(events, f.events("")); d != "" {
				t.Fatalf("killed %s %d: events differ:\n%s", where, n, d)
			}
			if !killed && int(count.Load()) < n {
				break // there is no n-th moment
			}
		}
	}
}

// Two readings at once would each write what the other does not know of.
func TestSecondReadingOfTheSameStepsBack(t *testing.T) {
	both(t, sim.Config{}, func(t *testing.T, f *fixture) {
		want := of(t, f.cloud)
		want.sync(false)
		var other error
		once := false
		f.syncer.Progress = func(inventory.Progress) {
			if once {
				return
			}
			once = true
			second := &inventory.Syncer{Store: f.db, Log: f.log}
			if _, err := second.Directory(t.Context(), f.actor(), false, f.feeds()...); err != nil {
				t.Errorf("the second: %v", err)
			}
		}
		_, other = f.syncer.Directory(t.Context(), f.actor(), false, f.feeds()...)
		if !errors.Is(other, inventory.ErrOvertaken) {
			t.Errorf("got %v, want %v", other, inventory.ErrOvertaken)
		}
		if d := cmp.Diff(len(want.table()), len(f.table())); d != "" {
			t.Errorf("objects were written twice:\n%s", d)
		}
	})
}

func TestExpiredDeltaMarkMeansReadingEverythingAgain(t *testing.T) {
	f := busy(t)
	if err := f.cloud.World().Faults.Set(world.Fault{Name: world.DeltaExpired, Times: 1}); err != nil {
		t.Fatal(err)
	}
	n := f.sync(false)
	if n.Read < 50 || n.Appeared != 1 {
		t.Errorf("read %+v, want everything again and one new credential", n)
	}
	f.asked.Store(0)
	if n := f.sync(false); n.Read != 0 {
		t.Errorf("afterwards the delta is followed again, got %+v", n)
	}
}

func TestBadPagesLoseNothing(t *testing.T) {
	for name, fault := range map[string]world.Fault{
		"truncated":    {Name: world.TruncatedBody, Match: "GET graph.microsoft.com/v1.0/applications", Skip: 1, Times: 1},
		"html":         {Name: world.WrongBody, Match: "GET graph.microsoft.com/v1.0/applications", Skip: 1, Times: 1},
		"cut":          {Name: world.LostAnswer, Match: "GET graph.microsoft.com/v1.0/applications", Skip: 1, Times: 1},
		"foreign link": {Name: world.ForeignLink, Match: "GET graph.microsoft.com/v1.0/applications", Skip: 1, Times: 1, Value: "evil.example"},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, sim.Config{})
			want := of(t, f.cloud)
			want.sync(false)
			if err := f.cloud.World().Faults.Set(fault); err != nil {
				t.Fatal(err)
			}
			_, err := f.run(t.Context(), false)
			if err == nil {
				t.Fatal("a bad page was taken for a good one")
			}
			if strings.Contains(err.Error(), "skiptoken") {
				t.Errorf("the error shows a position: %v", err)
			}
			kept := len(f.table())
			if kept == 0 {
				t.Error("the pages before it were lost")
			}
			f.asked.Store(0)
			f.sync(false)
			if d := cmp.Diff(want.table(), f.table()); d != "" {
				t.Errorf("after going on, rows differ:\n%s", d)
			}
		})
	}
}

// A disk that is full in the middle costs nothing that was read.
func TestFullDiskLosesNothing(t *testing.T) {
	f := open(t, sim.Config{Apps: 300})
	f.top = 100
	pages := func(n int) {
		t.Helper()
		if err := f.db.Do(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", n))
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	want := of(t, f.cloud)
	want.sync(false)
	pages(90)
	_, err := f.syncer.Directory(t.Context(), f.actor(), false, f.feeds()...)
	if !errors.Is(err, store.ErrFull) {
		t.Fatalf("got %v, want %v", err, store.ErrFull)
	}
	pages(1 << 20)
	f.sync(false)
	if d := cmp.Diff(want.table(), f.table()); d != "" {
		t.Errorf("after making room, rows differ:\n%s", d)
	}
}

func TestLongNamesWithControlCodesAreKeptAsData(t *testing.T) {
	f := open(t, sim.Config{})
	f.sync(false)
	name := "\x1b[31mred\x00\r\n" + strings.Repeat("long ", 2000)
	f.cloud.World().Change(func() {
		f.cloud.World().Directory.Applications[f.cloud.Tenant().Demo.ApplicationID].Name = name
	})
	f.sync(true)
	found := false
	for _, row := range f.table() {
		found = found || strings.Contains(row, name)
	}
	if !found {
		t.Error("the name is not kept as it is")
	}
	if len(f.events("application.changed")) != 1 {
		t.Errorf("events %.400q do not tell of the new name", f.events(""))
	}
	for _, e := range f.events("application.") {
		if len(e) > 400 {
			t.Errorf("an event carries %d bytes of a foreign name", len(e))
		}
	}
}
