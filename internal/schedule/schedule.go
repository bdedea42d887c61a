// Package schedule says when work may be done and how much of it at once.
//
// A calendar of maintenance windows and change freezes (calendar.go) holds back
// the steps of a rotation that consumers could notice. From the end of a
// credential and the policy follows when its rotation is due (due.go), spread so
// that what was made on one day does not end on one day again. A planner
// proposes what is due (planner.go), and a budget that all replicas share keeps
// writes inside the limits of the cloud and a part of them for emergencies
// (budget.go). Nothing here approves anything: that stays with people.
package schedule

import (
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/secret"
)

// Config is what can be set about schedules. The zero value holds nothing back
// and proposes nothing.
type Config struct {
	Windows []Window      `koanf:"windows" yaml:"windows" help:"when changes that consumers may notice are made; none: at any time"`
	Freezes []Freeze      `koanf:"freezes" yaml:"freezes" help:"when no such changes are made, whatever the windows say"`
	Lead    time.Duration `koanf:"lead" yaml:"lead" help:"a rotation is due so long before its credential ends, or earlier if the rotation itself needs longer"`
	Spread  time.Duration `koanf:"spread" yaml:"spread" help:"... and earlier by up to so much, different for each credential; 0: a fifth of the lead"`
	Propose bool          `koanf:"propose" yaml:"propose" help:"propose the rotations that are due; people still approve each"`
	Bulk    Bulk          `koanf:"bulk" yaml:"bulk"`
}

// Bulk is how much is done at once.
type Bulk struct {
	AtOnce  int `koanf:"atOnce" yaml:"atOnce" help:"proposing stops while so many rotations of the tenant are open"`
	Writes  int `koanf:"writes" yaml:"writes" help:"writes to Microsoft Graph within 150 s; the service takes 3,000 from one application in one tenant"`
	Reserve int `koanf:"reserve" yaml:"reserve" help:"percent of them that are kept for emergencies"`
}

const day = 24 * time.Hour

// Default is the schedule of an installation where nothing is set.
func Default() Config {
	return Config{Lead: 30 * day, Bulk: Bulk{AtOnce: 20, Writes: graphWrites, Reserve: 20}}
}

// Schedule is a configuration that is ready to be asked.
type Schedule struct {
	Calendar *Calendar
	Config   Config

	needs time.Duration
	life  policy.Lifetime
	keyed *secret.Hasher
}

// Rules are what a schedule keeps to besides its own configuration.
type Rules struct {
	Needs    time.Duration   // what a rotation takes from its proposal to the withdrawal: patience, proof, overlap
	Lifetime policy.Lifetime // how old a credential may become; zero fields mean as old as its end
	Keyed    *secret.Hasher  // makes the spread, so that nobody outside can foresee it
}

// margin is added to what a rotation needs: a weekend on which nobody looks.
const margin = 2 * day

// New checks a configuration and says everything that is wrong with it.
func New(c Config, r Rules) (*Schedule, error) {
	calendar, err := NewCalendar(c.Windows, c.Freezes)
	wrong := []error{err}
	for name, d := range map[string]time.Duration{"lead": c.Lead, "spread": c.Spread} {
		if d < 0 || d > 366*day {
			wrong = append(wrong, fmt.Errorf("schedule.%s is not between 0 and a year", name))
		}
	}
	if c.Bulk.AtOnce < 0 {
		wrong = append(wrong, errors.New("schedule.bulk.atOnce is negative"))
	}
	if c.Bulk.Writes < 0 || c.Bulk.Writes > 100_000 || c.Bulk.Writes > 0 && c.Bulk.Writes < 4*portion {
		wrong = append(wrong, fmt.Errorf("schedule.bulk.writes is not between %d and 100,000", 4*portion))
	}
	if c.Bulk.Reserve < 0 || c.Bulk.Reserve > 90 {
		wrong = append(wrong, errors.New("schedule.bulk.reserve is not between 0 and 90 percent"))
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return &Schedule{Calendar: calendar, Config: c, needs: r.Needs, life: r.Lifetime, keyed: r.Keyed}, nil
}

// lead is how long before the end of a credential the last moment to begin is.
func (s *Schedule) lead() time.Duration { return max(s.Config.Lead, s.needs+margin) }

// spread is what due dates differ by.
func (s *Schedule) spread() time.Duration {
	if s.Config.Spread > 0 {
		return s.Config.Spread
	}
	return s.lead() / 5
}
