package delivery

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

var _ connector.Consumer = (*Desk)(nil)

// Tell opens a task for a change, unless there is one.
func (d *Desk) Tell(ctx context.Context, c connector.Change) error {
	tenant := c.Application.Tenant
	err := d.Store.Do(ctx, func(tx *store.Tx) error {
		_, err := taskByRequest(tx, tenant, c.Request)
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		t := d.task(c)
		if err := insertTask(tx, &t); err != nil {
			return err
		}
		return d.Log.Record(tx, t.event(access.Rekey(tenant), evOpened, audit.Done, map[string]string{"deadline": t.Deadline.Format(time.RFC3339)}))
	})
	if err != nil {
		return fmt.Errorf("cannot open a task for %q: %w", c.Consumer, err)
	}
	return nil
}

// Moved looks whether the task of a change is done.
func (d *Desk) Moved(ctx context.Context, c connector.Change) (connector.Moved, error) {
	var t Task
	err := d.Store.View(ctx, func(tx *store.Tx) (err error) {
		t, err = taskByRequest(tx, c.Application.Tenant, c.Request)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return connector.Moved{Why: "nobody has been asked yet"}, nil
	}
	if err != nil {
		return connector.Moved{}, err
	}
	if t.State == Done {
		return connector.Moved{Yes: true, Proof: fmt.Sprintf("%s (%s, %s)", t.Note, t.By, t.Ended.Format("2006-01-02 15:04 MST"))}, nil
	}
	who := t.Asked()
	m := connector.Moved{Why: "task " + t.ID + " is " + string(t.State), Wait: time.Hour}
	m.Person = fmt.Sprintf("%s, by %s, to move it and say how that is known: rekey tasks done %s --note TEXT", who, t.Deadline.Format("2006-01-02 15:04 MST"), t.ID)
	return m, nil
}

// task is a new one for a change. A reference that names a person decides who
// is asked; otherwise it says what to do, and the application's owners are asked.
func (d *Desk) task(c connector.Change) Task {
	t := Task{
		ID: "t-" + strings.ToLower(rand.Text()[:12]), Tenant: c.Application.Tenant, Rotation: c.Rotation, Request: c.Request, Consumer: c.Consumer, Reference: c.Reference,
		Title: c.Application.Name, Place: c.Place.String(), KeyID: c.New.KeyID, State: Open, Opened: now(),
	}
	if c.Place.Version != "" {
		t.Place += "@" + c.Place.Version
	}
	owners := mails(c.Application.Owners)
	if r, err := connector.ParseReference(c.Reference); err == nil && r.Route == connector.ByPerson && strings.HasPrefix(c.Reference, "person:") {
		t.Person = r.Name
	}
	for _, o := range owners {
		switch {
		case t.Person == "":
			t.Person = o
		case t.Backup == "" && !strings.EqualFold(o, t.Person):
			t.Backup = o
		}
	}
	if d.Backup != nil {
		t.Backup = cmp.Or(d.Backup(t.Tenant), t.Backup)
	}
	t.Deadline = t.Opened.Add(cmp.Or(d.Term, usualTerm))
	t.Due = t.next()
	return t
}

// Asked is whom the task waits for now.
func (t *Task) Asked() string {
	who := t.Person
	if t.State == Escalated {
		who = cmp.Or(t.Backup, t.Person)
	}
	return cmp.Or(who, "an administrator")
}

func mails(owners []inventory.Owner) (list []string) {
	for _, o := range owners {
		if o.Kind == "user" {
			list = append(list, cmp.Or(o.Mail, o.Name))
		}
	}
	return list
}

// noted is a note fit to be evidence.
func noted(note string) (string, error) {
	note = strings.TrimSpace(note)
	switch {
	case note == "":
		return "", &InvalidError{"say how it is known that the new value is used"}
	case len([]rune(note)) > longestNote:
		return "", &InvalidError{fmt.Sprintf("the note is longer than %d characters", longestNote)}
	case strings.ContainsFunc(note, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", &InvalidError{"the note has characters that cannot be printed"}
	}
	return note, nil
}
