package rotation

import (
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// What rules ask about values: the sealed one, what the vault holds, and whether
// the issuer accepts it.

// Refused signs in with the sealed value a third of the times that the plan
// wants: three visits, so that the row of successes really spans the time.
func (s *sight) Refused() bool {
	v, ok := s.open("new", s.r.sealed)
	if !ok {
		return false
	}
	defer v.Zero()
	t := s.r.Terms.Timing
	refused, ok := s.signIn(v, (t.Successes+2)/3)
	for ok && s.r.Count.Successes < t.Successes && time.Since(s.r.Count.Since) >= time.Duration(t.Proof) { // the time is over already
		refused, ok = s.signIn(v, 1)
	}
	return refused != nil && s.meaning(refused)
}

// meaning decides what a refusal of the new value says: too young, or wrong.
func (s *sight) meaning(e *connector.RejectedError) bool {
	age := time.Since(s.r.attempt().Sent)
	if e.Secret && age < 10*time.Minute {
		return s.say(min(max(age/4, time.Second), 30*time.Second), "not yet accepted everywhere")
	}
	if !e.Secret {
		if s.credentials(); s.err != nil { // it may be gone altogether
			return false
		}
		return s.need("whoever looks after this application's sign-in (Conditional Access, disabled principal)",
			"the sign-in is refused for another reason than the secret: %v", e)
	}
	return s.need("an administrator: rekey cancel gives up and withdraws the new secret; the old one is untouched",
		"the new secret is refused for %s: %v", age.Round(time.Minute), e)
}

func (s *sight) Unproved() bool {
	t, n := s.r.Terms.Timing, s.r.Count.Successes
	if n >= t.Successes && time.Since(s.r.Count.Since) >= time.Duration(t.Proof) {
		return false
	}
	return s.say(time.Duration(t.Proof)/2+time.Millisecond, "accepted %d times in a row; a directory answers replica by replica", n)
}

// Dead: after a long wait for the vault the proof is stale; somebody may have
// removed the new credential meanwhile.
func (s *sight) Dead() bool {
	if time.Since(s.r.Steps[s.r.At-1].Ended) <= time.Minute {
		return false
	}
	v, ok := s.open("new", s.r.sealed)
	if !ok {
		return false
	}
	defer v.Zero()
	refused, _ := s.try(v, 3)
	return refused != nil && s.meaning(refused)
}

func (s *sight) EntryDeleted() bool {
	_, there := s.entry()
	return !there && s.err == nil && s.r.Terms.Place.Version != "" &&
		s.need("whoever deleted it, to recover it; or an administrator, to cancel this rotation",
			"%s is no longer in the vault; rekey does not make an entry that somebody has deleted", s.r.Terms.Place)
}

func (s *sight) EntryForeign() bool { // SAFETY F19
	d, there := s.entry()
	if !there || s.err != nil || d.Version == s.r.Terms.Place.Version || d.Tags[inventory.TagAttempt] == s.r.attempt().Marker || s.print(d.Value) == s.r.Print {
		return false
	}
	return s.need("whoever changed it, to put the former version back; or an administrator, to cancel this rotation",
		"%s was changed by somebody else after the proposal (version %s); rekey does not overwrite it", s.r.Terms.Place, d.Version)
}

// EntryOurs: a late second write of ours makes another version of the same value,
// which is as good; anything else in its place is somebody's doing (SAFETY F18, F20).
func (s *sight) EntryOurs() bool {
	if s.r.Course == "rollback" && s.r.Put.IsZero() || s.r.Print == "" {
		return false // never written
	}
	d, there := s.entry()
	switch {
	case s.err != nil:
		return false
	case !there && s.r.Course != "rollback" && s.r.Entry != "":
		return s.cutOff()
	case there && s.print(d.Value) == s.r.Print:
		if s.r.Course == "rollback" {
			return s.need("an administrator, to put the former version back",
				"%s holds the new secret (version %s): withdrawing it would cut its consumers off", s.r.Terms.Place, d.Version)
		}
		s.seen(d.Version)
		return true
	}
	s.need("whoever wrote that version, to put version "+s.r.Entry+" back",
		"%s now has version %s, not the one of this rotation; the old secret stays", s.r.Terms.Place, d.Version)
	return false
}

// seen notes the version that consumers read. Another one than before means that
// meanwhile something else may have stood there: who read that has to read anew,
// and both credentials work for that long (SAFETY F20).
func (s *sight) seen(version string) {
	r := s.r
	if r.Entry != "" && r.Entry != version && !r.Pivoted() {
		if at := s.now(); s.err == nil {
			r.Switched = at.UTC().Truncate(time.Millisecond)
		}
	}
	r.Entry = version
}

// cutOff holds the rotation for an entry that was there and is gone: nothing can
// be proved. The answer is no, with a reason.
func (s *sight) cutOff() bool {
	s.need("whoever deleted it, to recover it", "%s is no longer in the vault: its consumers are cut off", s.r.Terms.Place)
	return false
}

// EntryServes makes sure that what consumers read signs in, whoever put it there:
// nothing else would tell that somebody has brought the old value back after it
// was withdrawn (SAFETY F20).
func (s *sight) EntryServes() bool {
	if s.r.Issued == nil {
		return true // a revocation: nobody is served any more, on purpose
	}
	d, there := s.entry()
	if s.err != nil {
		return false
	}
	if !there {
		return s.cutOff()
	}
	times := 3
	if s.r.Current().Name != "withdraw" && s.print(d.Value) == s.r.Print {
		times = 1
	}
	refused, accepted := s.try(d.Value, times)
	if refused != nil {
		s.need("an administrator, to put a secret there that is accepted",
			"what %s holds (version %s) does not sign in (%v): its consumers are cut off", s.r.Terms.Place, d.Version, refused)
	}
	return accepted
}

// ValueMoved asks an issuer that tells its values again, such as that of a
// resource's two keys, whether a late request has changed the new one (SAFETY F45).
func (s *sight) ValueMoved() bool {
	teller, ok := s.sys.Issuer.(connector.Recaller)
	if !ok || s.r.Issued == nil {
		return false
	}
	v, err := teller.Recall(s.ctx, s.r.Terms.Application, s.r.Issued.KeyID)
	if err != nil {
		return s.fail(fmt.Errorf("cannot compare the new key with the issuer's: %w", s.r.gone(err)))
	}
	defer v.Zero()
	if s.print(v) == s.r.Print {
		return false
	}
	if s.r.sealed != "" {
		return true
	}
	d, there := s.entry()
	return there && s.print(d.Value) == s.r.Print // what others wrote is not overwritten
}

// OldAccepted tries the old value until it was refused as often and as long as
// the new one had to be accepted. It knows the evidence when it says no.
func (s *sight) OldAccepted() bool {
	if s.r.previous == "" {
		s.proof = "the directory no longer shows the old secret (its value is not known here, so it could not be tried)"
		return false
	}
	v, ok := s.open("old", s.r.previous)
	if !ok {
		return false
	}
	defer v.Zero()
	t := s.r.Terms.Timing
	which := ""
	for n := 0; n < (t.Successes+2)/3 || s.r.Count.Refusals < t.Successes && time.Since(s.r.Count.Since) >= time.Duration(t.Proof); n++ {
		refused, err := s.refusal(v)
		switch {
		case err != nil:
			return s.fail(fmt.Errorf("cannot try the old secret: %w", err))
		case refused == nil:
			s.r.Count = Count{}
			return s.say(pace(s.r), "a token replica still accepts the old secret")
		case !refused.Secret:
			return s.need("whoever looks after this application's sign-in", "the old secret is refused, but for another reason: %v", refused)
		}
		which = refused.Which()
		if s.r.Count.Refusals == 0 {
			s.r.Count.Since = time.Now().UTC()
		}
		s.r.Count.Refusals++
	}
	span := time.Since(s.r.Count.Since)
	if s.r.Count.Refusals < t.Successes || span < time.Duration(t.Proof) {
		return s.say(time.Duration(t.Proof)/2+time.Millisecond, "the old secret was refused %d times in a row", s.r.Count.Refusals)
	}
	s.proof = fmt.Sprintf("the old secret is refused (%s), %d times in a row over %s", which, s.r.Count.Refusals, span.Round(time.Second))
	return false
}

// refusal is nil, nil if the value was accepted.
func (s *sight) refusal(v secret.Value) (*connector.RejectedError, error) {
	err := s.sys.Verifier.SignIn(s.ctx, s.r.Terms.Application, v)
	if refused, ok := errors.AsType[*connector.RejectedError](err); ok {
		return refused, nil
	}
	return nil, err
}

// pace is how long to wait before looking again at something that lags.
func pace(r *Rotation) time.Duration {
	return min(max(time.Duration(r.Terms.Timing.Proof)/8, time.Second), time.Minute)
}
