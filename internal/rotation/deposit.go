package rotation

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// put writes the new value into the vault. The next look compares.
func (k *Keeper) put(s *sight) (verdict, error) {
	r := s.r
	now, _ := s.entry()
	if s.put { // SAFETY F13, F22
		return verdict{}, fmt.Errorf("%s gives back something else than was put (version %s)", r.Terms.Place, now.Version)
	}
	v, ok := s.open("new", r.sealed)
	if !ok {
		return verdict{}, s.err
	}
	defer v.Zero()
	k.keepFormer(s, now)
	if err := k.write(s, now, v); err != nil {
		return verdict{}, err
	}
	return verdict{again: true}, nil
}

// keepFormer seals the old value, if the vault tells it, for the proof at the end
// that it is refused.
func (k *Keeper) keepFormer(s *sight, now connector.Deposit) {
	r := s.r
	if now.Version == r.Terms.Place.Version && s.isOld(now.Value) {
		r.previous = k.Sealer.Seal(sealLabel(r, "old"), now.Value)
	}
}

// isOld reports whether a value surely is that of the old credential.
func (s *sight) isOld(v secret.Value) bool {
	old := s.r.Terms.Old
	if p, err := secret.ParsePair(v); err == nil {
		return old.Thumbprint != "" && p.Thumbprint() == old.Thumbprint
	}
	return old.Hint != "" && s.essence(v).Hint() == old.Hint
}

// write puts a value into the vault in the form that the former one has, between
// two records, and sends nothing if the process sleeps in between.
func (k *Keeper) write(s *sight, now connector.Deposit, v secret.Value) error {
	r := s.r
	sending, cancel := timed(s.ctx)
	defer cancel()
	vault, err := s.sys.Vault(r.Terms.Place.Vault)
	if err != nil {
		return err
	}
	if f, ok := s.sys.Issuer.(connector.Former); ok && !now.Value.IsZero() {
		if v, err = f.Form(now.Value, v); err != nil {
			return fmt.Errorf("cannot write the new value as %s has it: %w", r.Terms.Place, err)
		}
		defer v.Zero()
	}
	before := r.Put
	r.Put = time.Now().UTC()
	if err := k.save(s.ctx, r, one(k.progress(r, audit.Done, map[string]string{"intent": "deposit", "place": r.Terms.Place.String()}))); err != nil {
		return err
	}
	tags := maps.Clone(now.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	tags[inventory.TagKeyID], tags[inventory.TagRotation], tags[inventory.TagAttempt] = r.Issued.KeyID, r.ID, r.attempt().Marker
	_, err = vault.Put(sending, r.Terms.Place.Name, connector.Deposit{
		Kind: r.Issued.Kind, Value: v, Expires: r.Issued.Expires, ContentType: now.ContentType, Tags: tags,
	})
	if errors.Is(err, connector.ErrNotApplied) {
		r.Put = before
	}
	if err != nil {
		return fmt.Errorf("cannot put the new value into %s: %w", r.Terms.Place, err)
	}
	s.put = true
	return nil
}

// take notes that consumers can read the new value from now on, and erases the
// sealed copy: the vault has given it back.
func (k *Keeper) take(s *sight) (verdict, error) {
	at := s.now()
	if s.err != nil {
		return verdict{}, s.err
	}
	if s.ClockWrong() {
		return verdict{wait: s.pause, why: s.why, needs: s.needs}, nil
	}
	r := s.r
	if err := s.discardPairs(); err != nil {
		return verdict{}, err
	}
	r.Entry, r.Switched, r.sealed = s.held.Version, at.UTC().Truncate(time.Millisecond), ""
	return verdict{evidence: fmt.Sprintf("%s version %s read back and compared; sealed copy erased", r.Terms.Place, r.Entry)}, nil
}

// discardPairs clears what a vault left behind that made key pairs for us.
func (s *sight) discardPairs() error {
	pairs := s.pairs()
	if pairs == nil {
		return nil
	}
	for _, a := range s.r.Attempts {
		if err := pairs.Discard(s.ctx, a.Marker); err != nil {
			return fmt.Errorf("cannot clear what was left of making a key pair: %w", err)
		}
	}
	return nil
}

// heal adopts the issuer's present value of the new credential: a request that was
// lost and came late, or came twice, has changed it.
func (k *Keeper) heal(s *sight) error {
	r := s.r
	v, err := s.sys.Issuer.(connector.Recaller).Recall(s.ctx, r.Terms.Application, r.Issued.KeyID)
	if err != nil {
		return fmt.Errorf("cannot read the new key again: %w", r.gone(err))
	}
	defer v.Zero()
	r.Print, r.Issued.Hint, r.Count = s.print(v), v.Hint(), Count{}
	if r.sealed != "" { // the vault does not have it yet
		r.sealed = k.Sealer.Seal(sealLabel(r, "new"), v)
		return k.save(s.ctx, r, one(k.progress(r, audit.Done, map[string]string{"adopted": "the present value, which a late request has made"})))
	}
	now, _ := s.entry()
	return k.write(s, now, v)
}

// tell tells every consumer that can be told. Twice is as good as once.
func (k *Keeper) tell(s *sight) error {
	for i := range s.r.Evidence {
		e := &s.r.Evidence[i]
		c := s.consumer(*e)
		if c == nil || !e.Told.IsZero() || e.Proof != "" {
			continue
		}
		if err := c.Tell(s.ctx, s.change(*e)); err != nil {
			return fmt.Errorf("cannot tell %s: %w", e.Consumer, err)
		}
		e.Told = time.Now().UTC()
	}
	return nil
}

// recorder is a transaction that only records.
func (k *Keeper) recorder(events ...audit.Event) func(*store.Tx) error {
	return func(tx *store.Tx) error { return k.Log.Record(tx, events...) }
}
