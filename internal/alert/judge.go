package alert

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

const (
	longestReason = 500 // characters
	longestSnooze = 180 * day
)

// Acknowledge says that somebody has seen an alert and looks after it: nobody else
// is asked, until it comes a step closer. A second time changes nothing.
func (k *Keeper) Acknowledge(ctx context.Context, by access.Actor, id, note string) (a Alert, err error) {
	if err := by.Check(access.JudgeAlert); err != nil {
		return a, err
	}
	if len([]rune(note)) > longestReason {
		return a, &InvalidError{Why: fmt.Sprintf("the note is longer than %d characters", longestReason)}
	}
	return k.judge(ctx, by, id, access.JudgeAlert, func(a *Alert) (map[string]string, error) {
		if a.State == Acknowledged {
			return nil, nil
		}
		a.State, a.Judge, a.Why, a.Due, a.Until = Acknowledged, by.Name, note, time.Time{}, time.Time{}
		if note == "" {
			return map[string]string{}, nil
		}
		return map[string]string{"note": note}, nil
	})
}

// Snooze lays an alert aside until a time, with a reason. It cannot be laid aside
// for longer than what it is about lasts.
func (k *Keeper) Snooze(ctx context.Context, by access.Actor, id string, until time.Time, reason string) (a Alert, err error) {
	if err := by.Check(access.SnoozeAlert); err != nil {
		return a, err
	}
	reason = strings.TrimSpace(reason)
	until = until.UTC().Truncate(time.Millisecond)
	return k.judge(ctx, by, id, access.SnoozeAlert, func(a *Alert) (map[string]string, error) {
		if err := mayWait(until, reason); err != nil {
			return nil, err
		}
		if !a.Ends.IsZero() && a.Ends.After(time.Now()) && until.After(a.Ends) {
			return nil, &InvalidError{Why: fmt.Sprintf("it ends before that, on %s", a.Ends.Format("2 January 2006, 15:04 MST"))}
		}
		a.State, a.Judge, a.Why, a.Due, a.Until = Snoozed, by.Name, reason, time.Time{}, until
		return map[string]string{"until": until.Format(time.RFC3339), "reason": reason}, nil
	})
}

// mayWait returns an *InvalidError unless something can be laid aside until then for
// that reason.
func mayWait(until time.Time, reason string) error {
	switch {
	case reason == "":
		return &InvalidError{Why: "a reason is missing: whoever looks next wants to know why it was laid aside"}
	case len([]rune(reason)) > longestReason:
		return &InvalidError{Why: fmt.Sprintf("the reason is longer than %d characters", longestReason)}
	case time.Until(until) < time.Minute:
		return &InvalidError{Why: "it would come back at once; say a later time"}
	case time.Until(until) > longestSnooze:
		return &InvalidError{Why: fmt.Sprintf("it cannot be laid aside for more than %d days", longestSnooze/day)}
	}
	return nil
}

func (k *Keeper) judge(ctx context.Context, by access.Actor, id string, action access.Action, change func(*Alert) (map[string]string, error)) (a Alert, err error) {
	err = k.Store.Do(ctx, func(tx *store.Tx) error {
		if a, err = byID(tx, by.Tenant, id, true); err != nil {
			return err
		}
		if a.State == Settled {
			return fmt.Errorf("%w, on %s", ErrSettled, a.Settled.Format("2 January 2006"))
		}
		detail, err := change(&a)
		if err != nil || detail == nil {
			return err
		}
		a.Changed = now()
		if err := put(tx, &a); err != nil {
			return err
		}
		if err := k.end(tx, &a, acknowledged); err != nil {
			return err
		}
		return k.Log.Record(tx, event(by, action, &a, detail))
	})
	if err == nil && k.Wake != nil {
		k.Wake()
	}
	return a, err
}
