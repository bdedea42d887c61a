package rotation

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
)

// What rules ask about consumers, clocks and the end of the old credential.

func (s *sight) Untold() bool {
	s.r.beginEvidence()
	for _, e := range s.r.Evidence {
		if e.Told.IsZero() && e.Proof == "" && s.consumer(e) != nil {
			return true
		}
	}
	return false
}

// beginEvidence lists the consumers, once.
func (r *Rotation) beginEvidence() {
	if r.Evidence != nil {
		return
	}
	r.Evidence = []Evidence{}
	for _, u := range r.Terms.Consumers {
		r.Evidence = append(r.Evidence, Evidence{Consumer: u.Consumer, Reference: u.Reference, Follows: follows(u, r.Terms.Place)})
	}
}

// consumer is how a consumer can be spoken to, or nil.
func (s *sight) consumer(e Evidence) connector.Consumer {
	if s.sys.Consumer == nil {
		return nil
	}
	return s.sys.Consumer(e.Reference)
}

// askedAgain is after how long a consumer that has not moved is told once more.
const askedAgain = 6 * time.Hour

// Unmoved collects evidence and says who blocks.
func (s *sight) Unmoved() bool {
	s.r.beginEvidence()
	var blocks, who []string
	pause := parked
	for i := range s.r.Evidence {
		e := &s.r.Evidence[i]
		if e.Proof != "" {
			continue
		}
		moved, err := s.moved(*e)
		if err != nil {
			return s.fail(err)
		}
		if moved.Yes {
			e.Proof, e.By, e.At, e.Why = moved.Proof, "rekey", time.Now().UTC(), ""
			continue
		}
		e.Why = moved.Why
		if time.Since(e.Told) > askedAgain {
			e.Told = time.Time{}
		}
		blocks = append(blocks, fmt.Sprintf("%s (%s) %s", e.Consumer, e.Reference, moved.Why))
		if moved.Person != "" {
			who = append(who, moved.Person)
		}
		if moved.Wait > 0 {
			pause = min(pause, max(moved.Wait, time.Second))
		}
	}
	if len(blocks) == 0 {
		return false
	}
	s.need(strings.Join(who, "; "), "%s", strings.Join(blocks, "; "))
	s.pause = pause
	return true
}

func (s *sight) moved(e Evidence) (connector.Moved, error) {
	if c := s.consumer(e); c != nil {
		m, err := c.Moved(s.ctx, s.change(e))
		if err != nil {
			err = fmt.Errorf("cannot ask %s whether it has moved: %w", e.Consumer, err)
		}
		if m.Why == "" {
			m.Why = "has not been moved to the new secret"
		}
		return m, err
	}
	if e.Follows {
		return connector.Moved{Yes: true, Proof: "reads the entry by name, whose current version is the new one"}, nil
	}
	return connector.Moved{
		Why:    "has not been moved to the new secret",
		Person: fmt.Sprintf("a person, to move it and say so: rekey confirm %s --consumer %q --proof TEXT", s.r.ID, e.Consumer),
	}, nil
}

// change is what a consumer is told.
func (s *sight) change(e Evidence) connector.Change {
	r := s.r
	place := r.Terms.Place
	place.Version = r.Entry
	c := connector.Change{
		Rotation: r.ID, Request: r.ID + "/" + s.k.Markers.MAC("consumer", e.Consumer+"|"+e.Reference)[:16], Consumer: e.Consumer, Reference: e.Reference,
		Application: r.Terms.Application, Old: r.Terms.Old, Place: place, Switched: r.Switched,
	}
	if r.Issued != nil {
		c.New = *r.Issued
	}
	return c
}

// ClockWrong holds the rotation while this machine's clock says something else
// than the issuer's: one of the two is wrong, and the time that both secrets work
// must not be cut short (SAFETY F40).
func (s *sight) ClockWrong() bool {
	now := s.now()
	if s.err != nil {
		return false
	}
	skew := time.Since(now).Abs()
	return skew > 5*time.Minute &&
		s.need("whoever runs this machine, to set its clock", "this machine's clock differs from the issuer's by %s", skew.Round(time.Second))
}

// Overlapping measures by the issuer's clock.
func (s *sight) Overlapping() bool {
	now := s.now()
	if s.err != nil {
		return false
	}
	if left := s.r.Switched.Add(time.Duration(s.r.Terms.Timing.Overlap)).Sub(now); left > 0 {
		return s.say(min(max(left, time.Second), 6*time.Hour), "both secrets work until %s", now.Add(left).UTC().Format("2006-01-02 15:04 MST"))
	}
	s.proof = fmt.Sprintf("both secrets worked for %s", now.Sub(s.r.Switched).Round(time.Second))
	return false
}

func (s *sight) NewShown() bool {
	if s.r.Issued == nil {
		return true
	}
	if s.shows(*s.r.Issued) {
		return true
	}
	if s.err == nil {
		s.need("an administrator, to look who removed it", "the directory does not show the new secret; withdrawing the old one could leave none")
	}
	return false
}

// OldShown also looks for what else is to go: another credential, a federated
// one, an owner.
func (s *sight) OldShown() bool {
	if s.shows(s.r.Terms.Old) {
		return s.say(pace(s.r), "the directory still shows the old secret")
	}
	going := s.r.Terms.going()
	if s.err != nil || len(going) == 0 {
		return false
	}
	ways, err := s.ways()
	if err != nil {
		return s.fail(err)
	}
	for _, w := range going {
		if slices.ContainsFunc(ways, w.is) {
			return s.say(pace(s.r), "the directory still shows %s", w)
		}
	}
	return false
}

func (s *sight) ways() ([]connector.Way, error) {
	keeper, ok := s.sys.Issuer.(connector.Gatekeeper)
	if !ok {
		return nil, nil
	}
	ways, err := keeper.Ways(s.ctx, s.r.Terms.Application)
	if err != nil {
		return nil, fmt.Errorf("cannot list who else can act as %q: %w", s.r.Terms.Application.Name, s.r.gone(err))
	}
	return ways, nil
}

// OldUsed asks the tenant's records, as far as it keeps any, and climbs down the
// ladder of evidence from there (ladder.go).
func (s *sight) OldUsed() bool {
	r := s.r
	c := useCase{
		now: s.now(), switched: r.Switched, overlap: time.Duration(r.Terms.Timing.Overlap), emergency: r.Terms.Plan == "emergency",
		consumers: r.Evidence, override: r.Override, requester: r.By,
	}
	if s.err != nil {
		return false
	}
	if w := s.sys.Witness; w != nil {
		uses, err := w.Uses(s.ctx, r.Terms.Application, r.Terms.Old.KeyID, r.Switched)
		if err != nil && !errors.Is(err, connector.ErrUnrecorded) {
			return s.fail(fmt.Errorf("cannot look whether the old credential is still used: %w", err))
		}
		if err == nil {
			c.uses = &uses
		}
	}
	j := weigh(c)
	r.Unused = j.text
	if j.may {
		return false
	}
	s.say(max(j.wait, time.Second), "%s", j.text)
	s.needs = j.needs
	return true
}

func (s *sight) Pivoted() bool { return s.r.Pivoted() }

// Pivoted reports whether the intention to withdraw was written down.
func (r *Rotation) Pivoted() bool { return !r.Removed.IsZero() }

func (s *sight) Deposited() bool {
	return s.r.passed("deposit") || s.r.passed("revoke") || s.r.Pivoted()
}

// WriteOut: a write to the vault that was not answered can still come, or has come
// and is not recorded yet, because something else has to be waited for. A vault that
// cannot be read is no reason to refuse a cancel: the rollback looks into it too, and
// withdraws nothing that the vault holds.
func (s *sight) WriteOut() bool {
	switch {
	case s.r.Put.IsZero():
		return false
	case time.Since(s.r.Put) < max(quarantine, time.Duration(s.r.Terms.Timing.Overlap)):
		return true
	}
	ours := s.EntryOurs()
	s.err = nil
	return ours
}

// ours is the attempt that made a credential, or nil.
func (r *Rotation) ours(c inventory.Credential) *Attempt {
	if r.approved(c.KeyID) {
		return nil
	}
	m := markerOf(c.Label)
	for i, a := range r.Attempts {
		born := c.Starts.Sub(a.Sent)
		if m != "" && a.Marker == m && born >= -clockSlack && born <= lateness || a.KeyID != "" && a.KeyID == c.KeyID {
			return &r.Attempts[i]
		}
	}
	return nil
}

// approved reports whether the terms name a credential, so that it was there
// before any attempt of ours.
func (r *Rotation) approved(keyID string) bool {
	return keyID == r.Terms.Old.KeyID || slices.Contains(r.Terms.Kept, keyID) || r.Terms.removes(keyID)
}
