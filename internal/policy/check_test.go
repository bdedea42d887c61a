package policy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

var (
	schemas = []store.Schema{audit.Schema, inventory.Schema, Schema}
	admin   = access.Actor{ID: "local:0", Name: "Ada", Person: "ada", Role: access.Administrator, Tenant: "contoso"}
)

func newPolicy(t testing.TB, db *store.DB, c Config) *Policy {
	t.Helper()
	l, err := audit.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(db, l, c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// planted are rows of the inventory, as a sync leaves them.
type planted struct {
	t  testing.TB
	db *store.DB
}

func (p planted) do(query string, args ...any) {
	p.t.Helper()
	if err := p.db.Do(p.t.Context(), func(tx *store.Tx) error { _, err := tx.Exec(query, args...); return err }); err != nil {
		p.t.Fatal(err)
	}
}

func (p planted) tenant(name string, num int) {
	p.t.Helper()
	p.do(`INSERT INTO inventory_tenant (tenant, num, next) VALUES ($1, $2, 1000000)`, name, num)
}

func (p planted) application(tenant, num int, name string) {
	p.t.Helper()
	p.do(insertApplication, tenant, num, fmt.Sprintf("object-%d", num), num, fmt.Sprintf("client-%d", num), name)
}

const insertApplication = `INSERT INTO inventory_application (tenant, num, holder, object_id, object_look, client_id, client_look, name, fold, audience, home, kind, sso, notes, enabled, created, owners, owned, hash, gone)
	VALUES ($1, $2, 'applications', $3, $4, $5, $4, $6, '', '', '', '', '', '', 1, 0, '[{"objectId":"a","kind":"user"},{"objectId":"b","kind":"user"}]', 2, '', 0)`

func (p planted) secret(tenant, num int, key string, starts, expires time.Duration) {
	p.t.Helper()
	now := time.Now()
	p.do(insertCredential, tenant, num, key, "clientSecret", now.Add(starts).UnixMilli(), now.Add(expires).UnixMilli())
}

const insertCredential = `INSERT INTO inventory_credential (tenant, num, key_id, key_look, kind, label, hint, thumbprint, fingerprint, starts, expires, used, unmanaged, gone)
	VALUES ($1, $2, $3, 0, $4, 'prod', 'abc', '', '', $5, $6, 0, 0, 0)`

func (p planted) entry(tenant int, vault, name, fingerprint string, expires time.Duration) {
	p.t.Helper()
	p.do(`INSERT INTO inventory_entry (tenant, vault, name, kind, version, enabled, starts, expires, created, updated, content_type, tags, hint, fingerprint, thumbprint, walk, gone)
		VALUES ($1, $2, $3, 'secret', '', 1, 0, $4, 0, 0, '', '', '', $5, '', 0, 0)`, tenant, vault, name, time.Now().Add(expires).UnixMilli(), fingerprint)
}

func (p planted) deposit(tenant int, vault, name string, num int, key string) {
	p.t.Helper()
	p.do(`INSERT INTO inventory_deposit (tenant, vault, name, version, num, key_id, how) VALUES ($1, $2, $3, '', $4, $5, 'tag')`, tenant, vault, name, num, key)
}

func findings(t testing.TB, p *Policy, actor access.Actor, q Query) (list []Finding) {
	t.Helper()
	for f, err := range p.All(t.Context(), actor, q) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	return list
}

func checkNow(t testing.TB, p *Policy, actor access.Actor) Result {
	t.Helper()
	r, err := p.Check(t.Context(), actor)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func counts(r Result) [3]int { return [3]int{r.Found, r.Opened, r.Resolved} }

// events is what the log says, the oldest first.
func events(t testing.TB, p *Policy) (list []string) {
	t.Helper()
	auditor := admin
	entries, err := audit.List(t.Context(), p.db, auditor, audit.Query{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range slices.Backward(entries) {
		list = append(list, e.Action+" "+e.Detail["rule"])
	}
	return list
}

func TestAFindingOpensStaysAndIsResolvedByItself(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		p, in := newPolicy(t, db, Default()), planted{t, db}
		in.tenant("contoso", 1)
		in.application(1, 1, "D365_Basware_InvoiceExport")
		in.secret(1, 1, "key-1", -300*day, 20*day)

		if got, want := counts(checkNow(t, p, admin)), [3]int{1, 1, 0}; got != want {
			t.Fatalf("found, opened, resolved: got %v, want %v", got, want)
		}
		first := findings(t, p, admin, Query{})
		if len(first) != 1 || first[0].Rule != "ends-soon" || first[0].Severity != Medium || first[0].Application != "object-1" || first[0].KeyID != "key-1" {
			t.Fatalf("got %+v", first)
		}
		if got, want := counts(checkNow(t, p, admin)), [3]int{1, 0, 0}; got != want {
			t.Errorf("the second time: got %v, want %v", got, want)
		}
		in.do(`UPDATE inventory_credential SET expires = $1`, time.Now().Add(3*day).UnixMilli())
		if got, want := counts(checkNow(t, p, admin)), [3]int{1, 0, 0}; got != want {
			t.Errorf("it got worse: got %v, want %v", got, want)
		}
		worse := findings(t, p, admin, Query{})
		if len(worse) != 1 || worse[0].ID != first[0].ID || worse[0].Severity != High || !worse[0].Opened.Equal(first[0].Opened) || worse[0].Reason == first[0].Reason {
			t.Errorf("it got worse: got %+v", worse)
		}
		in.do(`UPDATE inventory_credential SET gone = 1`)
		if got, want := counts(checkNow(t, p, admin)), [3]int{0, 0, 1}; got != want {
			t.Errorf("it is gone: got %v, want %v", got, want)
		}
		if open, closed := findings(t, p, admin, Query{}), findings(t, p, admin, Query{State: Resolved}); len(open) != 0 || len(closed) != 1 || closed[0].Resolved.IsZero() {
			t.Errorf("it is gone: open %+v, resolved %+v", open, closed)
		}
		in.do(`UPDATE inventory_credential SET gone = 0`)
		if got, want := counts(checkNow(t, p, admin)), [3]int{1, 1, 0}; got != want {
			t.Errorf("it came back: got %v, want %v", got, want)
		}
		back := findings(t, p, admin, Query{})
		if len(back) != 1 || back[0].ID != first[0].ID || back[0].Opened.Equal(first[0].Opened) || !back[0].Resolved.IsZero() {
			t.Errorf("it came back: got %+v", back)
		}
		want := []string{"finding.opened ends-soon", "finding.resolved ends-soon", "finding.opened ends-soon"}
		if diff := cmp.Diff(want, events(t, p)); diff != "" {
			t.Errorf("the log (-want +got):\n%s", diff)
		}
		if _, err := p.log.Verify(t.Context(), db); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatIsAcknowledgedStaysQuietUntilItGetsWorse(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		p, in := newPolicy(t, db, Default()), planted{t, db}
		in.tenant("contoso", 1)
		in.application(1, 1, "D365_Basware_InvoiceExport")
		in.secret(1, 1, "key-1", -300*day, 20*day)
		checkNow(t, p, admin)
		id := findings(t, p, admin, Query{})[0].ID
		if _, err := p.Acknowledge(t.Context(), admin, id, "  "); err == nil {
			t.Error("acknowledged without a reason")
		}
		if _, err := p.Acknowledge(t.Context(), admin, "f-0", "why"); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v", err)
		}
		if _, err := p.Acknowledge(t.Context(), admin, id, "the party closes in May"); err != nil {
			t.Fatal(err)
		}
		in.do(`UPDATE inventory_credential SET label = 'renamed'`)
		if got, want := counts(checkNow(t, p, admin)), [3]int{1, 0, 0}; got != want {
			t.Errorf("got %v, want %v", got, want)
		}
		f, err := p.Finding(t.Context(), admin, id)
		if err != nil || f.State != Acknowledged || f.Why != "the party closes in May" || f.Judge != "local:0" || !strings.Contains(f.Title, "renamed") {
			t.Errorf("got %+v, %v", f, err)
		}
		in.do(`UPDATE inventory_credential SET expires = $1`, time.Now().Add(3*day).UnixMilli())
		if got, want := counts(checkNow(t, p, admin)), [3]int{1, 1, 0}; got != want {
			t.Errorf("it got worse: got %v, want %v", got, want)
		}
		if f, err := p.Finding(t.Context(), admin, id); err != nil || f.State != Open || f.Why != "" {
			t.Errorf("it got worse: %+v, %v", f, err)
		}
		in.do(`UPDATE inventory_credential SET gone = 1`)
		checkNow(t, p, admin)
		if _, err := p.Acknowledge(t.Context(), admin, id, "why"); err == nil {
			t.Error("acknowledged what is resolved")
		}
		want := []string{"finding.opened ends-soon", "finding.acknowledge ends-soon", "finding.opened ends-soon", "finding.resolved ends-soon"}
		if diff := cmp.Diff(want, events(t, p)); diff != "" {
			t.Errorf("the log (-want +got):\n%s", diff)
		}
	})
}

// Everything that the rules look at comes out of the database.
func TestACheckSeesApplicationsVaultsAndSharedValues(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		p, in := newPolicy(t, db, Default()), planted{t, db}
		in.tenant("contoso", 1)
		in.application(1, 1, "D365_Basware_InvoiceExport")
		in.application(1, 2, "SFTP_Nordea_Payments_Test")
		in.application(1, 3, "my app")
		in.secret(1, 1, "key-1", -100*day, 200*day)
		in.secret(1, 2, "key-2", -100*day, 200*day)
		for _, num := range []int{1, 3} { // one certificate on two applications
			in.do(insertCredential, 1, num, fmt.Sprintf("cert-%d", num), "certificate", time.Now().Add(-10*day).UnixMilli(), time.Now().Add(100*day).UnixMilli())
		}
		in.do(`UPDATE inventory_credential SET thumbprint = 'AB12' WHERE kind = 'certificate'`)
		in.entry(1, "kv-a.vault.azure.net", "basware", "same", 300*day)
		in.deposit(1, "kv-a.vault.azure.net", "basware", 1, "key-1")
		in.entry(1, "kv-b.vault.azure.net", "copy", "same", 200*day)
		in.entry(1, "kv-prod.vault.azure.net", "sftp", "other", 200*day)
		in.deposit(1, "kv-prod.vault.azure.net", "sftp", 2, "key-2")
		in.do(`INSERT INTO inventory_entry (tenant, vault, name, kind, version, enabled, starts, expires, created, updated, content_type, tags, hint, fingerprint, thumbprint, walk, gone)
			SELECT tenant, vault, 'undated', kind, version, enabled, starts, 253402300799999, created, updated, content_type, tags, hint, '', thumbprint, walk, gone FROM inventory_entry WHERE name = 'copy'`)
		checkNow(t, p, admin)
		var got []string
		for _, f := range findings(t, p, admin, Query{}) {
			got = append(got, f.Rule+" "+f.Title)
		}
		want := []string{
			"environment SFTP_Nordea_Payments_Test: client secret prod",
			"same-value kv-a/basware",
			"vault-date D365_Basware_InvoiceExport: client secret prod",
			"same-certificate certificate AB12",
			"name my app",
			"vault-no-end kv-b/undated",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("findings (-want +got):\n%s", diff)
		}
	})
}

func TestARotationUnderWayQuietsTheWarning(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	p, in := newPolicy(t, db, Default()), planted{t, db}
	in.tenant("contoso", 1)
	in.application(1, 1, "D365_Basware_InvoiceExport")
	in.secret(1, 1, "key-1", -300*day, 20*day)
	checkNow(t, p, admin)
	p.Planned = func(_ context.Context, _ *store.Tx, tenant string) (map[inventory.ObjectID]bool, error) {
		return map[inventory.ObjectID]bool{"object-1": tenant == "contoso"}, nil
	}
	if got, want := counts(checkNow(t, p, admin)), [3]int{0, 0, 1}; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	p.Planned = func(context.Context, *store.Tx, string) (map[inventory.ObjectID]bool, error) {
		return nil, errors.New("out of order")
	}
	if _, err := p.Check(t.Context(), admin); err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Errorf("got %v", err)
	}
	if at, err := p.Checked(t.Context(), admin); err != nil || at.IsZero() {
		t.Errorf("got %v, %v", at, err)
	}
}

func TestATenantSeesItsOwnFindingsOnly(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		p, in := newPolicy(t, db, Default()), planted{t, db}
		other := admin
		other.Tenant = "fabrikam"
		for i, tenant := range []string{"contoso", "fabrikam"} {
			in.tenant(tenant, i+1)
			in.application(i+1, i+1, "bad name")
		}
		checkNow(t, p, admin)
		checkNow(t, p, other)
		mine, theirs := findings(t, p, admin, Query{}), findings(t, p, other, Query{})
		if len(mine) != 1 || len(theirs) != 1 || mine[0].Application != "object-1" || theirs[0].Application != "object-2" || mine[0].ID == theirs[0].ID {
			t.Fatalf("got %+v and %+v", mine, theirs)
		}
		if _, err := p.Finding(t.Context(), admin, theirs[0].ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v", err)
		}
		if _, err := p.Acknowledge(t.Context(), admin, theirs[0].ID, "why"); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v", err)
		}
		in.do(`UPDATE inventory_application SET gone = 1`)
		checkNow(t, p, admin)
		if theirs := findings(t, p, other, Query{}); len(theirs) != 1 {
			t.Errorf("one tenant's check changed another's: %+v", theirs)
		}
	})
}

func TestWhoMayCheckReadAndAcknowledge(t *testing.T) {
	p := newPolicy(t, storetest.SQLite(t, schemas...), Default())
	for _, c := range []struct {
		role               access.Role
		check, read, judge bool
	}{
		{access.User, true, true, false}, {access.Auditor, true, true, false}, {access.Administrator, true, true, true},
		{access.System, true, false, false}, {"", false, false, false},
	} {
		by := access.Actor{ID: "x", Role: c.role, Tenant: "contoso"}
		_, err := p.Check(t.Context(), by)
		if (err == nil) != c.check {
			t.Errorf("%q checks: %v", c.role, err)
		}
		if _, err = p.Findings(t.Context(), by, Query{}); (err == nil) != c.read {
			t.Errorf("%q reads: %v", c.role, err)
		}
		if _, err = p.Acknowledge(t.Context(), by, "f-0", "why"); errors.Is(err, ErrNotFound) != c.judge {
			t.Errorf("%q acknowledges: %v", c.role, err)
		}
	}
}

func TestFindingsArePagedTheWorstFirst(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		p, in := newPolicy(t, db, Default()), planted{t, db}
		in.tenant("contoso", 1)
		for i := range 30 {
			in.application(1, i+1, "bad name")
			in.secret(1, i+1, fmt.Sprintf("key-%d", i), -300*day, time.Duration(1+2*(i%6))*day)
		}
		checkNow(t, p, admin)
		whole := findings(t, p, admin, Query{})
		var paged []Finding
		for q := (Query{Limit: 7}); ; {
			page, err := p.Findings(t.Context(), admin, q)
			if err != nil {
				t.Fatal(err)
			}
			paged = append(paged, page...)
			if len(page) < 7 {
				break
			}
			q.After = Finding{Severity: page[6].Severity, Rule: page[6].Rule, ID: page[6].ID}
		}
		if diff := cmp.Diff(whole, paged); diff != "" || len(whole) != 60 {
			t.Errorf("%d findings (-whole +paged):\n%s", len(whole), diff)
		}
		if !slices.IsSortedFunc(whole, func(a, b Finding) int { return int(a.Severity.rank() - b.Severity.rank()) }) {
			t.Error("not the worst first")
		}
		for q, want := range map[Query]int{
			{Severity: High}: 20, {Severity: Medium}: 30, {Severity: Low}: 60, {Rule: "name"}: 30, {Application: "object-3"}: 2,
			{Application: "object-3", Rule: "name"}: 1, {State: Acknowledged}: 0, {Application: "object-99"}: 0,
		} {
			if got := len(findings(t, p, admin, q)); got != want {
				t.Errorf("%+v: got %d, want %d", q, got, want)
			}
		}
	})
}

// A large tenant's first check does not bury the log.
func TestManyFindingsOfOneRuleAreToldAsANumber(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	p, in := newPolicy(t, db, Default()), planted{t, db}
	in.tenant("contoso", 1)
	err := db.Do(t.Context(), func(tx *store.Tx) error {
		for num := range 1300 {
			if _, err := tx.Exec(insertApplication, 1, num+1, fmt.Sprintf("object-%d", num), num, "client", "bad name"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := counts(checkNow(t, p, admin)), [3]int{1300, 1300, 0}; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	list, err := audit.List(t.Context(), db, admin, audit.Query{Subject: "rule:name"})
	if err != nil || len(list) != 1 || list[0].Detail["more"] != "1100" {
		t.Errorf("got %+v, %v", list, err)
	}
	if n := len(events(t, p)); n != mostTold+1 {
		t.Errorf("got %d events, want %d", n, mostTold+1)
	}
	in.do(`UPDATE inventory_application SET gone = 1`)
	if got, want := counts(checkNow(t, p, admin)), [3]int{0, 0, 1300}; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The process ends between any two commits of a check; the next one finishes it.
func TestACheckThatWasStoppedIsFinishedByTheNext(t *testing.T) {
	for stop := 1; ; stop++ {
		db := storetest.SQLite(t, schemas...)
		p, in := newPolicy(t, db, Default()), planted{t, db}
		in.tenant("contoso", 1)
		err := db.Do(t.Context(), func(tx *store.Tx) error {
			for num := range 1200 {
				if _, err := tx.Exec(insertApplication, 1, num+1, fmt.Sprintf("object-%d", num), num, "client", "bad name"); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		commits := 0
		db.Committed = func() {
			if commits++; commits == stop {
				cancel()
			}
		}
		_, err = p.Check(ctx, admin)
		cancel()
		db.Committed = nil
		if err == nil {
			if stop < 4 {
				t.Errorf("it took %d commits only", commits)
			}
			return
		}
		checkNow(t, p, admin)
		if n := len(findings(t, p, admin, Query{})); n != 1200 {
			t.Fatalf("stopped after %d commits: %d findings, want 1200", stop, n)
		}
	}
}

func TestEveryListOfFindingsComesFromAnIndex(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	for text, want := range map[string]string{
		listAll:         "policy_finding_state (tenant=? AND state=? AND (rank,rule,id)>(?,?,?)",
		listApplication: "policy_finding_application (tenant=? AND application=? AND state=? AND (rank,rule,id)>(?,?,?)",
	} {
		args := make([]any, 8)
		if text == listApplication {
			args = make([]any, 9)
		}
		var plan strings.Builder
		err := db.View(t.Context(), func(tx *store.Tx) error {
			rows, err := tx.Query(`EXPLAIN QUERY PLAN `+text, args...)
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
		if !strings.Contains(plan.String(), want) || strings.Contains(plan.String(), "TEMP B-TREE") {
			t.Errorf("want %s:\n%s", want, plan.String())
		}
	}
}

// The walk reads applications, credentials and places in three queries a page;
// each has to find its own again.
func TestNothingIsMissedOrMixedUpBetweenPages(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		p, in := newPolicy(t, db, Default()), planted{t, db}
		in.tenant("contoso", 1)
		in.tenant("fabrikam", 2)
		const n = 1203
		now := time.Now()
		err := db.Do(t.Context(), func(tx *store.Tx) error {
			for i := range n {
				num := i*3 + 1
				if _, err := tx.Exec(insertApplication, 1+i%2, num, fmt.Sprintf("object-%d", num), num, fmt.Sprintf("client-%d", num), "D365_Basware_InvoiceExport"); err != nil {
					return err
				}
				for _, key := range []string{"old", "new"} {
					if _, err := tx.Exec(insertCredential, 1+i%2, num, fmt.Sprintf("%s-%d", key, num), "clientSecret", now.Add(-100*day).UnixMilli(), now.Add(200*day).UnixMilli()); err != nil {
						return err
					}
				}
				name := fmt.Sprintf("entry-%d", num)
				if _, err := tx.Exec(`INSERT INTO inventory_entry (tenant, vault, name, kind, version, enabled, starts, expires, created, updated, content_type, tags, hint, fingerprint, thumbprint, walk, gone)
					VALUES ($1, 'kv', $2, 'secret', '', 1, 0, $3, 0, 0, '', '', '', '', '', 0, 0)`, 1+i%2, name, now.Add(300*day).UnixMilli()); err != nil {
					return err
				}
				if _, err := tx.Exec(`INSERT INTO inventory_deposit (tenant, vault, name, version, num, key_id, how) VALUES ($1, 'kv', $2, '', $3, $4, 'tag')`, 1+i%2, name, num, fmt.Sprintf("new-%d", num)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		checkNow(t, p, admin)
		seen := map[string]bool{}
		for _, f := range findings(t, p, admin, Query{}) {
			num := strings.TrimPrefix(string(f.Application), "object-")
			if f.Rule != "vault-date" || f.KeyID != "new-"+num || f.Place != "kv/entry-"+num || seen[num] {
				t.Fatalf("got %+v", f)
			}
			seen[num] = true
		}
		if len(seen) != (n+1)/2 {
			t.Errorf("got %d, want %d", len(seen), (n+1)/2)
		}
	})
}
