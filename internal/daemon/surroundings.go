package daemon

import (
	"fmt"
	"net/http"

	"rekey.example/rekey/internal/connector/azure"
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

	wire           http.RoundTripper
	reader, writer *azure.Identity
	graphReader    *rest.Client
	graphWriter    *rest.Client
	login          *rest.Client // carries no token of ours
}

// surround prepares the ways to a tenant. Nothing is sent yet.
func surround(c Config, db *store.DB, ring *secret.Keyring) (*surroundings, error) {
	line := azure.Wire{Proxy: c.Proxy, CAFile: c.CAFile, Round: c.Round}
	wire, err := line.Transport()
	if err != nil {
		return nil, err
	}
	s := &surroundings{tenant: c.Tenant.ID, vaults: c.Vaults, store: db, ring: ring, wire: wire}
	if s.reader, err = identity(c.Reader, c.Tenant.ID, line); err != nil {
		return nil, fmt.Errorf("reader: %w", err)
	}
	if s.writer, err = identity(c.Writer, c.Tenant.ID, line); err != nil {
		return nil, fmt.Errorf("writer: %w", err)
	}
	if s.graphReader, err = s.graph(s.reader); err != nil {
		return nil, err
	}
	if s.graphWriter, err = s.graph(s.writer); err != nil {
		return nil, err
	}
	if s.login, err = rest.New(rest.Config{Base: "https://" + loginHost, Transport: wire}); err != nil {
		return nil, err
	}
	return s, nil
}
