package schedule

import (
	"fmt"
	"strconv"
	"time"

	"rekey.example/rekey/internal/inventory"
)

// Due is when the rotation of a credential should begin.
type Due struct {
	At      time.Time // zero: never, it has no end and no rule gives it one
	Ends    time.Time // when it ends: by itself, or because the policy wants it no older
	Why     string    // why then
	Warning string    // what is wrong with that moment
}

// Due says when a rotation of the credential should begin, so that it is over
// before the credential is. It is the same whenever it is asked, but for a
// moment inside a change freeze: that is moved before the freeze as long as that
// is ahead of now, else behind it.
func (s *Schedule) Due(c inventory.Credential, a inventory.Application, now time.Time) Due {
	d := Due{Ends: c.Expires, Why: "it ends"}
	if old := s.tooOld(c); !old.IsZero() && (d.Ends.IsZero() || old.Before(d.Ends)) {
		d.Ends, d.Why = old, "the policy wants it no older"
	}
	if d.Ends.IsZero() {
		return Due{}
	}
	d.At = d.Ends.Add(-s.lead()).Add(-s.part("due", c.KeyID, s.spread()))
	// What lives no longer than the lead would always be due.
	if half := d.Ends.Sub(c.Starts) / 2; !c.Starts.IsZero() && half > 0 && d.At.Before(c.Starts.Add(half)) {
		d.At = c.Starts.Add(half).Add(s.part("due", c.KeyID, min(half/5, s.spread())))
	}
	s.dodge(&d, c, a, now)
	if !c.Expires.IsZero() && d.At.Add(s.needs).After(c.Expires) && d.Warning == "" {
		d.Warning = "a rotation that begins then is not over when the credential ends"
	}
	return d
}

// tooOld is when the policy calls a credential too old; zero for never.
func (s *Schedule) tooOld(c inventory.Credential) time.Time {
	most := s.life.Longest
	if c.Kind == inventory.ClientSecret && s.life.Secret > 0 && (most == 0 || s.life.Secret < most) {
		most = s.life.Secret
	}
	if most == 0 || c.Starts.IsZero() || c.Kind == inventory.Federated {
		return time.Time{}
	}
	return c.Starts.Add(most)
}

// dodge moves a due date out of change freezes: so far before one that the
// rotation can be over when it begins, if that is still ahead, else behind it.
// What is moved is spread again, or all of it would meet on one day.
func (s *Schedule) dodge(d *Due, c inventory.Credential, a inventory.Application, now time.Time) {
	at := d.At
	if at.Before(now) {
		at = now // what is overdue is begun now, or when the freeze of today is over
	}
	f := s.Calendar.frozen(at, a, "planned")
	if f == nil {
		return
	}
	d.Why += fmt.Sprintf(", and not in the change freeze %q", f.name)
	before := at
	for range len(s.Calendar.freezes) { // moving out of one can be moving into another
		if f := s.Calendar.frozen(before, a, "planned"); f != nil {
			before = f.from.Add(-s.needs).Add(-s.part("before", c.KeyID, s.spread()))
		}
	}
	if before.After(now) && s.Calendar.frozen(before, a, "planned") == nil {
		d.At = before
		return
	}
	after := at
	for f := s.Calendar.frozen(after, a, "planned"); f != nil; f = s.Calendar.frozen(after, a, "planned") {
		after = f.to
	}
	d.At = after.Add(s.part("after", c.KeyID, min(s.spread(), max(0, d.Ends.Sub(after)-s.needs-margin))))
	if f := s.Calendar.frozen(d.At, a, "planned"); f != nil {
		d.At = after
	}
	if d.At.Add(s.needs).After(d.Ends) {
		d.Warning = fmt.Sprintf("the change freeze %q leaves no time: a rotation after it, from %s on, is not over when the credential ends", f.name, d.At.UTC().Format(time.DateOnly))
	}
}

// Lifetime is how long a new credential should be valid: up to a tenth less than
// the configured time, but not below least, so that what is renewed on one day
// does not end on one day. It is the same for the same id.
func (s *Schedule) Lifetime(configured, least time.Duration, id string) time.Duration {
	if configured <= least {
		return configured
	}
	life := configured - s.part("lifetime", id, configured/10)
	return max(least, life.Truncate(time.Minute))
}

// part is a share of d that looks random and is the same for the same id.
func (s *Schedule) part(purpose, id string, d time.Duration) time.Duration {
	if s.keyed == nil || d <= 0 {
		return 0
	}
	n, err := strconv.ParseUint(s.keyed.MAC("schedule "+purpose, id)[:8], 16, 32)
	if err != nil {
		return 0 // a MAC is hexadecimal
	}
	return time.Duration(float64(d) * float64(n) / (1 << 32))
}
