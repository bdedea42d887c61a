package inventory

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// Use is the last recorded use of a credential.
type Use struct {
	KeyID string
	At    time.Time
}

// UseFeed tells when credentials were last used. Its error is ErrNoRecords if the
// tenant has no such records, or not for us.
type UseFeed interface {
	Name() string
	Uses(ctx context.Context) iter.Seq2[[]Use, error]
}

// ErrNoRecords means that nobody can tell us when credentials were used.
var ErrNoRecords = errors.New("the tenant does not tell us when credentials were used")

// Uses reads when credentials were last used. A tenant without such records is
// no failure: its credentials then have no recorded use.
func (s *Syncer) Uses(ctx context.Context, by access.Actor, feed UseFeed) (total Counts, err error) {
	if err := by.Check(access.SyncInventory); err != nil {
		return total, err
	}
	began := time.Now()
	for page, err := range feed.Uses(ctx) {
		if errors.Is(err, ErrNoRecords) {
			break
		}
		if err != nil {
			return total, fmt.Errorf("cannot read when credentials were used: %w", err)
		}
		changed := 0
		err := s.Store.Do(ctx, func(tx *store.Tx) (err error) {
			changed, err = setUses(tx, by.Tenant, page)
			return err
		})
		if err != nil {
			return total, fmt.Errorf("cannot keep when credentials were used: %w", err)
		}
		total.Pages++
		total.Read += len(page)
		total.Unchanged += len(page) - changed
		total.Took = time.Since(began)
		if s.Progress != nil {
			s.Progress(Progress{Feed: feed.Name(), Phase: "reading last uses", Counts: total, Rate: float64(total.Read) / max(total.Took.Seconds(), 0.001)})
		}
	}
	total.Took = time.Since(began)
	return total, nil
}

// setUses keeps uses that are later than the known ones. They are no news: no
// event tells of them.
func setUses(tx *store.Tx, tenant string, list []Use) (changed int, err error) {
	number, err := tenantNumber(tx, tenant)
	if err != nil {
		return 0, err
	}
	set, err := tx.Prepare(`UPDATE inventory_credential SET used = $4 WHERE tenant = $1 AND key_look = $2 AND key_id = $3 AND used < $4`)
	if err != nil {
		return 0, err
	}
	defer set.Close()
	for _, u := range list {
		done, err := set.Exec(number, look(u.KeyID), u.KeyID, millis(u.At))
		if err != nil {
			return 0, err
		}
		n, err := done.RowsAffected()
		if err != nil {
			return 0, err
		}
		if n > 0 {
			changed++
		}
	}
	return changed, nil
}
