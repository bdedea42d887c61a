package rotation

import (
	"context"
	"errors"
	"fmt"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// resealing is how many rows one transaction seals again: few enough that no
// rotation waits for it.
const resealing = 100

// mostErrors is how many values that do not open are named.
const mostErrors = 20

// Reseal seals every value in the journal again that the current key has not
// sealed, those of all tenants: the keys are the installation's. A value that
// does not open is left as it is, and is the error after all others were done.
// It returns how many rows were changed.
//
// A rotation that is being visited meanwhile may write its values back as it
// read them, sealed under the old key; the next call finds them.
func Reseal(ctx context.Context, db *store.DB, s *secret.Sealer) (done int, err error) {
	var last sealedRow
	var damaged []error
	for {
		page, err := sealedAfter(ctx, db, last)
		if err != nil || len(page) == 0 {
			return done, errors.Join(append(damaged, err)...)
		}
		last = page[len(page)-1]
		n, bad, err := resealPage(ctx, db, s, page)
		if err != nil {
			return done, errors.Join(append(damaged, fmt.Errorf("cannot seal rotations again: %w", err))...)
		}
		done, damaged = done+n, append(damaged, bad[:min(len(bad), max(0, mostErrors-len(damaged)))]...)
	}
}

// sealedRow is a row with values in it.
type sealedRow struct{ tenant, id, sealed, previous string }

// label is that of sealLabel, of which tenant and id are all it needs.
func (r sealedRow) label(which string) string {
	return sealLabel(&Rotation{ID: r.id, Terms: Terms{Application: inventory.Application{Tenant: r.tenant}}}, which)
}

func sealedAfter(ctx context.Context, db *store.DB, last sealedRow) (page []sealedRow, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT tenant, id, sealed, previous FROM rotation WHERE (tenant, id) > ($1, $2) AND (sealed <> '' OR previous <> '') ORDER BY tenant, id LIMIT $3`,
			last.tenant, last.id, resealing)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r sealedRow
			if err := rows.Scan(&r.tenant, &r.id, &r.sealed, &r.previous); err != nil {
				return err
			}
			page = append(page, r)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list the values in the journal: %w", err)
	}
	return page, nil
}

// resealPage seals the rows of a page again, in one transaction. A row is only
// written if its values still are those that were read. Its version stays: a
// visit that is under way has perhaps just sent a request, and must not find
// itself overtaken by this.
func resealPage(ctx context.Context, db *store.DB, s *secret.Sealer, page []sealedRow) (done int, damaged []error, err error) {
	type change struct{ was, next sealedRow }
	var list []change
	for _, r := range page {
		next := r
		for _, v := range []struct {
			which string
			text  *string
		}{{"new", &next.sealed}, {"old", &next.previous}} {
			var err error
			if *v.text, err = s.Reseal(r.label(v.which), *v.text); err != nil {
				damaged = append(damaged, err)
			}
		}
		if next != r {
			list = append(list, change{r, next})
		}
	}
	if len(list) == 0 {
		return 0, damaged, nil
	}
	err = db.Do(ctx, func(tx *store.Tx) error {
		for _, c := range list {
			_, err := tx.Exec(`UPDATE rotation SET sealed = $5, previous = $6 WHERE tenant = $1 AND id = $2 AND sealed = $3 AND previous = $4`,
				c.was.tenant, c.was.id, c.was.sealed, c.was.previous, c.next.sealed, c.next.previous)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return len(list), damaged, err
}

// Using counts the rows in which a key has sealed something, in all tenants.
func Using(tx *store.Tx, key string) (n int, err error) {
	err = tx.QueryRow(`SELECT COUNT(*) FROM rotation WHERE substr(sealed, 1, $1) = $2 OR substr(previous, 1, $1) = $2`, len(key)+1, key+".").Scan(&n)
	return n, err
}
