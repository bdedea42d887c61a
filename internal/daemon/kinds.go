package daemon

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/connector/azurekeys"
	"rekey.example/rekey/internal/connector/embedded"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/keyfile"
	"rekey.example/rekey/internal/connector/keyvault"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/schedule"
)

// Every connector has its line in this file, and nowhere else.

const (
	graphHost = "graph.microsoft.com"
	loginHost = "login.microsoftonline.com"
	vaultSpan = ".vault.azure.net" // what follows a Key Vault's name
)

// vault opens a vault by the name that inventory.Place has.
func (s *surroundings) vault(name string) (connector.Vault, error) {
	if name == inventory.Embedded {
		return &embedded.Vault{Store: s.store, Sealer: s.ring.Sealer, Tenant: s.tenant}, nil
	}
	if name == keyfile.Name {
		return s.files, nil
	}
	c, err := s.keyVault(name, s.writer)
	if err != nil {
		return nil, err
	}
	return &keyvault.Vault{API: c}, nil
}

// systems are what the rotations of a kind of holder work with.
func (s *surroundings) systems(holder inventory.HolderKind) (rotation.Systems, error) {
	d := s.directory
	switch holder {
	case inventory.InApplications, inventory.InServicePrincipals:
		return rotation.Systems{Issuer: d, Verifier: &ownVerifier{d, s.own.list}, Now: d.Now, Vault: s.vault, Witness: s.witness, Pairs: s.pairs}, nil
	case inventory.InResources:
		return rotation.Systems{Issuer: s.keys, Verifier: s.keys, Now: d.Now, Vault: s.vault}, nil
	}
	return rotation.Systems{}, &rotation.InvalidError{Why: fmt.Sprintf("what is in %s cannot be rotated", holder)}
}

// pairs is the vault that makes the key pairs of certificates that go there, if it
// is to; nil otherwise, and rekey makes them itself.
func (s *surroundings) pairs(p inventory.Place) connector.PairMaker {
	if !s.vaultPairs || p.Vault == inventory.Embedded || p.Vault == keyfile.Name {
		return nil
	}
	c, err := s.keyVault(p.Vault, s.writer)
	if err != nil {
		return nil // the deposit will say what is wrong with the vault
	}
	return &keyvault.Maker{API: c, Name: p.Name}
}

// keyVault is the wire to one Key Vault. Only configured ones are spoken to: a
// place that somebody wrote into a tag must not send our token elsewhere.
func (s *surroundings) keyVault(name string, as azcore.TokenCredential) (*rest.Client, error) {
	host := vaultHost(name)
	for _, v := range s.vaults {
		if vaultHost(v.Name) == host {
			return rest.New(rest.Config{Base: "https://" + host, Transport: s.wire, Credential: as, Scope: "https://vault.azure.net/.default"})
		}
	}
	return nil, &rotation.InvalidError{Why: fmt.Sprintf("the vault %s is not configured; add it under vaults in the configuration", name)}
}

// vaultHost is the host of a Key Vault that is named short or in full.
func vaultHost(name string) string {
	host := strings.ToLower(name)
	if !strings.Contains(host, ".") {
		host += vaultSpan
	}
	return host
}

// feeds list the directory, for the inventory. The keeper of Graph's limits is
// in the client that they share.
func (s *surroundings) feeds() []inventory.Feed {
	return []inventory.Feed{
		&entra.Feed{Graph: s.graphReader, Set: inventory.InApplications},
		&entra.Feed{Graph: s.graphReader, Set: inventory.InServicePrincipals},
	}
}

// vaultFeeds list the vaults, for the inventory. Values are only read where the
// configuration says so, and only hashed.
func (s *surroundings) vaultFeeds() ([]inventory.VaultFeed, error) {
	list := []inventory.VaultFeed{own{&embedded.Vault{Store: s.store, Sealer: s.ring.Sealer, Tenant: s.tenant}}}
	for _, v := range s.vaults {
		c, err := s.keyVault(v.Name, s.reader)
		if err != nil {
			return nil, err
		}
		feed := &keyvault.Feed{API: c, Tenant: s.tenant, Host: vaultHost(v.Name)}
		if v.ReadValues {
			feed.Values, feed.Known, feed.Key = s.ring.Values, s.knownEntry, azurekeys.KeyOf
		}
		list = append(list, feed)
	}
	return list, nil
}

// own is the embedded vault as a feed.
type own struct{ vault *embedded.Vault }

func (o own) Name() string { return inventory.Embedded }

func (o own) Entries(ctx context.Context) iter.Seq2[[]inventory.Entry, error] {
	return func(yield func([]inventory.Entry, error) bool) { yield(o.vault.Entries(ctx)) }
}

// graph is the wire to Microsoft Graph as one of our identities. Reads keep to
// its pace, each identity to its own.
func (s *surroundings) graph(as azcore.TokenCredential, writes *schedule.Writes) (*rest.Client, error) {
	pace := new(entra.Keeper)
	return rest.New(rest.Config{
		Base: "https://" + graphHost, Transport: s.wire, Credential: as, Scope: "https://" + graphHost + "/.default",
		Before: s.waiting(pace.Before), After: pace.After, BeforeWrite: s.waiting(writes.Before), AfterWrite: writes.After,
	})
}

// identity opens one of our own identities.
func identity(i Identity, tenant string, wire azure.Wire) (*azure.Identity, error) {
	return azure.Open(azure.Config{Tenant: tenant, Client: i.ClientID, Secret: i.ClientSecret, CertificateFile: i.CertificateFile, Wire: wire})
}

// uses tell when credentials were last used.
func (s *surroundings) uses() inventory.UseFeed { return &entra.Uses{Graph: s.graphReader} }
