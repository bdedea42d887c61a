package trail

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/store"
)

// Closing is a day's balance: what the journal says that rekey made, and what the
// directory says that rekey's own identity made.
type Closing struct {
	Day        time.Time `json:"day"`
	Closed     time.Time `json:"closed"`
	Intents    int       `json:"intents"`    // credentials that the journal says were made
	Adds       int       `json:"adds"`       // that the directory says our writer made
	Others     int       `json:"others"`     // that the directory says somebody else made
	Unseen     []Intent  `json:"unseen"`     // in the journal, not in the directory's records
	Unintended []Event   `json:"unintended"` // by our writer, not in the journal
}

// Balanced reports whether the books agree.
func (c *Closing) Balanced() bool { return len(c.Unseen) == 0 && len(c.Unintended) == 0 }

// slack is how far apart the journal's clock and the directory's may be.
const slack = 15 * time.Minute

// Close closes the books of every day that the directory's records are complete
// for: all sources that tell of credentials have been read so far that nothing of
// the day can still come. Days before the trail began have no books.
func (t *Trail) Close(ctx context.Context, tenant string, through time.Time) (closed []Closing, err error) {
	var next time.Time
	err = t.Store.View(ctx, func(tx *store.Tx) error {
		num, began, err := tenantNumber(tx, tenant)
		if err != nil || num == 0 {
			return err
		}
		var last int64
		if err := tx.QueryRow(`SELECT COALESCE(MAX(day), 0) FROM trail_closing WHERE tenant = $1`, num).Scan(&last); err != nil {
			return err
		}
		next = began.Truncate(24 * time.Hour)
		if last != 0 {
			next = fromMillis(last).Add(24 * time.Hour)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot close the books: %w", err)
	}
	for !next.IsZero() && !through.Before(next.Add(24*time.Hour+slack)) {
		c, err := t.close(ctx, tenant, next)
		if err != nil {
			return closed, fmt.Errorf("cannot close the books of %s: %w", next.Format(time.DateOnly), err)
		}
		closed = append(closed, c)
		next = next.Add(24 * time.Hour)
	}
	return closed, nil
}

func (t *Trail) close(ctx context.Context, tenant string, day time.Time) (c Closing, err error) {
	err = t.act(ctx, tenant, func(tx *store.Tx, num int64) error {
		if c, err = t.balance(tx, tenant, num, day); err != nil {
			return err
		}
		raw, err := json.Marshal(&c)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO trail_closing (tenant, day, closed, body) VALUES ($1, $2, $3, $4)
			ON CONFLICT (tenant, day) DO UPDATE SET closed = excluded.closed, body = excluded.body`, num, day.UnixMilli(), c.Closed.UnixMilli(), string(raw))
		if err != nil || c.Balanced() {
			return err
		}
		return t.Report(tx, t.Log, policy.Finding{
			Tenant: tenant, Rule: Books, Place: "books/" + day.Format(time.DateOnly), Title: "The books of " + day.Format("2 January 2006"), Reason: c.words(),
		})
	})
	return c, err
}

// balance counts a day. Events a little outside of it belong to intents inside.
func (t *Trail) balance(tx *store.Tx, tenant string, num int64, day time.Time) (Closing, error) {
	c := Closing{Day: day, Closed: now(), Unseen: []Intent{}, Unintended: []Event{}}
	end := day.Add(24 * time.Hour)
	var intents, near []Intent
	var err error
	if t.Intents != nil {
		if near, err = t.Intents(tx, tenant, day.Add(-slack), end.Add(slack)); err != nil {
			return c, err
		}
	}
	for _, i := range near {
		if !i.Sent.Before(day) && i.Sent.Before(end) {
			intents = append(intents, i)
		}
	}
	adds, err := addsBetween(tx, num, day.Add(-slack), end.Add(slack))
	if err != nil {
		return c, err
	}
	c.Intents = len(intents)
	for _, i := range intents {
		if !slices.ContainsFunc(adds, func(e Event) bool { return strings.EqualFold(e.KeyID, i.KeyID) }) {
			c.Unseen = append(c.Unseen, i)
		}
	}
	for _, e := range adds {
		if e.Time.Before(day) || !e.Time.Before(end) {
			continue
		}
		intended := slices.ContainsFunc(near, func(i Intent) bool { return strings.EqualFold(e.KeyID, i.KeyID) })
		switch byUs := t.Writer != "" && strings.EqualFold(string(e.Actor.ClientID), string(t.Writer)); {
		case byUs || intended:
			c.Adds++
			if !intended && e.Ours == nil {
				c.Unintended = append(c.Unintended, e)
			}
		default:
			c.Others++
		}
	}
	return c, nil
}

const selectMade = `SELECT body FROM trail_event WHERE tenant = $1 AND made = 1 AND time >= $2 AND time < $3 ORDER BY time`

// addsBetween are the credentials that the clouds say were added in a span.
func addsBetween(tx *store.Tx, num int64, from, to time.Time) (list []Event, err error) {
	rows, err := tx.Query(selectMade, num, from.UnixMilli(), to.UnixMilli())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var body string
		if err := rows.Scan(&body); err != nil {
			return nil, err
		}
		e, err := read(body)
		if err != nil {
			return nil, err
		}
		if e.Outcome != "failure" {
			list = append(list, e)
		}
	}
	return list, rows.Err()
}

func (c *Closing) words() string {
	var parts []string
	for _, i := range c.Unseen {
		parts = append(parts, fmt.Sprintf("rotation %s made %s, and no record of the directory says so", i.Rotation, i.KeyID))
	}
	for i := range c.Unintended {
		e := &c.Unintended[i]
		parts = append(parts, fmt.Sprintf("rekey's own identity %s on %s at %s, and no rotation meant to", e.What(), e.Name, e.Time.Format("15:04:05")))
	}
	return strings.Join(parts, "; ")
}

// Closings lists the last closings, the newest first.
func (t *Trail) Closings(ctx context.Context, by access.Actor, limit int) (list []Closing, err error) {
	if err := allowed(by); err != nil {
		return nil, err
	}
	list = []Closing{}
	err = t.Store.View(ctx, func(tx *store.Tx) error {
		num, _, err := tenantNumber(tx, by.Tenant)
		if err != nil {
			return err
		}
		rows, err := tx.Query(`SELECT body FROM trail_closing WHERE tenant = $1 ORDER BY day DESC LIMIT $2`, num, min(max(limit, 1), 400))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var body string
			var c Closing
			if err := rows.Scan(&body); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(body), &c); err != nil {
				return fmt.Errorf("a closing is damaged: %w", err)
			}
			list = append(list, c)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list the closings: %w", err)
	}
	return list, nil
}
