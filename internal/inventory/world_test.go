package inventory_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

// fixture is a pretended tenant and an inventory of it.
type fixture struct {
	t      *testing.T
	cloud  *sim.Cloud
	hooks  sim.Hooks
	file   string
	db     *store.DB
	log    *audit.Log
	admin  *rest.Client
	syncer *inventory.Syncer
	asked  atomic.Int32 // requests of the reader
	top    int
}

func open(t *testing.T, c sim.Config) *fixture {
	t.Helper()
	cloud, err := sim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	f := of(t, cloud)
	f.admin = f.graph(cloud.Tenant().Admin, cloud.RoundTripper(sim.Hooks{}))
	return f
}

// both runs f on SQLite and on PostgreSQL, each with a tenant of its own.
func both(t *testing.T, c sim.Config, f func(t *testing.T, f *fixture)) {
	t.Helper()
	storetest.Each(t, []store.Schema{audit.Schema, inventory.Schema}, func(t *testing.T, db *store.DB) {
		x := open(t, c)
		x.db.Close()
		x.db = db
		x.syncer.Store, x.t = db, t
		f(t, x)
	})
}

// of is an empty inventory of a tenant.
func of(t *testing.T, cloud *sim.Cloud) *fixture {
	t.Helper()
	log, err := audit.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, cloud: cloud, log: log, file: filepath.Join(t.TempDir(), "rekey.db")}
	f.reopen()
	t.Cleanup(func() { f.db.Close() })
	return f
}

// copy is the same inventory in a file of its own.
func (f *fixture) copy() *fixture {
	f.t.Helper()
	f.reopen() // closing writes everything into the one file
	f.db.Close()
	raw, err := os.ReadFile(f.file)
	if err != nil {
		f.t.Fatal(err)
	}
	c := &fixture{t: f.t, cloud: f.cloud, log: f.log, admin: f.admin, file: filepath.Join(f.t.TempDir(), "rekey.db")}
	if err := os.WriteFile(c.file, raw, 0o600); err != nil {
		f.t.Fatal(err)
	}
	f.db = nil
	f.reopen()
	c.reopen()
	f.t.Cleanup(func() { c.db.Close() })
	return c
}

// reopen is what a new process does.
func (f *fixture) reopen() {
	f.t.Helper()
	if f.db != nil {
		f.db.Close()
	}
	db, err := store.Open(context.Background(), f.file, audit.Schema, inventory.Schema)
	if err != nil {
		f.t.Fatal(err)
	}
	f.db = db
	f.syncer = &inventory.Syncer{Store: db, Log: f.log}
}

func (f *fixture) graph(as contoso.Identity, transport http.RoundTripper) *rest.Client {
	f.t.Helper()
	id, err := azure.Open(azure.Config{Tenant: f.cloud.Tenant().ID, Client: as.ClientID, Secret: secret.New(as.Secret), Wire: azure.Wire{Round: transport}})
	if err != nil {
		f.t.Fatal(err)
	}
	c, err := rest.New(rest.Config{Base: "https://graph.microsoft.com", Transport: transport, Credential: id, Scope: "https://graph.microsoft.com/.default", Tries: 1})
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// feeds are those of the tenant, in small pages.
func (f *fixture) feeds() []inventory.Feed {
	reader := f.graph(f.cloud.Tenant().Reader, f.cloud.RoundTripper(sim.Hooks{
		Before: func(r *http.Request) {
			f.asked.Add(1)
			if f.hooks.Before != nil {
				f.hooks.Before(r)
			}
		},
		After: f.hooks.After,
	}))
	top := f.top
	if top == 0 {
		top = 20
	}
	return []inventory.Feed{
		&entra.Feed{Graph: reader, Set: inventory.InApplications, Top: top},
		&entra.Feed{Graph: reader, Set: inventory.InServicePrincipals, Top: top},
	}
}

func (f *fixture) actor() access.Actor { return access.Rekey(f.cloud.Tenant().ID) }

func (f *fixture) sync(full bool) inventory.Counts {
	f.t.Helper()
	n, err := f.syncer.Directory(f.t.Context(), f.actor(), full, f.feeds()...)
	if err != nil {
		f.t.Fatal(err)
	}
	return n
}

// do changes the tenant as its administrator.
func (f *fixture) do(method, path string, body any, into any) {
	f.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := f.admin.Once(context.Background(), rest.Request{Method: method, Path: "/v1.0" + path, Body: raw}, into); err != nil {
		f.t.Fatal(err)
	}
}

// table is every row of the inventory but for what differs from run to run.
func (f *fixture) table() []string {
	f.t.Helper()
	var list []string
	err := f.db.View(f.t.Context(), func(tx *store.Tx) error {
		for _, q := range []string{
			`SELECT object_id || ' ' || client_id || ' ' || name || ' ' || owners || ' ' || CASE WHEN gone <> 0 THEN 1 ELSE 0 END FROM inventory_application ORDER BY object_id`,
			`SELECT a.object_id || ' ' || c.key_id || ' ' || c.kind || ' ' || c.label || ' ' || c.expires || ' ' || CASE WHEN c.gone <> 0 THEN 1 ELSE 0 END || ' ' || CASE WHEN c.unmanaged <> 0 THEN 1 ELSE 0 END
				FROM inventory_credential c JOIN inventory_application a ON a.tenant = c.tenant AND a.num = c.num ORDER BY a.object_id, c.key_id`,
			`SELECT a.object_id || ' ' || o.owner FROM inventory_owner o JOIN inventory_application a ON a.tenant = o.tenant AND a.num = o.num ORDER BY a.object_id, o.owner`,
		} {
			rows, err := tx.Query(q)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var s string
				if err := rows.Scan(&s); err != nil {
					return err
				}
				list = append(list, s)
			}
			if err := rows.Err(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return list
}

// events are the audit events of these actions, as "action title".
func (f *fixture) events(prefix string) []string {
	f.t.Helper()
	var list []string
	err := f.db.View(f.t.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT body FROM audit_event WHERE action LIKE $1 ORDER BY seq`, prefix+"%")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var body string
			if err := rows.Scan(&body); err != nil {
				return err
			}
			var e audit.Event
			if err := json.Unmarshal([]byte(body), &e); err != nil {
				return err
			}
			list = append(list, fmt.Sprint(e.Action, " ", e.Title, " ", e.Detail["label"], " ", e.Detail["made"]))
		}
		return rows.Err()
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return list
}
