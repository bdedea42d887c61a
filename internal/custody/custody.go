// Package custody looks after the installation's keys: it shows them, exchanges
// the sealing key, and changes the master key.
//
// A new sealing key seals from now on; what older ones have sealed is sealed
// again in the background, a few rows in a transaction, by whoever runs Run. A
// process may be killed at any instant: the keyring says which keys there are,
// every row says which one it needs, and the next process goes on from there. An
// old key is dropped when no row needs it and nothing that is still under way
// can bring one back. Where several processes share a database they share the
// keyring in it (table.go).
package custody

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// Keeper is the service.
type Keeper struct {
	Ring   *secret.Keyring
	Store  *store.DB
	Log    *audit.Log
	Tenant string  // whose log has what rekey does by itself
	Sealed []Table // every table with sealed values
	Logger *slog.Logger

	// Calm is how long no row may have needed an old key before it is dropped,
	// while a process could still be writing one: far longer than a request, and
	// than a process's view of a shared keyring is old. 0: an hour.
	Calm time.Duration

	// Tend, if set, begins Run where nobody has yet. It is called when there is
	// something to do.
	Tend func()

	mu    sync.Mutex
	quiet map[string]time.Time // since when no row needs an old key
	woken chan struct{}
	once  sync.Once
}

// Table is one place where sealed values are kept.
type Table struct {
	Name string // for people

	// Reseal seals everything in it again that the current key has not sealed, in
	// small transactions, and returns how many values that were. A value that
	// does not open is left as it is; it and whatever else went wrong are the
	// error, after all others were done.
	Reseal func(ctx context.Context, db *store.DB, s *secret.Sealer) (int, error)

	// Using counts the values that a key has sealed.
	Using func(tx *store.Tx, key string) (int, error)
}

const (
	calm  = time.Hour
	every = time.Minute
)

// Status is what there is to know about the keys.
type Status struct {
	Source secret.Source // of the master key
	Shared bool          // the keyring is in the database
	Keys   []Key
}

// Key is a sealing key.
type Key struct {
	secret.Key
	Values int // sealed under it
}

// Resealing is how many values are still to be sealed again.
func (s Status) Resealing() (n int) {
	for _, k := range s.Keys {
		if !k.Current {
			n += k.Values
		}
	}
	return n
}

// Status tells which keys there are and how much each one has sealed.
func (k *Keeper) Status(ctx context.Context, a access.Actor) (Status, error) {
	if err := k.check(a, access.ReadKeys); err != nil {
		return Status{}, err
	}
	s, err := k.status(ctx)
	if len(s.Keys) > 1 {
		k.tend()
	}
	return s, err
}

func (k *Keeper) tend() {
	if k.Tend != nil {
		k.Tend()
	}
}

func (k *Keeper) status(ctx context.Context) (Status, error) {
	if err := k.Ring.Follow(ctx); err != nil {
		return Status{}, err
	}
	s := Status{Source: k.Ring.Source(), Shared: k.Ring.Shared()}
	err := k.Store.View(ctx, func(tx *store.Tx) error {
		for _, key := range k.Ring.Keys() {
			n, err := k.using(tx, key.ID)
			if err != nil {
				return err
			}
			s.Keys = append(s.Keys, Key{Key: key, Values: n})
		}
		return nil
	})
	return s, err
}

func (k *Keeper) using(tx *store.Tx, key string) (sum int, err error) {
	for _, t := range k.Sealed {
		n, err := t.Using(tx, key)
		if err != nil {
			return 0, fmt.Errorf("cannot count what key %s has sealed in %s: %w", key, t.Name, err)
		}
		sum += n
	}
	return sum, nil
}

// Rotate adds a sealing key and makes it the current one. Run does the rest.
func (k *Keeper) Rotate(ctx context.Context, a access.Actor) (Status, error) {
	if err := k.acts(ctx, a, access.RotateKeys, func() (string, error) { return k.Ring.Rotate(ctx) }); err != nil {
		return Status{}, err
	}
	k.wake()
	k.tend()
	return k.status(ctx)
}

// ChangeMaster seals the keyring under another master key. Nobody but who holds
// the data folder can do that: it takes the old master key and the new one.
func (k *Keeper) ChangeMaster(ctx context.Context, a access.Actor, to secret.Custody) error {
	if !a.Local() {
		return &access.DeniedError{Actor: a, Action: access.ChangeMaster, Why: "the master key is changed on the machine that has it"}
	}
	return k.acts(ctx, a, access.ChangeMaster, func() (string, error) { return string(to.Source), k.Ring.ChangeMaster(ctx, to) })
}

// check says who may: those of the tenant that runs the installation, for its
// keys are not any tenant's own.
func (k *Keeper) check(a access.Actor, action access.Action) error {
	if a.Tenant != k.Tenant {
		return &access.DeniedError{Actor: a, Action: action, Why: "the keys are those of the whole installation"}
	}
	return a.Check(action)
}

// acts does something to the keyring, between two records: the keyring is not
// always in the database, so what is done to it and its record cannot always be
// one transaction.
func (k *Keeper) acts(ctx context.Context, a access.Actor, action access.Action, do func() (string, error)) error {
	if err := k.check(a, action); err != nil {
		e := audit.By(a, action, subject, audit.Refused)
		e.Tenant = k.Tenant
		return errors.Join(err, k.record(ctx, e))
	}
	intent := audit.By(a, action, subject, audit.Done)
	intent.Detail = map[string]string{"intent": "true"}
	if err := k.record(ctx, intent); err != nil {
		return err
	}
	what, err := do()
	e := audit.By(a, action, subject, audit.Done)
	e.Detail = map[string]string{detailOf[action]: what}
	if err != nil {
		e.Outcome, e.Detail = audit.Failed, map[string]string{"error": err.Error()}
	}
	return errors.Join(err, k.record(context.WithoutCancel(ctx), e))
}

const subject = "keyring"

var detailOf = map[access.Action]string{access.RotateKeys: "key", access.ChangeMaster: "source", access.ResealValues: "dropped"}

func (k *Keeper) record(ctx context.Context, e audit.Event) error {
	return k.Store.Do(ctx, func(tx *store.Tx) error { return k.Log.Record(tx, e) })
}
