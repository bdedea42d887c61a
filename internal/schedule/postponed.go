package schedule

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// Postponement is a person's word that a credential is not proposed before a
// time.
type Postponement struct {
	Tenant  string    `json:"tenant"`
	KeyID   string    `json:"keyId"`
	Until   time.Time `json:"until"`
	Reason  string    `json:"reason"`
	By      string    `json:"by"` // Actor.Name
	ActorID string    `json:"actorId"`
	Since   time.Time `json:"since"`
}

// InvalidError says why something cannot be postponed, and what to do.
type InvalidError struct{ Why string }

func (e *InvalidError) Error() string { return e.Why }

const (
	longestPostponement = 366 * day
	longestReason       = 500
)

// Postpone keeps a credential from being proposed until a time. It does not make
// it last longer: a time behind its end is refused, since it would be found out
// by an outage. Postponing again replaces what was said before.
func (s *Service) Postpone(ctx context.Context, by access.Actor, keyID string, until time.Time, reason string) (p Postponement, err error) {
	if err := by.Check(access.PostponeDue); err != nil {
		return p, err
	}
	d, err := s.Inventory.Credential(ctx, by, keyID)
	if err != nil {
		return p, err
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	if reason = strings.TrimSpace(reason); reason == "" || len(reason) > longestReason {
		return p, &InvalidError{fmt.Sprintf("say why it is postponed, in at most %d characters", longestReason)}
	}
	if !until.After(now) || until.Sub(now) > longestPostponement {
		return p, &InvalidError{"it can be postponed to a day within the next year"}
	}
	if !d.Expires.IsZero() && until.After(d.Expires) {
		return p, &InvalidError{fmt.Sprintf("it ends on %s, before that; choose an earlier day, or let it end and acknowledge the finding", d.Expires.Format(time.DateOnly))}
	}
	p = Postponement{Tenant: by.Tenant, KeyID: d.KeyID, Until: until.UTC().Truncate(time.Millisecond), Reason: reason, By: by.Name, ActorID: by.ID, Since: now}
	e := audit.By(by, access.PostponeDue, d.KeyID, audit.Done)
	e.Title = d.Application.Name
	e.Detail = map[string]string{"application": string(d.Application.ObjectID), "until": p.Until.Format(time.RFC3339), "reason": reason}
	return p, s.Store.Do(ctx, func(tx *store.Tx) error {
		if err := putPostponed(tx, p); err != nil {
			return err
		}
		return s.Log.Record(tx, e)
	})
}

// Resume ends a postponement.
func (s *Service) Resume(ctx context.Context, by access.Actor, keyID string) error {
	if err := by.Check(access.PostponeDue); err != nil {
		return err
	}
	e := audit.By(by, access.PostponeDue, keyID, audit.Done)
	e.Detail = map[string]string{"made": "resumption"}
	return s.Store.Do(ctx, func(tx *store.Tx) error {
		gone, err := dropPostponed(tx, by.Tenant, keyID)
		if err != nil {
			return err
		}
		if !gone {
			return fmt.Errorf("postponement of %q: %w", keyID, inventory.ErrNotFound)
		}
		return s.Log.Record(tx, e)
	})
}

func putPostponed(tx *store.Tx, p Postponement) error {
	_, err := tx.Exec(`INSERT INTO schedule_postponed (tenant, key_id, until, reason, actor, name, since) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant, key_id) DO UPDATE SET until = excluded.until, reason = excluded.reason, actor = excluded.actor, name = excluded.name, since = excluded.since`,
		p.Tenant, p.KeyID, millis(p.Until), p.Reason, p.ActorID, p.By, millis(p.Since))
	if err != nil {
		return fmt.Errorf("cannot postpone %q: %w", p.KeyID, err)
	}
	return nil
}

func dropPostponed(tx *store.Tx, tenant, keyID string) (gone bool, err error) {
	result, err := tx.Exec(`DELETE FROM schedule_postponed WHERE tenant = $1 AND key_id = $2`, tenant, keyID)
	if err != nil {
		return false, fmt.Errorf("cannot end the postponement of %q: %w", keyID, err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// postponed is what a person has said about a credential, if it still holds.
func postponed(tx *store.Tx, tenant, keyID string, now time.Time) (*Postponement, error) {
	p := Postponement{Tenant: tenant, KeyID: keyID}
	var until, since int64
	err := tx.QueryRow(`SELECT until, reason, actor, name, since FROM schedule_postponed WHERE tenant = $1 AND key_id = $2 AND until > $3`, tenant, keyID, millis(now)).
		Scan(&until, &p.Reason, &p.ActorID, &p.By, &since)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read whether %q is postponed: %w", keyID, err)
	}
	p.Until, p.Since = moment(until), moment(since)
	return &p, nil
}
