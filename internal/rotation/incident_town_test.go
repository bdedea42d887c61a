package rotation_test

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector/embedded"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
	"rekey.example/rekey/internal/store"
)

const (
	compromised = 200
	carriers    = 8 // rotations that are carried at once, as in production
)

// TestTwoHundredApplicationsAreRescuedInTenMinutes is SAFETY T13: an emergency for
// 200 applications, under the directory's write limits and with its lag. All new
// values are live within ten minutes of the approval, and the report is N of N.
func TestTwoHundredApplicationsAreRescuedInTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCity(t)
		defer w.stop()
		emma := access.Actor{ID: "token:emma", Name: "Emma", Person: "emma@contoso.com", Role: access.Administrator, Tenant: w.tenant.ID}
		targets := w.owned(compromised)
		if len(targets) != compromised {
			t.Fatalf("the tenant has %d applications to rescue", len(targets))
		}
		targets = append(targets, rotation.Target{Named: "nobody", Problem: "not found: nobody", Cure: "look again"})
		ctx := context.Background()
		i, err := w.keeper.OpenIncident(ctx, emma, rotation.IncidentRequest{Reason: "the build server was taken over", Plan: "emergency", Others: rotation.KeepOthers, Targets: targets})
		if err != nil {
			t.Fatal(err)
		}
		if c := i.Counts(); c.Items != compromised+1 || c.Waiting != compromised {
			t.Fatalf("after opening %+v; the first: %q", c, i.Items[0].Problem)
		}
		began := time.Now()
		if i, err = w.keeper.ApproveIncident(ctx, omar, i.ID, i.Hash); err != nil {
			t.Fatal(err)
		}
		live := time.Time{}
		for time.Since(began) < 72*time.Hour {
			next := w.carryDue(carriers)
			if i, err = w.keeper.Incident(ctx, omar, i.ID); err != nil {
				t.Fatal(err)
			}
			c := i.Counts()
			if live.IsZero() && c.Live == compromised {
				live = time.Now()
			}
			if c.Waiting+c.Going == 0 {
				break
			}
			time.Sleep(max(time.Until(next), time.Second))
		}
		c := i.Counts()
		if live.IsZero() || live.Sub(began) > 10*time.Minute {
			t.Errorf("all new values were live after %s, want at most 10 min: %+v", live.Sub(began), c)
		}
		if c.Done != compromised || c.Failed != 1 || c.Withdrawn != compromised {
			t.Errorf("at the end %+v", c)
		}
		ended := 0
		for _, l := range i.Report() {
			if l.State == rotation.ItemDone && (l.Withdrawn.IsZero() || l.NewKeyID == "" || l.Evidence == "") {
				t.Errorf("done without evidence: %+v", l)
			}
			switch l.State {
			case rotation.ItemDone:
				ended++
			case rotation.ItemWaiting, rotation.ItemGoing:
				t.Errorf("%s has not ended: %s", l.Named, l.What)
			}
		}
		t.Logf("%d of %d accounted for, all new values live after %s", ended+c.Failed, c.Items, live.Sub(began).Round(time.Second))
	})
}

// newCity is a town with more applications, and the directory's limits on.
func newCity(t *testing.T) *town {
	t.Helper()
	cloud, err := sim.New(sim.Config{World: world.Config{Seed: 7, Signer: signer, Lag: realLag, Limits: true}, Apps: 900})
	if err != nil {
		t.Fatal(err)
	}
	w := &town{t: t, cloud: cloud, tenant: cloud.Tenant(), folder: t.TempDir(), point: func() {}, sent: map[string]int{}, tries: 2, own: new(sync.Map)}
	w.spot = func(spot) {}
	nora.Tenant, omar.Tenant = w.tenant.ID, w.tenant.ID
	db, err := store.Open(t.Context(), filepath.Join(w.folder, "rekey.db"), audit.Schema, inventory.Schema, embedded.Schema, rotation.Schema, rotation.IncidentSchema)
	if err != nil {
		t.Fatal(err)
	}
	w.use(db)
	return w
}

// owned are applications that rekey may change and that have a live secret.
func (w *town) owned(n int) (list []rotation.Target) {
	w.cloud.World().Read(func() {
		for _, a := range w.cloud.World().Directory.ApplicationsInOrder() {
			if a == nil || len(list) == n || !slices.Contains(a.Owners, w.tenant.Writer.PrincipalID) || len(a.Keys) > 0 || a.Audience != "AzureADMyOrg" {
				continue
			}
			if p := w.cloud.World().Directory.ServicePrincipalByClient(a.AppID); p == nil || !p.Enabled {
				continue // nothing can sign in as it, so nothing can be proved
			}
			i := slices.IndexFunc(a.Passwords, func(p *world.Password) bool { return time.Until(p.Ends) > 24*time.Hour && p.Ends.Year() < 2200 })
			if i < 0 {
				continue
			}
			list = append(list, rotation.Target{Named: a.Name, Request: &rotation.Request{
				Application: inventory.Application{Tenant: w.tenant.ID, ObjectID: inventory.ObjectID(a.ID), ClientID: inventory.ClientID(a.AppID), Holder: inventory.InApplications, Name: a.Name},
				Old:         inventory.Credential{KeyID: a.Passwords[i].KeyID, Kind: inventory.ClientSecret},
				Place:       inventory.Place{Vault: inventory.Embedded, Name: "s-" + a.ID},
			}})
		}
	})
	return list
}

// carryDue lets everything that is due go on, so many at once, and says when
// something will be due next.
func (w *town) carryDue(hands int) (next time.Time) {
	w.t.Helper()
	refs, next, err := w.keeper.Due(context.Background(), 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	free := make(chan struct{}, hands)
	var hired sync.WaitGroup
	for _, ref := range refs {
		free <- struct{}{}
		hired.Go(func() {
			defer func() { <-free }()
			if err := w.keeper.Advance(context.Background(), ref.Tenant, ref.ID); err != nil {
				w.t.Errorf("advance: %v", err)
			}
		})
	}
	hired.Wait()
	return next
}
