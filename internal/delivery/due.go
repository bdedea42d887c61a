package delivery

import (
	"context"
	"fmt"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/store"
)

// The shares of a task's time, in percent, after which its person is reminded.
var reminders = []int{50, 90}

const (
	over    = 100            // percent: the deadline
	nagging = 24 * time.Hour // between reminders after it
)

// Reminder is one that is due: somebody has to hear of it.
type Reminder struct {
	Task    Task
	To      string
	Percent int  // of the time that has passed; 100 and more: it is over
	First   bool // the first after the deadline: it is now the backup's
}

// Due reminds of the tasks of a tenant whose time has come, and passes those on
// whose deadline is over. Each is recorded with the change, so that what follows
// the audit log can tell people; a process that was down reminds once, of the
// latest.
func (d *Desk) Due(ctx context.Context, tenant string) (list []Reminder, err error) {
	var ids []string
	err = d.Store.View(ctx, func(tx *store.Tx) error {
		ids, err = dueTasks(tx, tenant, time.Now(), 500)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		r, ok, err := d.remind(ctx, tenant, id)
		if err != nil {
			return list, fmt.Errorf("cannot remind of task %s: %w", id, err)
		}
		if ok {
			list = append(list, r)
		}
	}
	return list, nil
}

func (d *Desk) remind(ctx context.Context, tenant, id string) (r Reminder, ok bool, err error) {
	err = d.Store.Do(ctx, func(tx *store.Tx) error {
		t, err := taskByID(tx, tenant, id)
		if err != nil || t.over() || t.Due.IsZero() || t.Due.After(time.Now()) { // another replica was first
			return err
		}
		r = Reminder{Percent: t.passed()}
		action := evReminded
		if r.Percent >= over && t.Escalated.IsZero() {
			r.First, action = true, evEscalated
			t.State, t.Escalated = Escalated, now()
		}
		t.Reminded = min(r.Percent, over)
		t.Due = t.next()
		if err := updateTask(tx, &t); err != nil {
			return err
		}
		r.Task, r.To, ok = t, t.Asked(), true
		return d.Log.Record(tx, t.event(access.Rekey(tenant), action, audit.Done, map[string]string{
			"to": r.To, "percent": fmt.Sprint(r.Percent), "deadline": t.Deadline.Format(time.RFC3339),
		}))
	})
	return r, ok, err
}

// passed is the share of the time that has passed, in percent.
func (t *Task) passed() int {
	return int(100 * time.Since(t.Opened) / max(t.Deadline.Sub(t.Opened), time.Millisecond))
}

// next is when somebody has to hear of the task next.
func (t *Task) next() time.Time {
	for _, p := range append(append([]int{}, reminders...), over) {
		if t.Reminded < p {
			return t.Opened.Add(t.Deadline.Sub(t.Opened) * time.Duration(p) / 100)
		}
	}
	return now().Add(nagging)
}
