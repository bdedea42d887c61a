package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"
)

// followEvery is how old a process's view of a shared keyring may be when it
// seals something. It is far below the time for which an old key is kept after
// nobody should be using it any more.
const followEvery = time.Minute

// ErrTooMany means that earlier sealing keys are still in use.
var ErrTooMany = errors.New("there are too many sealing keys: values sealed under old ones are still being sealed again")

// Rotate adds a sealing key and makes it the current one. Nothing that was
// sealed before is changed by it. It returns the new key's id.
func (k *Keyring) Rotate(ctx context.Context) (id string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.refresh(ctx); err != nil {
		return "", err
	}
	last, sealing := 0, 0
	for _, r := range k.doc.Keys {
		if r.Purpose == "seal" {
			sealing++
			n, err := strconv.Atoi(r.ID[1:])
			if err != nil {
				return "", fmt.Errorf("%w: key %q", errDamaged, r.ID)
			}
			last = max(last, n)
		}
	}
	if sealing >= maxSealing {
		return "", ErrTooMany
	}
	r, key := keyRecord{ID: "k" + strconv.Itoa(last+1), Purpose: "seal", Made: now()}, newKey()
	if r.Sealed, err = k.master.Wrap(r.label(), key); err != nil {
		return "", fmt.Errorf("cannot seal the new key: %w", err)
	}
	d, seals := k.doc, maps.Clone(k.seals)
	d.Keys = append(slices.Clone(d.Keys), r)
	d.Current, seals[r.ID] = r.ID, key
	return r.ID, k.swap(ctx, d, seals)
}

// Drop takes a sealing key out of the keyring. The caller has made sure that
// nothing is sealed under it, for nothing will ever open that again.
func (k *Keyring) Drop(ctx context.Context, id string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.refresh(ctx); err != nil {
		return err
	}
	if id == k.doc.Current {
		return fmt.Errorf("cannot drop sealing key %s: it is the current one", id)
	}
	d := k.doc
	d.Keys = slices.DeleteFunc(slices.Clone(d.Keys), func(r keyRecord) bool { return r.Purpose == "seal" && r.ID == id })
	if len(d.Keys) == len(k.doc.Keys) {
		return nil
	}
	return k.swap(ctx, d, k.seals)
}

// ChangeMaster seals all keys under another master key, which is made, chosen
// or found as its source has it. Sealed values are not touched. If to.File is
// the file that is in use, its key is replaced by a new one; whatever else held
// the old master key is left as it is, for its owner to destroy.
func (k *Keyring) ChangeMaster(ctx context.Context, to Custody) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.refresh(ctx); err != nil {
		return err
	}
	if to.Source == FromFile && k.doc.Master.Source == FromFile && sameFile(to.File, k.custody.File) {
		return k.replaceFile(ctx, to)
	}
	master, record, err := to.fresh()
	if err != nil {
		return err
	}
	if k.doc.Master.Source == FromToken && record == k.doc.Master {
		return fmt.Errorf("the keyring is sealed under key %q of the token already; name another one", record.Key)
	}
	return k.wrapAll(ctx, to, master, record)
}

// replaceFile changes the key in the file that is in use.
func (k *Keyring) replaceFile(ctx context.Context, to Custody) error {
	next := to.File + newSuffix
	if m, err := readFile(next); err == nil && k.unlock(k.doc, m) == nil { // an earlier change got this far
		if err := rename(next, to.File); err != nil {
			return fmt.Errorf("cannot finish the change of the master key: %w", err)
		}
	}
	master, err := makeFile(next)
	if err != nil {
		return err
	}
	if err := k.wrapAll(ctx, to, master, masterRecord{Source: FromFile}); err != nil {
		return err
	}
	if err := rename(next, to.File); err != nil {
		return fmt.Errorf("the keyring is sealed under the key in %s now, which could not be renamed; the next start does it: %w", next, err)
	}
	return nil
}

// wrapAll writes the keyring anew, under another master key.
func (k *Keyring) wrapAll(ctx context.Context, to Custody, master Master, record masterRecord) (err error) {
	d := k.doc
	d.Master, d.Keys = record, slices.Clone(d.Keys)
	for i, r := range d.Keys {
		key := k.root
		if r.Purpose == "seal" {
			key = k.seals[r.ID]
		}
		if d.Keys[i].Sealed, err = master.Wrap(r.label(), key); err != nil {
			return fmt.Errorf("cannot seal key %s: %w", r.ID, err)
		}
		if back, err := master.Unwrap(r.label(), d.Keys[i].Sealed); err != nil || !back.Equal(key) {
			return errors.Join(fmt.Errorf("cannot seal key %s: the new master key does not open what it sealed", r.ID), err)
		}
	}
	if err := k.swap(ctx, d, k.seals); err != nil {
		return err
	}
	k.master, k.custody = master, to
	return nil
}

// sameFile reports whether two names are of one file.
func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return a == b || errX == nil && errY == nil && os.SameFile(x, y)
}

// swap writes a keyring to the shelf and takes it over; seals are its sealing keys.
func (k *Keyring) swap(ctx context.Context, d document, seals map[string]Value) error {
	raw, err := d.sign(k.root)
	if err != nil {
		return err
	}
	if err := k.shelf.Swap(ctx, k.raw, raw); err != nil {
		return fmt.Errorf("cannot write the keyring: %w", err)
	}
	k.seals = seals
	return k.adopt(d, raw)
}

// Follow takes over what is on the shelf: another process may have changed it,
// or a write of ours that seemed to fail has not.
func (k *Keyring) Follow(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.refresh(ctx)
}

func (k *Keyring) refresh(ctx context.Context) error {
	raw, err := k.shelf.Load(ctx)
	if err != nil {
		return fmt.Errorf("cannot read the keyring: %w", err)
	}
	if bytes.Equal(raw, k.raw) {
		k.looked = time.Now()
		return nil
	}
	d, err := readDocument(raw)
	if err != nil {
		return err
	}
	return k.adopt(d, raw)
}

// follow is the sealer's way to the shelf.
func (k *Keyring) follow(urgent bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !urgent && time.Since(k.looked) < followEvery {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return k.refresh(ctx)
}
