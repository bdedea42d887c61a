package trail

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

var schemas = []store.Schema{audit.Schema, policy.Schema, Schema, ReachSchema}

var auditor = access.Actor{ID: "x", Role: access.Auditor, Tenant: "contoso"}

func newTrail(t *testing.T, db *store.DB) *Trail {
	t.Helper()
	log, err := audit.New(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	return &Trail{Store: db, Log: log, Writer: "the-writer", Report: func(tx *store.Tx, l *audit.Log, f policy.Finding) error {
		_, err := policy.Report(tx, l, f)
		return err
	}, Settle: policy.Settle}
}

// record is one of a credential that was added or removed.
func record(id, action, key string, at time.Time) connector.Record {
	return connector.Record{
		ID: id, Time: at, Operation: "Update application", Outcome: "success", Actor: connector.Someone{Kind: "user", Name: "mallory@contoso.com"},
		Deeds: []connector.Deed{{Action: action, Object: "object-1", Name: "D365_Basware", KeyID: key, Kind: "Password"}},
	}
}

func (t *Trail) must(tt *testing.T, source string, records ...connector.Record) (k *keeper) {
	tt.Helper()
	err := t.act(tt.Context(), "contoso", func(tx *store.Tx, _ int64) (err error) {
		if k, err = t.keeper(tx, "contoso"); err != nil {
			return err
		}
		defer k.close()
		if err := k.keep(rowsOf(source, true, records, now())); err != nil {
			return err
		}
		return k.judge()
	})
	if err != nil {
		tt.Fatal(err)
	}
	return k
}

func TestRecordsAreKeptOnceAndJoined(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		trail, at := newTrail(t, db), now().Add(time.Minute)
		a, b := record("a", connector.CredentialAdded, "key-1", at), record("b", connector.CredentialAdded, "KEY-1", at.Add(-time.Second).Truncate(time.Second))
		for i, c := range []struct {
			source               string
			r                    connector.Record
			added, joined, again int
		}{
			{"graph", a, 1, 0, 0}, {"graph", a, 0, 0, 1}, {"office", b, 0, 1, 0}, {"office", b, 0, 0, 1}, {"graph", a, 0, 0, 1},
			{"graph", record("c", connector.CredentialAdded, "key-1", at), 1, 0, 0}, // another record of the same source is another event
			{"graph", record("d", connector.CredentialRemoved, "key-1", at), 1, 0, 0},
			{"office", record("e", connector.CredentialAdded, "key-2", at), 1, 0, 0},
		} {
			k := trail.must(t, c.source, c.r)
			if got, want := [3]int{k.added, k.joined, k.again}, [3]int{c.added, c.joined, c.again}; got != want {
				t.Errorf("%d: added, joined, again: got %v, want %v", i, got, want)
			}
		}
		list, next, err := trail.Timeline(t.Context(), auditor, Query{Credential: "key-1"})
		if err != nil || len(list) != 3 || next != "" {
			t.Fatalf("got %+v, %q, %v", list, next, err)
		}
		if _, _, err := trail.Timeline(t.Context(), access.Actor{Role: access.User, Tenant: "contoso"}, Query{Credential: "key-1"}); err == nil {
			t.Error("a user sees the trail")
		}
		if list, _, err := trail.Timeline(t.Context(), access.Actor{Role: access.Auditor, Tenant: "fabrikam"}, Query{Credential: "key-1"}); err != nil || len(list) != 0 {
			t.Errorf("another tenant: %v, %v", list, err)
		}
	})
}

func TestATimelineIsPagedAndMerged(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		trail, at := newTrail(t, db), now().Add(time.Minute)
		var want []string
		for i := range 50 {
			r := record(string(rune('A'+i)), connector.CredentialAdded, "key", at.Add(time.Duration(i%7)*time.Minute))
			if i%3 == 0 { // of the service principal, and all at one moment
				r.Deeds[0].Object = "principal-1"
			}
			if i%10 == 9 {
				r.Deeds[0].Action, r.Deeds[0].KeyID = connector.SignedIn, "other"
			}
			k := trail.must(t, "graph", r)
			want = append(want, k.fresh[0].ID)
		}
		for _, quiet := range []bool{false, true} {
			q := Query{Applications: []string{"object-1", "principal-1", ""}, Limit: 7, Quiet: quiet}
			got, pages := map[string]int{}, 0
			var last time.Time
			for {
				page, next, err := trail.Timeline(t.Context(), auditor, q)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page {
					if got[e.ID]++; !last.IsZero() && e.Time.After(last) {
						t.Errorf("%s stands after %s", e.Time, last)
					}
					last = e.Time
				}
				if pages++; next == "" {
					break
				}
				q.After = next
			}
			count := len(want)
			if quiet {
				count -= 5
			}
			if len(got) != count || pages != (count+6)/7 {
				t.Errorf("quiet %v: %d events on %d pages", quiet, len(got), pages)
			}
			for id, n := range got {
				if n != 1 {
					t.Errorf("%s is on %d pages", id, n)
				}
			}
		}
		if _, _, err := trail.Timeline(t.Context(), auditor, Query{Credential: "k", After: "x"}); err == nil {
			t.Error("took a bad cursor")
		}
	})
}

// A timeline is a walk through an index, however many events there are.
func TestTimelinesComeFromAnIndex(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	for text, want := range map[string]string{
		selectByApplication: "SEARCH trail_event USING INDEX trail_event_application (tenant=? AND application=? AND (time,id)<(?,?))",
		selectByCredential:  "SEARCH trail_event USING INDEX trail_event_credential (tenant=? AND credential=? AND (time,id)<(?,?))",
		selectByEntry:       "SEARCH trail_event USING INDEX trail_event_entry (tenant=? AND entry=? AND (time,id)<(?,?))",
		selectSame:          "SEARCH trail_event USING INDEX trail_event_same (tenant=? AND minute=? AND look=?)",
		selectMade:          "SEARCH trail_event USING INDEX trail_event_made (tenant=? AND time>? AND time<?)",
	} {
		var plan strings.Builder
		err := db.View(t.Context(), func(tx *store.Tx) error {
			rows, err := tx.Query(`EXPLAIN QUERY PLAN `+text, make([]any, strings.Count(text, "$"))...)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var id, parent, unused int
				var detail string
				if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
					return err
				}
				plan.WriteString(detail + "\n")
			}
			return rows.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(plan.String()); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestOurOwnLogIsOnTheTimeline(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		trail := newTrail(t, db)
		trail.Touched = func(_ *store.Tx, tenant, rotation string) (Touched, bool, error) {
			return Touched{Object: "object-1", Old: "key-old", New: "key-new", Place: inventory.Place{Vault: "kv.vault.azure.net", Name: "basware"}}, tenant == "contoso", nil
		}
		if _, err := trail.Follow(t.Context(), "contoso", 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
		by := access.Rekey("contoso")
		events := []audit.Event{
			audit.By(by, access.ApproveRotation, "r-1", audit.Done),
			audit.By(by, access.SyncInventory, "s-1", audit.Done), // about nothing
			audit.By(by, "credential.appeared", "object-1", audit.Seen),
			audit.By(by, "entry.changed", "kv.vault.azure.net", audit.Seen),
		}
		events[2].Detail = map[string]string{"keyId": "key-x", "made": notOurs, "label": "backup", "kind": "clientSecret"}
		events[2].Title = "D365_Basware"
		events[3].Detail = map[string]string{"name": "basware", "version": "v2"}
		if err := db.Do(t.Context(), func(tx *store.Tx) error { return trail.Log.Record(tx, events...) }); err != nil {
			t.Fatal(err)
		}
		if end, err := trail.Follow(t.Context(), "contoso", 0); err != nil || !end {
			t.Fatalf("%v, %v", end, err)
		}
		for _, c := range []struct {
			q    Query
			want []string
		}{
			{Query{Applications: []string{"object-1"}}, []string{"credential.appeared", "rotation.approve"}},
			{Query{Credential: "key-old"}, []string{"rotation.approve"}},
			{Query{Credential: "key-new"}, []string{"rotation.approve"}},
			{Query{Credential: "key-x"}, []string{"finding.opened", "credential.appeared"}},
			{Query{Entry: inventory.Place{Vault: "kv.vault.azure.net", Name: "Basware"}}, []string{"finding.opened", "entry.changed", "rotation.approve"}},
		} {
			if _, err := trail.Follow(t.Context(), "contoso", 0); err != nil {
				t.Fatal(err)
			}
			list, _, err := trail.Timeline(t.Context(), auditor, c.q)
			if err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, e := range list {
				got = append(got, e.Action)
			}
			if c.q.Applications != nil { // the finding about the credential is about the application too
				c.want = append([]string{"finding.opened"}, c.want...)
			}
			if len(got) != len(c.want) || !cmp.Equal(sorted(got), sorted(c.want)) {
				t.Errorf("%+v (-want +got):\n%s", c.q, cmp.Diff(c.want, got))
			}
		}
		var standing []policy.Finding
		err := db.View(t.Context(), func(tx *store.Tx) (err error) {
			standing, err = policy.Standing(tx, "contoso", OutOfBand)
			return err
		})
		if err != nil || len(standing) != 2 {
			t.Fatalf("findings: %+v, %v", standing, err)
		}
		// The directory's record comes, and says who it was.
		trail.must(t, "graph", record("a", connector.CredentialAdded, "key-x", now()))
		err = db.View(t.Context(), func(tx *store.Tx) (err error) {
			standing, err = policy.Standing(tx, "contoso", OutOfBand)
			return err
		})
		if err != nil || len(standing) != 2 || !strings.Contains(standing[0].Reason+standing[1].Reason, "mallory@contoso.com added client secret") {
			t.Fatalf("findings: %+v, %v", standing, err)
		}
	})
}

func sorted(list []string) map[string]int {
	m := map[string]int{}
	for _, s := range list {
		m[s]++
	}
	return m
}

func TestTheBooksAreClosed(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		trail := newTrail(t, db)
		day := now().Truncate(24 * time.Hour)
		if _, err := trail.Follow(t.Context(), "contoso", 0); err != nil {
			t.Fatal(err)
		}
		noon := day.Add(12 * time.Hour)
		trail.Intents = func(_ *store.Tx, _ string, from, to time.Time) ([]Intent, error) {
			list := []Intent{{Rotation: "r-1", KeyID: "key-1", Sent: noon}, {Rotation: "r-2", KeyID: "key-2", Sent: noon}}
			if from.After(noon) || to.Before(noon) {
				return nil, nil
			}
			return list, nil
		}
		ours := func(id, key string) connector.Record {
			r := record(id, connector.CredentialAdded, key, noon.Add(time.Second))
			r.Actor = connector.Someone{Kind: "app", ClientID: "the-writer", Name: "rekey-writer"}
			return r
		}
		trail.must(t, "graph", ours("a", "key-1"), ours("b", "key-3"), record("c", connector.CredentialAdded, "key-4", noon))
		if closed, err := trail.Close(t.Context(), "contoso", day.Add(24*time.Hour)); err != nil || len(closed) != 0 {
			t.Fatalf("closed too early: %+v, %v", closed, err)
		}
		closed, err := trail.Close(t.Context(), "contoso", day.Add(49*time.Hour))
		if err != nil || len(closed) != 2 {
			t.Fatalf("got %+v, %v", closed, err)
		}
		c := closed[0]
		if c.Intents != 2 || c.Adds != 2 || c.Others != 1 || len(c.Unseen) != 1 || c.Unseen[0].KeyID != "key-2" || len(c.Unintended) != 1 || c.Unintended[0].KeyID != "key-3" || c.Balanced() {
			t.Errorf("got %+v", c)
		}
		if !closed[1].Balanced() {
			t.Errorf("got %+v", closed[1])
		}
		if list, err := trail.Closings(t.Context(), auditor, 10); err != nil || len(list) != 2 || !list[0].Balanced() {
			t.Errorf("got %+v, %v", list, err)
		}
		var standing []policy.Finding
		err = db.View(t.Context(), func(tx *store.Tx) (err error) {
			standing, err = policy.Standing(tx, "contoso", Books)
			return err
		})
		if err != nil || len(standing) != 1 || !strings.Contains(standing[0].Reason, "rotation r-2 made key-2") {
			t.Errorf("findings: %+v, %v", standing, err)
		}
	})
}
