package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// sight is what one visit of a step sees of the world. Each system is looked at
// when a rule first asks about it, and once.
type sight struct {
	k   *Keeper
	ctx context.Context
	r   *Rotation
	sys Systems

	list   []inventory.Credential // of the directory
	listed time.Time              // when it was asked for; zero: not yet
	stray  *stray                 // what sweeping found
	swept  bool
	held   connector.Deposit // of the vault; Version is empty without an entry
	looked bool
	put    bool      // this visit has written to the vault
	clock  time.Time // the issuer's; zero: not asked yet

	// Of the last question answered with yes.
	why, needs string
	pause      time.Duration
	proof      string // what was seen that lets the step pass

	err error // why a question could not be answered
}

// stray is a credential that an attempt made and nobody adopted.
type stray struct {
	keyID string
	from  *Attempt
}

var _ eyes = (*sight)(nil)

func (k *Keeper) look(ctx context.Context, r *Rotation) (*sight, error) {
	sys, err := k.systems(r.Terms.Application)
	if err != nil {
		return nil, err
	}
	return &sight{k: k, ctx: ctx, r: r, sys: sys}, nil
}

func (s *sight) failed() bool { return s.err != nil }

// fail remembers why a question has no answer. The answer does not count then.
func (s *sight) fail(err error) bool {
	s.err = err
	return false
}

// say holds the rotation for a while.
func (s *sight) say(pause time.Duration, format string, a ...any) bool {
	s.pause, s.why, s.needs = pause, fmt.Sprintf(format, a...), ""
	return true
}

// parked is how often a rotation looks again that waits for a person, in case the
// world has changed.
const parked = 30 * time.Minute

// need holds it until somebody does something.
func (s *sight) need(who, format string, a ...any) bool {
	s.say(parked, format, a...)
	s.needs = who
	return true
}

// forget makes the visit look again: it has changed something.
func (s *sight) forget() { *s = sight{k: s.k, ctx: s.ctx, r: s.r, sys: s.sys, put: s.put} }

// credentials is what the directory now shows of the application.
func (s *sight) credentials() []inventory.Credential {
	if !s.listed.IsZero() || s.err != nil {
		return s.list
	}
	s.listed = time.Now()
	list, err := s.sys.Issuer.Credentials(s.ctx, s.r.Terms.Application)
	if err != nil {
		s.fail(fmt.Errorf("cannot read the credentials: %w", s.r.gone(err)))
		return nil
	}
	s.r.Missing = time.Time{}
	s.list = list
	return list
}

// shows reports whether the directory shows a credential as it is known.
func (s *sight) shows(c inventory.Credential) bool {
	return slices.ContainsFunc(s.credentials(), func(d inventory.Credential) bool { return same(c, d) })
}

// same reports whether two sightings are of one credential. The two keys of a
// resource keep their names when they get other values.
func same(a, b inventory.Credential) bool {
	if a.Kind == inventory.AccessKey && (a.Hint != b.Hint || !a.Starts.Equal(b.Starts)) {
		return false
	}
	return a.KeyID == b.KeyID
}

// entry is what consumers now read from the vault. ok is false if there is none.
func (s *sight) entry() (d connector.Deposit, ok bool) {
	if s.looked || s.err != nil {
		return s.held, s.held.Version != ""
	}
	s.looked = true
	vault, err := s.sys.Vault(s.r.Terms.Place.Vault)
	if err != nil {
		s.fail(err)
		return d, false
	}
	s.held, err = vault.Get(s.ctx, s.r.Terms.Place.Name)
	if errors.Is(err, connector.ErrNotFound) {
		s.held = connector.Deposit{}
	} else if err != nil {
		s.fail(fmt.Errorf("cannot read %s: %w", s.r.Terms.Place, err))
	}
	return s.held, s.held.Version != ""
}

// now is the issuer's time.
func (s *sight) now() time.Time {
	if !s.clock.IsZero() || s.err != nil {
		return s.clock
	}
	at, err := s.sys.Now(s.ctx)
	if err != nil {
		s.fail(fmt.Errorf("cannot read the issuer's clock: %w", err))
	}
	s.clock = at
	return at
}

// signIn tries a value so many times and counts the answers in a row. accepted
// is false with a *connector.RejectedError; anything else fails the question.
func (s *sight) signIn(v secret.Value, n int) (refused *connector.RejectedError, accepted bool) {
	count := &s.r.Count
	for range n {
		err := s.sys.Verifier.SignIn(s.ctx, s.r.Terms.Application, v)
		if refused, ok := errors.AsType[*connector.RejectedError](err); ok {
			*count = Count{Refusals: count.Refusals + 1, Since: count.Since}
			return refused, false
		}
		if err != nil {
			s.fail(fmt.Errorf("cannot sign in to prove the new secret: %w", err))
			return nil, false
		}
		if count.Successes == 0 {
			*count = Count{Since: time.Now().UTC()}
		}
		count.Successes++
	}
	return nil, true
}

// try is signIn without counting.
func (s *sight) try(v secret.Value, n int) (refused *connector.RejectedError, accepted bool) {
	before := s.r.Count
	refused, accepted = s.signIn(v, n)
	s.r.Count = before
	return refused, accepted
}

// open is the sealed new or old value.
func (s *sight) open(which, sealed string) (secret.Value, bool) {
	v, err := s.k.Sealer.Open(sealLabel(s.r, which), sealed)
	if err != nil {
		s.fail(err)
		return v, false
	}
	return v, true
}

// essence is what stays the same of a value in every form that it is kept in.
func (s *sight) essence(v secret.Value) secret.Value {
	if f, ok := s.sys.Issuer.(connector.Former); ok {
		return f.Essence(v)
	}
	return v
}

// print recognises a value again, whatever its form.
func (s *sight) print(v secret.Value) string { return s.k.Values.Fingerprint(s.essence(v)) }
