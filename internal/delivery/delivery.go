// Package delivery hands work that only a person can do to that person, and the
// value once.
//
// A Desk keeps tasks: move this consumer, by then. A task has reminders and goes
// to a backup when its time is over. An administrator makes a link for it; the
// page behind the link reveals the new value once and never again. The value is
// read where it is kept in that moment, so there is no second copy of it. Links
// are kept as hashes, end by themselves, and die when another is made.
//
// A Desk is a connector.Consumer: telling it opens a task, and a consumer has
// moved when its task was done and it was said how that is known.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// Desk keeps the tasks of people.
type Desk struct {
	Store *store.DB
	Log   *audit.Log

	// Value reads the new value of a rotation, from the vault or the sealed copy.
	Value func(ctx context.Context, tenant, rotation string) (secret.Value, error)
	// Backup says who is asked when a task's person did not do it in time; it may
	// be nil. Then it is the next owner of the application.
	Backup func(tenant string) string

	// Finished hears of a task that somebody has done, once that is recorded, so
	// that its rotation need not wait for its next look. It may be nil.
	Finished func(ctx context.Context, tenant, rotation string)

	// Sees reports whether a user may know of a rotation; nil: users see no task.
	Sees func(ctx context.Context, by access.Actor, rotation string) (bool, error)

	Term time.Duration // from opening to deadline; 0 means three days
	Life time.Duration // of a link; 0 means three days, and seven at most
}

// State is where a task stands.
type State string

// The states. Done and Dropped are final.
const (
	Open      State = "open"
	Viewed    State = "viewed"    // the value was revealed
	Escalated State = "escalated" // the deadline passed; the backup is asked
	Done      State = "done"
	Dropped   State = "dropped" // nobody needs it any more
)

// Task is one consumer that a person has to move.
type Task struct {
	ID        string
	Tenant    string
	Rotation  string
	Request   string // Change.Request; one task for each
	Consumer  string
	Reference string
	Title     string // the application's name
	Place     string // where the new value lies, with its version
	KeyID     string // of the new credential
	Person    string // who is asked; empty: whoever administers
	Backup    string // who is asked after the deadline
	State     State
	Opened    time.Time
	Deadline  time.Time
	Due       time.Time // of the next reminder; zero: none
	Reminded  int       // of the time, in percent, that had passed at the last reminder
	Viewed    time.Time
	Escalated time.Time
	Ended     time.Time
	By        string // who said that it is done
	Note      string // and how that is known
}

// What a caller can branch on.
var (
	ErrNotFound = errors.New("there is no such task")
	ErrLink     = errors.New("this link is not known; it may have ended, or another took its place")
	ErrUsed     = errors.New("this link was used already")
	ErrEnded    = errors.New("the task has ended")
)

// InvalidError means that something was asked for that cannot be.
type InvalidError struct{ Why string }

func (e *InvalidError) Error() string { return e.Why }

const (
	usualTerm   = 3 * 24 * time.Hour
	usualLife   = 3 * 24 * time.Hour
	longestLife = 7 * 24 * time.Hour
	longestNote = 500 // characters
)

// Filter selects tasks. Zero fields select all.
type Filter struct {
	State    State // or Pending
	Rotation string
	Before   Cursor // from the last one of the page before
	Limit    int    // 0 means 100, at most 1000
}

// Pending selects the tasks that wait for somebody.
const Pending State = "pending"

// Cursor is a place in the list of tasks, newest first.
type Cursor struct {
	Opened time.Time
	ID     string
}

// List returns tasks of the actor's tenant, newest first, and whether there are more.
func (d *Desk) List(ctx context.Context, by access.Actor, f Filter) (list []Task, more bool, err error) {
	if err := by.Check(access.ReadTasks); err != nil {
		return nil, false, err
	}
	limit := min(f.Limit, 1000)
	if limit <= 0 {
		limit = 100
	}
	if f.Before.ID == "" {
		f.Before = Cursor{time.Now().AddDate(1000, 0, 0), "~"}
	}
	if by.OnlyOwn() {
		return d.own(ctx, by, f, limit)
	}
	err = d.Store.View(ctx, func(tx *store.Tx) error {
		list, err = selectTasks(tx, by.Tenant, f, limit+1)
		return err
	})
	if len(list) > limit {
		return list[:limit], true, err
	}
	return list, false, err
}

// Get returns one task of the actor's tenant. Its error is ErrNotFound if there
// is none.
func (d *Desk) Get(ctx context.Context, by access.Actor, id string) (t Task, err error) {
	if err := by.Check(access.ReadTasks); err != nil {
		return t, err
	}
	err = d.Store.View(ctx, func(tx *store.Tx) error {
		t, err = taskByID(tx, by.Tenant, id)
		return err
	})
	if err != nil {
		return t, err
	}
	return t, d.known(ctx, by, &t)
}

// Finish says that a task is done, and how that is known.
func (d *Desk) Finish(ctx context.Context, by access.Actor, id, note string) (t Task, err error) {
	if err := by.Check(access.FinishTask); err != nil {
		return t, err
	}
	if note, err = noted(note); err != nil {
		return t, err
	}
	if t, err = d.Get(ctx, by, id); err != nil {
		return t, err
	}
	err = d.Store.Do(ctx, func(tx *store.Tx) error {
		if t, err = taskByID(tx, by.Tenant, id); err != nil {
			return err
		}
		return d.finish(tx, &t, by, note, nil)
	})
	d.tell(ctx, t, err)
	return t, err
}

func (d *Desk) tell(ctx context.Context, t Task, err error) {
	if err == nil && d.Finished != nil {
		d.Finished(context.WithoutCancel(ctx), t.Tenant, t.Rotation)
	}
}

// Settle ends the task of a change with evidence that did not need the person,
// such as a sign-in with the new key. Without such a task it does nothing.
func (d *Desk) Settle(ctx context.Context, tenant, request, proof string) error {
	return d.Store.Do(ctx, func(tx *store.Tx) error {
		t, err := taskByRequest(tx, tenant, request)
		if errors.Is(err, ErrNotFound) || err == nil && t.over() {
			return nil
		}
		if err != nil {
			return err
		}
		return d.finish(tx, &t, access.Rekey(tenant), proof, nil)
	})
}

// Drop ends the tasks of a rotation that is over. Their links are dead from now on.
func (d *Desk) Drop(ctx context.Context, tenant, rotation, why string) error {
	return d.Store.Do(ctx, func(tx *store.Tx) error {
		list, err := selectTasks(tx, tenant, Filter{State: Pending, Rotation: rotation, Before: Cursor{time.Now().AddDate(1000, 0, 0), "~"}}, 1000)
		if err != nil {
			return err
		}
		var events []audit.Event
		for i := range list {
			t := &list[i]
			t.State, t.Ended, t.Due, t.Note = Dropped, now(), time.Time{}, why
			if err := errors.Join(updateTask(tx, t), deleteLinks(tx, t.Tenant, t.ID)); err != nil {
				return err
			}
			events = append(events, t.event(access.Rekey(tenant), evDropped, audit.Done, map[string]string{"why": why}))
		}
		return d.Log.Record(tx, events...)
	})
}

func (d *Desk) finish(tx *store.Tx, t *Task, by access.Actor, note string, detail map[string]string) error {
	if t.over() {
		return fmt.Errorf("%w: it is %s since %s", ErrEnded, t.State, t.Ended.Format(time.DateTime))
	}
	t.State, t.Ended, t.Due, t.By, t.Note = Done, now(), time.Time{}, by.Name, note
	if err := errors.Join(updateTask(tx, t), deleteLinks(tx, t.Tenant, t.ID)); err != nil {
		return err
	}
	if detail == nil {
		detail = map[string]string{}
	}
	detail["note"] = note
	return d.Log.Record(tx, t.event(by, access.FinishTask, audit.Done, detail))
}

func (t *Task) over() bool { return t.State == Done || t.State == Dropped }

// Events that nobody's role has to permit: rekey does them by itself, or the
// holder of a link does.
const (
	evOpened    access.Action = "task.opened"
	evReminded  access.Action = "task.reminded"
	evEscalated access.Action = "task.escalated"
	evDropped   access.Action = "task.dropped"
	evRevealed  access.Action = "task.reveal"
)

func (t *Task) event(by access.Actor, action access.Action, outcome audit.Outcome, detail map[string]string) audit.Event {
	e := audit.By(by, action, t.ID, outcome)
	e.Title = t.Consumer
	e.Detail = map[string]string{"rotation": t.Rotation, "person": t.Person}
	maps.Copy(e.Detail, detail)
	return e
}

// now is the time as the tables keep it.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
