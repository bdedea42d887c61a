// Package view keeps filters of lists under names: each person their own, and some
// that everybody in the tenant sees.
//
// A view is the query of an address and nothing more. What it shows is decided when it
// is opened, by who opens it.
package view

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/store"
)

// View is a filter with a name.
type View struct {
	ID     string
	Name   string
	Filter string // the query of an address: ends=7d&impact=breaks
	Shared bool   // everybody in the tenant sees it
	Person string // who keeps it
	By     string // their name
	Since  time.Time
}

// Views keeps them.
type Views struct {
	Store *store.DB
	Log   *audit.Log
}

// What a caller can branch on.
var (
	ErrNotFound = errors.New("there is no such view")
	ErrMany     = fmt.Errorf("nobody keeps more than %d views; forget one first", most)
)

// InvalidError says what is wrong with a view.
type InvalidError struct{ Field, Why string }

func (e *InvalidError) Error() string { return "the " + e.Field + " " + e.Why }

const (
	most          = 100
	longestName   = 64   // characters
	longestFilter = 2048 // bytes
)

// List returns the views that somebody sees, by name.
func (v *Views) List(ctx context.Context, by access.Actor) (list []View, err error) {
	if err := by.Check(access.KeepView); err != nil {
		return nil, err
	}
	err = v.Store.View(ctx, func(tx *store.Tx) error {
		list, err = seen(tx, by.Tenant, by.Person)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list views: %w", err)
	}
	return list, nil
}

// Keep keeps a filter. A name that the person has already is given to the new filter.
func (v *Views) Keep(ctx context.Context, by access.Actor, name, filter string, shared bool) (w View, err error) {
	action := access.KeepView
	if shared {
		action = access.ShareView
	}
	if err := by.Check(action); err != nil {
		return w, err
	}
	w = View{ID: "v-" + strings.ToLower(rand.Text()[:16]), Name: strings.TrimSpace(name), Shared: shared, Person: by.Person, By: by.Name, Since: time.Now().UTC()}
	if w.Name == "" || utf8.RuneCountInString(w.Name) > longestName {
		return w, &InvalidError{"name", fmt.Sprintf("must have 1 to %d characters", longestName)}
	}
	if w.Filter, err = tidy(filter); err != nil {
		return w, err
	}
	err = v.Store.Do(ctx, func(tx *store.Tx) error {
		if err := put(tx, by.Tenant, w); err != nil {
			return err
		}
		return v.record(tx, by, action, w)
	})
	if err != nil {
		return View{}, fmt.Errorf("cannot keep view %q: %w", w.Name, err)
	}
	return w, nil
}

// Drop forgets a view: one's own, or a shared one for whoever may share.
func (v *Views) Drop(ctx context.Context, by access.Actor, id string) error {
	if err := by.Check(access.KeepView); err != nil {
		return err
	}
	return v.Store.Do(ctx, func(tx *store.Tx) error {
		list, err := seen(tx, by.Tenant, by.Person)
		if err != nil {
			return fmt.Errorf("cannot forget view %q: %w", id, err)
		}
		for _, w := range list {
			if w.ID != id {
				continue
			}
			action := access.KeepView
			if w.Shared {
				action = access.ShareView
			}
			if err := by.Check(action); err != nil {
				return err
			}
			if err := drop(tx, by.Tenant, id); err != nil {
				return fmt.Errorf("cannot forget view %q: %w", id, err)
			}
			return v.record(tx, by, action, w)
		}
		return ErrNotFound
	})
}

// record tells of shared views only: one's own are nobody's business.
func (v *Views) record(tx *store.Tx, by access.Actor, action access.Action, w View) error {
	if !w.Shared {
		return nil
	}
	e := audit.By(by, action, w.ID, audit.Done)
	e.Title = w.Name
	return v.Log.Record(tx, e)
}

// tidy brings a filter into the one form in which it is kept. Where a page begins is
// no part of it.
func tidy(filter string) (string, error) {
	q, err := url.ParseQuery(strings.TrimPrefix(strings.TrimSpace(filter), "?"))
	if err != nil {
		return "", &InvalidError{"filter", "is not the query of an address"}
	}
	for _, page := range []string{"after", "limit", "trail"} {
		q.Del(page)
	}
	for name, values := range q {
		if len(values) != 1 || values[0] == "" {
			q.Del(name)
		}
	}
	text := q.Encode()
	if text == "" || len(text) > longestFilter {
		return "", &InvalidError{"filter", "is empty or too long"}
	}
	return text, nil
}
