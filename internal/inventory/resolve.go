package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// Detail is everything about one credential.
type Detail struct {
	Row
	Entries []Entry // of the places that hold it
}

// Credential tells everything of the credential with a key id. That of a
// resource's key is the same for many: its holder stands in front of it, by name or
// id, with a slash between.
func (s *Service) Credential(ctx context.Context, by access.Actor, keyID string) (d Detail, err error) {
	if err := by.Check(access.ReadInventory); err != nil {
		return d, err
	}
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		number, err := tenantNumber(tx, by.Tenant)
		if err != nil {
			return err
		}
		found, err := visible(tx, by, number, keyID)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return ErrNotFound
		}
		rows, err := s.rows(tx, by.Tenant, number, found[:1])
		if err != nil {
			return err
		}
		d.Row = rows[0]
		for _, p := range d.Places {
			of, err := entriesAt(tx, by.Tenant, number, p.Place)
			if err != nil {
				return err
			}
			d.Entries = append(d.Entries, of...)
		}
		return nil
	})
	if err != nil {
		return Detail{}, fmt.Errorf("cannot show credential %q: %w", keyID, err)
	}
	return d, nil
}

// The keys of resources share their ids by the thousand: a few are enough to tell
// that one alone is not meant.
const credentialsByKey = `SELECT ` + credentialColumns + ` FROM inventory_credential WHERE key_look = $1 AND tenant = $2 AND key_id = $3 ORDER BY gone, num LIMIT 20`

// byKey are the credentials with a key id, those that are still there first.
func byKey(tx *store.Tx, tenant string, number int64, keyID string) ([]credential, error) {
	keyID = strings.ToLower(strings.TrimSpace(keyID))
	f := finder{tx: tx, tenant: tenant}
	return f.read(credentialsByKey, look(keyID), number, keyID)
}

// keyed are the credentials that a text names by a key id, with the holder in
// front of it or without, those that are still there first. Its error is an
// *AmbiguousError for the key of a resource that several have.
func keyed(tx *store.Tx, tenant string, number int64, text string) ([]credential, error) {
	found, err := byKey(tx, tenant, number, text)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return keyBehind(tx, tenant, number, text)
	}
	if len(found) < 2 || found[0].Kind != AccessKey || found[1].gone != 0 {
		return found, nil
	}
	e := &AmbiguousError{Text: text}
	for i, c := range found {
		if c.gone != 0 {
			break
		}
		if i == 10 {
			e.Candidates = append(e.Candidates, "others")
			break
		}
		a, err := loadApplication(tx, tenant, number, c.num)
		if err != nil {
			return nil, err
		}
		e.Candidates = append(e.Candidates, short(a.Name)+"/"+c.KeyID)
	}
	return nil, e
}

// keyBehind reads holder/key, where the holder is named as anywhere else.
func keyBehind(tx *store.Tx, tenant string, number int64, text string) (found []credential, err error) {
	at := strings.LastIndex(text, "/")
	if at <= 0 {
		return nil, nil
	}
	holder, key := strings.TrimSpace(text[:at]), strings.TrimSpace(text[at+1:])
	set, err := matchApplications(tx, number, holder)
	if err != nil || len(set) == 0 || len(set) > tooMany {
		return nil, err
	}
	list, err := meant(tx, tenant, number, set, holder)
	if err != nil || len(list) != 1 {
		return nil, err
	}
	held, err := loadCredentials(tx, tenant, number, list[0].num, list[0].ObjectID)
	for _, c := range held {
		if c.gone == 0 && strings.EqualFold(c.KeyID, key) {
			found = append(found, c)
		}
	}
	return found, err
}

// Target is what a text given by a person means.
type Target struct {
	Application Application
	Credentials []Credential // the one that was named, or all that the application holds, the first to end first
	Named       bool         // the text named a credential
}

// AmbiguousError means that a text fits several things.
type AmbiguousError struct {
	Text       string
	Candidates []string // as a person would name each of them
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q can mean %s; say which by its id", e.Text, strings.Join(e.Candidates, ", or "))
}

// Resolve finds what a text means: a key id, an object id, a client id, a name,
// or a part of a name that only one application has. An app registration goes
// before its service principal.
func (s *Service) Resolve(ctx context.Context, by access.Actor, text string) (t Target, err error) {
	if err := by.Check(access.ReadInventory); err != nil {
		return t, err
	}
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		number, err := tenantNumber(tx, by.Tenant)
		if err != nil {
			return err
		}
		t, err = resolve(tx, by, number, strings.TrimSpace(text))
		return err
	})
	if err != nil {
		return Target{}, fmt.Errorf("cannot find %q: %w", text, err)
	}
	return t, nil
}

// visible are the credentials that a text names, as far as the actor may know of
// them. An ambiguity among what is not theirs is nothing to them.
func visible(tx *store.Tx, by access.Actor, number int64, text string) ([]credential, error) {
	found, err := keyed(tx, by.Tenant, number, text)
	if _, ambiguous := errors.AsType[*AmbiguousError](err); ambiguous && by.OnlyOwn() {
		return nil, nil
	}
	if err != nil || !by.OnlyOwn() {
		return found, err
	}
	own, err := ownNumbers(tx, number, by)
	return slices.DeleteFunc(found, func(c credential) bool { _, ok := own[c.num]; return !ok }), err
}

func resolve(tx *store.Tx, by access.Actor, number int64, text string) (t Target, err error) {
	tenant := by.Tenant
	found, err := visible(tx, by, number, text)
	if err != nil {
		return t, err
	}
	if len(found) > 0 && found[0].gone == 0 {
		a, err := loadApplication(tx, tenant, number, found[0].num)
		found[0].Holder = a.ObjectID
		return Target{Application: a.Application, Credentials: []Credential{found[0].Credential}, Named: true}, err
	}
	if text == "" {
		return t, ErrNotFound
	}
	f := finder{tx: tx, tenant: tenant, number: number, by: by, Query: Query{App: text}}
	set, _, err := f.choose()
	if err != nil {
		return t, err
	}
	list, err := meant(tx, tenant, number, set, text)
	if err != nil {
		return t, err
	}
	if len(list) != 1 {
		return t, unclear(text, list)
	}
	t.Application = list[0].Application
	held, err := loadCredentials(tx, tenant, number, list[0].num, t.Application.ObjectID)
	for _, c := range held {
		if c.gone == 0 {
			t.Credentials = append(t.Credentials, c.Credential)
		}
	}
	return t, err
}

// tooMany applications are not looked at one by one: the text says nothing.
const tooMany = 1000

// meant narrows applications down: to those that are there, to those of exactly
// that name, to app registrations; each only if something is left.
func meant(tx *store.Tx, tenant string, number int64, set map[int64]choice, text string) ([]application, error) {
	if len(set) > tooMany {
		return nil, &AmbiguousError{Text: text, Candidates: []string{fmt.Sprintf("%d applications", len(set))}}
	}
	var list []application
	for num := range set {
		a, err := loadApplication(tx, tenant, number, num)
		if err != nil {
			return nil, err
		}
		if a.gone == 0 {
			list = append(list, a)
		}
	}
	for _, keep := range []func(a application) bool{
		func(a application) bool { return strings.EqualFold(a.Name, text) },
		func(a application) bool { return a.Application.Holder == InApplications },
	} {
		if kept := slices.DeleteFunc(slices.Clone(list), func(a application) bool { return !keep(a) }); len(kept) > 0 {
			list = kept
		}
	}
	return list, nil
}

func unclear(text string, list []application) error {
	if len(list) == 0 {
		return ErrNotFound
	}
	e := &AmbiguousError{Text: text}
	slices.SortFunc(list, func(a, b application) int {
		return strings.Compare(a.Name+string(a.ObjectID), b.Name+string(b.ObjectID))
	})
	for i, a := range list {
		if i == 10 {
			e.Candidates = append(e.Candidates, fmt.Sprintf("%d others", len(list)-i))
			break
		}
		e.Candidates = append(e.Candidates, fmt.Sprintf("%q (%s)", short(a.Name), a.ObjectID))
	}
	return e
}
