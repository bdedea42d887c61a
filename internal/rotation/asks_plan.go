package rotation

import (
	"fmt"
	"slices"
	"time"

	"rekey.example/rekey/internal/inventory"
)

// What rules ask about the approval, the plan and the attempts.

func (s *sight) Lapsed() bool {
	if left := time.Until(s.r.Terms.Expires); left > 0 {
		s.say(left, "waiting for approval")
		s.needs = needsApproval
		return false
	}
	return s.say(0, "nobody approved in time; propose again")
}

func (s *sight) Unapproved() bool {
	c := s.r.Consent
	switch {
	case c == nil || s.r.Terms.Hash() != c.Hash || c.By.Same(s.r.By) && !s.r.brokenGlass(): // SAFETY C7, I5
		return s.say(0, "the terms are not those that were approved")
	case time.Now().After(c.Expires) && !s.r.Pivoted():
		return s.say(0, "the approval ended before anything could be done; propose again")
	}
	return false
}

func (s *sight) Drifted() bool {
	list := s.credentials()
	if s.err != nil {
		return false
	}
	if why := drifted(s.r, list); why != "" {
		return s.say(0, "%s", why)
	}
	return false
}

// drifted says how the application's credentials differ from those that were
// approved. Ours do not count.
func drifted(r *Rotation, list []inventory.Credential) string {
	old := false
	for _, c := range list {
		switch {
		case c.KeyID == r.Terms.Old.KeyID:
			old = same(c, r.Terms.Old) && c.Expires.Equal(r.Terms.Old.Expires)
		case r.ours(c) == nil && !r.Terms.unmarked() && !slices.Contains(r.Terms.Kept, c.KeyID) && !r.Terms.removes(c.KeyID):
			return fmt.Sprintf("credential %s (%q) appeared after the proposal; look at it and propose again", c.KeyID, c.Label)
		}
	}
	if !old {
		return "the old credential is no longer as it was proposed; somebody has changed or removed it"
	}
	return ""
}

func (s *sight) Unanswered() bool {
	a := s.r.attempt()
	return a != nil && a.State == Intended && s.say(0, "stopped before the answer was written down") // SAFETY F3, F10: cannot be told from "sent"
}

// Stray looks for what an attempt of ours made and is not the one adopted: by its
// key id, never "all but the newest" (SAFETY I4, F4-F6).
func (s *sight) Stray() bool {
	if s.swept || s.r.Terms.unmarked() {
		return s.stray != nil
	}
	list := s.credentials()
	if s.err != nil {
		return false
	}
	s.swept = true
	for _, c := range list {
		if a := s.r.ours(c); a != nil && (s.r.Issued == nil || c.KeyID != s.r.Issued.KeyID) {
			s.stray = &stray{c.KeyID, a}
			return true
		}
	}
	return false
}

func (s *sight) Outdated() bool { // asleep, or kept waiting
	return !s.listed.IsZero() && time.Since(s.listed) > time.Minute && s.say(time.Second, "looking again at the application's credentials")
}

// TooSoon holds a new attempt back: a lost one gets a while to show up, and a
// crash loop must not fill the directory (SAFETY 2.6, F34, I6).
func (s *sight) TooSoon() bool {
	now := time.Now()
	today, open := 0, 0
	var first time.Time
	for _, a := range s.r.Attempts {
		if a.State == Declined || now.Sub(a.Sent) >= quarantine {
			continue
		}
		if today++; today == 1 {
			first = a.Sent
		}
		if a.State == Abandoned {
			open++
		}
	}
	if last := s.r.attempt(); last != nil && last.State == Abandoned {
		for _, look := range []time.Duration{5 * time.Second, 15 * time.Second, 45 * time.Second, 150 * time.Second} { // the last: no list lags longer
			if left := look - now.Sub(last.Sent); left > 0 {
				return s.say(left, "the last answer was lost; looking whether the issuer made the secret")
			}
		}
	}
	if today >= attemptsADay || open >= unresolved {
		s.need("somebody to find out why answers of the issuer get lost",
			"%d attempts to issue were lost; rekey waits until none of them can turn up any more", today)
		s.pause = min(max(quarantine-now.Sub(first), time.Minute), 6*time.Hour)
		return true
	}
	return false
}

// LateAnswer: a resource's key has no marker, so a lost request that comes late
// changes the very key that was adopted (SAFETY F45); one that adds a certificate
// may write a list anew that lacks the adopted one (F46).
func (s *sight) LateAnswer() bool {
	if s.r.Terms.Old.Kind == inventory.ClientSecret {
		return false
	}
	for _, a := range s.r.Attempts {
		if left := lateKey - time.Since(a.Sent); a.State == Abandoned && left > 0 {
			return s.say(left, "a lost request may still undo the new one; no consumer sees it before that is over")
		}
	}
	return false
}

// Closed holds what consumers could notice outside of a maintenance window or in
// a freeze.
func (s *sight) Closed() bool {
	until, why := s.k.Calendar.Holds(s.r.Current().Name, s.r.Terms.Plan, time.Now(), s.r.Terms.Application)
	if until.IsZero() || s.r.Pivoted() {
		return false
	}
	return s.say(min(max(time.Until(until), time.Second), 6*time.Hour), "waits for %s", why)
}

// Unsettled counts the lists without a stray after the watch: one alone may lag.
func (s *sight) Unsettled() bool {
	if s.r.Terms.unmarked() {
		return false
	}
	s.r.Clean++
	return s.r.Clean < 2 && s.say(max(s.watchPause(), pace(s.r)), "one more look, for lists lag")
}

func (s *sight) Watching() bool {
	left := s.watchLeft()
	return left > 0 && s.say(s.watchPause(), "watching for late effects")
}

func (s *sight) watchLeft() time.Duration {
	since := s.r.Removed
	if s.r.Course == "rollback" {
		since = s.r.Current().Began
	}
	return time.Until(since.Add(time.Duration(s.r.Terms.Timing.Watch)))
}

func (s *sight) watchPause() time.Duration {
	watch := time.Duration(s.r.Terms.Timing.Watch)
	return min(max(s.watchLeft()/4, watch/20, time.Second), 6*time.Hour)
}
