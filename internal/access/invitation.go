package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// ErrInvitation means that a one-time token is not known, was used, or has ended.
var ErrInvitation = errors.New("this setup token is not known, was used, or has ended")

// What an invitation is for.
const (
	forSetup = "setup" // the first administrator
	forJoin  = "join"  // a person whom an administrator made, or who has lost everything
)

const (
	setupLife  = time.Hour
	inviteLife = 3 * 24 * time.Hour
)

// SetupToken makes the one-time token for the first administrator, as long as
// there is none; any that was made before is dead. Stands is the Actor.Person who
// reads it in the terminal: both count as one person.
func (d *Door) SetupToken(ctx context.Context, stands string) (token secret.Value, ends time.Time, err error) {
	token, ends = random(), time.Now().Add(setupLife)
	err = d.Store.Do(ctx, func(tx *store.Tx) error {
		n, err := administrators(tx, d.Tenant)
		if err != nil {
			return err
		}
		if n > 0 {
			token = secret.Value{}
			return nil
		}
		if _, err := tx.Exec(`DELETE FROM access_invitation WHERE tenant = $1 AND purpose = $2`, d.Tenant, forSetup); err != nil {
			return fmt.Errorf("cannot end older setup tokens: %w", err)
		}
		return insertInvitation(tx, d.Tenant, token, forSetup, "", stands, ends)
	})
	return token, ends, err
}

// NewPerson is a local person as an administrator asks for one.
type NewPerson struct {
	Login string // what they type
	Name  string // for people to read; empty: the login
	Role  Role
	Owner string // object id in the directory whose applications are theirs
}

// Invite makes a local person, who chooses a password or a passkey with the
// one-time token.
func (d *Door) Invite(ctx context.Context, by Actor, q NewPerson) (p Person, token secret.Value, ends time.Time, err error) {
	if err := by.Check(ManagePeople); err != nil {
		return p, token, ends, err
	}
	if p, err = newLocal(by.Tenant, q); err != nil {
		return p, token, ends, err
	}
	p.CreatedBy = by.ID
	token, ends = random(), time.Now().Add(inviteLife)
	err = d.Store.Do(ctx, func(tx *store.Tx) error {
		if _, err := personBySubject(tx, by.Tenant, FromHere, p.Subject); err == nil {
			return personProblem("there is somebody with the login %q", p.Subject)
		} else if !errors.Is(err, ErrNoPerson) {
			return err
		}
		if err := insertPerson(tx, p); err != nil {
			return err
		}
		if err := insertInvitation(tx, by.Tenant, token, forJoin, p.ID, "", ends); err != nil {
			return err
		}
		return d.record(tx, Deed{By: by, Action: ManagePeople, Subject: p.ID, Title: p.Name, Detail: map[string]string{"made": "person", "role": string(p.Role)}})
	})
	return p, token, ends, err
}

// Reinvite makes another token for a local person who has lost password and
// passkeys: all of them, and the sessions, end when it is used.
func (d *Door) Reinvite(ctx context.Context, by Actor, id string) (p Person, token secret.Value, ends time.Time, err error) {
	if err := by.Check(ManagePeople); err != nil {
		return p, token, ends, err
	}
	token, ends = random(), time.Now().Add(inviteLife)
	err = d.Store.Do(ctx, func(tx *store.Tx) error {
		if p, err = personByID(tx, by.Tenant, id); err != nil {
			return err
		}
		if p.Kind != FromHere {
			return personProblem("%s signs in at Entra", p.Name)
		}
		if _, err := tx.Exec(`DELETE FROM access_invitation WHERE tenant = $1 AND person = $2`, by.Tenant, id); err != nil {
			return fmt.Errorf("cannot end older invitations: %w", err)
		}
		if err := insertInvitation(tx, by.Tenant, token, forJoin, p.ID, "", ends); err != nil {
			return err
		}
		return d.record(tx, Deed{By: by, Action: ManagePeople, Subject: p.ID, Title: p.Name, Detail: map[string]string{"made": "invitation"}})
	})
	return p, token, ends, err
}

func newLocal(tenant string, q NewPerson) (Person, error) {
	login := loginName(q.Login)
	name := strings.TrimSpace(q.Name)
	if name == "" {
		name = strings.TrimSpace(q.Login)
	}
	owner := strings.ToLower(strings.TrimSpace(q.Owner))
	switch {
	case !isName(login) || strings.ContainsAny(login, " \t/\\:"):
		return Person{}, personProblem("a login is 1 to 128 printable characters without spaces, colons and slashes")
	case !isName(name):
		return Person{}, personProblem("a name is 1 to 128 printable characters")
	case !slices.Contains(Roles, q.Role):
		return Person{}, personProblem("role %q is not user, administrator or auditor", q.Role)
	case owner != "" && !isGUID(owner):
		return Person{}, personProblem("an object id of the directory is a GUID")
	}
	return Person{
		ID: newID("p"), Tenant: tenant, Kind: FromHere, Subject: login, Name: name, Role: q.Role, Owner: owner,
		Created: time.Now().UTC().Truncate(time.Millisecond),
	}, nil
}

// Joining is what somebody with a one-time token says of themselves.
type Joining struct {
	Token    secret.Value
	Login    string // of the first administrator; the others have one
	Name     string
	Password secret.Value
}

// Join takes a one-time token, once, and gives its person the password.
func (d *Door) Join(ctx context.Context, j Joining) (p Person, err error) {
	if !isRandom(j.Token) {
		return p, ErrInvitation
	}
	known, err := d.invited(ctx, j.Token)
	if err != nil {
		return p, err
	}
	if known.purpose == forSetup {
		if p, err = newLocal(d.Tenant, NewPerson{Login: j.Login, Name: j.Name, Role: Administrator}); err != nil {
			return p, err
		}
		p.Stands, p.CreatedBy = known.stands, known.stands
	} else if p, err = d.person(ctx, known.person); err != nil {
		return p, err
	}
	if err := goodPassword(j.Password, p.Subject); err != nil {
		return p, err
	}
	encoded, err := d.encode(ctx, j.Password)
	if err != nil {
		return p, err
	}
	err = d.Store.Do(ctx, func(tx *store.Tx) error { return d.join(tx, j.Token, known, &p, encoded) })
	return p, err
}

func (d *Door) join(tx *store.Tx, token secret.Value, known invitation, p *Person, encoded string) error {
	now := time.Now()
	if won, err := useInvitation(tx, d.Tenant, token, now); err != nil || !won {
		return errors.Join(err, notWon(won, ErrInvitation))
	}
	what := "password"
	if known.purpose == forSetup {
		if n, err := administrators(tx, d.Tenant); err != nil || n > 0 {
			return errors.Join(err, notWon(n == 0, ErrInvitation))
		}
		what, p.password = "first administrator", encoded
		if err := insertPerson(tx, *p); err != nil {
			return err
		}
	} else {
		if _, err := tx.Exec(`DELETE FROM access_passkey WHERE tenant = $1 AND person = $2`, d.Tenant, p.ID); err != nil {
			return fmt.Errorf("cannot forget old passkeys: %w", err)
		}
		if err := errors.Join(setPassword(tx, d.Tenant, p.ID, encoded), endSessionsOf(tx, d.Tenant, p.ID, now, p.Actor().ID)); err != nil {
			return err
		}
	}
	return d.record(tx, Deed{By: p.Actor(), Action: ManagePeople, Subject: p.ID, Title: p.Name, Detail: map[string]string{"made": what}})
}

func (d *Door) person(ctx context.Context, id string) (p Person, err error) {
	err = d.Store.View(ctx, func(tx *store.Tx) (err error) {
		p, err = personByID(tx, d.Tenant, id)
		return err
	})
	return p, err
}

type invitation struct{ purpose, person, stands string }

func (d *Door) invited(ctx context.Context, token secret.Value) (i invitation, err error) {
	err = d.Store.View(ctx, func(tx *store.Tx) error {
		row := tx.QueryRow(`SELECT purpose, person, stands FROM access_invitation WHERE tenant = $1 AND hash = $2 AND used = 0 AND ends > $3`,
			d.Tenant, fingerprint("invitation", token), millis(time.Now()))
		if err := row.Scan(&i.purpose, &i.person, &i.stands); errors.Is(err, sql.ErrNoRows) {
			return ErrInvitation
		} else if err != nil {
			return fmt.Errorf("cannot look an invitation up: %w", err)
		}
		return nil
	})
	return i, err
}

func insertInvitation(tx *store.Tx, tenant string, token secret.Value, purpose, person, stands string, ends time.Time) error {
	_, err := tx.Exec(`INSERT INTO access_invitation (hash, tenant, purpose, person, stands, ends) VALUES ($1, $2, $3, $4, $5, $6)`,
		fingerprint("invitation", token), tenant, purpose, person, stands, millis(ends))
	if err != nil {
		return fmt.Errorf("cannot make an invitation: %w", err)
	}
	return nil
}

func useInvitation(tx *store.Tx, tenant string, token secret.Value, now time.Time) (won bool, err error) {
	result, err := tx.Exec(`UPDATE access_invitation SET used = $1 WHERE tenant = $2 AND hash = $3 AND used = 0 AND ends > $1`, millis(now), tenant, fingerprint("invitation", token))
	if err != nil {
		return false, fmt.Errorf("cannot use an invitation: %w", err)
	}
	n, err := result.RowsAffected()
	return n == 1, err
}
