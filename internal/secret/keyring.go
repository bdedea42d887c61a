package secret

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"
)

// Keyring holds the installation's keys: those that seal values, and one that
// all others are made of: what fingerprints values, makes markers and signs the
// audit log.
//
// They are kept on a Shelf, each sealed under the master key, which is kept
// elsewhere (Custody). Sealing keys can be added and dropped, and the master key
// can be changed, while the keyring is used; each is one Swap of the whole.
type Keyring struct {
	Sealer  *Sealer
	Values  *Hasher // fingerprints of values
	Markers *Hasher // markers of rotation attempts
	Signing []byte  // 32-byte seed of the audit log's Ed25519 key

	shelf Shelf

	mu      sync.Mutex
	master  Master
	custody Custody
	raw     []byte // as on the shelf
	doc     document
	root    Value
	seals   map[string]Value
	used    map[string]bool // keys that have been the current one in this process
	looked  time.Time       // at a shelf that is shared
}

// Key is a sealing key, without what it seals with.
type Key struct {
	ID      string
	Made    time.Time // zero for those from before it was written down
	Current bool
	// Settled means that nothing in any process can still be sealing with it:
	// a value that it sealed is where it can be found.
	Settled bool
}

// OpenKeyring reads the keyring in folder, or makes a new one if there is none.
// masterFile is where the master key is; empty means folder/master.key. A
// missing master key beside an existing keyring is an error, never a new key.
func OpenKeyring(folder, masterFile string) (*Keyring, error) {
	return Open(context.Background(), FileShelf{folder}, inFolder(folder, masterFile))
}

// Open reads the keyring on a shelf, or makes a new one if there is none.
func Open(ctx context.Context, shelf Shelf, custody Custody) (*Keyring, error) {
	raw, err := shelf.Load(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		if err := put(ctx, shelf, custody); err != nil && !errors.Is(err, ErrMoved) { // moved: another process was first
			return nil, err
		}
		raw, err = shelf.Load(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the keyring: %w", err)
	}
	k := &Keyring{shelf: shelf, custody: custody, seals: map[string]Value{}, used: map[string]bool{}, Sealer: new(Sealer), Values: new(Hasher), Markers: new(Hasher)}
	if err := k.read(raw); err != nil {
		return nil, err
	}
	if shelf.Shared() {
		k.Sealer.follow = k.follow
	}
	if k.doc.Version < documentVersion {
		k.mu.Lock()
		defer k.mu.Unlock()
		if err := k.swap(ctx, k.doc, k.seals); err != nil && !errors.Is(err, ErrMoved) {
			return nil, err
		}
	}
	return k, nil
}

// put makes a new keyring.
func put(ctx context.Context, shelf Shelf, custody Custody) error {
	if f, ok := shelf.(FileShelf); ok { // the master key may be going into the same folder
		if err := f.make(); err != nil {
			return err
		}
	}
	master, record, err := custody.fresh()
	if err != nil {
		return err
	}
	root := newKey()
	d := document{Master: record, Current: "k1"}
	for _, r := range []keyRecord{{ID: "k1", Purpose: "seal"}, {ID: "i1", Purpose: "installation"}} {
		key := root
		if r.Purpose == "seal" {
			key = newKey()
		}
		r.Made = now()
		if r.Sealed, err = master.Wrap(r.label(), key); err != nil {
			return err
		}
		d.Keys = append(d.Keys, r)
	}
	raw, err := d.sign(root)
	if err == nil {
		err = shelf.Swap(ctx, nil, raw)
	}
	if err != nil {
		return fmt.Errorf("cannot write the keyring: %w", err)
	}
	return nil
}

func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

// read opens a keyring for the first time.
func (k *Keyring) read(raw []byte) error {
	d, err := readDocument(raw)
	if err != nil {
		return err
	}
	if k.master, err = k.custody.open(d.Master, func(m Master) error { return k.unlock(d, m) }); err != nil {
		return err
	}
	if err := k.adopt(d, raw); err != nil {
		return err
	}
	for purpose, into := range map[string]*[]byte{"values": &k.Values.key, "markers": &k.Markers.key, "audit": &k.Signing} {
		if *into, err = derive(k.root, purpose); err != nil {
			return err
		}
	}
	return nil
}

// unlock looks whether a master key is the right one, and takes the
// installation's key.
func (k *Keyring) unlock(d document, m Master) error {
	for _, r := range d.Keys {
		if r.Purpose != "installation" {
			continue
		}
		root, err := m.Unwrap(r.label(), r.Sealed)
		if errors.Is(err, ErrSealed) {
			return fmt.Errorf("the master key is not the one this keyring was made with: %w", err)
		}
		if err != nil {
			return err
		}
		k.root = root
	}
	return nil
}

// adopt takes the sealing keys of a keyring that this installation wrote.
func (k *Keyring) adopt(d document, raw []byte) error {
	if err := d.verify(k.root); err != nil {
		return err
	}
	next := map[string]Value{}
	for _, r := range d.Keys {
		if r.Purpose != "seal" {
			continue
		}
		key, known := k.seals[r.ID]
		if !known {
			var err error
			if key, err = k.master.Unwrap(r.label(), r.Sealed); err != nil {
				return fmt.Errorf("cannot open sealing key %s; if the master key was changed meanwhile, start rekey again with the new one: %w", r.ID, err)
			}
		}
		next[r.ID] = key
	}
	if err := k.Sealer.use(d.Current, next); err != nil {
		return err
	}
	k.doc, k.raw, k.seals, k.looked = d, raw, next, time.Now()
	k.used[d.Current] = true
	return nil
}

// Keys lists the sealing keys, the oldest first.
func (k *Keyring) Keys() (list []Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range k.doc.Keys {
		if r.Purpose == "seal" {
			list = append(list, Key{ID: r.ID, Made: r.Made, Current: r.ID == k.doc.Current, Settled: !k.shelf.Shared() && !k.used[r.ID]})
		}
	}
	return list
}

// Shared reports whether other processes may change the keyring.
func (k *Keyring) Shared() bool { return k.shelf.Shared() }

// Source is where the master key comes from.
func (k *Keyring) Source() Source {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.doc.Master.Source
}
