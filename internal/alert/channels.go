package alert

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/store"
)

// A channel whose messages are not taken is left alone for longer and longer, and
// counts as dead when that has gone on for a while, or at once if it says that no
// message will ever be taken.
const (
	breaks  = 3                // failures in a row after which it is paused
	deadFor = 15 * time.Minute // and not taken anything since
)

// Health is how a channel has done lately.
type Health struct {
	Name     string
	Failures int       // in a row
	Since    time.Time // of the first of these
	Paused   time.Time // nothing is tried before
	Dead     bool
	Taken    time.Time // when a message was last taken
	Problem  string
	Waiting  int // messages
}

func healthOf(tx *store.Tx, tenant, name string) (h Health, err error) {
	var since, paused, dead, taken int64
	h.Name = name
	err = tx.QueryRow(`SELECT failures, since, paused, dead, taken, problem FROM alert_channel WHERE tenant = $1 AND name = $2`, tenant, name).Scan(&h.Failures, &since, &paused, &dead, &taken, &h.Problem)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return h, fmt.Errorf("cannot read how channel %s does: %w", name, err)
	}
	h.Since, h.Paused, h.Dead, h.Taken = moment(since), moment(paused), dead != 0, moment(taken)
	return h, nil
}

func (h *Health) save(tx *store.Tx, tenant string) error {
	_, err := tx.Exec(`INSERT INTO alert_channel (tenant, name, failures, since, paused, dead, taken, problem) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (tenant, name) DO UPDATE SET failures = excluded.failures, since = excluded.since, paused = excluded.paused, dead = excluded.dead, taken = excluded.taken, problem = excluded.problem`,
		tenant, h.Name, h.Failures, millis(h.Since), millis(h.Paused), flag(h.Dead), millis(h.Taken), h.Problem)
	if err != nil {
		return fmt.Errorf("cannot note how channel %s does: %w", h.Name, err)
	}
	return nil
}

// note counts a success or a failure.
func (h *Health) note(err error, final bool) {
	at := now()
	if err == nil {
		*h = Health{Name: h.Name, Taken: at}
		return
	}
	h.Problem = rest.Clean(err.Error(), 400)
	if h.Failures++; h.Failures == 1 {
		h.Since = at
	}
	h.Dead = h.Dead || final || h.Failures >= breaks && at.Sub(h.Since) >= deadFor
	if h.Failures >= breaks || final {
		h.Paused = at.Add(wait(h.Failures))
	}
	if e, ok := errors.AsType[*connector.ThrottledError](err); ok && e.After > 0 {
		h.Paused = at.Add(e.After) // it asks us to be quiet, all of us
	}
}

// health notes how a message went. A recipient that is refused says nothing about
// the channel.
func (k *Keeper) health(tx *store.Tx, m *message, r *Route, err error, final bool) error {
	if r == nil || errors.Is(err, errInterrupted) {
		return nil
	}
	h, err2 := healthOf(tx, m.Tenant, r.Name)
	if err2 != nil {
		return err2
	}
	if no, ok := errors.AsType[*connector.UndeliverableError](err); ok && no.Recipient {
		err = nil
	}
	h.note(err, final)
	return h.save(tx, m.Tenant)
}

// Channels says how each channel does.
func (k *Keeper) Channels(ctx context.Context, by access.Actor) (list []Health, err error) {
	if err := by.Check(access.ReadAlerts); err != nil {
		return nil, err
	}
	err = k.Store.View(ctx, func(tx *store.Tx) error {
		for _, r := range k.Routes {
			if by.Tenant != k.Tenant {
				break
			}
			h, err := healthOf(tx, by.Tenant, r.Name)
			if err != nil {
				return err
			}
			if err := tx.QueryRow(`SELECT count(*) FROM alert_message WHERE tenant = $1 AND channel = $2 AND state IN ('ready', 'sending')`, by.Tenant, r.Name).Scan(&h.Waiting); err != nil {
				return fmt.Errorf("cannot count what waits for channel %s: %w", r.Name, err)
			}
			list = append(list, h)
		}
		return nil
	})
	return list, err
}

// Try sends a test through a channel and says how that went. to is an address, for
// channels that need one.
func (k *Keeper) Try(ctx context.Context, by access.Actor, name, to string) error {
	if err := by.Check(access.TestChannel); err != nil {
		return err
	}
	r := k.route(name)
	if r == nil || by.Tenant != k.Tenant {
		return fmt.Errorf("%w: %s", ErrNoChannel, rest.Clean(name, 64))
	}
	if r.Channel.Traits().Personal && to == "" {
		if len(k.Team) == 0 {
			return &InvalidError{Why: fmt.Sprintf("channel %s needs an address to write to: say to whom, or set alerts.team", name)}
		}
		to = k.Team[0]
	}
	m := connector.Message{
		ID: "m-" + strings.ToLower(rand.Text()[:20]), Tenant: by.Tenant, Name: k.Name, Made: now(), Test: true, Link: k.Link("/alerts"),
		Subject: "A test from rekey", Intro: rest.Clean(by.Name, 100) + " wanted to know whether this arrives. Nothing has to be done.",
		Items: []connector.Item{{Alert: "test", Key: "test", Keys: []string{"test"}, Act: connector.Raised, Kind: "test", Severity: string(Low), Headline: "This is only a test", Opened: now()}},
	}
	if r.Channel.Traits().Personal {
		m.To = to
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := r.Channel.Send(ctx, m)
	no, final := errors.AsType[*connector.UndeliverableError](err)
	outcome := audit.Done
	detail := map[string]string{"message": m.ID}
	if err != nil {
		outcome, detail["problem"] = audit.Failed, rest.Clean(err.Error(), 400)
	}
	if m.To != "" {
		detail["to"] = m.To
	}
	wrote := k.Store.Do(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		if err == nil || !final || !no.Recipient {
			h, err2 := healthOf(tx, by.Tenant, name)
			if err2 != nil {
				return err2
			}
			h.note(err, final)
			if err2 := h.save(tx, by.Tenant); err2 != nil {
				return err2
			}
		}
		e := audit.By(by, access.TestChannel, name, outcome)
		e.Detail = detail
		return k.Log.Record(tx, e)
	})
	if err != nil {
		return &FailedError{Channel: name, Err: err}
	}
	return wrote
}

// FailedError means that a channel did not take a test.
type FailedError struct {
	Channel string
	Err     error
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("channel %s did not take the test: %s", e.Channel, rest.Clean(e.Err.Error(), 400))
}
func (e *FailedError) Unwrap() error { return e.Err }

// DeadRoutes is the source of alerts about channels that are dead: the others tell
// of it.
func (k *Keeper) DeadRoutes() Source {
	return Source{Name: "channels", Every: time.Minute, Look: func(ctx context.Context, tenant string, found func(Matter) error) error {
		var dead []Health
		err := k.Store.View(ctx, func(tx *store.Tx) error {
			for _, r := range k.Routes {
				h, err := healthOf(tx, tenant, r.Name)
				if err != nil {
					return err
				}
				if h.Dead {
					dead = append(dead, h)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, h := range dead {
			m := Matter{
				Kind: DeadRoute, Subject: h.Name, Severity: High, Rung: NoRung, Path: "/alerts",
				Headline: fmt.Sprintf("Alerts no longer get through on channel %s", h.Name),
				Text:     "What it should have told waits, and is told when it takes messages again. rekey alert test " + h.Name + " tries it.",
				Facts:    []connector.Fact{{Name: "Since", Value: h.Since.Format("2 January 2006, 15:04 MST")}, {Name: "It says", Value: h.Problem}},
			}
			if err := found(m); err != nil {
				return err
			}
		}
		return nil
	}}
}
