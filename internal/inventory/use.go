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

// UseFeed tells when credentials were last used, from a position that an earlier
// page carried, or from the start if it is empty. Its error is ErrNoRecords if the
// tenant has no such records, or not for us.
type UseFeed interface {
	Name() string
	Uses(ctx context.Context, from string) iter.Seq2[UsePage, error]
}

// UsePage is one answer of a UseFeed.
type UsePage struct {
	Uses []Use
	Next string // position to go on from; empty on the last page
}

// ErrNoRecords means that nobody can tell us when credentials were used.
var ErrNoRecords = errors.New("the tenant does not tell us when credentials were used")

// The records are days late at their source, which also gives them away slowly:
// so they are read once a day, and a few pages at a time.
const (
	usesEvery = 20 * time.Hour
	usePages  = 5
)

// Uses reads when credentials were last used: a part of it, if there is much, and
// nothing if that was done today. A tenant without such records is no failure:
// its credentials then have no recorded use.
func (s *Syncer) Uses(ctx context.Context, by access.Actor, feed UseFeed) (total Counts, err error) {
	if err := by.Check(access.SyncInventory); err != nil {
		return total, err
	}
	began := time.Now()
	var p position
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		number, err := tenantNumber(tx, by.Tenant)
		if err != nil {
			return err
		}
		p, err = loadPosition(tx, number, feed.Name())
		return err
	})
	if err != nil {
		return total, fmt.Errorf("cannot read when credentials were used: %w", err)
	}
	if p.next == "" && time.Since(fromMillis(p.fresh)) < usesEvery {
		return total, nil
	}
	resumed := p.next != ""
	for page, err := range feed.Uses(ctx, p.next) {
		if errors.Is(err, ErrNoRecords) && !resumed {
			break
		}
		if err != nil {
			if resumed { // a position can grow old; the next reading starts over
				p.next = ""
				err = errors.Join(err, s.Store.Do(context.WithoutCancel(ctx), p.save))
			}
			return total, fmt.Errorf("cannot read when credentials were used: %w", err)
		}
		changed := 0
		err := s.Store.Do(ctx, func(tx *store.Tx) (err error) {
			if changed, err = setUses(tx, by.Tenant, page.Uses); err != nil {
				return err
			}
			if p.next = page.Next; p.next == "" {
				p.fresh = time.Now().UnixMilli()
			}
			return p.save(tx)
		})
		if err != nil {
			return total, fmt.Errorf("cannot keep when credentials were used: %w", err)
		}
		total.Pages++
		total.Read += len(page.Uses)
		total.Unchanged += len(page.Uses) - changed
		total.Took = time.Since(began)
		if s.Progress != nil {
			s.Progress(Progress{Feed: feed.Name(), Phase: "reading last uses", Counts: total, Rate: float64(total.Read) / max(total.Took.Seconds(), 0.001)})
		}
		if total.Pages == usePages {
			break
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
