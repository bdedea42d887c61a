package rotation_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/embedded"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

var incidentSchemas = []store.Schema{audit.Schema, inventory.Schema, embedded.Schema, rotation.Schema, rotation.IncidentSchema}

// village is a directory of a few applications that answers at once, with a vault
// that holds nothing.
type village struct {
	held map[inventory.ObjectID][]inventory.Credential
	ways map[inventory.ObjectID][]connector.Way
	fail map[inventory.ObjectID]error
}

func (v *village) Credentials(_ context.Context, a inventory.Application) ([]inventory.Credential, error) {
	return v.held[a.ObjectID], v.fail[a.ObjectID]
}

func (v *village) Issue(context.Context, connector.Order) (inventory.Credential, secret.Value, error) {
	return inventory.Credential{}, secret.Value{}, errors.New("this village issues nothing")
}

func (v *village) Withdraw(_ context.Context, a inventory.Application, keyID string) error {
	v.held[a.ObjectID] = slices.DeleteFunc(slices.Clone(v.held[a.ObjectID]), func(c inventory.Credential) bool { return c.KeyID == keyID })
	return nil
}

func (v *village) Ways(_ context.Context, a inventory.Application) (list []connector.Way, _ error) {
	for _, c := range v.held[a.ObjectID] {
		list = append(list, connector.Way{Object: a.ObjectID, Holder: a.Holder, Kind: c.Kind, ID: c.KeyID, Label: c.Label})
	}
	return append(list, v.ways[a.ObjectID]...), nil
}

func (v *village) Close(ctx context.Context, a inventory.Application, w connector.Way) error {
	v.ways[a.ObjectID] = slices.DeleteFunc(slices.Clone(v.ways[a.ObjectID]), func(o connector.Way) bool { return o == w })
	return v.Withdraw(ctx, a, w.ID)
}

type empty struct{}

func (empty) Put(context.Context, string, connector.Deposit) (string, error) {
	return "", errors.New("full")
}
func (empty) Get(context.Context, string) (connector.Deposit, error) {
	return connector.Deposit{}, connector.ErrNotFound
}

const villageTenant = "33333333-3333-4333-8333-333333333333"

var (
	anna = access.Actor{ID: "token:anna", Name: "Anna", Person: "anna@contoso.com", Role: access.Administrator, Tenant: villageTenant}
	bert = access.Actor{ID: "token:bert", Name: "Bert", Person: "bert@contoso.com", Role: access.Administrator, Tenant: villageTenant}
	uwe  = access.Actor{ID: "token:uwe", Name: "Uwe", Person: "uwe@contoso.com", Role: access.User, Tenant: villageTenant}
)

func settle(t *testing.T, db *store.DB) (*rotation.Keeper, *village) {
	t.Helper()
	ring, err := secret.OpenKeyring(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.New(ring.Signing)
	if err != nil {
		t.Fatal(err)
	}
	v := &village{held: map[inventory.ObjectID][]inventory.Credential{}, ways: map[inventory.ObjectID][]connector.Way{}, fail: map[inventory.ObjectID]error{}}
	sys := rotation.Systems{
		Issuer: v, Now: func(context.Context) (time.Time, error) { return time.Now(), nil },
		Vault: func(string) (connector.Vault, error) { return empty{}, nil },
	}
	short := map[string]rotation.Timing{"revoke": {Successes: 1}}
	return &rotation.Keeper{
		Store: db, Log: log, Sealer: ring.Sealer, Markers: ring.Markers, Values: ring.Values, Timings: short,
		Systems: func(string, inventory.HolderKind) (rotation.Systems, error) { return sys, nil },
	}, v
}

// house makes an application with so many secrets and returns what names each.
func (v *village) house(name string, secrets int) (list []rotation.Target) {
	a := inventory.Application{Tenant: villageTenant, ObjectID: inventory.ObjectID("o-" + name), ClientID: inventory.ClientID("c-" + name), Holder: inventory.InApplications, Name: name}
	for n := range secrets {
		c := inventory.Credential{Tenant: villageTenant, Holder: a.ObjectID, KeyID: fmt.Sprintf("k-%s-%d", name, n), Kind: inventory.ClientSecret, Label: "=1+1", Expires: time.Now().AddDate(0, 6, 0).UTC().Truncate(time.Second)}
		v.held[a.ObjectID] = append(v.held[a.ObjectID], c)
		list = append(list, rotation.Target{Named: name, Request: &rotation.Request{Application: a, Old: c}})
	}
	return list
}

// Everything that was named is accounted for, whatever became of it; one person
// opens it and another approves the whole.
func TestAnIncidentAccountsForEverything(t *testing.T) {
	storetest.Each(t, incidentSchemas, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		k, v := settle(t, db)
		targets := slices.Concat(v.house("one", 1), v.house("two", 2), v.house("gone", 1), v.house("busy", 1))
		targets = append(targets, targets[0], rotation.Target{Named: "nobody", Problem: "not found: nobody", Cure: "look again"})
		v.ways["o-one"] = []connector.Way{{Object: "sp-one", Holder: inventory.InServicePrincipals, Kind: inventory.ClientSecret, ID: "k-hidden"}, {Object: "o-one", Holder: inventory.InApplications, Kind: inventory.OwnerRight, ID: "mallory", Label: "Mallory"}}
		delete(v.held, "o-gone")
		busy := *targets[4].Request
		busy.Place = inventory.Place{Vault: inventory.Embedded, Name: "busy"}
		planned, err := k.Propose(ctx, bert, busy)
		if err != nil {
			t.Fatal(err)
		}
		q := rotation.IncidentRequest{Reason: "the build server was taken over", Plan: "revoke", Others: rotation.RemoveOthers, Targets: targets}

		if _, err := k.OpenIncident(ctx, uwe, q); !isDenied(err) {
			t.Errorf("a user opens an incident: %v", err)
		}
		dry, err := k.PlanIncident(ctx, anna, q)
		if err != nil || dry.Counts().Items != 6 {
			t.Fatalf("the plan: %+v %v", dry, err)
		}
		if list, _, err := k.Incidents(ctx, anna, rotation.Cursor{}, 0); err != nil || len(list) != 0 {
			t.Errorf("a plan was recorded: %v %v", list, err)
		}
		i, err := k.OpenIncident(ctx, anna, q)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := k.Get(ctx, anna, planned.ID); err != nil || r.State != rotation.Cancelled {
			t.Errorf("the planned rotation in the way: %+v %v", r, err)
		}
		if c := i.Counts(); c.Items != 6 || c.Waiting != 4 || c.Failed != 2 {
			t.Errorf("after opening: %+v", c)
		}
		if _, err := k.ApproveIncident(ctx, anna, i.ID, i.Hash); !isDenied(err) {
			t.Errorf("who opened it approves it: %v", err)
		}
		if _, err := k.ApproveIncident(ctx, bert, i.ID, strings.Repeat("0", 64)); !isDenied(err) {
			t.Errorf("another list is approved: %v", err)
		}
		if _, err := k.CloseIncident(ctx, anna, i.ID, "x"); !errors.Is(err, rotation.ErrConflict) {
			t.Errorf("closed while items are open: %v", err)
		}
		if i, err = k.ApproveIncident(ctx, bert, i.ID, i.Hash); err != nil {
			t.Fatal(err)
		}
		finish(t, k, i)
		if i, err = k.Incident(ctx, anna, i.ID); err != nil {
			t.Fatal(err)
		}
		if c := i.Counts(); c.Done != 4 || c.Failed != 2 || c.Withdrawn != 4 {
			t.Errorf("at the end: %+v", c)
		}
		if len(v.held["o-one"])+len(v.held["o-two"])+len(v.held["o-busy"]) != 0 || len(v.ways["o-one"]) != 1 || v.ways["o-one"][0].ID != "mallory" {
			t.Errorf("left are %v and %v", v.held, v.ways)
		}
		if _, err := k.CloseIncident(ctx, anna, i.ID, ""); err == nil {
			t.Error("closed without a word about what could not be dealt with")
		}
		if i, err = k.CloseIncident(ctx, anna, i.ID, "looked at by hand"); err != nil {
			t.Fatal(err)
		}
		reported(t, i)
		var out bytes.Buffer
		if _, err := k.Log.ExportAll(ctx, db, &out); err != nil {
			t.Fatal(err)
		}
		for _, action := range []access.Action{access.OpenIncident, access.ApproveIncident, access.CloseIncident} {
			if !strings.Contains(out.String(), string(action)) {
				t.Errorf("the log lacks %s", action)
			}
		}
	})
}

func isDenied(err error) bool {
	_, ok := errors.AsType[*access.DeniedError](err)
	return ok
}

// finish carries every rotation of an incident to its end.
func finish(t *testing.T, k *rotation.Keeper, i *rotation.Incident) {
	t.Helper()
	for range 50 {
		open := 0
		for _, item := range i.Items {
			if item.Rotation == "" {
				continue
			}
			if err := k.Advance(t.Context(), villageTenant, item.Rotation); err != nil {
				t.Fatal(err)
			}
			if r, err := k.Get(t.Context(), anna, item.Rotation); err != nil {
				t.Fatal(err)
			} else if r.State == rotation.Open {
				open++
			}
		}
		if open == 0 {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Fatal("the incident does not end")
}

func reported(t *testing.T, i *rotation.Incident) {
	t.Helper()
	lines := i.Report()
	if len(lines) != len(i.Items) {
		t.Fatalf("%d lines for %d items", len(lines), len(i.Items))
	}
	one := lines[0]
	if one.State != rotation.ItemDone || one.Withdrawn.IsZero() || !one.TokensUntil.Equal(one.Withdrawn.Add(90*time.Minute)) || len(one.Removed) != 1 || len(one.Kept) != 1 || one.Evidence == "" {
		t.Errorf("%+v", one)
	}
	for _, l := range lines {
		if l.State == rotation.ItemFailed && (l.What == "" || l.Cure == "") {
			t.Errorf("nobody knows why, or what to do: %+v", l)
		}
	}
	var out bytes.Buffer
	if err := i.WriteCSV(&out); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(out.String(), "\ufeff"))).ReadAll()
	if err != nil || len(rows) != len(lines)+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if strings.HasPrefix(cell, "=") {
				t.Errorf("a formula: %q", cell)
			}
		}
	}
	out.Reset()
	if err := i.WriteMarkdown(&out); err != nil || !strings.Contains(out.String(), "6 named: 4 done, 0 kept, 2 could not") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// A crash while an incident is opened or approved leaves nothing behind.
func TestAnIncidentGoesOnAfterACrash(t *testing.T) {
	db := storetest.SQLite(t, incidentSchemas...)
	k, v := settle(t, db)
	var targets []rotation.Target
	for n := range 5 {
		targets = append(targets, v.house(fmt.Sprintf("app%d", n), 1)...)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancelled := false
	db.Committed = func() {
		if !cancelled {
			cancelled = true
			cancel() // right after the incident is recorded
		}
	}
	q := rotation.IncidentRequest{Reason: "leak", Plan: "revoke", Targets: targets, BreakGlass: "it is night"}
	i, err := k.OpenIncident(ctx, anna, q)
	if err == nil || i == nil {
		t.Fatalf("the crash was not noticed: %v", err)
	}
	db.Committed = nil
	left, err := k.Incident(t.Context(), anna, i.ID)
	if err != nil || left.State != rotation.IncidentOpening || len(left.Items) != 5 {
		t.Fatalf("%+v %v", left, err)
	}
	if err := k.CarryIncidents(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err = k.Incident(t.Context(), anna, i.ID); err != nil || left.State != rotation.IncidentOpening {
		t.Errorf("another process took it while the first may still be at it: %s %v", left.State, err)
	}
	k.Store.Committed = nil
	if err := k.ResumeIncident(t.Context(), villageTenant, i.ID); err != nil {
		t.Fatal(err)
	}
	if left, err = k.Incident(t.Context(), anna, i.ID); err != nil || left.State != rotation.IncidentRunning || left.Counts().Going != 5 {
		t.Errorf("%s %+v %v", left.State, left.Counts(), err)
	}
}
