package daemon

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/connector/azurekeys"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/keyfile"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// surroundings are what rekey reaches of one tenant, and as whom.
type surroundings struct {
	tenant string
	vaults []Vault
	store  *store.DB
	ring   *secret.Keyring

	subscriptions []Subscription

	wire           http.RoundTripper
	reader, writer *azure.Identity
	graphReader    *rest.Client
	graphWriter    *rest.Client
	login          *rest.Client // carries no token of ours
	directory      *entra.Directory
	witness        *entra.Witness // one for the process: it paces its requests
	vaultPairs     bool
	keys           *azurekeys.Keys // one for the process: it remembers what still goes on
	own            ourOwn
	files          *keyfile.Vault // that our own credentials come from

	waited atomic.Int64 // nanoseconds, to keep within the limits of the systems
}

// waiting adds up how long a pace makes requests wait.
func (s *surroundings) waiting(before func(context.Context, *http.Request) error) func(context.Context, *http.Request) error {
	return func(ctx context.Context, r *http.Request) error {
		began := time.Now()
		defer func() { s.waited.Add(int64(time.Since(began))) }()
		return before(ctx, r)
	}
}

// surround prepares the ways to a tenant. Nothing is sent yet.
func surround(c Config, db *store.DB, ring *secret.Keyring) (*surroundings, error) {
	line := azure.Wire{Proxy: c.Proxy, CAFile: c.CAFile, Round: c.Round}
	wire, err := line.Transport()
	if err != nil {
		return nil, err
	}
	s := &surroundings{tenant: c.Tenant.ID, vaults: c.Vaults, vaultPairs: c.Rotation.VaultPairs, subscriptions: c.Subscriptions, store: db, ring: ring, wire: wire}
	// What needs no cloud, such as verifying the audit log, works without a way
	// into one; whatever does need it says what is wrong with the identity.
	if s.reader, err = identity(c.Reader, c.Tenant.ID, line); err != nil {
		s.reader = azure.Unusable(fmt.Errorf("reader: %w", err))
	}
	if s.writer, err = identity(c.Writer, c.Tenant.ID, line); err != nil {
		s.writer = azure.Unusable(fmt.Errorf("writer: %w", err))
	}
	if s.graphReader, err = s.graph(s.reader, s.writes(c)); err != nil {
		return nil, err
	}
	if s.graphWriter, err = s.graph(s.writer, s.writes(c)); err != nil {
		return nil, err
	}
	if s.login, err = rest.New(rest.Config{Base: "https://" + loginHost, Transport: wire}); err != nil {
		return nil, err
	}
	// One for the life of the process: it knows a token again that a cache on the
	// way gives twice.
	s.directory = &entra.Directory{Graph: s.graphWriter, Login: s.login, Tenant: s.tenant}
	if s.keys, err = s.accessKeys(); err != nil {
		return nil, err
	}
	s.witness = &entra.Witness{Graph: s.graphReader, LogLag: c.Rotation.Records, ReportLag: 36 * c.Rotation.Records}
	s.own, s.files = ourselves(c, ring)
	return s, nil
}
