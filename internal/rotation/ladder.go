package rotation

import (
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/connector"
)

// The ladder of evidence that nobody uses the old credential any more, best first:
// the tenant's sign-in log, its report of last uses, what consumers showed. Or a
// person answers for it in writing. Of all that is known the best decides; what is
// weaker asks for more time (docs/reference/evidence.md). It says nothing of what
// the vault holds: that is proved apart, and nobody can answer for it.

// useCase is what is known when the old credential is to be withdrawn.
type useCase struct {
	now       time.Time // by the issuer's clock
	switched  time.Time // when consumers could first read the new value
	overlap   time.Duration
	emergency bool
	uses      *connector.Uses // of the old credential since the switch; nil: the tenant keeps no records
	consumers []Evidence
	override  *Override
	requester access.Actor
}

// ground is what a withdrawal rests on.
type ground string

const (
	byLog       ground = "sign-in log"     // a connector.Uses.Source
	byReport    ground = "activity report" // likewise
	byConsumers ground = "consumers"
	byOverride  ground = "override"
	byEmergency ground = "emergency"
)

// judgement is what the ladder says.
type judgement struct {
	may   bool
	on    ground        // what it rests on, or would
	until time.Time     // if not: the earliest moment at which it can be otherwise
	wait  time.Duration // if not: look again after so long
	needs string        // if not, and it is not only time: who has to do something
	text  string        // the sentence to show
}

// weigh says whether the old credential may go as far as its use is concerned.
func weigh(c useCase) judgement {
	if left := c.switched.Add(c.overlap).Sub(c.now); left > 0 {
		return c.later(c.switched.Add(c.overlap), byConsumers, "both credentials work until "+minute(c.switched.Add(c.overlap)))
	}
	if c.emergency {
		return judgement{may: true, on: byEmergency, text: "in an emergency the old credential goes whoever still uses it: " + c.seen()}
	}
	j := c.recorded()
	if j.may || c.override == nil {
		return j
	}
	if why := c.override.invalid(c.requester); why != "" {
		j.text += "; " + why
		return j
	}
	return judgement{may: true, on: byOverride, text: fmt.Sprintf("%s has answered for it on %s: %s; %s", c.override.By.Name, minute(c.override.At), c.override.Reason, c.seen())}
}

// recorded is the judgement by what is known.
func (c useCase) recorded() judgement {
	if c.uses == nil {
		return c.shownByConsumers()
	}
	on, lag := ground(c.uses.Source), max(c.now.Sub(c.uses.Through), 0)
	quiet := c.overlap
	if on != byReport { // the report's lag of days says nothing of how long caches last
		quiet = max(c.overlap, lag)
	}
	since, used := c.switched, !c.uses.Last.IsZero() && c.uses.Last.After(c.switched)
	if used {
		since = c.uses.Last
	}
	if !c.uses.Through.Before(since.Add(quiet)) {
		return judgement{may: true, on: on, text: fmt.Sprintf("no use of the old credential is recorded between %s and %s (%s)", minute(since), minute(c.uses.Through), on)}
	}
	ready := since.Add(quiet + lag)
	if !used {
		return c.later(ready, on, fmt.Sprintf("the %s is complete up to %s, and shows no use of the old credential after the switch; it has to do so up to %s", on, minute(c.uses.Through), minute(since.Add(quiet))))
	}
	j := c.later(ready, on, c.seen()+"; it has to be quiet for "+quiet.String())
	j.wait = min(j.wait, time.Hour)
	j.needs = "whoever runs what still uses the old credential" + fromWhere(c.uses) + ", to give it the new one; or an administrator, to answer for it in writing"
	return j
}

// shownByConsumers is the lowest rung: the tenant keeps no records, so that every
// consumer has to show that it has moved.
func (c useCase) shownByConsumers() judgement {
	var missing []string
	for _, e := range c.consumers {
		if e.Proof == "" {
			missing = append(missing, e.Consumer)
		}
	}
	if len(missing) > 0 {
		return judgement{on: byConsumers, wait: personPause, until: c.now, text: "nobody can tell whether the old credential is still used, and there is no evidence of " + strings.Join(missing, ", "),
			needs: "a person, to move " + strings.Join(missing, ", ") + " and say so; or an administrator, to answer for it in writing"}
	}
	text := "the tenant keeps no records of sign-ins that can be read; every known consumer has shown that it uses the new secret"
	if len(c.consumers) == 0 {
		text = "the tenant keeps no records of sign-ins that can be read, and no consumer is known"
	}
	return judgement{may: true, on: byConsumers, text: text}
}

// personPause is how often to look again for a person's act.
const personPause = 30 * time.Minute

// later holds for time only.
func (c useCase) later(until time.Time, on ground, text string) judgement {
	return judgement{on: on, until: until, wait: min(max(until.Sub(c.now), time.Second), 6*time.Hour), text: text}
}

// seen tells of the uses after the switch.
func (c useCase) seen() string {
	switch {
	case c.uses == nil:
		return "nobody can tell whether it is still used"
	case c.uses.Last.IsZero() || !c.uses.Last.After(c.switched):
		return fmt.Sprintf("no use of the old credential is recorded up to %s (%s)", minute(c.uses.Through), c.uses.Source)
	case c.uses.Count > 1:
		return fmt.Sprintf("the old credential was used %d times or more after the switch, the last time %s%s (%s)", c.uses.Count, minute(c.uses.Last), fromWhere(c.uses), c.uses.Source)
	}
	return fmt.Sprintf("the old credential was used after the switch, %s%s (%s)", minute(c.uses.Last), fromWhere(c.uses), c.uses.Source)
}

// fromWhere names the last user as exactly as the records do, and the other addresses.
func fromWhere(u *connector.Uses) string {
	switch others := len(u.From) - 1; {
	case len(u.From) == 0:
		return ""
	case u.Where == "":
		return " from " + strings.Join(u.From, ", ")
	case others == 0:
		return " from " + u.Where
	}
	return " from " + u.Where + "; all addresses: " + strings.Join(u.From, ", ")
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// invalid says why an override does not count, or nothing if it does. Of an
// emergency nothing blocks, so that this is asked for planned ones only.
func (o *Override) invalid(requester access.Actor) string {
	switch {
	case o.By.Role != access.Administrator:
		return o.By.Name + " is no administrator and cannot answer for it"
	case strings.TrimSpace(o.Reason) == "":
		return "an answer without a reason does not count"
	case o.By.Same(requester):
		return o.By.Name + " has proposed this rotation and cannot answer for it; another administrator has to"
	case o.By.Entangled(requester) && !o.By.Local() && !requester.Local():
		return "one of the two tokens, of " + o.By.Name + " and of who proposed this rotation, was made by the other person; another administrator has to answer for it"
	}
	return ""
}
