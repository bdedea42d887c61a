package rotation_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector/embedded"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/sim/world"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

// TestJournalOnBothDatabases runs every statement of the journal on SQLite and
// on PostgreSQL.
func TestJournalOnBothDatabases(t *testing.T) {
	schemas := []store.Schema{audit.Schema, inventory.Schema, embedded.Schema, rotation.Schema}
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		w := newTown(t, world.Lag{})
		w.use(db)
		ctx := t.Context()
		w.keeper.Timings = map[string]rotation.Timing{"planned": rotation.Timing{Successes: 3, Proof: 1, Overlap: 1, Watch: rotation.Duration(time.Millisecond)}}
		r, err := w.keeper.Propose(ctx, nora, w.request())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.keeper.Propose(ctx, nora, w.request()); !errors.Is(err, rotation.ErrOpen) {
			t.Errorf("second proposal: got %v, want ErrOpen", err)
		}
		refs, next, err := w.keeper.Due(ctx, 10)
		if err != nil || len(refs) != 0 || next.IsZero() {
			t.Errorf("due before the approval: %v, %v, %v", refs, next, err)
		}
		if _, err := w.keeper.Approve(ctx, omar, r.ID, r.Hash); err != nil {
			t.Fatal(err)
		}
		if refs, _, err = w.keeper.Due(ctx, 10); err != nil || len(refs) != 1 || refs[0].ID != r.ID {
			t.Errorf("due after the approval: %v, %v", refs, err)
		}
		for range 20 {
			if r = w.visit(r.ID); r.State != rotation.Open {
				break
			}
			time.Sleep(min(max(time.Until(r.Due), 0), 2*time.Second))
		}
		if r.State != rotation.Done {
			t.Fatalf("ended %s", where(r))
		}
		err = db.View(ctx, func(tx *store.Tx) error {
			for label, want := range map[string]bool{"Basware " + r.Attempts[0].Marker: true, "Basware rk-aaaaaaaaaaaa": false, "Basware": false} {
				got, err := rotation.Ours(tx, w.tenant.ID, r.Terms.Application.ObjectID, "unknown", label)
				if err != nil || got != want {
					t.Errorf("ours(%q) = %v, %v, want %v", label, got, err, want)
				}
			}
			got, err := rotation.Ours(tx, w.tenant.ID, r.Terms.Application.ObjectID, r.Issued.KeyID, "renamed")
			if err != nil || !got {
				t.Errorf("our own key id is not known: %v", err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		stray := *r.Issued
		stray.KeyID = "11111111-1111-4111-8111-111111111111"
		if err := w.keeper.Strays(ctx, w.tenant.ID, []inventory.Credential{*r.Issued, stray}); err != nil {
			t.Errorf("strays: %v", err)
		}
		if log := w.audited(); !strings.Contains(log, stray.KeyID) {
			t.Error("the stray was not withdrawn")
		}
		if got := w.cloud.Passwords(w.tenant.Demo.ClientID); len(got) != 1 || got[0].KeyID != r.Issued.KeyID {
			t.Errorf("left are %v, want the new one", names(got))
		}
		if _, err := w.keeper.Propose(ctx, nora, w.next(r)); err != nil {
			t.Errorf("a second rotation after the first: %v", err)
		}
		first, more, err := w.keeper.List(ctx, omar, rotation.Filter{Limit: 1})
		if err != nil || len(first) != 1 || !more {
			t.Fatalf("first page: %d, %v, %v", len(first), more, err)
		}
		rest, more, err := w.keeper.List(ctx, omar, rotation.Filter{Limit: 1, Before: rotation.Cursor{Asked: first[0].Asked, ID: first[0].ID}})
		if err != nil || len(rest) != 1 || more || rest[0].ID != r.ID {
			t.Errorf("second page: %d, %v, %v", len(rest), more, err)
		}
		if open, _, err := w.keeper.List(ctx, omar, rotation.Filter{State: rotation.Open}); err != nil || len(open) != 1 {
			t.Errorf("open ones: %d, %v", len(open), err)
		}
	})
}

// TestBrokenInventoryCostsNoSecret: the step's record, which holds the only copy
// of the new value, does not fail because the inventory cannot be written.
func TestBrokenInventoryCostsNoSecret(t *testing.T) {
	schemas := []store.Schema{audit.Schema, inventory.Schema, embedded.Schema, rotation.Schema}
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		w := newTown(t, world.Lag{})
		w.use(db)
		w.keeper.Timings = map[string]rotation.Timing{"planned": rotation.Timing{Successes: 3, Proof: 1, Overlap: 1, Watch: rotation.Duration(time.Millisecond)}}
		err := db.Do(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(`DROP TABLE inventory_tenant`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		r := w.begin()
		for range 20 {
			if r = w.visit(r.ID); r.State != rotation.Open {
				break
			}
			time.Sleep(min(max(time.Until(r.Due), 0), 2*time.Second))
		}
		if r.State != rotation.Done || len(r.Attempts) != 1 {
			t.Errorf("ended %s", where(r))
		}
	})
}

// next asks for the rotation of what the last one issued.
func (w *town) next(r *rotation.Rotation) rotation.Request {
	q := w.request()
	q.Old = *r.Issued
	return q
}
