package embedded

import (
	"context"
	"errors"
	"fmt"

	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// atOnce is how many rows one transaction seals again: few enough that nobody
// who wants to write waits for it.
const atOnce = 100

// mostErrors is how many values that do not open are named.
const mostErrors = 20

// Reseal seals every value again that the current key has not sealed, those of
// all tenants: the keys are the installation's. A value that does not open is
// left as it is, and is the error after all others were done. It returns how
// many were sealed again.
func Reseal(ctx context.Context, db *store.DB, s *secret.Sealer) (done int, err error) {
	var last row
	var damaged []error
	for {
		page, err := after(ctx, db, last)
		if err != nil || len(page) == 0 {
			return done, errors.Join(append(damaged, err)...)
		}
		last = page[len(page)-1]
		n, bad, err := again(ctx, db, s, page)
		if err != nil {
			return done, errors.Join(append(damaged, fmt.Errorf("cannot seal the embedded vault again: %w", err))...)
		}
		done, damaged = done+n, append(damaged, bad[:min(len(bad), max(0, mostErrors-len(damaged)))]...)
	}
}

type row struct {
	tenant, name, version, sealed string
	serial                        int64
}

func after(ctx context.Context, db *store.DB, last row) (page []row, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT tenant, name, serial, version, sealed FROM vault_version WHERE (tenant, name, serial) > ($1, $2, $3) ORDER BY tenant, name, serial LIMIT $4`,
			last.tenant, last.name, last.serial, atOnce)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r row
			if err := rows.Scan(&r.tenant, &r.name, &r.serial, &r.version, &r.sealed); err != nil {
				return err
			}
			page = append(page, r)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list the embedded vault: %w", err)
	}
	return page, nil
}

// again seals the rows of a page again, in one transaction. A row is only
// written if it still is what was read.
func again(ctx context.Context, db *store.DB, s *secret.Sealer, page []row) (done int, damaged []error, err error) {
	type change struct {
		row
		next string
	}
	var list []change
	for _, r := range page {
		next, err := s.Reseal((&Vault{Tenant: r.tenant}).label(r.name, r.version), r.sealed)
		if err != nil {
			damaged = append(damaged, err)
		} else if next != r.sealed {
			list = append(list, change{r, next})
		}
	}
	if len(list) == 0 {
		return 0, damaged, nil
	}
	err = db.Do(ctx, func(tx *store.Tx) error {
		for _, c := range list {
			_, err := tx.Exec(`UPDATE vault_version SET sealed = $5 WHERE tenant = $1 AND name = $2 AND serial = $3 AND sealed = $4`, c.tenant, c.name, c.serial, c.sealed, c.next)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return len(list), damaged, err
}

// Using counts the values that a key has sealed, in all tenants.
func Using(tx *store.Tx, key string) (n int, err error) {
	err = tx.QueryRow(`SELECT COUNT(*) FROM vault_version WHERE substr(sealed, 1, $1) = $2`, len(key)+1, key+".").Scan(&n)
	return n, err
}
