package azurekeys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// Feed lists the resources of one subscription that have access keys, with their
// two keys, for the inventory.
//
// A full walk reads everything, a delta what can be listed cheaply: not the rules
// of single queues, topics and hubs. The manager keeps no record of changes that
// could be followed, so what is gone is missed by the next full walk.
type Feed struct {
	ARM          *rest.Client // https://management.azure.com as the reader
	Subscription string       // its id

	// Values, if set, hashes the keys: a full walk then asks for them, resource by
	// resource, and keeps of each its keyed hash and first three characters. Each
	// asking is in the subscription's activity log.
	Values *secret.Hasher
}

var (
	_ inventory.Feed  = (*Feed)(nil)
	_ inventory.Whole = (*Feed)(nil)
	_ inventory.Part  = (*Feed)(nil)
)

// Name is resources/ and the subscription's id.
func (f *Feed) Name() string {
	return string(inventory.InResources) + "/" + strings.ToLower(f.Subscription)
}

// Kind is that of all resources.
func (f *Feed) Kind() inventory.HolderKind { return inventory.InResources }

// Holds reports whether a resource is in the subscription.
func (f *Feed) Holds(id inventory.ObjectID) bool {
	return strings.HasPrefix(string(id), "/subscriptions/"+strings.ToLower(f.Subscription)+"/")
}

// listed is the mark of every walk: there is nothing to go on from.
const listed = "list"

// Full lists everything.
func (f *Feed) Full(ctx context.Context, from string) iter.Seq2[*inventory.Page, error] {
	return func(yield func(*inventory.Page, error) bool) {
		w := &walk{Feed: f, ctx: ctx, whole: true}
		if from != "" && json.Unmarshal([]byte(from), &w.at) != nil {
			yield(nil, fmt.Errorf("%w: the position cannot be read", inventory.ErrResync))
			return
		}
		w.run(yield, from == "")
	}
}

// Delta lists what can be listed without asking for each part of a namespace.
func (f *Feed) Delta(ctx context.Context, _ string) iter.Seq2[*inventory.Page, error] {
	return func(yield func(*inventory.Page, error) bool) {
		w := &walk{Feed: f, ctx: ctx}
		w.run(func(p *inventory.Page, err error) bool {
			if p != nil && p.Next != "" {
				p.Next = listed // whoever goes on begins again
			} else if p != nil {
				p.Mark = listed
			}
			return yield(p, err)
		}, false)
	}
}

// Object reads one resource whole.
func (f *Feed) Object(ctx context.Context, id inventory.ObjectID) ([]byte, error) {
	at, err := parse(string(id))
	if err != nil {
		return nil, err
	}
	var own, outer item
	err = f.ARM.Get(ctx, at.path(""), &own)
	if err == nil && len(at.names) > 1 {
		err = f.ARM.Get(ctx, at.outermost(), &outer)
	}
	if errors.Is(err, connector.ErrNotFound) {
		return nil, fmt.Errorf("resource %s: %w", id, inventory.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read resource %s: %w", id, err)
	}
	if len(at.names) > 1 {
		own = own.under(outer, strings.Join(at.names[:len(at.names)-1], "/"))
	}
	r, err := f.record(own)
	if err == nil {
		err = f.recognise(ctx, &r)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read resource %s: %w", id, err)
	}
	return r.raw(), nil
}

// Read decodes one record.
func (f *Feed) Read(raw []byte, o *inventory.Object) error {
	var r record
	if json.Unmarshal(raw, &r) != nil {
		return errors.New("cannot read a record of a resource")
	}
	*o = inventory.Object{Credentials: o.Credentials[:0], Prints: o.Prints[:0], Application: inventory.Application{
		ObjectID: inventory.ObjectID(r.ID), Holder: inventory.InResources, Name: r.Name, Kind: r.Kind, Notes: r.Notes, Enabled: r.Enabled, Created: r.Created, Owners: o.Owners[:0],
	}}
	o.Has = inventory.HasName | inventory.HasKind | inventory.HasNotes | inventory.HasEnabled | inventory.HasCreated | inventory.HasPasswords | inventory.HasKeys
	for _, k := range r.Keys {
		o.Credentials = append(o.Credentials, inventory.Credential{KeyID: k.ID, Kind: inventory.AccessKey, Label: k.ID, Hint: k.Hint, Starts: k.Created})
		o.Prints = append(o.Prints, k.Print)
	}
	return nil
}

// record is what is kept of a resource. It is encoded in one way only, since its
// bytes tell whether anything changed.
type record struct {
	ID, Name, Kind, Notes string
	Enabled               bool
	Created               time.Time
	Keys                  []recordKey
}

type recordKey struct {
	ID, Hint, Print string
	Created         time.Time
}

func (r record) raw() []byte {
	raw, err := json.Marshal(r)
	if err != nil {
		panic("azurekeys: " + err.Error()) // times out of range are left out before; nothing else can fail
	}
	return raw
}

// patience is how often a throttled listKeys is asked again.
const patience = 5

// recognise asks for the keys of a resource and keeps what tells them again. One
// whose keys are closed to us, or locked, is kept without.
func (f *Feed) recognise(ctx context.Context, r *record) error {
	if f.Values == nil || !r.Enabled {
		return nil
	}
	at, err := parse(r.ID)
	if err != nil {
		return err
	}
	var keys pair
	for try := 1; ; try++ {
		keys, err = (&Keys{ARM: f.ARM}).list(ctx, at)
		slow, throttled := errors.AsType[*connector.ThrottledError](err)
		if !throttled || try == patience {
			break
		}
		if err := pause(ctx, slow.After); err != nil {
			return err
		}
	}
	if closed(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot list the keys of %q: %w", r.Name, err)
	}
	defer keys.zero()
	for i := range r.Keys {
		k := keys.named(r.Keys[i].ID)
		r.Keys[i].Hint, r.Keys[i].Print = k.value.Hint(), f.Values.Fingerprint(k.value)
		if !k.created.IsZero() {
			r.Keys[i].Created = moment(k.created)
		}
	}
	return nil
}

// closed reports whether the manager said that these keys are not for us: no
// right, a lock, a resource that has gone since.
func closed(err error) bool {
	e, ok := errors.AsType[*rest.Error](err)
	return ok && (e.Status == http.StatusForbidden || e.Status == http.StatusNotFound || e.Status == http.StatusConflict)
}
