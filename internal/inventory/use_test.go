package inventory_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
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
		if n := uses(admin); n.Read != 0 {
			t.Errorf("read again on the same day: %+v", n)
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

// manyUses is a source of so many pages with one record each.
type manyUses struct {
	pages int
	began []string // the positions it was asked to go on from
	broke bool
}

func (m *manyUses) Name() string { return "many" }

func (m *manyUses) Uses(_ context.Context, from string) iter.Seq2[inventory.UsePage, error] {
	m.began = append(m.began, from)
	return func(yield func(inventory.UsePage, error) bool) {
		at, _ := strconv.Atoi(from)
		for ; at < m.pages; at++ {
			if m.broke {
				yield(inventory.UsePage{}, errors.New("gone"))
				return
			}
			page := inventory.UsePage{Uses: []inventory.Use{{KeyID: strconv.Itoa(at), At: time.Now()}}, Next: strconv.Itoa(at + 1)}
			if at+1 == m.pages {
				page.Next = ""
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}

func TestManyUsesAreReadInParts(t *testing.T) {
	both(t, sim.Config{}, func(t *testing.T, f *fixture) {
		f.sync(false)
		m := &manyUses{pages: 12}
		for range 4 {
			if _, err := f.syncer.Uses(t.Context(), f.actor(), m); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := m.began, []string{"", "5", "10"}; !slices.Equal(got, want) {
			t.Errorf("began at %q, want %q", got, want)
		}
	})
}

func TestPositionOfUsesThatGrewOldIsForgotten(t *testing.T) {
	f := open(t, sim.Config{})
	f.sync(false)
	m := &manyUses{pages: 12}
	for i := range 3 {
		m.broke = i == 1
		if _, err := f.syncer.Uses(t.Context(), f.actor(), m); (err != nil) != m.broke {
			t.Errorf("reading %d: %v", i, err)
		}
	}
	if got, want := m.began, []string{"", "5", ""}; !slices.Equal(got, want) {
		t.Errorf("began at %q, want %q", got, want)
	}
}

func TestNoRecordsIsNoFailure(t *testing.T) {
	f := open(t, sim.Config{})
	f.sync(false)
	writer := f.graph(f.cloud.Tenant().Writer, f.cloud.RoundTripper(sim.Hooks{}))
	if n, err := f.syncer.Uses(t.Context(), f.actor(), &entra.Uses{Graph: writer}); err != nil || n.Read != 0 {
		t.Errorf("got %+v, %v", n, err)
	}
}
