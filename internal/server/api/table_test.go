package api

import (
	"errors"
	"testing"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

func TestKeysAreRememberedForEachCaller(t *testing.T) {
	storetest.Each(t, []store.Schema{Schema}, func(t *testing.T, db *store.DB) {
		s := &service{Config: Config{Store: db}}
		nora, omar, uwe := access.Actor{ID: "n", Tenant: home}, access.Actor{ID: "o", Tenant: home}, access.Actor{ID: "n", Tenant: abroad}
		if err := s.remember(t.Context(), nora, "k", "h1", "r-1"); err != nil {
			t.Fatal(err)
		}
		if err := s.remember(t.Context(), nora, "k", "h1", "r-2"); err != nil {
			t.Fatalf("a second time: %v", err)
		}
		for _, c := range []struct {
			who  access.Actor
			hash string
			want string
			err  error
		}{
			{nora, "h1", "r-1", nil}, {nora, "h2", "", errKeyReused}, {omar, "h1", "", nil}, {uwe, "h1", "", nil},
		} {
			got, err := s.answered(t.Context(), c.who, "k", c.hash)
			if got != c.want || !errors.Is(err, c.err) {
				t.Errorf("%s of %s with %s: %q, %v", c.who.ID, c.who.Tenant, c.hash, got, err)
			}
		}
		old := time.Now().Add(-keep - time.Hour).UnixMilli()
		if err := db.Do(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(`UPDATE api_request SET time = $1`, old)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.remember(t.Context(), nora, "k2", "h", "r-3"); err != nil {
			t.Fatal(err)
		}
		if got, err := s.answered(t.Context(), nora, "k", "h2"); got != "" || err != nil {
			t.Errorf("after a week: %q, %v", got, err)
		}
	})
}
