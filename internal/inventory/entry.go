package inventory

import (
	"context"
	"encoding/json"
	"fmt"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

const entryColumns = `vault, name, kind, version, enabled, starts, expires, created, updated, content_type, tags, hint, fingerprint, thumbprint`

func scanEntry(s scanner, tenant string) (e Entry, err error) {
	var starts, expires, created, updated int64
	var tags string
	err = s.Scan(&e.Place.Vault, &e.Place.Name, &e.Kind, &e.Place.Version, &e.Enabled, &starts, &expires, &created, &updated, &e.ContentType, &tags, &e.Hint, &e.Fingerprint, &e.Thumbprint)
	if err != nil {
		return e, err
	}
	e.Tenant, e.Tags = tenant, map[string]string{}
	e.Starts, e.Expires, e.Created, e.Updated = fromMillis(starts), fromEnd(expires), fromMillis(created), fromMillis(updated)
	_ = json.Unmarshal([]byte(tags), &e.Tags) // our own writing
	return e, nil
}

func readEntries(tx *store.Tx, tenant, query string, arguments ...any) (list []Entry, err error) {
	rows, err := tx.Query(query, arguments...)
	if err != nil {
		return nil, fmt.Errorf("cannot read vault entries: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanEntry(rows, tenant)
		if err != nil {
			return nil, fmt.Errorf("cannot read vault entries: %w", err)
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

func entriesAt(tx *store.Tx, tenant string, number int64, p Place) ([]Entry, error) {
	return readEntries(tx, tenant, `SELECT `+entryColumns+` FROM inventory_entry WHERE tenant = $1 AND vault = $2 AND name = $3 AND gone = 0 ORDER BY kind`, number, p.Vault, p.Name)
}

const pageOfEntries = `SELECT ` + entryColumns + ` FROM inventory_entry
	WHERE tenant = $1 AND gone = 0 AND (vault, name, kind) > ($2, $3, $4) ORDER BY vault, name, kind LIMIT $5`

// Entries lists vault entries by vault and name, from behind one of them; the
// zero Entry begins at the first.
func (s *Service) Entries(ctx context.Context, by access.Actor, after Entry, limit int) (list []Entry, err error) {
	if err := by.Check(access.ReadInventory); err != nil {
		return nil, err
	}
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		number, err := tenantNumber(tx, by.Tenant)
		if err != nil {
			return err
		}
		list, err = readEntries(tx, by.Tenant, pageOfEntries, number, after.Place.Vault, after.Place.Name, after.Kind, int64(min(max(limit, 1), 1000)))
		return err
	})
	return list, err
}
