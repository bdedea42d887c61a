package inventory

import (
	"database/sql"
	"fmt"
	"iter"
	"time"

	"rekey.example/rekey/internal/store"
)

// Dates selects credentials that are there by when they end or began.
type Dates struct {
	EndBefore   time.Time // those that end before this, ...
	StartBefore time.Time // ... and those that began before this, whenever they end; zero: none
	After       string    // begin behind the row with this Position
}

const walkDates = `SELECT c.num, c.key_id, c.kind, c.label, c.hint, c.thumbprint, c.fingerprint, c.starts, c.expires, c.used, c.unmanaged, c.gone
	FROM inventory_credential c
	WHERE c.tenant = $1 AND c.gone = 0 AND c.expires < $2 AND (c.expires < $3 OR (c.starts > 0 AND c.starts < $4))
	AND (c.expires, c.num, c.key_id) > ($5, $6, $7)
	ORDER BY c.expires, c.num, c.key_id LIMIT $8`

// Dated walks the credentials that the dates select, a page at a time, those
// that end first at the beginning. Callers check permission. A Dates.After that is none of ours gives ErrCursor.
func (s *Service) Dated(tx *store.Tx, tenant string, d Dates) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		if err := s.dated(tx, tenant, d, func(r *Row) bool { return yield(r, nil) }); err != nil {
			yield(nil, fmt.Errorf("cannot walk the credentials by date: %w", err))
		}
	}
}

func (s *Service) dated(tx *store.Tx, tenant string, d Dates, yield func(*Row) bool) error {
	number, err := tenantNumber(tx, tenant)
	if err != nil || number == 0 {
		return err
	}
	from := cursor{expires: -1 << 62}
	if d.After != "" {
		if from, err = parseCursor(d.After); err != nil {
			return err
		}
	}
	ends, began := d.EndBefore.UnixMilli(), int64(0)
	last := ends // of the index that is walked
	if !d.StartBefore.IsZero() {
		began, last = d.StartBefore.UnixMilli(), noEnd+1
	}
	for {
		var found []credential
		err := eachRow(tx, func(rows *sql.Rows) error {
			c, err := scanCredential(rows, tenant, "")
			found = append(found, c)
			return err
		}, walkDates, number, last, ends, began, from.expires, from.num, from.key, policyPage)
		if err != nil || len(found) == 0 {
			return err
		}
		page, err := s.rows(tx, tenant, number, found)
		if err != nil {
			return err
		}
		for i := range page {
			page[i].position = found[i].at().String()
			if !yield(&page[i]) {
				return nil
			}
		}
		if len(found) < policyPage {
			return nil
		}
		from = found[len(found)-1].at()
	}
}

// Position is what Dates.After takes to begin behind the row; empty if it was
// not found by Dated.
func (r *Row) Position() string { return r.position }
