package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/connector/keyvault"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/store"
)

// read is a tenant that was read with its vaults, and who may look at it.
func read(f *fixture) (*fixture, *inventory.Service, access.Actor) {
	f.t.Helper()
	f.sync(false)
	f.vaults("kv-contoso-prod", "kv-contoso-test", "kv-contoso-finance")
	return f, &inventory.Service{Store: f.db}, f.user()
}

func (f *fixture) user() access.Actor {
	return access.Actor{ID: "local:1", Name: "someone", Person: "someone", Role: access.Auditor, Tenant: f.cloud.Tenant().ID}
}

// vaults reads vaults, with the values as far as the reader may.
func (f *fixture) vaults(names ...string) inventory.Counts {
	f.t.Helper()
	n, err := f.syncer.Vaults(f.t.Context(), f.actor(), f.vaultFeeds(names...)...)
	if err != nil {
		f.t.Fatal(err)
	}
	return n
}

func (f *fixture) vaultFeeds(names ...string) []inventory.VaultFeed {
	f.t.Helper()
	ring, err := secret.OpenKeyring(filepath.Dir(f.file), "")
	if err != nil {
		f.t.Fatal(err)
	}
	var feeds []inventory.VaultFeed
	for _, name := range names {
		host := name + ".vault.azure.net"
		graph := f.graph(f.cloud.Tenant().Reader, f.cloud.RoundTripper(sim.Hooks{}))
		c := graph.Config
		c.Base, c.Scope = "https://"+host, "https://vault.azure.net/.default"
		api, err := rest.New(c)
		if err != nil {
			f.t.Fatal(err)
		}
		feeds = append(feeds, &keyvault.Feed{API: api, Tenant: f.cloud.Tenant().ID, Host: host, Values: ring.Values})
	}
	return feeds
}

func list(t *testing.T, s *inventory.Service, by access.Actor, q inventory.Query) []inventory.Row {
	t.Helper()
	var all []inventory.Row
	for {
		l, err := s.Credentials(t.Context(), by, q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l.Rows...)
		if l.Next == "" {
			return all
		}
		q.After = l.Next
	}
}

// Each filter shows exactly the rows for which it is true, in the order of their
// ends, whatever the page size.
func TestFilters(t *testing.T) {
	both(t, sim.Config{Apps: 150}, func(t *testing.T, f *fixture) {
		_, s, by := read(f)
		all := list(t, s, by, inventory.Query{})
		if len(all) < 150 {
			t.Fatalf("only %d credentials", len(all))
		}
		now := time.Now()
		owner := ""
		for _, r := range all {
			if len(r.Application.Owners) > 0 {
				owner = r.Application.Owners[0].Name
			}
		}
		demo := f.cloud.Tenant().Demo
		owned := func(r inventory.Row) bool {
			return slices.ContainsFunc(r.Application.Owners, func(o inventory.Owner) bool { return strings.Contains(o.Name, owner) })
		}
		tests := map[string]struct {
			q    inventory.Query
			want func(inventory.Row) bool
		}{
			"expiring": {inventory.Query{Expiring: 30 * 24 * time.Hour}, func(r inventory.Row) bool {
				return r.Expires.After(now) && r.Expires.Before(now.AddDate(0, 0, 30)) && !r.Expires.IsZero()
			}},
			"expired":    {inventory.Query{Expired: true}, func(r inventory.Row) bool { return !r.Expires.IsZero() && r.Expires.Before(now) }},
			"kind":       {inventory.Query{Kind: inventory.Certificate}, func(r inventory.Row) bool { return r.Kind == inventory.Certificate }},
			"no owner":   {inventory.Query{NoOwner: true}, func(r inventory.Row) bool { return len(r.Application.Owners) == 0 }},
			"owner":      {inventory.Query{Owner: owner}, owned},
			"app part":   {inventory.Query{App: "BASWARE"}, func(r inventory.Row) bool { return strings.Contains(strings.ToLower(r.Application.Name), "basware") }},
			"client id":  {inventory.Query{App: demo.ClientID}, func(r inventory.Row) bool { return string(r.Application.ClientID) == demo.ClientID }},
			"object id":  {inventory.Query{App: demo.ApplicationID}, func(r inventory.Row) bool { return string(r.Application.ObjectID) == demo.ApplicationID }},
			"wildcard":   {inventory.Query{App: "%"}, func(r inventory.Row) bool { return strings.Contains(r.Application.Name, "%") }},
			"principals": {inventory.Query{Holder: inventory.InServicePrincipals}, func(r inventory.Row) bool { return r.Application.Holder == inventory.InServicePrincipals }},
			"vault": {inventory.Query{Vault: "kv-contoso-prod"}, func(r inventory.Row) bool {
				return slices.ContainsFunc(r.Places, func(d inventory.Deposit) bool { return strings.HasPrefix(d.Place.Vault, "kv-contoso-prod.") })
			}},
			"two at once": {inventory.Query{Owner: owner, Expired: true}, func(r inventory.Row) bool { return owned(r) && r.Expires.Before(now) && !r.Expires.IsZero() }},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				var want []string
				for _, r := range all {
					if tt.want(r) {
						want = append(want, r.KeyID)
					}
				}
				if len(want) == 0 && name != "wildcard" {
					t.Fatal("the tenant has none: the test says nothing")
				}
				for _, limit := range []int{1, 7, 1000} {
					q := tt.q
					q.Limit = limit
					rows := list(t, s, by, q)
					var got []string
					for _, r := range rows {
						got = append(got, r.KeyID)
					}
					if !slices.Equal(got, want) {
						t.Errorf("limit %d: got %d rows, want %d\n%v\n%v", limit, len(got), len(want), got, want)
					}
				}
			})
		}
		if !slices.IsSortedFunc(all, func(a, b inventory.Row) int { return ends(a).Compare(ends(b)) }) {
			t.Error("not in the order of ends")
		}
	})
}

func ends(r inventory.Row) time.Time {
	if r.Expires.IsZero() {
		return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return r.Expires
}

func TestWhoMayNotReadSeesNothing(t *testing.T) {
	both(t, sim.Config{}, func(t *testing.T, f *fixture) {
		_, s, by := read(f)
		stranger := by
		stranger.Tenant = "another"
		if l, err := s.Credentials(t.Context(), stranger, inventory.Query{}); err != nil || len(l.Rows) != 0 {
			t.Errorf("another tenant sees %d rows, %v", len(l.Rows), err)
		}
		nobody := by
		nobody.Role = ""
		for name, ask := range map[string]func() error{
			"Credentials": func() error { _, err := s.Credentials(t.Context(), nobody, inventory.Query{}); return err },
			"Credential":  func() error { _, err := s.Credential(t.Context(), nobody, "x"); return err },
			"Resolve":     func() error { _, err := s.Resolve(t.Context(), nobody, "x"); return err },
			"Summary":     func() error { _, err := s.Summary(t.Context(), nobody); return err },
			"Applications": func() error {
				_, _, err := s.Applications(t.Context(), nobody, inventory.ApplicationQuery{})
				return err
			},
			"Application": func() error { _, _, err := s.Application(t.Context(), nobody, "x"); return err },
			"Entries":     func() error { _, err := s.Entries(t.Context(), nobody, inventory.Entry{}, 1); return err },
		} {
			if _, denied := errors.AsType[*access.DeniedError](ask()); !denied {
				t.Errorf("%s answers somebody without a role", name)
			}
		}
	})
}

func TestDetailTellsWhereTheValueIsAndWhoUsesIt(t *testing.T) {
	both(t, sim.Config{}, func(t *testing.T, f *fixture) {
		_, s, by := read(f)
		demo := f.cloud.Tenant().Demo
		d, err := s.Credential(t.Context(), by, strings.ToUpper(demo.KeyID))
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Places) != 1 || d.Places[0].Place.Name != demo.Secret || d.Places[0].How == "" {
			t.Errorf("places %+v, want %s/%s", d.Places, demo.Vault, demo.Secret)
		}
		if len(d.Consumers) == 0 || d.Consumers[0].Consumer != demo.Consumer {
			t.Errorf("consumers %+v, want %q", d.Consumers, demo.Consumer)
		}
		if len(d.Entries) != 1 || d.Entries[0].Fingerprint == "" {
			t.Errorf("entries %+v", d.Entries)
		}
		s.Bound = func(string) []inventory.Bound {
			return []inventory.Bound{{Application: demo.Name, Consumer: "Month-end closing"}, {Place: demo.Vault + "/" + demo.Secret, Consumer: "Night batch"}, {Application: "other", Consumer: "nobody"}}
		}
		d, err = s.Credential(t.Context(), by, demo.KeyID)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range d.Consumers {
			names = append(names, c.Consumer)
		}
		if !slices.Contains(names, "Month-end closing") || !slices.Contains(names, "Night batch") || slices.Contains(names, "nobody") {
			t.Errorf("consumers %q lack what the configuration knows", names)
		}
		if _, err := s.Credential(t.Context(), by, "none"); !errors.Is(err, inventory.ErrNotFound) {
			t.Errorf("got %v, want %v", err, inventory.ErrNotFound)
		}
	})
}

func TestResolve(t *testing.T) {
	both(t, sim.Config{Apps: 100}, func(t *testing.T, f *fixture) {
		_, s, by := read(f)
		demo := f.cloud.Tenant().Demo
		for _, text := range []string{demo.Name, strings.ToUpper(demo.Name), demo.ClientID, demo.ApplicationID, demo.KeyID, " " + demo.ClientID + " "} {
			got, err := s.Resolve(t.Context(), by, text)
			if err != nil || string(got.Application.ObjectID) != demo.ApplicationID || got.Application.Holder != inventory.InApplications || len(got.Credentials) == 0 {
				t.Errorf("%q: got %+v, %v", text, got.Application, err)
			}
			if got.Named != (text == demo.KeyID) {
				t.Errorf("%q: named = %v", text, got.Named)
			}
		}
		_, err := s.Resolve(t.Context(), by, "e")
		if a, ok := errors.AsType[*inventory.AmbiguousError](err); !ok || len(a.Candidates) < 2 {
			t.Errorf("got %v, want the candidates", err)
		}
		for _, text := range []string{"", "no such thing at all", "%", "'; DROP TABLE inventory_application; --"} {
			if _, err := s.Resolve(t.Context(), by, text); !errors.Is(err, inventory.ErrNotFound) {
				t.Errorf("%q: got %v, want %v", text, err, inventory.ErrNotFound)
			}
		}
	})
}

func TestSummaryAgreesWithTheLists(t *testing.T) {
	both(t, sim.Config{Apps: 120}, func(t *testing.T, f *fixture) {
		_, s, by := read(f)
		sum, err := s.Summary(t.Context(), by)
		if err != nil {
			t.Fatal(err)
		}
		all := list(t, s, by, inventory.Query{})
		if sum.Credentials != len(all) || sum.Expired != len(list(t, s, by, inventory.Query{Expired: true})) {
			t.Errorf("summary %+v, listed %d", sum, len(all))
		}
		if n := len(list(t, s, by, inventory.Query{Expiring: 30 * 24 * time.Hour})); sum.Within[0]+sum.Within[1] != n {
			t.Errorf("%v end within 7 and 30 days, listed %d", sum.Within, n)
		}
		var apps []inventory.Application
		for after := ""; ; {
			page, next, err := s.Applications(t.Context(), by, inventory.ApplicationQuery{Limit: 13, After: after})
			if err != nil {
				t.Fatal(err)
			}
			apps = append(apps, page...)
			if after = next; next == "" {
				break
			}
		}
		if len(apps) != sum.Applications+sum.ServicePrincipals {
			t.Errorf("listed %d applications, counted %d and %d", len(apps), sum.Applications, sum.ServicePrincipals)
		}
		if len(sum.Feeds) != 5 || sum.Feeds[0].Read.IsZero() {
			t.Errorf("feeds %+v", sum.Feeds)
		}
		walked := 0
		err = s.Store.View(t.Context(), func(tx *store.Tx) error {
			return s.Walk(tx, by.Tenant, func(_ inventory.Application, rows []inventory.Row) error { walked += len(rows); return nil })
		})
		if err != nil || walked != len(all) {
			t.Errorf("walked over %d credentials, %v; want %d", walked, err, len(all))
		}
	})
}

func TestWhatARotationWritesIsNotNews(t *testing.T) {
	both(t, sim.Config{}, func(t *testing.T, f *fixture) {
		f.sync(false)
		f.vaults("kv-contoso-prod")
		demo, tenant := f.cloud.Tenant().Demo, f.cloud.Tenant().ID
		var made struct {
			KeyID string
			Hint  string
			End   time.Time `json:"endDateTime"`
			Start time.Time `json:"startDateTime"`
		}
		f.do("POST", "/applications/"+demo.ApplicationID+"/addPassword", map[string]any{"passwordCredential": map[string]any{"displayName": "rotated"}}, &made)
		holder := inventory.ObjectID(demo.ApplicationID)
		place := inventory.Place{Vault: demo.Vault + ".vault.azure.net", Name: demo.Secret, Version: "v2"}
		err := f.db.Do(t.Context(), func(tx *store.Tx) error {
			err := inventory.PutCredential(tx, inventory.Credential{Tenant: tenant, Holder: holder, KeyID: made.KeyID, Kind: inventory.ClientSecret, Label: "rotated", Hint: made.Hint, Starts: made.Start, Expires: made.End}, "print")
			if err == nil {
				err = inventory.SetDeposit(tx, inventory.Deposit{Tenant: tenant, Holder: holder, KeyID: made.KeyID, Place: place, How: inventory.ByRotation})
			}
			if err == nil {
				err = inventory.MarkGone(tx, tenant, holder, demo.KeyID)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		f.do("POST", "/applications/"+demo.ApplicationID+"/removePassword", map[string]any{"keyId": demo.KeyID}, nil)
		before := len(f.events(""))
		f.sync(false)
		f.sync(true)
		if got := f.events("")[before:]; len(got) != 0 {
			t.Errorf("a sync told %q of what the rotation had written", got)
		}
		s := &inventory.Service{Store: f.db}
		d, err := s.Credential(t.Context(), f.user(), made.KeyID)
		if err != nil || len(d.Places) != 1 || d.Places[0].How != inventory.ByRotation || !d.Unmanaged.IsZero() {
			t.Errorf("got %+v, %v", d.Row, err)
		}
		old, err := s.Credential(t.Context(), f.user(), demo.KeyID)
		if err != nil || old.Gone.IsZero() || len(old.Places) != 0 {
			t.Errorf("the withdrawn one: %+v, %v", old.Row, err)
		}
	})
}

func TestAClosedVaultDoesNotStopTheOthers(t *testing.T) {
	both(t, sim.Config{}, func(t *testing.T, f *fixture) {
		f.sync(false)
		_, err := f.syncer.Vaults(t.Context(), f.actor(), f.vaultFeeds("kv-contoso-hr", "kv-contoso-none", "kv-contoso-prod")...)
		if err == nil || !strings.Contains(err.Error(), "kv-contoso-hr") || !strings.Contains(err.Error(), "kv-contoso-none") {
			t.Errorf("got %v, want an error that names both", err)
		}
		s := &inventory.Service{Store: f.db}
		list, err := s.Entries(t.Context(), f.user(), inventory.Entry{}, 100)
		if err != nil || len(list) == 0 {
			t.Errorf("the open vault was not read: %d entries, %v", len(list), err)
		}
		before := len(f.events(""))
		if n := f.vaults("kv-contoso-prod"); n.Unchanged != n.Read {
			t.Errorf("an unchanged vault differs: %+v", n)
		}
		if got := f.events("")[before:]; len(got) != 0 {
			t.Errorf("told %q", got)
		}
	})
}

// The hot questions are answered out of their indexes.
func TestQueriesUseTheirIndexes(t *testing.T) {
	f, _, _ := read(open(t, sim.Config{}))
	for name, tt := range map[string]struct {
		query string
		args  int
		want  string
	}{
		"list":         {inventory.WalkCredentials, 17, "inventory_credential_end (tenant=? AND (expires,num)>(?,?) AND expires<?)"},
		"dates":        {inventory.WalkDates, 8, "inventory_credential_end (tenant=? AND (expires,num)>(?,?) AND expires<?)"},
		"of one":       {inventory.CredentialsOf, 14, "(tenant=? AND num=?)"},
		"by key":       {inventory.CredentialsByKey, 3, "inventory_credential_key (tenant=? AND key_look=?)"},
		"by id":        {inventory.ApplicationsByID, 3, "inventory_application_object (tenant=? AND object_look=?)"},
		"by name":      {inventory.ApplicationsByName, 2, "COVERING INDEX inventory_application_name (tenant=?)"},
		"names":        {inventory.WalkApplications, 6, "inventory_application_name (tenant=? AND (fold,num)>(?,?))"},
		"of owner":     {inventory.ApplicationsOf, 3, "COVERING INDEX sqlite_autoindex_inventory_owner_1 (tenant=?)"},
		"counts":       {inventory.CountEnding, 3, "COVERING INDEX inventory_credential_end (tenant=? AND expires>? AND expires<?)"},
		"next objects": {inventory.Foresee, 3, "(tenant=? AND num>?)"},
	} {
		t.Run(name, func(t *testing.T) {
			err := f.db.View(context.Background(), func(tx *store.Tx) error {
				args := make([]any, tt.args)
				for i := range args {
					args[i] = 1
				}
				rows, err := tx.Query("EXPLAIN QUERY PLAN "+tt.query, args...)
				if err != nil {
					return err
				}
				defer rows.Close()
				var plan strings.Builder
				for rows.Next() {
					var id, parent, unused int
					var detail string
					if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
						return err
					}
					plan.WriteString(detail + "\n")
				}
				if !strings.Contains(plan.String(), tt.want) || strings.Contains(plan.String(), "SCAN") || strings.Contains(plan.String(), "TEMP B-TREE FOR ORDER BY") && name != "by key" {
					return fmt.Errorf("plan does not use %s:\n%s", tt.want, plan.String())
				}
				return rows.Err()
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
