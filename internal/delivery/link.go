package delivery

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// link is what a token opens, once.
type link struct {
	hash, tenant, task string
	kind               string // show, tick
	expires            time.Time
	used               time.Time
}

const (
	show = "show" // reveals the value
	tick = "tick" // says that the task is done
)

// newToken is 256 random bits as text for an address.
func newToken() secret.Value {
	var b [32]byte
	rand.Read(b[:])
	return secret.New(base64.RawURLEncoding.EncodeToString(b[:]))
}

// tokenHash needs no salt and no stretching: the token is random, with 256 bits.
// It also keeps whoever reads the database from opening a link.
func tokenHash(token secret.Value) string {
	sum := sha256.Sum256([]byte("handover\x00" + token.Reveal()))
	return hex.EncodeToString(sum[:])
}

// Link makes a task's link. The one before, used or not, is dead from then on.
func (d *Desk) Link(ctx context.Context, by access.Actor, id string) (t Task, token secret.Value, expires time.Time, err error) {
	if err := by.Check(access.LinkTask); err != nil {
		return t, token, expires, err
	}
	token = newToken()
	expires = now().Add(min(cmp.Or(d.Life, usualLife), longestLife))
	err = d.Store.Do(ctx, func(tx *store.Tx) error {
		if t, err = taskByID(tx, by.Tenant, id); err != nil {
			return err
		}
		if t.over() {
			return fmt.Errorf("%w: it is %s", ErrEnded, t.State)
		}
		if err := deleteLinks(tx, t.Tenant, t.ID); err != nil {
			return err
		}
		if err := insertLink(tx, link{hash: tokenHash(token), tenant: t.Tenant, task: t.ID, kind: show, expires: expires}); err != nil {
			return err
		}
		return d.Log.Record(tx, t.event(by, access.LinkTask, audit.Done, map[string]string{"expires": expires.Format(time.RFC3339)}))
	})
	return t, token, expires, err
}

// Look tells what a link is for, without using it: previews of chats and scanners
// of mail look too. Its error is ErrUsed, with the task, if it was used.
func (d *Desk) Look(ctx context.Context, token secret.Value) (t Task, expires time.Time, err error) {
	err = d.Store.View(ctx, func(tx *store.Tx) error {
		l, found, err := follow(tx, token, show)
		t, expires = found, l.expires
		return err
	})
	return t, expires, err
}

// Shown is what a link reveals.
type Shown struct {
	Task  Task
	Value secret.Value
	Tick  secret.Value // the token with which the holder can say that it is done
}

// Reveal uses a link up and returns the value. However many ask at once, one gets
// it (SAFETY T32). That the link is used is committed with its record before the
// value is read; if the value cannot be read, the link is given back. From is
// where the request came from.
func (d *Desk) Reveal(ctx context.Context, token secret.Value, from string) (s Shown, err error) {
	var l link
	var before State
	err = d.Store.Do(ctx, func(tx *store.Tx) error {
		if l, s.Task, err = follow(tx, token, show); err != nil {
			return err
		}
		if won, err := useLink(tx, l.hash, now()); err != nil || !won {
			return errors.Join(err, ErrUsed)
		}
		t := &s.Task
		before, t.Viewed = t.State, now()
		if t.State == Open {
			t.State = Viewed
		}
		s.Tick = newToken()
		if err := insertLink(tx, link{hash: tokenHash(s.Tick), tenant: t.Tenant, task: t.ID, kind: tick, expires: t.Viewed.Add(longestLife)}); err != nil {
			return err
		}
		if err := updateTask(tx, t); err != nil {
			return err
		}
		return d.Log.Record(tx, t.event(t.holder(), evRevealed, audit.Done, map[string]string{"from": from, "key": t.KeyID}))
	})
	if err != nil {
		return Shown{Task: s.Task}, err
	}
	if s.Value, err = d.Value(ctx, s.Task.Tenant, s.Task.Rotation); err != nil {
		return Shown{Task: s.Task}, errors.Join(fmt.Errorf("cannot read the value now: %w", err), d.giveBack(ctx, l, s, before))
	}
	return s, nil
}

// giveBack makes a link usable again whose value could not be read.
func (d *Desk) giveBack(ctx context.Context, l link, s Shown, before State) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return d.Store.Do(ctx, func(tx *store.Tx) error {
		t, err := taskByID(tx, l.tenant, l.task)
		if err != nil {
			return err
		}
		if t.State == Viewed {
			t.State, t.Viewed = before, time.Time{}
		}
		if err := errors.Join(unuseLink(tx, l.hash), deleteLink(tx, tokenHash(s.Tick)), updateTask(tx, &t)); err != nil {
			return err
		}
		return d.Log.Record(tx, t.event(t.holder(), evRevealed, audit.Failed, nil))
	})
}

// Tick says that a task is done, with the token that the page of the value had.
func (d *Desk) Tick(ctx context.Context, token secret.Value, note, from string) (t Task, err error) {
	if note, err = noted(note); err != nil {
		return t, err
	}
	err = d.Store.Do(ctx, func(tx *store.Tx) error {
		l, found, err := follow(tx, token, tick)
		if t = found; err != nil {
			return err
		}
		if won, err := useLink(tx, l.hash, now()); err != nil || !won {
			return errors.Join(err, ErrUsed)
		}
		return d.finish(tx, &t, t.holder(), note, map[string]string{"from": from})
	})
	d.tell(ctx, t, err)
	return t, err
}

// holder is whoever has a task's link: nobody that signed in.
func (t *Task) holder() access.Actor {
	who := cmp.Or(t.Person, "an administrator")
	return access.Actor{ID: "link:" + t.ID, Name: "holder of the link for " + who, Person: "link:" + t.ID, Role: access.User, Tenant: t.Tenant}
}

// follow finds what a token opens now.
func follow(tx *store.Tx, token secret.Value, kind string) (l link, t Task, err error) {
	if token.Len() != 43 {
		return l, t, ErrLink
	}
	if l, err = linkByHash(tx, tokenHash(token)); err != nil {
		return l, t, err
	}
	if l.kind != kind || !time.Now().Before(l.expires) {
		return link{}, t, ErrLink
	}
	if t, err = taskByID(tx, l.tenant, l.task); err != nil {
		return l, t, err
	}
	switch {
	case t.over():
		return l, t, ErrEnded
	case !l.used.IsZero():
		return l, t, ErrUsed
	}
	return l, t, nil
}
