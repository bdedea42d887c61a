// Package town is what the contenders of bench/engine work on: one pretended
// tenant in this process, without lag, limits or network, and many applications
// whose client secret stands in a vault.
//
// Everybody makes the same calls through the same connectors to it, and Town
// counts them, so that a contender that leaves one out is seen.
package town

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/keyvault"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
)

// Town is one pretended tenant.
type Town struct {
	Directory *entra.Directory
	Vault     *keyvault.Vault
	Subjects  []Subject
	Tenant    string

	cloud    *sim.Cloud
	requests atomic.Int64
}

// Subject is one application, the secret of which is to be replaced.
type Subject struct {
	Application inventory.Application
	Old         string // key id
	Place       inventory.Place
}

// Consumer is who reads a subject's vault entry by name.
func (s Subject) Consumer() string { return "reader of " + s.Place.Name }

// Open makes a town with that many subjects.
func Open(ctx context.Context, subjects int) (*Town, error) {
	cloud, err := sim.New(sim.Config{World: world.Config{Seed: 1}, Apps: 3*subjects + 100})
	if err != nil {
		return nil, err
	}
	t := &Town{cloud: cloud, Tenant: cloud.Tenant().ID}
	as := cloud.Tenant().Writer
	if err := t.connect(cloud.Tenant().Admin.ClientID, cloud.Tenant().Admin.Secret, as.ClientID, as.Secret); err != nil {
		return nil, err
	}
	if err := t.settle(ctx, subjects); err != nil {
		return nil, err
	}
	t.requests.Store(0)
	return t, nil
}

// connect signs in: as the administrator to Graph, as rekey's writer to the vault.
func (t *Town) connect(admin, adminSecret, writer, writerSecret string) error {
	wire := t.cloud.RoundTripper(sim.Hooks{Before: func(*http.Request) { t.requests.Add(1) }})
	client := func(host, scope, id, value string) (*rest.Client, error) {
		c := rest.Config{Base: "https://" + host, Transport: wire, Scope: scope}
		if scope != "" {
			who, err := azure.Open(azure.Config{Tenant: t.Tenant, Client: id, Secret: secret.New(value), Wire: azure.Wire{Round: wire}})
			if err != nil {
				return nil, err
			}
			c.Credential = who
		}
		return rest.New(c)
	}
	graph, err := client("graph.microsoft.com", "https://graph.microsoft.com/.default", admin, adminSecret)
	if err != nil {
		return err
	}
	login, err := client("login.microsoftonline.com", "", "", "")
	if err != nil {
		return err
	}
	vault, err := client(t.vault(), "https://vault.azure.net/.default", writer, writerSecret)
	if err != nil {
		return err
	}
	t.Directory = &entra.Directory{Graph: graph, Login: login, Tenant: t.Tenant}
	t.Vault = &keyvault.Vault{API: vault}
	return nil
}

func (t *Town) vault() string { return t.cloud.Tenant().Demo.Vault + ".vault.azure.net" }

// settle gives every subject a secret, and puts it into the vault.
func (t *Town) settle(ctx context.Context, subjects int) error {
	var apps []inventory.Application
	w := t.cloud.World()
	known := []string{t.cloud.Tenant().Admin.ClientID, t.cloud.Tenant().Writer.ClientID, t.cloud.Tenant().Reader.ClientID}
	w.Change(func() {
		for _, a := range w.Directory.ApplicationsInOrder() {
			if a == nil || len(apps) == subjects || a.Audience != "AzureADMyOrg" || slices.Contains(known, a.AppID) {
				continue
			}
			if sp := w.Directory.ServicePrincipalByClient(a.AppID); sp != nil && sp.Enabled {
				a.Passwords, a.Keys, sp.Passwords, sp.Keys = nil, nil, nil, nil // none but ours
				apps = append(apps, inventory.Application{
					Tenant: t.Tenant, ObjectID: inventory.ObjectID(a.ID), ClientID: inventory.ClientID(a.AppID),
					Holder: inventory.InApplications, Name: a.Name, Owners: []inventory.Owner{{Name: "Emma"}},
				})
			}
		}
	})
	if len(apps) < subjects {
		return fmt.Errorf("the pretended tenant has %d applications that will do, not %d", len(apps), subjects)
	}
	for i, a := range apps {
		c, v, err := t.Directory.Issue(ctx, connector.Order{Holder: a, Kind: inventory.ClientSecret, Label: "first", Marker: "first", Expires: time.Now().AddDate(0, 0, 90)})
		if err != nil {
			return err
		}
		s := Subject{Application: a, Old: c.KeyID, Place: inventory.Place{Vault: t.vault(), Name: fmt.Sprintf("subject-%d", i)}}
		if _, err := t.Vault.Put(ctx, s.Place.Name, connector.Deposit{Kind: c.Kind, Value: v, Expires: c.Expires}); err != nil {
			return err
		}
		t.Subjects = append(t.Subjects, s)
	}
	return nil
}

// Requests is how many the clouds have answered since the town was opened.
func (t *Town) Requests() int64 { return t.requests.Load() }

// Check makes sure that the rotation of every subject has really happened: the old
// secret is gone, there is one new one, and it is what the vault holds.
func (t *Town) Check() error {
	for _, s := range t.Subjects {
		list := t.cloud.Passwords(string(s.Application.ClientID))
		value, ok := t.cloud.Current(t.cloud.Tenant().Demo.Vault, s.Place.Name)
		if len(list) != 1 || list[0].KeyID == s.Old || !ok || t.cloud.Accepts(string(s.Application.ClientID), value) != t.cloud.World().Replicas() {
			return fmt.Errorf("%s was not rotated: %d secrets", s.Application.Name, len(list))
		}
	}
	return nil
}

// Close ends it.
func (t *Town) Close() { t.cloud.Close() }
