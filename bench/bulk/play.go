package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/schedule"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
	"rekey.example/rekey/internal/store"
)

const (
	workers = 16 // rotations of a tenant that are worked on at once
	apps    = 150
	latency = 150 * time.Millisecond // of one request
	middle  = 6 * time.Minute        // when the emergency begins
)

// tenant is one pretended directory and our connector to it.
type tenant struct {
	cloud     *sim.Cloud
	directory *entra.Directory
	budget    *schedule.Budget
	apps      []inventory.Application

	writes, refused atomic.Int64
}

func run(ctx context.Context, folder string, tenants, rotations int, budgeted bool) (r result, err error) {
	db, err := store.Open(ctx, filepath.Join(folder, "bulk.db"), schedule.Schema)
	if err != nil {
		return r, err
	}
	defer db.Close()
	var commits atomic.Int64
	db.Committed = func() { commits.Add(1) }
	var all []*tenant
	for i := range tenants {
		t, err := open(db, uint64(i+1), budgeted)
		if err != nil {
			return r, err
		}
		defer t.cloud.Close()
		all = append(all, t)
	}
	start := time.Now()
	failed := make(chan error, tenants+2)
	var wg sync.WaitGroup
	for i, t := range all {
		n := rotations / 2
		if i > 0 {
			n = rotations / 2 / max(1, tenants-1)
		}
		wg.Go(func() {
			failed <- t.bulk(ctx, n)
			if i == 0 {
				r.took = time.Since(start)
			}
		})
	}
	wg.Go(func() {
		time.Sleep(middle)
		failed <- all[0].emergency(schedule.WithEmergency(ctx), &r)
	})
	wg.Wait()
	close(failed)
	for e := range failed {
		err = errors.Join(err, e)
	}
	for _, t := range all {
		r.writes, r.refused = r.writes+int(t.writes.Load()), r.refused+int(t.refused.Load())
	}
	r.largest, r.commits = 2*(rotations/2), int(commits.Load())
	return r, err
}

func open(db *store.DB, seed uint64, budgeted bool) (*tenant, error) {
	cloud, err := sim.New(sim.Config{World: world.Config{Seed: seed, Limits: true}, Apps: apps})
	if err != nil {
		return nil, err
	}
	t := &tenant{cloud: cloud}
	as, wire := cloud.Tenant().Admin, far{cloud.RoundTripper(sim.Hooks{})}
	id, err := azure.Open(azure.Config{Tenant: cloud.Tenant().ID, Client: as.ClientID, Secret: secret.New(as.Secret), Wire: azure.Wire{Round: wire}})
	if err != nil {
		return nil, err
	}
	t.budget = &schedule.Budget{Store: db, Tenant: cloud.Tenant().ID, Writer: as.ClientID}
	keeper := &schedule.Writes{Budget: t.budget}
	c := rest.Config{Base: "https://graph.microsoft.com", Transport: wire, Credential: id, Scope: "https://graph.microsoft.com/.default"}
	c.AfterWrite = t.count
	if budgeted {
		c.BeforeWrite = keeper.Before
		c.AfterWrite = func(resp *http.Response) { t.count(resp); keeper.After(resp) }
	}
	graph, err := rest.New(c)
	if err != nil {
		return nil, err
	}
	t.directory = &entra.Directory{Graph: graph, Tenant: cloud.Tenant().ID}
	cloud.World().Read(func() {
		for _, a := range cloud.World().Directory.ApplicationsInOrder() {
			if a != nil && len(a.Passwords) < 3 && a.Audience == "AzureADMyOrg" { // others have fewer slots
				t.apps = append(t.apps, inventory.Application{
					Tenant: cloud.Tenant().ID, ObjectID: inventory.ObjectID(a.ID), ClientID: inventory.ClientID(a.AppID), Holder: inventory.InApplications, Name: a.Name,
				})
			}
		}
	})
	if len(t.apps) < urgent {
		return nil, fmt.Errorf("the pretended tenant has %d applications", len(t.apps))
	}
	return t, nil
}

// far is a service that takes its time.
type far struct{ http.RoundTripper }

func (f far) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "graph.microsoft.com" { // others wait for a token behind a mutex, on which virtual time does not pass
		time.Sleep(latency)
	}
	return f.RoundTripper.RoundTrip(r)
}

func (t *tenant) count(resp *http.Response) {
	if resp.StatusCode == http.StatusTooManyRequests {
		t.refused.Add(1)
		return
	}
	t.writes.Add(1)
}

// bulk rotates n secrets, one application in one worker's hands at a time.
func (t *tenant) bulk(ctx context.Context, n int) error {
	queue := make(chan int, n)
	for i := range n {
		queue <- i
	}
	close(queue)
	var failure error
	var once sync.Once
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			k := 0
			for range queue {
				app := t.apps[w+workers*k]
				if k++; w+workers*k >= len(t.apps) {
					k = 0
				}
				if _, err := t.rotate(ctx, app); err != nil {
					once.Do(func() { failure = err })
					return
				}
			}
		})
	}
	wg.Wait()
	return failure
}

// rotate sends the two writes of a rotation, and says when the first was taken.
func (t *tenant) rotate(ctx context.Context, app inventory.Application) (began time.Time, err error) {
	var issued inventory.Credential
	err = t.until(ctx, func() (err error) {
		issued, _, err = t.directory.Issue(ctx, connector.Order{Holder: app, Kind: inventory.ClientSecret, Label: "bulk", Marker: "rk-bulk", Expires: time.Now().AddDate(0, 0, 90)})
		return err
	})
	began = time.Now()
	if err != nil {
		return began, err
	}
	return began, t.until(ctx, func() error { return t.directory.Withdraw(ctx, app, issued.KeyID) })
}

// until repeats what was throttled when it is due again, as the journal does, and
// what was lagging.
func (t *tenant) until(ctx context.Context, do func() error) error {
	for {
		err := do()
		pause := time.Second
		if e, ok := errors.AsType[*connector.ThrottledError](err); ok {
			pause = max(pause, e.After)
		} else if !errors.Is(err, connector.ErrLagging) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// emergency rotates one application, then a hundred at once.
func (t *tenant) emergency(ctx context.Context, r *result) error {
	start := time.Now()
	if _, err := t.rotate(ctx, t.apps[len(t.apps)-1]); err != nil {
		return err
	}
	r.urgentWait = time.Since(start)
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failure error
	start = time.Now()
	for i := range urgent {
		wg.Go(func() {
			began, err := t.rotate(ctx, t.apps[len(t.apps)-1-i])
			mu.Lock()
			defer mu.Unlock()
			failure = errors.Join(failure, err)
			r.urgentAll = max(r.urgentAll, began.Sub(start))
		})
	}
	wg.Wait()
	return failure
}
