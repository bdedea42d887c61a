package inventory_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/store"
)

// told is a feed that tells what it is given, and then fails if it is to.
type told struct {
	list []inventory.Reader
	err  error
}

func (t told) Name() string { return "app service" }

func (t told) Readers(context.Context) iter.Seq2[[]inventory.Reader, error] {
	return func(yield func([]inventory.Reader, error) bool) {
		if yield(t.list, nil) && t.err != nil {
			yield(nil, t.err)
		}
	}
}

func TestReadersAreConsumersOfWhatAPlaceHolds(t *testing.T) {
	both(t, sim.Config{}, func(t *testing.T, f *fixture) {
		ctx, rekey := t.Context(), access.Rekey(f.cloud.Tenant().ID)
		f.sync(true)
		demo := f.cloud.Tenant().Demo
		place := inventory.Place{Vault: demo.Vault + ".vault.azure.net", Name: demo.Secret}
		err := f.db.Do(ctx, func(tx *store.Tx) error {
			return inventory.SetDeposit(tx, inventory.Deposit{Tenant: rekey.Tenant, Holder: inventory.ObjectID(demo.ApplicationID), KeyID: demo.KeyID, Place: place, How: "rotation"})
		})
		if err != nil {
			t.Fatal(err)
		}
		consumers := func() string {
			t.Helper()
			service := &inventory.Service{Store: f.db}
			reader := access.Actor{ID: "x", Role: access.Auditor, Tenant: rekey.Tenant}
			l, err := service.Credentials(ctx, reader, inventory.Query{App: demo.ApplicationID})
			if err != nil || len(l.Rows) != 1 {
				t.Fatalf("%+v, %v", l.Rows, err)
			}
			var names []string
			for _, b := range l.Rows[0].Consumers {
				if b.Source == inventory.FromAppService {
					names = append(names, b.Consumer+" "+b.Reference)
				}
			}
			return strings.Join(names, ", ")
		}
		shouted := inventory.Place{Vault: place.Vault, Name: strings.ToUpper(place.Name)}
		pinned := place
		pinned.Version = "v1"
		one := inventory.Reader{Place: shouted, Consumer: "func-a", Reference: "app:a", Source: inventory.FromAppService}
		two := inventory.Reader{Place: pinned, Consumer: "func-b", Reference: "app:b", Source: inventory.FromAppService}
		other := inventory.Reader{Place: inventory.Place{Vault: "kv-other.vault.azure.net", Name: place.Name}, Consumer: "func-c", Reference: "app:c", Source: inventory.FromAppService}

		for _, step := range []struct {
			name  string
			feed  told
			want  string
			fails bool
		}{
			{"first", told{list: []inventory.Reader{one, one, other}}, "func-a app:a", false},
			{"one more", told{list: []inventory.Reader{one, two, other}}, "func-a app:a, func-b app:b", false},
			{"a reading that broke off forgets nothing", told{list: []inventory.Reader{two}, err: errors.New("403")}, "func-a app:a, func-b app:b", true},
			{"one less", told{list: []inventory.Reader{two, other}}, "func-b app:b", false},
		} {
			if _, err := f.syncer.Readers(ctx, rekey, step.feed); (err != nil) != step.fails {
				t.Fatalf("%s: %v", step.name, err)
			}
			if got := consumers(); got != step.want {
				t.Errorf("%s: consumers are %q, want %q", step.name, got, step.want)
			}
		}
		list, err := audit.List(ctx, f.db, access.Actor{Role: access.Auditor, Tenant: rekey.Tenant}, audit.Query{Action: "consumer."})
		if err != nil {
			t.Fatal(err)
		}
		var events []string
		for _, e := range slices.Backward(list) {
			events = append(events, e.Action+" "+e.Title)
		}
		if got, want := strings.Join(events, ", "), "consumer.appeared func-b, consumer.gone func-a"; got != want {
			t.Errorf("recorded %q, want %q", got, want)
		}
		if _, err := f.syncer.Readers(ctx, access.Actor{Role: access.User, Tenant: rekey.Tenant}, told{}); err == nil {
			t.Error("a user may read feeds")
		}
	})
}
