package access

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// Session is a person's stay, from one browser.
type Session struct {
	ID      string
	Tenant  string
	Person  string // id of the Person
	Name    string // the person's
	Role    Role   // the person's, now
	How     string // they proved who they are: entra, passkey, password
	From    string // address of the sign-in
	Agent   string // what the browser called itself
	Created time.Time
	Proved  time.Time
	Seen    time.Time // to the minute
	Idle    time.Time
	Ends    time.Time
	Ended   time.Time // zero: it has not been ended by anyone
	EndedBy string    // Actor.ID
	hash    string
}

// Open reports whether a session holds at a time.
func (s Session) Open(now time.Time) bool {
	return s.Ended.IsZero() && now.Before(s.Idle) && now.Before(s.Ends)
}

// Arrival is a sign-in that was proved.
type Arrival struct {
	Person Person
	How    string
	From   string
	Agent  string
	Proved time.Time // zero: now
}

// Enter begins a session for a person who has proved who they are, and returns
// what the browser is to keep. It is always a new one: whatever the browser held
// before is worth nothing from then on (session fixation).
func (d *Door) Enter(ctx context.Context, a Arrival, before secret.Value) (s Session, kept secret.Value, err error) {
	kept = random()
	now := time.Now().UTC().Truncate(time.Millisecond)
	if a.Proved.IsZero() || a.Proved.After(now) {
		a.Proved = now
	}
	s = Session{
		ID: newID("s"), Tenant: d.Tenant, Person: a.Person.ID, Name: a.Person.Name, Role: a.Person.Role, How: a.How, From: clip(a.From, 64), Agent: clip(a.Agent, 200),
		Created: now, Proved: a.Proved.UTC().Truncate(time.Millisecond), Seen: now, Idle: now.Add(d.idle()), Ends: now.Add(d.longest()), hash: fingerprint("session", kept),
	}
	err = d.Store.Do(ctx, func(tx *store.Tx) error {
		if isRandom(before) {
			if old, err := sessionByHash(tx, d.Tenant, fingerprint("session", before)); err == nil && old.Open(now) {
				if err := endSession(tx, old.ID, now, a.Person.Actor().ID); err != nil {
					return err
				}
			} else if err != nil && !errors.Is(err, ErrNoSession) {
				return err
			}
		}
		p, err := personByID(tx, d.Tenant, a.Person.ID)
		if err != nil {
			return err
		}
		if !p.Disabled.IsZero() {
			return &DeniedError{Actor: p.Actor(), Action: SignIn, Why: "an administrator has locked this person out"}
		}
		if err := insertSession(tx, s); err != nil {
			return err
		}
		if err := setSeen(tx, p.ID, now); err != nil {
			return err
		}
		return d.record(tx, Deed{By: p.Actor(), Action: SignIn, Subject: s.ID, Title: p.Name, Detail: map[string]string{"how": s.How, "from": s.From}})
	})
	return s, kept, err
}

// Look says who a browser is that holds this, and notes that it was seen if
// stays is true. Pages that ask by themselves, without a person, keep nobody in.
// Its error is ErrNoSession if nobody is signed in with it.
func (d *Door) Look(ctx context.Context, kept secret.Value, stays bool) (Visit, error) {
	if !isRandom(kept) {
		return Visit{}, ErrNoSession
	}
	now, hash := time.Now(), fingerprint("session", kept)
	var s Session
	var p Person
	err := d.Store.View(ctx, func(tx *store.Tx) (err error) {
		if s, err = sessionByHash(tx, d.Tenant, hash); err != nil {
			return err
		}
		if subtle.ConstantTimeCompare([]byte(s.hash), []byte(hash)) != 1 {
			return ErrNoSession
		}
		p, err = personByID(tx, d.Tenant, s.Person)
		return err
	})
	if err != nil {
		return Visit{}, err
	}
	if !s.Open(now) || !p.Disabled.IsZero() {
		return Visit{}, ErrNoSession
	}
	if stays && now.Sub(s.Seen) >= time.Minute {
		s.Seen, s.Idle = now.UTC().Truncate(time.Millisecond), now.Add(d.idle()).UTC().Truncate(time.Millisecond)
		err := d.touch(ctx, s)
		if err != nil && !errors.Is(err, store.ErrFull) && !errors.Is(err, store.ErrBusy) {
			return Visit{}, err
		} // a full disk must not lock out those who come to make room
	}
	return s.visit(p), nil
}

func (d *Door) touch(ctx context.Context, s Session) error {
	return d.Store.Do(ctx, func(tx *store.Tx) error { return touchSession(tx, s.ID, s.Seen, s.Idle) })
}

// Stay prolongs a session at once: a person has said that they are still there.
func (d *Door) Stay(ctx context.Context, kept secret.Value) (Visit, error) {
	v, err := d.Look(ctx, kept, false)
	if err != nil {
		return v, err
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	v.Idle = now.Add(d.idle())
	return v, d.touch(ctx, Session{ID: v.Session, Seen: now, Idle: v.Idle})
}

func (s Session) visit(p Person) Visit {
	a := p.Actor()
	a.Session, a.Proved = s.ID, s.Proved
	return Visit{Actor: a, Session: s.ID, Proved: s.Proved, Idle: s.Idle, Ends: s.Ends}
}

// Again notes a fresh proof of the person whose session it is, and returns what
// the browser is to keep from now on: what it held before is worth nothing.
func (d *Door) Again(ctx context.Context, kept secret.Value, a Arrival) (v Visit, fresh secret.Value, err error) {
	v, err = d.Look(ctx, kept, true)
	if err != nil {
		return v, fresh, err
	}
	if a.Person.ID != personID(v.Actor) {
		return v, fresh, &DeniedError{Actor: a.Person.Actor(), Action: SignIn, Why: "somebody else is signed in in this browser"}
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	if a.Proved.IsZero() || a.Proved.After(now) {
		a.Proved = now
	}
	fresh = random()
	err = d.Store.Do(ctx, func(tx *store.Tx) error {
		won, err := proveSession(tx, v.Session, fingerprint("session", kept), fingerprint("session", fresh), a.Proved)
		if err != nil || !won {
			return errors.Join(err, notWon(won, ErrNoSession))
		}
		return d.record(tx, Deed{By: v.Actor, Action: SignIn, Subject: v.Session, Title: v.Actor.Name, Detail: map[string]string{"how": a.How, "again": "true"}})
	})
	v.Proved, v.Actor.Proved = a.Proved, a.Proved
	return v, fresh, err
}

func notWon(won bool, err error) error {
	if won {
		return nil
	}
	return err
}

// Leave ends the session that a browser holds. One that has ended is no error.
func (d *Door) Leave(ctx context.Context, kept secret.Value) error {
	v, err := d.Look(ctx, kept, false)
	if errors.Is(err, ErrNoSession) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.EndSession(ctx, v.Actor, v.Session)
}

// Sessions lists the open sessions of the actor's tenant, the newest first: all
// of them to those who may read people, else the actor's own.
func (d *Door) Sessions(ctx context.Context, by Actor) (list []Session, err error) {
	person := ""
	if by.Check(ReadPeople) != nil {
		if person = personID(by); person == "" {
			return nil, by.Check(ReadPeople)
		}
	}
	err = d.Store.View(ctx, func(tx *store.Tx) error {
		list, err = selectSessions(tx, by.Tenant, person, time.Now())
		return err
	})
	return list, err
}

// EndSession ends a session: one's own, or anybody's if the role permits it.
func (d *Door) EndSession(ctx context.Context, by Actor, id string) error {
	return d.Store.Do(ctx, func(tx *store.Tx) error {
		s, err := sessionByID(tx, by.Tenant, id)
		if err != nil {
			return err
		}
		action := SignOut
		if own := personID(by); own == "" || own != s.Person {
			action = ManageSessions
			if err := by.Check(action); err != nil {
				if own != "" && by.Check(ReadPeople) != nil { // whose it is, or that it is, is not theirs to know
					return fmt.Errorf("%w: %s", ErrNoSession, id)
				}
				return err
			}
		}
		if !s.Ended.IsZero() {
			return nil
		}
		if err := endSession(tx, s.ID, time.Now(), by.ID); err != nil {
			return err
		}
		return d.record(tx, Deed{By: by, Action: action, Subject: s.ID, Title: s.Name})
	})
}

// TurnAway records that somebody who has proved who they are was not let in.
func (d *Door) TurnAway(ctx context.Context, id, name, why string) error {
	return d.Store.Do(ctx, func(tx *store.Tx) error {
		by := Actor{ID: id, Name: named(name, id), Person: id, Tenant: d.Tenant}
		return d.record(tx, Deed{By: by, Action: SignIn, Refused: true, Detail: map[string]string{"why": why}})
	})
}

// Tidy forgets sessions and attempts that ended long ago.
func (d *Door) Tidy(ctx context.Context) error {
	return d.Store.Do(ctx, func(tx *store.Tx) error {
		return forgetSessions(tx, d.Tenant, time.Now().Add(-90*24*time.Hour))
	})
}

func clip(text string, most int) string {
	runes := []rune(text)
	return string(runes[:min(len(runes), most)])
}
