package alert

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/store"
)

// The states of a message.
const (
	ready   = "ready"
	sending = "sending" // committed before anything goes out
	sent    = "sent"
	lost    = "unsure" // sent, and nobody knows whether it was taken; never sent again
	givenUp = "failed"
)

const (
	patience = 40 * time.Second   // for one message to be taken
	stale    = 2 * time.Minute    // after which a message that is being sent belongs to a process that is gone
	lastTry  = 3 * 24 * time.Hour // after this a message is given up
	soon     = 15 * time.Minute   // after which an urgent alert is told again if nobody knows whether it arrived
)

// backoff are the waits after failures in a row.
var backoff = []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour}

func wait(failures int) time.Duration { return backoff[min(max(failures, 1), len(backoff))-1] }

// recover finds the messages that a process was sending when it ended. What their
// channel takes twice as once is sent again; of the rest nobody knows.
func (k *Keeper) recover(ctx context.Context, tenant string) error {
	return k.Store.Do(ctx, func(tx *store.Tx) error {
		list, err := staleMessages(tx, tenant, now().Add(-stale), k.run)
		if err != nil {
			return err
		}
		for i := range list {
			m := &list[i]
			if err := k.ended(tx, m, k.route(m.channel), errInterrupted); err != nil {
				return err
			}
		}
		return nil
	})
}

var errInterrupted = errors.New("rekey was stopped while it was being sent")

// send sends what is ready, one after the other; channels that do not answer are
// left out until their pause is over.
func (k *Keeper) send(ctx context.Context, tenant string) error {
	for {
		m, err := k.claim(ctx, tenant)
		if err != nil || m == nil {
			return err
		}
		if err := k.sendOne(ctx, m); err != nil {
			return err
		}
	}
}

// claim takes the next message: from its commit on it counts as being sent.
func (k *Keeper) claim(ctx context.Context, tenant string) (m *message, err error) {
	err = k.Store.Do(ctx, func(tx *store.Tx) error {
		m, err = nextMessage(tx, tenant, now(), k.held())
		if err != nil || m == nil {
			return err
		}
		m.claim, m.began = rand.Text(), now()
		m.tries++
		ok, err := claimMessage(tx, m, k.run)
		if err == nil && !ok {
			err = fmt.Errorf("message %s was taken by another replica", m.ID)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot take the next message: %w", err)
	}
	return m, nil
}

func (k *Keeper) sendOne(ctx context.Context, m *message) error {
	r := k.route(m.channel)
	err := fmt.Errorf("channel %s is no longer configured: %w", m.channel, connector.ErrNotApplied)
	if r != nil {
		err = k.hand(ctx, r, m)
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, connector.ErrNotApplied) {
		err = errors.Join(context.Cause(ctx), connector.ErrNotApplied)
	}
	// What has happened is written down even if the program is about to end.
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return k.Store.Do(keep, func(tx *store.Tx) error {
		mine, err2 := holdMessage(tx, m)
		if err2 != nil || !mine {
			return err2 // another replica thought that we were gone, and has dealt with it
		}
		return k.ended(tx, m, r, err)
	})
}

func (k *Keeper) hand(ctx context.Context, r *Route, m *message) error {
	ctx, cancel := context.WithDeadline(ctx, m.began.Add(patience))
	defer cancel()
	return r.Channel.Send(ctx, m.Message)
}

// ended writes down how it went with a message.
func (k *Keeper) ended(tx *store.Tx, m *message, r *Route, err error) error {
	at := now()
	m.ended, m.problem = at, ""
	if err != nil {
		m.problem = rest.Clean(err.Error(), 400)
	}
	no, final := errors.AsType[*connector.UndeliverableError](err)
	throttled, asked := errors.AsType[*connector.ThrottledError](err)
	again := errors.Is(err, connector.ErrNotApplied) || r != nil && r.Channel.Traits().Repeatable
	old := at.Sub(m.Made) >= lastTry
	switch {
	case err == nil:
		m.state = sent
	case r == nil, final && no.Recipient, old:
		m.state = givenUp
	case !again:
		m.state = lost
	default:
		m.state, m.due = ready, at.Add(wait(m.tries))
		if asked {
			m.due = at.Add(max(throttled.After, time.Minute))
		}
	}
	if err != nil {
		k.logger().Log(context.Background(), slog.LevelWarn, "a message was not taken", "channel", m.channel, "message", m.ID, "state", m.state, "tries", m.tries, "error", m.problem)
	}
	if err := saveMessage(tx, m); err != nil {
		return err
	}
	if err := k.health(tx, m, r, err, final && !no.Recipient); err != nil {
		return err
	}
	return k.consequences(tx, m)
}

// consequences is what the end of a message means for the alerts in it.
func (k *Keeper) consequences(tx *store.Tx, m *message) error {
	if m.state == ready {
		return nil
	}
	list, err := tellingsOf(tx, m.Tenant, m.ID)
	if err != nil {
		return err
	}
	for _, t := range list {
		state := map[string]string{sent: taken, lost: unsure, givenUp: failed}[m.state]
		if err := setTelling(tx, t, state, m.ID); err != nil {
			return err
		}
		a, err := byID(tx, m.Tenant, t.alert, true)
		if err != nil {
			return err
		}
		switch {
		case m.state == sent && a.Told.IsZero() && a.State != Settled:
			a.Told = m.ended
			err = put(tx, &a)
		case m.state == lost:
			err = k.retell(tx, &a, t)
		case m.state == givenUp && a.State == Open && a.Level < toTeam && m.To != "":
			a.Due = m.ended // this person cannot be reached: the next one is asked
			err = put(tx, &a)
		}
		if err != nil {
			return err
		}
	}
	return k.record(tx, m, len(list))
}

// retell tells once more, and says that it may be the second time, what a message
// told of which nobody knows whether it arrived.
func (k *Keeper) retell(tx *store.Tx, a *Alert, t telling) error {
	if a.State != Open || t.act != connector.Raised && t.act != connector.Escalated {
		return nil
	}
	t.occasion, t.again, t.due = t.occasion+"~", true, k.digest(now())
	if k.urgent(a.Severity) {
		t.due = now().Add(soon)
	}
	return addTelling(tx, t)
}

// record tells the audit log what was told to whom. A log that was tampered with
// takes nothing any more; that is told all the same.
func (k *Keeper) record(tx *store.Tx, m *message, alerts int) error {
	outcome := map[string]audit.Outcome{sent: audit.Done, lost: audit.Failed, givenUp: audit.Failed}[m.state]
	e := audit.By(access.Rekey(m.Tenant), evTold, m.ID, outcome)
	e.Title = m.Subject
	e.Detail = map[string]string{"channel": m.channel, "alerts": fmt.Sprint(alerts), "state": m.state}
	for name, value := range map[string]string{"to": m.To, "problem": m.problem} {
		if value != "" {
			e.Detail[name] = value
		}
	}
	if len(m.Items) == 1 {
		e.Detail["alert"] = m.Items[0].Alert
	}
	if err := k.Log.Record(tx, e); err != nil && !errors.Is(err, audit.ErrTampered) {
		return err
	}
	return nil
}

// Events that nobody's role has to permit.
const (
	evTold access.Action = "alert.told"
	evWoke access.Action = "alert.woke"
)
