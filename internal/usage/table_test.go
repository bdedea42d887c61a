package usage

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
	"rekey.example/rekey/internal/trail"
)

var schemas = []store.Schema{audit.Schema, inventory.Schema, policy.Schema, trail.Schema, trail.ReachSchema, Schema}

var somebody = access.Actor{ID: "x", Role: access.User, Tenant: "contoso"}

// house is a meter on a trail.
type house struct {
	*testing.T
	db    *store.DB
	log   *audit.Log
	meter *Meter
	trail *trail.Trail
	n     int
}

func newHouse(t *testing.T, db *store.DB) *house {
	t.Helper()
	log, err := audit.New(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{T: t, db: db, log: log, meter: &Meter{Store: db, Log: log}}
	h.trail = &trail.Trail{Store: db, Log: log, Used: h.meter.Take, Settle: policy.Settle, Report: func(*store.Tx, *audit.Log, policy.Finding) error { return nil }}
	return h
}

// record is one sign-in as a source tells it.
func record(id, key string, at time.Time, address, country string) connector.Record {
	return connector.Record{
		ID: id, Time: at, Operation: "Sign-in", Outcome: "success", Actor: connector.Someone{Kind: "app", Name: "D365_Basware", ClientID: "client-1", Address: address},
		Deeds: []connector.Deed{{Action: connector.SignedIn, ClientID: "client-1", Name: "D365_Basware", KeyID: key, Detail: map[string]string{"country": country, "resource": "Microsoft Graph"}}},
	}
}

func (h *house) take(records ...connector.Record) {
	h.Helper()
	if err := h.trail.Take(h.Context(), "contoso", "sign-in log", records); err != nil {
		h.Fatal(err)
	}
}

// habit are forty days of one use a day that end today.
func (h *house) habit(key string) (list []connector.Record) {
	for d := range 40 {
		at := time.Now().Add(-time.Duration(40-d) * 24 * time.Hour)
		list = append(list, record(fmt.Sprintf("%s-%d", key, d), key, at, "20.50.1.7", "NL"))
	}
	return list
}

func (h *house) findings() (list []policy.Finding) {
	h.Helper()
	err := h.db.View(h.Context(), func(tx *store.Tx) (err error) {
		list, err = policy.Standing(tx, "contoso", Rule)
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return list
}

func (h *house) body(key string) (body string) {
	h.Helper()
	err := h.db.View(h.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT body FROM usage_sketch WHERE tenant = $1 AND key_id = $2`, "contoso", key).Scan(&body)
	})
	if err != nil {
		h.Fatal(err)
	}
	return body
}

func TestOneFindingPerCredentialAndKind(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		h.take(h.habit("key-1")...)
		if f := h.findings(); len(f) != 0 {
			t.Fatalf("of what is usual: %+v", f)
		}
		for i := range 15 {
			h.take(record(fmt.Sprintf("odd-%d", i), "KEY-1", time.Now().Add(time.Duration(i)*time.Second), "189.4.1.9", "BR"))
		}
		list := h.findings()
		if len(list) != 1 {
			t.Fatalf("got %d findings: %+v", len(list), list)
		}
		f := list[0]
		for _, want := range []string{"from BR", "from 189.4.1.9", "Normal for it: on 40 days of use it came from NL", "15 such uses so far"} {
			if !strings.Contains(f.Reason, want) {
				t.Errorf("%q does not say %q", f.Reason, want)
			}
		}
		if f.Severity != policy.High || f.Title != "D365_Basware" || f.KeyID != "key-1" {
			t.Errorf("got %+v", f)
		}
	})
}

func TestWhatWasAcknowledgedIsNormalAndTheNextIsNot(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		h.take(h.habit("key-1")...)
		h.take(record("odd-1", "key-1", time.Now(), "189.4.1.9", "BR"))
		p, err := policy.New(db, h.log, policy.Default())
		if err != nil {
			t.Fatal(err)
		}
		admin := access.Actor{ID: "a", Name: "Anna", Role: access.Administrator, Tenant: "contoso"}
		if _, err := p.Acknowledge(t.Context(), admin, h.findings()[0].ID, "a new colleague in Brazil"); err != nil {
			t.Fatal(err)
		}
		if err := h.meter.Settle(t.Context(), "contoso"); err != nil {
			t.Fatal(err)
		}
		h.take(record("odd-2", "key-1", time.Now().Add(time.Second), "189.4.1.9", "BR"))
		if f := h.findings(); len(f) != 0 {
			t.Errorf("of what was acknowledged: %+v", f)
		}
		h.take(record("odd-3", "key-1", time.Now().Add(2*time.Second), "190.4.1.9", "AR"))
		if f := h.findings(); len(f) != 1 || f[0].State != policy.Open || !strings.Contains(f[0].Reason, "from AR") {
			t.Errorf("of the next country: %+v", f)
		}
	})
}

func TestARecordThatComesAgainChangesNothing(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		list := h.habit("key-1")
		h.take(list...)
		before := h.body("key-1")
		h.take(list...)
		h.take(list[3:9]...)
		if got := h.body("key-1"); got != before {
			t.Errorf("got %s\nwant %s", got, before)
		}
		var s Sketch
		if err := json.Unmarshal([]byte(before), &s); err != nil || s.Uses != 40 || s.Active != 40 {
			t.Errorf("got %d uses on %d days, %v", s.Uses, s.Active, err)
		}
	})
}

// What was read before a crash is not counted twice: the sketch and the records are
// one commit.
func TestACrashLosesNoUseAndCountsNoneTwice(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		list := h.habit("key-1")
		h.trail.Used = func(tx *store.Tx, tenant string, signIns []*trail.Event) error {
			if err := h.meter.Take(tx, tenant, signIns); err != nil {
				return err
			}
			return fmt.Errorf("the process is killed here")
		}
		if err := h.trail.Take(t.Context(), "contoso", "sign-in log", list); err == nil {
			t.Fatal("nothing failed")
		}
		h.trail.Used = h.meter.Take
		h.take(list...)
		e, err := h.meter.Evidence(t.Context(), somebody, "KEY-1", time.Now().AddDate(0, 0, -10))
		if err != nil || e.Sketch.Uses != 40 || e.Count != 9 && e.Count != 10 {
			t.Errorf("got %d uses, %d of them lately, %v", e.Sketch.Uses, e.Count, err)
		}
	})
}

func TestHistoryIsLearntAndNobodyIsAskedAboutIt(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	h := newHouse(t, db)
	var list []connector.Record
	for d := range 90 {
		at := time.Now().Add(-time.Duration(100-d) * 24 * time.Hour)
		land := "NL"
		if d == 80 {
			land = "BR"
		}
		list = append(list, record(fmt.Sprint(d), "key-1", at, "20.50.1.7", land))
	}
	h.take(list...)
	if f := h.findings(); len(f) != 0 || strings.Contains(h.body("key-1"), "alarms") {
		t.Errorf("got %+v, %s", f, h.body("key-1"))
	}
}

func TestTheLastUserIsNamed(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		h.take(h.habit("key-1")...)
		h.take(record("late", "key-1", time.Now(), "52.3.4.5", "IE"))
		e, err := h.meter.Evidence(t.Context(), somebody, "key-1", time.Now().AddDate(0, 0, -5))
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Users) != 2 || e.Users[0].Network != "52.3.4.0/24" || e.Users[0].Country != "IE" || e.Users[0].Resource != "Microsoft Graph" || e.Users[1].Count < 4 {
			t.Errorf("got %+v", e.Users)
		}
		if e.Last.Address != "52.3.4.5" || e.Reported.IsZero() || !e.Whole {
			t.Errorf("got %+v", e)
		}
		if _, err := h.meter.Evidence(t.Context(), access.Actor{ID: "y", Role: access.User, Tenant: "fabrikam"}, "key-1", time.Time{}); err == nil {
			t.Error("another tenant sees the uses")
		}
		if _, err := h.meter.Evidence(t.Context(), access.Actor{ID: "y", Tenant: "contoso"}, "key-1", time.Time{}); err == nil {
			t.Error("somebody without a role sees the uses")
		}
	})
}
