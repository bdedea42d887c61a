package schedule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

var nora = access.Actor{ID: "local:1", Name: "Nora", Person: "nora", Role: access.Administrator, Tenant: "contoso"}

// office is a tenant with planted credentials and a planner.
type office struct {
	t        *testing.T
	db       *store.DB
	service  *Service
	planner  *Planner
	standing Standing
	proposed []string
	fails    map[string]error
}

// offices runs f on both databases.
func offices(t *testing.T, c Config, f func(t *testing.T, o *office)) {
	t.Helper()
	storetest.Each(t, []store.Schema{audit.Schema, inventory.Schema, Schema}, func(t *testing.T, db *store.DB) {
		log, err := audit.New(bytes.Repeat([]byte{7}, 32))
		if err != nil {
			t.Fatal(err)
		}
		o := &office{t: t, db: db, standing: Standing{Open: map[inventory.ObjectID]bool{}, Refused: map[string]bool{}}, fails: map[string]error{}}
		o.service = &Service{
			Store: db, Log: log, Inventory: &inventory.Service{Store: db},
			Schedule: newSchedule(t, c, Rules{Needs: needs, Lifetime: policy.Lifetime{Longest: 730 * day, Secret: 365 * day}}),
			Standing: func(*store.Tx, string) (Standing, error) { return o.standing, nil },
		}
		o.planner = &Planner{Service: o.service, Propose: func(_ context.Context, r inventory.Row) error {
			if err := o.fails[r.KeyID]; err != nil {
				return err
			}
			o.proposed = append(o.proposed, r.KeyID)
			o.standing.Open[r.Application.ObjectID] = true
			return nil
		}}
		o.do(`INSERT INTO inventory_tenant (tenant, num, next) VALUES ('contoso', 1, 1000000)`)
		f(t, o)
	})
}

func (o *office) do(query string, args ...any) {
	o.t.Helper()
	if err := o.db.Do(o.t.Context(), func(tx *store.Tx) error { _, err := tx.Exec(query, args...); return err }); err != nil {
		o.t.Fatal(err)
	}
}

// secret plants an application with one secret that has its place in a vault.
func (o *office) secret(num int, kind inventory.Kind, starts, expires time.Duration) string {
	o.t.Helper()
	key, now := fmt.Sprintf("key-%04d", num), time.Now()
	o.do(`INSERT INTO inventory_application (tenant, num, holder, object_id, object_look, client_id, client_look, name, fold, audience, home, kind, sso, notes, enabled, created, owners, owned, hash, gone)
		VALUES (1, $1, 'applications', $2, $1, $3, $1, $3, $3, '', '', '', '', '', 1, 0, '[]', 0, '', 0)`, num, fmt.Sprintf("object-%d", num), fmt.Sprintf("client-%d", num))
	o.do(`INSERT INTO inventory_credential (tenant, num, key_id, key_look, kind, label, hint, thumbprint, fingerprint, starts, expires, used, unmanaged, gone)
		VALUES (1, $1, $2, $3, $4, 'prod', 'abc', '', '', $5, $6, 0, 0, 0)`, num, key, look(key), string(kind), now.Add(starts).UnixMilli(), now.Add(expires).UnixMilli())
	o.do(`INSERT INTO inventory_deposit (tenant, vault, name, version, num, key_id, how) VALUES (1, 'embedded', $1, '', $2, $3, 'tag')`, key, num, key)
	return key
}

// look is the column by which the inventory finds a key id: FNV-1a of it.
func look(key string) int64 {
	h := fnv.New64a()
	h.Write([]byte(key))
	return int64(h.Sum64())
}

func (o *office) run() Outcome {
	o.t.Helper()
	out, err := o.planner.Run(o.t.Context(), "contoso")
	if err != nil {
		o.t.Fatal(err)
	}
	return out
}

func proposing(atOnce int) Config {
	c := Default()
	c.Propose, c.Bulk.AtOnce = true, atOnce
	return c
}

// TestWhatIsDueIsProposedInTheOrderOfEnds with room for three.
func TestWhatIsDueIsProposedInTheOrderOfEnds(t *testing.T) {
	offices(t, proposing(3), func(t *testing.T, o *office) {
		o.secret(1, inventory.ClientSecret, -170*day, 20*day)
		o.secret(2, inventory.ClientSecret, -170*day, 5*day)
		o.secret(3, inventory.ClientSecret, -100*day, 100*day) // not yet
		o.secret(4, inventory.ClientSecret, -350*day, 400*day) // too old in 15 days
		o.secret(5, inventory.Certificate, -350*day, 400*day)  // may become older
		o.secret(6, inventory.SAMLSigning, -350*day, 3*day)    // not ours
		o.secret(7, inventory.ClientSecret, -170*day, -day)    // is over
		o.secret(8, inventory.ClientSecret, -170*day, 10*day)
		o.do(`DELETE FROM inventory_deposit WHERE num = 8`)
		o.secret(9, inventory.ClientSecret, -170*day, 18*day)
		out := o.run()
		if want := []string{"key-0002", "key-0004", "key-0009"}; !slices.Equal(o.proposed, want) {
			t.Errorf("proposed %v, want %v", o.proposed, want)
		}
		if out.Proposed != 3 || out.Waiting != 1 || out.Failed != 0 {
			t.Errorf("%+v", out)
		}
		if want := map[State]int{NotRotated: 1, Placeless: 1}; !maps.Equal(out.Skipped, want) {
			t.Errorf("skipped %v, want %v", out.Skipped, want)
		}
		if out = o.run(); out.Proposed != 0 || out.Waiting != 1 || out.Skipped[UnderWay] != 3 {
			t.Errorf("while they are open: %+v", out)
		}
		delete(o.standing.Open, "object-2")
		o.do(`UPDATE inventory_credential SET gone = 1 WHERE key_id = 'key-0002'`)
		if out = o.run(); out.Proposed != 1 || o.proposed[3] != "key-0001" {
			t.Errorf("when there is room again: %+v %v", out, o.proposed)
		}
	})
}

func TestNothingIsProposedUnlessItIsWanted(t *testing.T) {
	c := proposing(10)
	c.Propose = false
	offices(t, c, func(t *testing.T, o *office) {
		o.secret(1, inventory.ClientSecret, -170*day, 5*day)
		if out := o.run(); out.Proposed != 0 || out.Waiting != 1 || len(o.proposed) != 0 {
			t.Errorf("%+v, %v", out, o.proposed)
		}
	})
}

// TestWhatCannotBeProposedDoesNotKeepOthersWaiting, nor does it take their place.
func TestWhatCannotBeProposedDoesNotKeepOthersWaiting(t *testing.T) {
	offices(t, proposing(2), func(t *testing.T, o *office) {
		for i := range 4 {
			o.secret(i, inventory.ClientSecret, -170*day, time.Duration(i+1)*day)
		}
		o.fails["key-0000"], o.fails["key-0001"] = errors.New("no slot"), errors.New("no slot")
		out := o.run()
		if out.Proposed != 2 || out.Failed != 2 || len(out.Errors) != 2 || !strings.Contains(out.Errors[0].Error(), `"key-0000": no slot`) {
			t.Errorf("%+v", out)
		}
		clear(o.fails)
		o.standing.Open = map[inventory.ObjectID]bool{}
		if out = o.run(); out.Proposed != 2 || out.Failed != 0 || slices.Contains(o.proposed, "key-0000") {
			t.Errorf("on the same day: %+v %v", out, o.proposed)
		}
	})
}

func TestAPersonsWordHolds(t *testing.T) {
	offices(t, proposing(10), func(t *testing.T, o *office) {
		for i := range 3 {
			o.secret(i, inventory.ClientSecret, -170*day, 10*day)
		}
		o.standing.Refused["key-0000"] = true
		until := time.Now().Add(3 * day)
		p, err := o.service.Postpone(t.Context(), nora, "key-0001", until, " the partner is on holiday ")
		if err != nil || p.Reason != "the partner is on holiday" || p.By != "Nora" {
			t.Fatalf("%+v, %v", p, err)
		}
		items, next, err := o.service.Items(t.Context(), nora, Question{Until: time.Now()})
		if err != nil || next != "" {
			t.Fatal(next, err)
		}
		got := map[string]State{}
		for _, i := range items {
			got[i.KeyID] = i.State
		}
		if diff := cmp.Diff(map[string]State{"key-0000": Refused, "key-0001": Postponed, "key-0002": Ready}, got); diff != "" {
			t.Error(diff)
		}
		if out := o.run(); out.Proposed != 1 || o.proposed[0] != "key-0002" {
			t.Errorf("%+v %v", out, o.proposed)
		}
		if err := o.service.Resume(t.Context(), nora, "key-0001"); err != nil {
			t.Fatal(err)
		}
		if err := o.service.Resume(t.Context(), nora, "key-0001"); !errors.Is(err, inventory.ErrNotFound) {
			t.Errorf("a second time: %v", err)
		}
		if out := o.run(); out.Proposed != 1 || o.proposed[1] != "key-0001" {
			t.Errorf("afterwards: %+v %v", out, o.proposed)
		}
		admin := nora
		admin.Role = access.Administrator
		entries, err := audit.List(t.Context(), o.db, admin, audit.Query{Limit: 10})
		if err != nil || len(entries) != 2 || entries[1].Action != "schedule.postpone" || entries[1].Detail["reason"] != "the partner is on holiday" || entries[0].Detail["made"] != "resumption" {
			t.Errorf("recorded: %+v, %v", entries, err)
		}
	})
}

func TestPostponementsThatWouldBeAnOutageAreRefused(t *testing.T) {
	offices(t, proposing(10), func(t *testing.T, o *office) {
		key := o.secret(1, inventory.ClientSecret, -170*day, 10*day)
		auditor := nora
		auditor.Role = access.Auditor
		for what, try := range map[string]func() error{
			"behind its end": func() error {
				_, err := o.service.Postpone(t.Context(), nora, key, time.Now().Add(11*day), "x")
				return err
			},
			"in the past": func() error {
				_, err := o.service.Postpone(t.Context(), nora, key, time.Now().Add(-day), "x")
				return err
			},
			"without a reason": func() error {
				_, err := o.service.Postpone(t.Context(), nora, key, time.Now().Add(day), " ")
				return err
			},
		} {
			if _, ok := errors.AsType[*InvalidError](try()); !ok {
				t.Errorf("%s: %v", what, try())
			}
		}
		if _, err := o.service.Postpone(t.Context(), nora, "nothing", time.Now().Add(day), "x"); !errors.Is(err, inventory.ErrNotFound) {
			t.Errorf("nothing: %v", err)
		}
		if _, err := o.service.Postpone(t.Context(), auditor, key, time.Now().Add(day), "x"); err == nil {
			t.Error("an auditor postponed")
		} else if _, ok := errors.AsType[*access.DeniedError](err); !ok {
			t.Error(err)
		}
		stranger := nora
		stranger.Tenant = "fabrikam"
		if _, err := o.service.Postpone(t.Context(), stranger, key, time.Now().Add(day), "x"); !errors.Is(err, inventory.ErrNotFound) {
			t.Errorf("of another tenant: %v", err)
		}
	})
}

// TestPagesOfWhatIsDueMakeTheWholeList, and the picture counts the same.
func TestPagesOfWhatIsDueMakeTheWholeList(t *testing.T) {
	c := proposing(10)
	tomorrow := time.Now().UTC().Truncate(day).Add(20 * day).Format(time.DateOnly)
	c.Freezes = []Freeze{{Name: "stock take", From: tomorrow, To: tomorrow}}
	offices(t, c, func(t *testing.T, o *office) {
		for i := range 23 {
			o.secret(i, inventory.ClientSecret, -100*day, time.Duration(40+i*3)*day)
		}
		q := Question{Until: time.Now().UTC().Truncate(day).Add(40 * day), Limit: 1000}
		whole, _, err := o.service.Items(t.Context(), nora, q)
		if err != nil || len(whole) < 8 || len(whole) == 23 {
			t.Fatalf("%d items, %v", len(whole), err)
		}
		var paged []string
		for q.Limit = 3; ; {
			page, next, err := o.service.Items(t.Context(), nora, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range page {
				paged = append(paged, i.KeyID)
			}
			if q.After = next; next == "" {
				break
			}
		}
		var want []string
		for _, i := range whole {
			want = append(want, i.KeyID)
		}
		if !slices.Equal(paged, want) {
			t.Errorf("pages have %v, want %v", paged, want)
		}
		days, err := o.service.Days(t.Context(), nora, 40)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, d := range days {
			sum += d.Due
		}
		if sum != len(whole) || len(days) != 40 || days[20].Frozen != "stock take" || days[20].Due != 0 || days[19].Frozen != "" || days[21].Frozen != "" {
			t.Errorf("%d in the picture, want %d: %+v", sum, len(whole), days[19:22])
		}
	})
}
