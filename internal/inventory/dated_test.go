package inventory_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/store"
)

// TestDatedWalksInTheOrderOfEnds compares it with the list of all, from every
// position on.
func TestDatedWalksInTheOrderOfEnds(t *testing.T) {
	both(t, sim.Config{Apps: 700}, func(t *testing.T, f *fixture) {
		_, s, by := read(f)
		all := list(t, s, by, inventory.Query{})
		now := time.Now()
		walk := func(d inventory.Dates) (keys, positions []string) {
			err := f.db.View(t.Context(), func(tx *store.Tx) error {
				for r, err := range s.Dated(tx, by.Tenant, d) {
					if err != nil {
						return err
					}
					keys, positions = append(keys, r.KeyID), append(positions, r.Position())
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return keys, positions
		}
		soon, old := now.AddDate(0, 0, 60), now.AddDate(0, -5, 0)
		var ending, either []string
		for _, r := range all {
			ends := !r.Expires.IsZero() && r.Expires.Before(soon)
			if ends {
				ending = append(ending, r.KeyID)
			}
			if ends || !r.Starts.IsZero() && r.Starts.Before(old) {
				either = append(either, r.KeyID)
			}
		}
		if len(ending) < 50 || len(either) < 600 {
			t.Fatalf("%d end soon, %d end soon or are old: too few to page", len(ending), len(either))
		}
		if got, _ := walk(inventory.Dates{EndBefore: soon}); !slices.Equal(got, ending) {
			t.Errorf("ending: %d, want %d", len(got), len(ending))
		}
		got, positions := walk(inventory.Dates{EndBefore: soon, StartBefore: old})
		if !slices.Equal(got, either) {
			t.Errorf("either: %d, want %d", len(got), len(either))
		}
		for _, i := range []int{0, len(got) / 2, len(got) - 1} {
			if rest, _ := walk(inventory.Dates{EndBefore: soon, StartBefore: old, After: positions[i]}); !slices.Equal(rest, got[i+1:]) {
				t.Errorf("after row %d: %d, want %d", i, len(rest), len(got)-i-1)
			}
		}
		err := f.db.View(t.Context(), func(tx *store.Tx) error {
			for _, err := range s.Dated(tx, by.Tenant, inventory.Dates{After: "x"}) {
				return err
			}
			return nil
		})
		if !errors.Is(err, inventory.ErrCursor) {
			t.Errorf("a foreign position: %v", err)
		}
	})
}
