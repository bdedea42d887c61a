// Package embedded plays vault with rekey's own database: sealed values in
// versions, for those who have no other vault. The newest version is current,
// as in Key Vault. A value is bound to its row: moved elsewhere, it does not open.
package embedded

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// Schema creates the package's table.
var Schema = store.Schema{Version: 30, SQL: `
CREATE TABLE vault_version (
	tenant       TEXT NOT NULL,
	name         TEXT NOT NULL,
	serial       BIGINT NOT NULL,
	version      TEXT NOT NULL,
	sealed       TEXT NOT NULL,
	expires      BIGINT NOT NULL,
	created      BIGINT NOT NULL,
	content_type TEXT NOT NULL,
	tags         TEXT NOT NULL,
	PRIMARY KEY (tenant, name, serial)
);
`}

// Vault is the sealed vault of one tenant.
type Vault struct {
	Store  *store.DB
	Sealer *secret.Sealer
	Tenant string
}

// Put makes a new version and returns its id, 32 hexadecimal characters.
func (v *Vault) Put(ctx context.Context, name string, d connector.Deposit) (version string, err error) {
	if name == "" || len(name) > 127 {
		return "", fmt.Errorf("cannot put secret %q: a name has 1 to 127 characters", name)
	}
	var id [16]byte
	rand.Read(id[:])
	version = hex.EncodeToString(id[:])
	tags, err := json.Marshal(d.Tags)
	if err != nil {
		return "", fmt.Errorf("cannot put secret %q: %w", name, err)
	}
	expires := int64(0)
	if !d.Expires.IsZero() {
		expires = d.Expires.UnixMilli()
	}
	err = v.Store.Do(ctx, func(tx *store.Tx) error {
		var serial int64
		if err := tx.QueryRow(`SELECT COALESCE(MAX(serial), 0) FROM vault_version WHERE tenant = $1 AND name = $2`, v.Tenant, name).Scan(&serial); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO vault_version (tenant, name, serial, version, sealed, expires, created, content_type, tags) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			v.Tenant, name, serial+1, version, v.Sealer.Seal(v.label(name, version), d.Value), expires, time.Now().UnixMilli(), d.ContentType, string(tags))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("cannot put secret %q: %w", name, err)
	}
	return version, nil
}

// Get returns the current version. Its error is connector.ErrNotFound if there is none.
func (v *Vault) Get(ctx context.Context, name string) (connector.Deposit, error) {
	var d connector.Deposit
	var sealed, tags string
	var expires int64
	err := v.Store.View(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT version, sealed, expires, content_type, tags FROM vault_version WHERE tenant = $1 AND name = $2 ORDER BY serial DESC LIMIT 1`,
			v.Tenant, name).Scan(&d.Version, &sealed, &expires, &d.ContentType, &tags)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return d, fmt.Errorf("secret %q: %w", name, connector.ErrNotFound)
	}
	if err != nil {
		return d, fmt.Errorf("cannot get secret %q: %w", name, err)
	}
	if err := json.Unmarshal([]byte(tags), &d.Tags); err != nil {
		return d, fmt.Errorf("cannot get secret %q: its tags are damaged: %w", name, err)
	}
	if expires != 0 {
		d.Expires = time.UnixMilli(expires).UTC()
	}
	if d.Value, err = v.Sealer.Open(v.label(name, d.Version), sealed); err != nil {
		return d, fmt.Errorf("cannot get secret %q: %w", name, err)
	}
	return d, nil
}

// Entries lists the current version of every secret, for the inventory.
func (v *Vault) Entries(ctx context.Context) ([]inventory.Entry, error) {
	list := []inventory.Entry{}
	err := v.Store.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT name, version, expires, created, content_type, tags FROM vault_version AS v
			WHERE tenant = $1 AND serial = (SELECT MAX(serial) FROM vault_version WHERE tenant = v.tenant AND name = v.name) ORDER BY name`, v.Tenant)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			e := inventory.Entry{Tenant: v.Tenant, Place: inventory.Place{Vault: inventory.Embedded}, Kind: "secret", Enabled: true}
			var expires, created int64
			var tags string
			if err := rows.Scan(&e.Place.Name, &e.Place.Version, &expires, &created, &e.ContentType, &tags); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(tags), &e.Tags); err != nil {
				return err
			}
			if expires != 0 {
				e.Expires = time.UnixMilli(expires).UTC()
			}
			e.Created = time.UnixMilli(created).UTC()
			e.Updated = e.Created
			list = append(list, e)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list the embedded vault: %w", err)
	}
	return list, nil
}

func (v *Vault) label(name, version string) string {
	return "vault/" + v.Tenant + "/" + name + "/" + version
}
