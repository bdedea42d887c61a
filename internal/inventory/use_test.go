package inventory_test

import (
	"testing"
	"time"

	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/sim"
)

func TestLastUsesAreKnownWhereTheyAreRecorded(t *testing.T) {
	both(t, sim.Config{Apps: 60}, func(t *testing.T, f *fixture) {
		f.sync(false)
		uses := func(as *entra.Uses) inventory.Counts {
			n, err := f.syncer.Uses(t.Context(), f.actor(), as)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		admin := &entra.Uses{Graph: f.admin}
		if n := uses(admin); n.Read == 0 || n.Unchanged == n.Read {
			t.Fatalf("read %+v", n)
		}
		if n := uses(admin); n.Unchanged != n.Read {
			t.Errorf("the second time, %d of %d differ", n.Read-n.Unchanged, n.Read)
		}
		s := &inventory.Service{Store: f.db}
		recorded := 0
		for _, r := range list(t, s, f.user(), inventory.Query{}) {
			if !r.LastUsed.IsZero() {
				recorded++
			}
		}
		unused := list(t, s, f.user(), inventory.Query{Unused: 90 * 24 * time.Hour})
		for _, r := range unused {
			if r.LastUsed.IsZero() || time.Since(r.LastUsed) < 90*24*time.Hour {
				t.Errorf("%s was used on %s and is called unused", r.KeyID, r.LastUsed)
			}
		}
		if recorded == 0 || len(unused) == 0 || len(unused) == recorded {
			t.Errorf("%d recorded, %d of them long ago: the test says nothing", recorded, len(unused))
		}
		// A sync keeps what it does not read itself.
		f.sync(true)
		if again := list(t, s, f.user(), inventory.Query{Unused: 90 * 24 * time.Hour}); len(again) != len(unused) {
			t.Errorf("after a sync %d are unused, before it %d", len(again), len(unused))
		}
	})
}

func TestNoRecordsIsNoFailure(t *testing.T) {
	f := open(t, sim.Config{})
	f.sync(false)
	writer := f.graph(f.cloud.Tenant().Writer, f.cloud.RoundTripper(sim.Hooks{}))
	if n, err := f.syncer.Uses(t.Context(), f.actor(), &entra.Uses{Graph: writer}); err != nil || n.Read != 0 {
		t.Errorf("got %+v, %v", n, err)
	}
}
