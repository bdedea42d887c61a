package alert

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/store"
)

// Levels of escalation.
const (
	toOwner = iota
	toBackup
	toTeam
)

// Levels names them.
var Levels = []string{"owner", "backup", "team"}

// Route is a channel and what goes through it.
type Route struct {
	Name    string
	Type    string // smtp, teams, slack, ...
	Channel connector.Channel
	Joins   int      // the level from which a channel with one place hears of an alert
	Kinds   []string // only these; empty: all
	Least   Severity // only what matters at least this much; empty: all
	Instant bool     // everything at once, no digest
}

func (r *Route) takes(m *Matter) bool {
	if m.Kind == DeadRoute && m.Subject == r.Name {
		return false // it could not tell of itself
	}
	return (len(r.Kinds) == 0 || slices.Contains(r.Kinds, m.Kind)) && (r.Least == "" || m.Severity.rank() <= r.Least.rank())
}

// route finds a channel by its name.
func (k *Keeper) route(name string) *Route {
	for i := range k.Routes {
		if k.Routes[i].Name == name {
			return &k.Routes[i]
		}
	}
	return nil
}

// people are the addresses that hear of a matter at one level.
func (k *Keeper) people(m *Matter, level int) []string {
	switch level {
	case toOwner:
		return nonEmpty(m.Owner)
	case toBackup:
		if m.Backup != "" {
			return []string{m.Backup}
		}
		return nonEmpty(k.Backup)
	}
	return k.Team
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// audience are all addresses that hear of an alert at its level. If nobody is known
// there, it is the next level.
func (k *Keeper) audience(a *Alert, only bool) (list []string) {
	for level := toOwner; level <= toTeam; level++ {
		if level > a.Level && len(list) > 0 {
			break
		}
		if only && level < a.Level {
			continue
		}
		for _, p := range k.people(&a.Matter, level) {
			if p = strings.ToLower(strings.TrimSpace(p)); p != "" && !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	return list
}

// deed is a kind of telling.
type deed struct {
	act      connector.Act
	machines bool // only machines hear of it
	only     bool // only those of the alert's level
}

var (
	raised       = deed{act: connector.Raised}
	escalated    = deed{act: connector.Escalated, only: true}
	acknowledged = deed{act: connector.Acknowledged, machines: true}
	settled      = deed{act: connector.Settled, machines: true}
)

// tell writes down who has to hear of an alert, and when. The occasion is what
// makes it another thing than the last time: telling it again changes nothing.
func (k *Keeper) tell(tx *store.Tx, a *Alert, occasion string, d deed, again bool) error {
	for i := range k.Routes {
		r := &k.Routes[i]
		if !r.takes(&a.Matter) {
			continue
		}
		t := r.Channel.Traits()
		var to []string
		switch {
		case t.Personal && !d.machines:
			to = k.audience(a, d.only)
		case t.Personal, d.machines && !t.Machine:
		case d.machines && !hasTold(tx, a, r.Name):
		case r.Joins < a.Level && d.only && !t.Machine, r.Joins > k.reached(a):
		default:
			to = []string{""}
		}
		at := now()
		if !t.Machine && !r.Instant && !k.urgent(a.Severity) && d.act != connector.Escalated {
			at = k.digest(at)
		}
		for _, recipient := range to {
			if err := addTelling(tx, telling{a.Tenant, a.ID, occasion, r.Name, recipient, d.act, at, again}); err != nil {
				return err
			}
		}
	}
	return nil
}

// reached is the level of who hears of it now: where nobody is known, the next.
func (k *Keeper) reached(a *Alert) int {
	for level := a.Level; level < toTeam; level++ {
		if len(k.people(&a.Matter, level)) > 0 {
			return level
		}
	}
	return toTeam
}

// end takes back what nobody has heard yet, and tells machines.
func (k *Keeper) end(tx *store.Tx, a *Alert, d deed) error {
	if err := dropWaiting(tx, a.Tenant, a.ID); err != nil {
		return err
	}
	return k.tell(tx, a, fmt.Sprintf("%d.%s", a.round, d.act), d, false)
}

// nextEscalation is when the next level is told unless somebody acknowledges.
func (k *Keeper) nextEscalation(a *Alert, at time.Time) time.Time {
	wait := k.Escalate[a.Severity]
	if wait == 0 || k.reached(a) >= toTeam {
		return time.Time{}
	}
	if !k.urgent(a.Severity) {
		at = k.digest(at) // nobody has heard before
	}
	return at.Add(wait).Truncate(time.Millisecond)
}

func notFound(err error) bool { return errors.Is(err, ErrNotFound) }
