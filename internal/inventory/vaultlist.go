package inventory

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// VaultSummary counts what one vault holds.
type VaultSummary struct {
	Vault    string // host, or Embedded
	Entries  int
	Matched  int       // that hold the value of a credential that is known
	Disabled int       //
	Ending   int       // that end within 30 days, or have ended
	Read     time.Time // when it was last read to its end; zero: never
}

// VaultList counts what each vault holds. There are few vaults, so they come at once.
func (s *Service) VaultList(ctx context.Context, by access.Actor) (list []VaultSummary, err error) {
	if err := by.Check(access.ReadVaults); err != nil {
		return nil, err
	}
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		number, err := tenantNumber(tx, by.Tenant)
		if err != nil || number == 0 {
			return err
		}
		read := map[string]time.Time{}
		feeds, err := freshness(tx, number)
		if err != nil {
			return err
		}
		for _, f := range feeds {
			read[f.Feed] = f.Read
		}
		soon := time.Now().Add(30 * 24 * time.Hour).UnixMilli()
		return eachRow(tx, func(rows *sql.Rows) error {
			var v VaultSummary
			if err := rows.Scan(&v.Vault, &v.Entries, &v.Matched, &v.Disabled, &v.Ending); err != nil {
				return err
			}
			v.Read = read[v.Vault]
			list = append(list, v)
			return nil
		}, `SELECT e.vault, count(*), COALESCE(SUM(CASE WHEN c.num IS NULL THEN 0 ELSE 1 END), 0), COALESCE(SUM(CASE WHEN e.enabled = 0 THEN 1 ELSE 0 END), 0),
				COALESCE(SUM(CASE WHEN e.expires > 0 AND e.expires < $2 THEN 1 ELSE 0 END), 0)
			FROM inventory_entry e LEFT JOIN inventory_deposit d ON d.tenant = e.tenant AND d.vault = e.vault AND d.name = e.name
			LEFT JOIN inventory_credential c ON c.tenant = d.tenant AND c.num = d.num AND c.key_id = d.key_id AND c.gone = 0
			WHERE e.tenant = $1 AND e.gone = 0 GROUP BY e.vault ORDER BY e.vault`, number, soon)
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list the vaults: %w", err)
	}
	return list, nil
}

// EntryQuery selects the entries of a vault.
type EntryQuery struct {
	Vault     string // its host
	Name      string // part of an entry's name
	Unmatched bool   // whose credential is not known
	After     Place  // the last one of the page before: its name; Version is the kind
	Limit     int    // 0 means 100, at most 1,000
}

// EntryRow is an entry, and the credential whose value it holds if that is known.
type EntryRow struct {
	Entry
	Holder Application // id and name only
	KeyID  string
	How    string
}

// VaultEntries lists what a vault holds, by name, and whether there is more. ErrNotFound: no
// such vault.
func (s *Service) VaultEntries(ctx context.Context, by access.Actor, q EntryQuery) (list []EntryRow, more bool, err error) {
	if err := by.Check(access.ReadVaults); err != nil {
		return nil, false, err
	}
	if q.Limit <= 0 {
		q.Limit = 100
	}
	q.Limit = min(q.Limit, 1000)
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		number, err := tenantNumber(tx, by.Tenant)
		if err != nil {
			return err
		}
		var one int
		err = tx.QueryRow(`SELECT 1 FROM inventory_entry WHERE tenant = $1 AND vault = $2 LIMIT 1`, number, q.Vault).Scan(&one)
		if err == sql.ErrNoRows {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		return eachRow(tx, func(rows *sql.Rows) error {
			r, err := scanEntryRow(rows, by.Tenant)
			list = append(list, r)
			return err
		}, entriesOfVault, number, q.Vault, q.After.Name, q.After.Version, part(strings.TrimSpace(q.Name)), flag(q.Unmatched), int64(q.Limit+1))
	})
	if err != nil {
		return nil, false, fmt.Errorf("cannot list the entries of vault %q: %w", q.Vault, err)
	}
	if more = len(list) > q.Limit; more {
		list = slices.Delete(list, q.Limit, len(list))
	}
	return list, more, nil
}

const entriesOfVault = `SELECT e.vault, e.name, e.kind, e.enabled, e.starts, e.expires, e.created, e.updated, e.content_type, e.tags,
		COALESCE(c.key_id, ''), COALESCE(d.how, ''), COALESCE(a.object_id, ''), COALESCE(a.client_id, ''), COALESCE(a.holder, ''), COALESCE(a.name, '')
	FROM inventory_entry e
	LEFT JOIN inventory_deposit d ON d.tenant = e.tenant AND d.vault = e.vault AND d.name = e.name
	LEFT JOIN inventory_credential c ON c.tenant = d.tenant AND c.num = d.num AND c.key_id = d.key_id AND c.gone = 0
	LEFT JOIN inventory_application a ON a.tenant = c.tenant AND a.num = c.num
	WHERE e.tenant = $1 AND e.vault = $2 AND e.gone = 0 AND (e.name, e.kind) > ($3, $4) AND LOWER(e.name) LIKE $5 ESCAPE '!'
	AND (CAST($6 AS BIGINT) = 0 OR c.num IS NULL)
	ORDER BY e.name, e.kind LIMIT $7`

func scanEntryRow(s scanner, tenant string) (r EntryRow, err error) {
	var starts, expires, created, updated int64
	var tags string
	err = s.Scan(&r.Place.Vault, &r.Place.Name, &r.Kind, &r.Enabled, &starts, &expires, &created, &updated, &r.ContentType, &tags,
		&r.KeyID, &r.How, &r.Holder.ObjectID, &r.Holder.ClientID, &r.Holder.Holder, &r.Holder.Name)
	if err != nil {
		return r, err
	}
	r.Tenant, r.Tags = tenant, map[string]string{}
	r.Starts, r.Expires, r.Created, r.Updated = fromMillis(starts), fromEnd(expires), fromMillis(created), fromMillis(updated)
	_ = json.Unmarshal([]byte(tags), &r.Tags) // our own writing
	return r, nil
}
