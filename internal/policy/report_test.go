package policy

import (
	"testing"

	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

// TestReported: what was seen stays until it is settled, whatever a check finds.
func TestReported(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		p := newPolicy(t, db, Default())
		plant := planted{t, db}
		plant.tenant("contoso", 1)
		f := Finding{Tenant: "contoso", Rule: "out-of-band", Application: "object-7", KeyID: "k-1", Title: "Basware: client secret", Reason: "appeared without an intention of rekey's"}
		report := func(f Finding) (id string) {
			t.Helper()
			err := db.Do(t.Context(), func(tx *store.Tx) error {
				ids, err := Report(tx, p.log, f)
				if err == nil {
					id = ids[0]
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		state := func(id string) Finding {
			t.Helper()
			got, err := p.Finding(t.Context(), admin, id)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}

		id := report(f)
		if again := report(f); again != id {
			t.Errorf("the same report has the ids %s and %s", id, again)
		}
		if got := state(id); got.Severity != High || got.Cure == "" || got.State != Open {
			t.Errorf("reported: %+v", got)
		}
		if _, err := p.Check(t.Context(), admin); err != nil {
			t.Fatal(err)
		}
		if got := state(id); got.State != Open {
			t.Errorf("a check has made it %s", got.State)
		}

		f.Reason = "mallory added it from 203.0.113.7"
		report(f)
		if got := state(id); got.Reason != f.Reason {
			t.Errorf("the reason is still %q", got.Reason)
		}
		if _, err := p.Acknowledge(t.Context(), admin, id, "a test of the red team"); err != nil {
			t.Fatal(err)
		}
		report(f)
		if got := state(id); got.State != Acknowledged {
			t.Errorf("reported again, the acknowledged one is %s", got.State)
		}
		settle := func() {
			t.Helper()
			if err := db.Do(t.Context(), func(tx *store.Tx) error { return Settle(tx, p.log, "contoso", id, "it was removed") }); err != nil {
				t.Fatal(err)
			}
		}
		settle()
		settle()
		if got := state(id); got.State != Resolved || got.Resolved.IsZero() {
			t.Errorf("settled: %+v", got)
		}
		report(f)
		if got := state(id); got.State != Open || got.Judge != "" {
			t.Errorf("back again: %+v", got)
		}
		if standing := standing(t, db, "out-of-band"); len(standing) != 1 {
			t.Errorf("standing: %v", standing)
		}
		var events int
		if err := db.View(t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow(`SELECT count(*) FROM audit_event WHERE subject = $1`, id).Scan(&events)
		}); err != nil {
			t.Fatal(err)
		}
		if events != 4 { // opened, acknowledged, resolved, opened
			t.Errorf("%d events of the finding, want 4", events)
		}
	})
}

// TestReportRefuses: a rule that nobody reports, and a finding that says nothing.
func TestReportRefuses(t *testing.T) {
	for _, f := range []Finding{
		{Tenant: "contoso", Rule: "expired", Title: "a", Reason: "b"},
		{Tenant: "contoso", Rule: "out-of-band", Title: "a"},
		{Rule: "out-of-band", Title: "a", Reason: "b"},
	} {
		if _, err := f.reported(); err == nil {
			t.Errorf("%+v was taken", f)
		}
	}
	for _, r := range Rules {
		if seen(r.Code) {
			t.Errorf("the rule %s is both judged and reported", r.Code)
		}
	}
}

func standing(t *testing.T, db *store.DB, rule string) (list []Finding) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) (err error) {
		list, err = Standing(tx, "contoso", rule)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
