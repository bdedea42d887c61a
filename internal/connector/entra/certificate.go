package entra

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// backdated is how long before now a certificate begins: Entra's clock, and that
// of whoever proves something with it, may be behind ours.
const backdated = 10 * time.Minute

// addCertificate makes a key pair and adds its public half: with proof of the old
// one if that is possible, else by writing the whole list. The write is sent
// once. Unlike the text of a client secret the value is known whatever the answer
// was, so the object tells whether it worked.
func (d *Directory) addCertificate(ctx context.Context, o connector.Order) (none inventory.Credential, v secret.Value, err error) {
	fail := func(err error) (inventory.Credential, secret.Value, error) {
		v.Zero()
		return none, secret.Value{}, fmt.Errorf("cannot add a certificate to %q: %w", o.Holder.Name, full(err))
	}
	if v, err = makePair(ctx, o); err != nil {
		return fail(errors.Join(connector.ErrNotApplied, err))
	}
	pair, err := secret.ParsePair(v)
	if err != nil {
		return fail(errors.Join(connector.ErrNotApplied, err))
	}
	add, err := newEntry(o, pair)
	if err != nil {
		return fail(errors.Join(connector.ErrNotApplied, err))
	}
	before, err := d.before(ctx, o.Holder)
	if err != nil {
		return fail(errors.Join(connector.ErrNotApplied, err))
	}
	whole, sent := true, error(nil)
	if old := prover(o.Prover, before); old != nil {
		sent = d.addKey(ctx, o, old, add)
		whole = refusedProof(sent)
	}
	if whole {
		sent = d.put(ctx, o.Holder, before.known(add), o.Request)
	}
	if errors.Is(sent, connector.ErrNotApplied) {
		return fail(sent)
	}
	der, print := pair.Certificate().Raw, pair.Thumbprint()
	now, all, err := d.settled(ctx, o.Holder, alikeAfter, func(l entries) bool {
		_, ok := l.find(der, print)
		return ok
	})
	found, ok := now.find(der, print)
	if !ok {
		// The reading's own error stays text: what it says of a reading, that nothing
		// was changed, is not true of the write.
		return fail(errors.Join(sent, fmt.Errorf("the directory does not show it, or not yet: %v", err)))
	}
	if whole && err == nil {
		d.restore(ctx, o.Holder, before, all, now)
	}
	c := found.credential(o.Holder, inventory.Certificate)
	c.Thumbprint = print
	return c, v, nil
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

// makePair has the key pair made by whom the order says, or here.
func makePair(ctx context.Context, o connector.Order) (secret.Value, error) {
	starts, name := time.Now().Add(-backdated), commonName(o.Holder.Name)
	if o.Pairs != nil {
		return o.Pairs.MakePair(ctx, name, o.Marker, starts, o.Expires)
	}
	return secret.NewPair(name, starts, o.Expires)
}

// commonName is an application's name with what needs no quoting in a
// distinguished name: letters, digits, space, dot, dash and underscore; at most
// the 64 characters that X.520 allows.
func commonName(name string) string {
	s := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" .-_", r) {
			return r
		}
		return '-'
	}, name)
	s = strings.TrimSpace(s[:min(len(s), 64)])
	if s == "" {
		return "rekey"
	}
	return s
}

// newEntry is the certificate as Graph takes it. Its key id is drawn here: a
// request that a network delivers twice finds its own entry.
func newEntry(o connector.Order, p *secret.Pair) (entry, error) {
	c := p.Certificate()
	ends := c.NotAfter
	if o.Expires.Before(ends) {
		ends = o.Expires
	}
	return fresh(map[string]any{
		"keyId": guid(), "type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.StdEncoding.EncodeToString(c.Raw),
		"displayName": o.Label + " " + o.Marker, "startDateTime": c.NotBefore.UTC(), "endDateTime": ends.UTC().Truncate(time.Second),
	})
}

func fresh(fields map[string]any) (e entry, err error) {
	raw, err := json.Marshal(fields)
	if err != nil {
		return entry{}, err
	}
	return e, json.Unmarshal(raw, &e)
}

// guid is a random one, of version 4.
func guid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
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
	fail := func(err error) error { return fmt.Errorf("cannot remove certificate %s of %q: %w", keyID, a.Name, err) }
	if pair := prover(other, before.without(keyID)); pair != nil {
		err := d.removeKey(ctx, a, pair, keyID)
		if e, ok := errors.AsType[*rest.Error](err); ok && e.Status == http.StatusBadRequest {
			return d.gone(ctx, a, keyID, err)
		}
		if err == nil || !refusedProof(err) {
			if err != nil {
				return fail(err)
			}
			return nil
		}
	}
	if err := d.put(ctx, a, before.without(keyID).known(), ""); err != nil {
		return fail(err)
	}
	now, all, err := d.settled(ctx, a, alikeAfter, func(l entries) bool { return !l.has(keyID) })
	if err != nil {
		return nil // it was accepted; some replicas have not heard of it
	}
	d.restore(ctx, a, before.without(keyID), all.without(keyID), now)
	return nil
}
