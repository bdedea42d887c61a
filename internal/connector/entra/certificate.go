package entra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// addCertificate makes a key pair and adds its public half. The write is sent once.
// Unlike the text of a client secret the value is known whatever the answer was, so
// the object tells whether it worked.
func (d *Directory) addCertificate(ctx context.Context, o connector.Order) (inventory.Credential, secret.Value, error) {
	c, v, err := d.tryCertificate(ctx, o)
	if err != nil {
		v.Zero()
		return inventory.Credential{}, secret.Value{}, fmt.Errorf("cannot add a certificate to %q: %w", o.Holder.Name, full(err))
	}
	return c, v, nil
}

func (d *Directory) tryCertificate(ctx context.Context, o connector.Order) (c inventory.Credential, v secret.Value, err error) {
	v, err = makePair(ctx, o)
	if err != nil {
		return c, v, errors.Join(connector.ErrNotApplied, err)
	}
	pair, err := secret.ParsePair(v)
	if err != nil {
		return c, v, errors.Join(connector.ErrNotApplied, err)
	}
	add, err := newEntry(o, pair)
	if err != nil {
		return c, v, errors.Join(connector.ErrNotApplied, err)
	}
	before, err := d.before(ctx, o.Holder)
	if err != nil {
		return c, v, errors.Join(connector.ErrNotApplied, err)
	}
	whole, sent := d.send(ctx, o, before, add)
	if errors.Is(sent, connector.ErrNotApplied) {
		return c, v, sent
	}
	c, err = d.added(ctx, o.Holder, pair, before, whole)
	if err != nil {
		return c, v, errors.Join(sent, err)
	}
	return c, v, nil
}

// send adds one entry: with proof of the old one if that is possible, else by
// writing the whole list. A proof that is refused has changed nothing.
func (d *Directory) send(ctx context.Context, o connector.Order, before entries, add entry) (whole bool, err error) {
	if old := prover(o.Prover, before); old != nil {
		if err := d.addKey(ctx, o, old, add); !refusedProof(err) {
			return false, err
		}
	}
	return true, d.put(ctx, o.Holder, before.known(add), o.Request)
}

// added looks for the certificate of a pair after a write, however that ended, and
// for what a write of the whole list has cost.
func (d *Directory) added(ctx context.Context, a inventory.Application, p *secret.Pair, before entries, whole bool) (inventory.Credential, error) {
	der, print := p.Certificate().Raw, p.Thumbprint()
	now, all, err := d.settled(ctx, a, alikeAfter, func(l entries) bool {
		_, ok := l.find(der, print)
		return ok
	})
	found, ok := now.find(der, print)
	if !ok {
		// The reading's own error stays text: what it says of a reading, that nothing
		// was changed, is not true of the write.
		return inventory.Credential{}, fmt.Errorf("the directory does not show it, or not yet: %v", err)
	}
	if whole && err == nil {
		d.restore(ctx, a, before, all, now)
	}
	c := found.credential(a, inventory.Certificate)
	c.Thumbprint = print
	return c, nil
}

// timeBefore is how long the list may take to settle before a write. What is left
// of the caller's time is for the write and what follows it.
const timeBefore = 10 * time.Second

// before is what has to be in a list that is written now: everything that any
// reading showed. What is gone in truth makes Graph refuse the write; what is new in
// truth would be lost without it.
func (d *Directory) before(ctx context.Context, a inventory.Application) (entries, error) {
	ctx, cancel := context.WithTimeout(ctx, timeBefore)
	defer cancel()
	_, all, err := d.settled(ctx, a, alikeBefore, func(entries) bool { return true })
	return all, err
}

// removeCertificate removes a certificate by its key id: with proof of another if
// there is one, else by writing the list without it.
func (d *Directory) removeCertificate(ctx context.Context, a inventory.Application, keyID string, other secret.Value) error {
	before, err := d.before(ctx, a)
	if err != nil {
		return err
	}
	if !before.has(keyID) {
		return nil
	}
	left := before.without(keyID)
	if pair := prover(other, left); pair != nil {
		err := d.removeKey(ctx, a, pair, keyID)
		switch e, ok := errors.AsType[*rest.Error](err); {
		case err == nil:
			return nil
		case ok && e.Status == http.StatusBadRequest:
			return d.gone(ctx, a, keyID, err)
		case !refusedProof(err):
			return fmt.Errorf("cannot remove certificate %s of %q: %w", keyID, a.Name, err)
		}
	}
	if err := d.put(ctx, a, left.known(), ""); err != nil {
		return fmt.Errorf("cannot remove certificate %s of %q: %w", keyID, a.Name, err)
	}
	now, all, err := d.settled(ctx, a, alikeAfter, func(l entries) bool { return !l.has(keyID) })
	if err == nil { // else some replicas have not heard of it, though it was accepted
		d.restore(ctx, a, left, all.without(keyID), now)
	}
	return nil
}
