package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"rekey.example/rekey/internal/store"
)

// Kind is where a person is known from.
type Kind string

// The kinds of people.
const (
	FromEntra Kind = "entra" // signs in there; name and role come from there, anew at each sign-in
	FromHere  Kind = "local" // signs in with a passkey or a password of this installation
)

// Owns reports whether an actor is a person of this kind, by a session.
func (k Kind) Owns(a Actor) bool {
	return a.Session != "" && (k == FromEntra) == strings.HasPrefix(a.ID, "entra:")
}

// Person is somebody who signs in.
type Person struct {
	ID        string
	Tenant    string
	Kind      Kind
	Subject   string // object id in the directory, or the name that a local person types; lower case
	Name      string // for people to read
	Alias     string // address or user principal name, lower case; it never gives a right
	Role      Role
	Owner     string // object id in the directory whose applications are theirs
	Stands    string // Actor.Person that a local person counts as; empty: themselves
	Created   time.Time
	CreatedBy string
	Seen      time.Time // last sign-in
	Disabled  time.Time // zero: may sign in
	Passkeys  int
	Password  bool // has one

	password string // encoded hash
}

// Actor is the person as one who acts.
func (p Person) Actor() Actor {
	a := Actor{ID: "person:" + p.ID, Name: p.Name, Role: p.Role, Tenant: p.Tenant, Alias: p.Alias, Owner: p.Owner}
	if p.Kind == FromEntra {
		a.ID = EntraPerson(p.Tenant, p.Subject)
	}
	a.Person = a.ID
	if p.Stands != "" {
		a.Person = p.Stands
	}
	return a
}

// EntraPerson is how an object of the directory is named as Actor.Person.
func EntraPerson(tenant, object string) string {
	return "entra:" + strings.ToLower(tenant) + ":" + strings.ToLower(object)
}

// personID is the id of the Person that acts by a session; empty for all others.
func personID(a Actor) string {
	if a.Session == "" {
		return ""
	}
	if id, ok := strings.CutPrefix(a.ID, "person:"); ok {
		return id
	}
	return a.ID
}

// Meet notes a person whom Entra has vouched for, with the name and role it gave,
// and returns them. Who is locked out here stays so whatever Entra says.
func (d *Door) Meet(ctx context.Context, tenant, object, name, alias string, role Role) (p Person, err error) {
	if !strings.EqualFold(tenant, d.Tenant) || object == "" || !slices.Contains(Roles, role) {
		return Person{}, errors.New("cannot let somebody of another tenant or without a role in")
	}
	p = d.fromEntra(object, name, alias, role)
	p.Created, p.CreatedBy = time.Now().UTC().Truncate(time.Millisecond), p.ID
	err = d.Store.Do(ctx, func(tx *store.Tx) error {
		known, err := personByID(tx, d.Tenant, p.ID)
		if errors.Is(err, ErrNoPerson) {
			return insertPerson(tx, p)
		}
		if err != nil {
			return err
		}
		p.Created, p.CreatedBy, p.Seen, p.Disabled = known.Created, known.CreatedBy, known.Seen, known.Disabled
		return updatePerson(tx, p)
	})
	return p, err
}

// fromEntra is a person as Entra describes them.
func (d *Door) fromEntra(object, name, alias string, role Role) Person {
	object = strings.ToLower(object)
	return Person{
		ID: EntraPerson(d.Tenant, object), Tenant: d.Tenant, Kind: FromEntra, Subject: object, Name: named(name, object), Alias: strings.ToLower(clip(printable(alias), 256)),
		Role: role, Owner: object,
	}
}

func named(name, object string) string {
	if name = clip(strings.TrimSpace(printable(name)), 128); name != "" {
		return name
	}
	return object
}

// People lists the people of the actor's tenant by name, also those who are
// locked out.
func (d *Door) People(ctx context.Context, by Actor) (list []Person, err error) {
	if err := by.Check(ReadPeople); err != nil {
		return nil, err
	}
	err = d.Store.View(ctx, func(tx *store.Tx) error {
		list, err = selectPeople(tx, by.Tenant)
		return err
	})
	return list, err
}

// Lock keeps a person out, at once and until Unlock, or lets them in again. All
// their sessions end. Nobody locks themselves out.
func (d *Door) Lock(ctx context.Context, by Actor, id string, locked bool) (p Person, err error) {
	if err := by.Check(ManagePeople); err != nil {
		return Person{}, err
	}
	err = d.Store.Do(ctx, func(tx *store.Tx) error {
		if p, err = personByID(tx, by.Tenant, id); err != nil {
			return err
		}
		if locked && p.Actor().Same(by) {
			return &DeniedError{Actor: by, Action: ManagePeople, Why: "nobody locks themselves out; another administrator can"}
		}
		if locked == !p.Disabled.IsZero() {
			return nil
		}
		now := time.Now().UTC().Truncate(time.Millisecond)
		p.Disabled = time.Time{}
		what := "unlocked"
		if locked {
			p.Disabled, what = now, "locked"
			if err := endSessionsOf(tx, p.Tenant, p.ID, now, by.ID); err != nil {
				return err
			}
		}
		if err := updatePerson(tx, p); err != nil {
			return err
		}
		return d.record(tx, Deed{By: by, Action: ManagePeople, Subject: p.ID, Title: p.Name, Detail: map[string]string{"made": what}})
	})
	return p, err
}

// ErrPerson is the error of a person that cannot be as asked; what is around it
// says why.
var ErrPerson = errors.New("this person cannot be kept so")

func personProblem(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrPerson, fmt.Sprintf(format, a...))
}

// printable leaves out what is not to be printed.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}
