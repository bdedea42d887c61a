package inventory_test

import (
	"slices"
	"testing"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/sim"
)

// TestCountsAgreeWithLists: every number of the overview is that of the rows which the
// list shows for it.
func TestCountsAgreeWithLists(t *testing.T) {
	both(t, sim.Config{Apps: 200}, func(t *testing.T, f *fixture) {
		_, s, by := read(f)
		s.Bound = func(string) []inventory.Bound {
			return []inventory.Bound{{Application: "D365_Basware_InvoiceExport_PRD", Consumer: "Invoice export"}, {Place: "kv-contoso-prod/basware-secret", Consumer: "Basware portal"}}
		}
		o, err := s.Overview(t.Context(), by, nil)
		if err != nil {
			t.Fatal(err)
		}
		all := list(t, s, by, inventory.Query{Limit: 1000})
		if o.Credentials != len(all) || o.Credentials < 100 {
			t.Errorf("%d credentials are counted, %d listed", o.Credentials, len(all))
		}
		agree := func(what string, n int, q inventory.Query) {
			t.Helper()
			q.Limit = 1000
			if got := list(t, s, by, q); len(got) != n {
				t.Errorf("%s: %d are counted, %d listed", what, n, len(got))
			}
		}
		filled := 0
		for _, e := range o.Ends {
			agree(string(e.Ends), e.All(), inventory.Query{Ends: e.Ends})
			if e.All() > 0 {
				filled++
			}
			if e.Ends == inventory.EndsLater || e.Ends == inventory.EndsNever || e.Ends == inventory.EndsUnknown {
				continue
			}
			agree(string(e.Ends)+" breaks", e.Breaks, inventory.Query{Ends: e.Ends, Impact: inventory.Breaks})
			agree(string(e.Ends)+" used", e.Used, inventory.Query{Ends: e.Ends, Impact: inventory.InUse})
			agree(string(e.Ends)+" quiet", e.Quiet, inventory.Query{Ends: e.Ends, Impact: inventory.Quiet})
		}
		if filled < 5 {
			t.Errorf("only %d parts of time hold anything: %+v", filled, o.Ends)
		}
		days := 0
		for _, d := range o.Days {
			days += d.All()
			if d.All() > 0 {
				agree(d.Date.String(), d.All(), inventory.Query{From: d.Date, Before: d.Date.AddDate(0, 0, 1)})
			}
		}
		if days == 0 {
			t.Error("nothing ends on any day")
		}
		agree("no owner", o.NoOwner, inventory.Query{NoOwner: true})
		agree("unused", o.Unused, inventory.Query{Unused: inventory.Unused})
		agree("unmanaged", o.Unmanaged, inventory.Query{Unmanaged: true})
		agree("shared", o.Shared, inventory.Query{Shared: true})
		agree("soon", o.Soon, inventory.Query{Expiring: 7 * 24 * time.Hour, Impact: inventory.Breaks})
		if len(o.Attention) == 0 || len(o.Attention) > 10 {
			t.Errorf("%d need attention", len(o.Attention))
		}
	})
}

// TestConsumersAreFoundAlikeOneByOneAndAllAtOnce.
func TestConsumersAreFoundAlikeOneByOneAndAllAtOnce(t *testing.T) {
	both(t, sim.Config{Apps: 200}, func(t *testing.T, f *fixture) {
		_, s, by := read(f)
		s.Bound = func(string) []inventory.Bound {
			return []inventory.Bound{
				{Application: "D365_Basware_InvoiceExport_PRD", Consumer: "Invoice export"}, {Place: "kv-contoso-prod/basware-secret", Consumer: "Basware portal"},
				{Application: "no such application", Consumer: "Nobody"},
			}
		}
		want, uses := map[string][]string{}, 0
		for _, r := range list(t, s, by, inventory.Query{Limit: 1000}) {
			for _, c := range r.Consumers {
				want[c.Consumer] = append(want[c.Consumer], string(r.Holder)+r.KeyID)
				uses++
			}
		}
		if uses < 5 {
			t.Fatalf("only %d uses are known", uses)
		}
		consumers, more, err := s.Consumers(t.Context(), by, inventory.ConsumerQuery{Limit: 1000})
		if err != nil || more {
			t.Fatal(err, more)
		}
		if len(consumers) != len(want) {
			t.Errorf("%d consumers, want %d: %+v", len(consumers), len(want), consumers)
		}
		for _, c := range consumers {
			var got []string
			for _, r := range list(t, s, by, inventory.Query{Consumer: c.Name}) {
				got = append(got, string(r.Holder)+r.KeyID)
			}
			if slices.Sort(got); len(got) != c.Credentials || !slices.Equal(got, sorted(want[c.Name])) {
				t.Errorf("%q uses %v by the list, %v one by one, and %d are counted", c.Name, got, want[c.Name], c.Credentials)
			}
		}
	})
}

func sorted(list []string) []string { slices.Sort(list); return list }

func TestStatesAndUses(t *testing.T) {
	both(t, sim.Config{Apps: 200}, func(t *testing.T, f *fixture) {
		_, s, by := read(f)
		all := list(t, s, by, inventory.Query{Limit: 1000})
		now := time.Now()
		for state, is := range map[string]func(inventory.Row) bool{
			"expired": func(r inventory.Row) bool { return !r.Expires.IsZero() && r.Expires.Before(now) },
			"unknown": func(r inventory.Row) bool { return r.Expires.IsZero() },
			"early":   func(r inventory.Row) bool { return !r.Expires.IsZero() && r.Expires.After(now) && r.Starts.After(now) },
			"valid":   func(r inventory.Row) bool { return !r.Expires.IsZero() && r.Expires.After(now) && !r.Starts.After(now) },
		} {
			check(t, s, by, all, "state "+state, inventory.Query{State: state}, is)
		}
		for used, is := range map[string]func(inventory.Row) bool{
			"recent": func(r inventory.Row) bool { return r.LastUsed.After(now.Add(-inventory.Unused)) },
			"longAgo": func(r inventory.Row) bool {
				return !r.LastUsed.IsZero() && r.LastUsed.Before(now.Add(-inventory.Unused))
			},
			"none": func(r inventory.Row) bool { return r.LastUsed.IsZero() },
		} {
			check(t, s, by, all, "used "+used, inventory.Query{Used: used}, is)
		}
		one := all[0]
		for what, q := range map[string]inventory.Query{
			"key id": {Search: one.KeyID}, "name": {Search: one.Application.Name}, "client id": {Search: string(one.Application.ClientID)},
		} {
			q.Limit = 1000
			if !slices.ContainsFunc(list(t, s, by, q), func(r inventory.Row) bool { return r.KeyID == one.KeyID }) {
				t.Errorf("the search for the %s does not find it", what)
			}
		}
		if got := list(t, s, by, inventory.Query{Search: "no such thing anywhere"}); len(got) != 0 {
			t.Errorf("%d rows of nothing", len(got))
		}
	})
}

func check(t *testing.T, s *inventory.Service, by access.Actor, all []inventory.Row, what string, q inventory.Query, is func(inventory.Row) bool) {
	t.Helper()
	var want, got []string
	for _, r := range all {
		if is(r) {
			want = append(want, r.KeyID)
		}
	}
	for _, limit := range []int{3, 1000} { // pages must neither lose nor repeat
		q.Limit, got = limit, nil
		for _, r := range list(t, s, by, q) {
			got = append(got, r.KeyID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s in pages of %d: %d rows, want %d", what, limit, len(got), len(want))
		}
	}
}
