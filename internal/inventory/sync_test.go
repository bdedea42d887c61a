package inventory_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/store"
)

func TestFirstSyncIsFullThenDelta(t *testing.T) {
	both(t, sim.Config{Apps: 100}, func(t *testing.T, f *fixture) {
		first := f.sync(false)
		if first.Read < 200 || first.Appeared < 100 {
			t.Fatalf("read %+v", first)
		}
		if events := f.events(""); len(events) != 2 {
			t.Errorf("the first sync recorded %q, want one baseline for each feed", events)
		}
		f.asked.Store(0)
		second := f.sync(false)
		if second.Read != 0 {
			t.Errorf("an unchanged tenant was read again: %+v", second)
		}
		before := f.table()
		third := f.sync(true)
		if third.Unchanged != third.Read {
			t.Errorf("a full sync took %d of %d objects for changed", third.Read-third.Unchanged, third.Read)
		}
		if d := cmp.Diff(before, f.table()); d != "" {
			t.Errorf("a full sync of an unchanged tenant changed rows:\n%s", d)
		}
		if events := f.events(""); len(events) != 2 {
			t.Errorf("recorded %q though nothing happened", events)
		}
	})
}

func TestDifferencesBecomeEvents(t *testing.T) {
	both(t, sim.Config{}, func(t *testing.T, f *fixture) {
		f.sync(false)
		demo := f.cloud.Tenant().Demo
		start := len(f.events(""))

		var made struct{ KeyID string }
		f.do("POST", "/applications/"+demo.ApplicationID+"/addPassword", map[string]any{"passwordCredential": map[string]any{"displayName": "by hand"}}, &made)
		f.do("POST", "/applications/"+demo.ApplicationID+"/addPassword", map[string]any{"passwordCredential": map[string]any{"displayName": "by rekey"}}, nil)
		f.do("POST", "/applications/"+demo.ApplicationID+"/removePassword", map[string]any{"keyId": demo.KeyID}, nil)
		var app struct{ ID string }
		f.do("POST", "/applications", map[string]any{"displayName": "new one", "signInAudience": "AzureADMyOrg"}, &app)

		f.syncer.Ours = func(_ *store.Tx, _ string, _ inventory.ObjectID, _, label string) (bool, error) {
			return label == "by rekey", nil
		}
		f.sync(false)
		got := f.events("")[start:]
		slices.Sort(got)
		want := []string{
			"application.appeared new one  ",
			"credential.appeared " + demo.Name + " by hand not by rekey",
			"credential.appeared " + demo.Name + " by rekey rotation",
		}
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("no event %q in %q", w, got)
			}
		}
		if n := len(f.events("credential.gone")); n != 1 {
			t.Errorf("%d credentials gone, want 1", n)
		}

		start = len(f.events(""))
		f.do("DELETE", "/applications/"+app.ID, nil, nil)
		f.sync(false)
		if got := f.events("")[start:]; !slices.Contains(got, "application.gone new one  ") {
			t.Errorf("a deleted application left %q", got)
		}

		// What a delta found, a full walk confirms without finding it again.
		start = len(f.events(""))
		before := f.table()
		f.sync(true)
		if d := cmp.Diff(before, f.table()); d != "" {
			t.Errorf("a full walk disagrees with the delta:\n%s", d)
		}
		if got := f.events("")[start:]; len(got) != 0 {
			t.Errorf("a full walk told %q again", got)
		}
	})
}

func TestFullWalkMissesWhatIsGone(t *testing.T) {
	both(t, sim.Config{Apps: 60}, func(t *testing.T, f *fixture) {
		f.sync(false)
		demo := f.cloud.Tenant().Demo
		f.do("DELETE", "/applications/"+demo.ApplicationID, nil, nil)
		start := len(f.events(""))
		f.sync(true)
		got := f.events("")[start:]
		if !slices.Contains(got, "application.gone "+demo.Name+"  ") {
			t.Errorf("events %q do not tell that the application is gone", got)
		}
		f.do("POST", "/directory/deletedItems/"+demo.ApplicationID+"/restore", map[string]any{}, nil)
		start = len(f.events(""))
		f.sync(false)
		if got := f.events("")[start:]; !slices.Contains(got, "application.appeared "+demo.Name+"  ") {
			t.Errorf("events %q do not tell that the application is back", got)
		}
	})
}
