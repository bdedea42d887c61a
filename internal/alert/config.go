package alert

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	_ "time/tzdata" // a small container has no zones of its own
)

// Config is when what is told.
type Config struct {
	Ladder   map[Severity][]int         // days before the end at which it is told, and how much it matters then
	Urgent   Severity                   // what matters this much is told at once, the rest once a day
	Clock    time.Duration              // time of day of the digest
	Zone     *time.Location             // in which the days are
	Escalate map[Severity]time.Duration // without an acknowledgement for this long; 0: never
	Backup   string                     // address, where an application has one owner only
	Team     []string                   // addresses of those who are told last
	Public   *url.URL                   // address of the console; nil: messages have no links
	Findings Severity                   // of the policy, from which on they are told; empty: none
}

// Default is a ladder of 90, 60, 30, 14, 7, 1 days and the end.
func Default() Config {
	return Config{
		Ladder: map[Severity][]int{High: {7, 1, 0}, Medium: {30, 14}, Low: {90, 60}},
		Urgent: High, Clock: 8 * time.Hour, Zone: time.UTC, Findings: High,
		Escalate: map[Severity]time.Duration{High: 4 * time.Hour, Medium: 2 * day, Low: 7 * day},
	}
}

const day = 24 * time.Hour

// Check finds what cannot be meant.
func (c *Config) Check() error {
	var errs []error
	seen := map[int]bool{}
	for s, list := range c.Ladder {
		for _, d := range list {
			if d < 0 || d > 730 {
				errs = append(errs, fmt.Errorf("the ladder's %d days are not between 0 and 730", d))
			}
			if seen[d] {
				errs = append(errs, fmt.Errorf("the ladder has %d days twice", d))
			}
			seen[d] = true
		}
		if s.rank() == 0 {
			errs = append(errs, fmt.Errorf("%q is no severity", string(s)))
		}
	}
	if len(seen) == 0 {
		errs = append(errs, errors.New("the ladder has no step: nothing would be told before it ends"))
	}
	for s, d := range c.Escalate {
		if d != 0 && d < time.Minute {
			errs = append(errs, fmt.Errorf("%s alerts would be escalated after %s; write 1m at least, or 0 for never", s, d))
		}
	}
	if c.Public != nil && (c.Public.Scheme != "https" && c.Public.Scheme != "http" || c.Public.Host == "" || c.Public.User != nil || c.Public.RawQuery != "" || c.Public.Fragment != "") {
		errs = append(errs, errors.New("the public address is not one like https://rekey.contoso.com"))
	}
	return errors.Join(errs...)
}

// Rung is the step of the ladder that is reached with so many days left, and how
// much it matters there; false if none is.
func (c *Config) Rung(left int) (days int, s Severity, ok bool) {
	days = NoRung
	for severity, list := range c.Ladder {
		for _, d := range list {
			if left <= d && d < days {
				days, s = d, severity
			}
		}
	}
	return days, s, days != NoRung
}

// Farthest is how long before the end the ladder begins.
func (c *Config) Farthest() time.Duration {
	days := 0
	for _, list := range c.Ladder {
		for _, d := range list {
			days = max(days, d)
		}
	}
	return time.Duration(days) * day
}

// Date is a day as people in the configured zone write it, with its year unless it
// is this one.
func (c *Config) Date(t time.Time) string {
	zone := c.Zone
	if zone == nil {
		zone = time.UTC
	}
	local := t.In(zone)
	if local.Year() == time.Now().In(zone).Year() {
		return local.Format("2 January")
	}
	return local.Format("2 January 2006")
}

// Lower is the next severity down.
func Lower(s Severity) Severity { return Severities[min(s.rank(), len(Severities)-1)] }

// urgent reports whether a severity is told at once.
func (c *Config) urgent(s Severity) bool { return c.Urgent != "" && s.rank() <= c.Urgent.rank() }

// digest is the next time after at when digests are made.
func (c *Config) digest(at time.Time) time.Time {
	zone := c.Zone
	if zone == nil {
		zone = time.UTC
	}
	local := at.In(zone)
	for add := 0; ; add++ {
		t := time.Date(local.Year(), local.Month(), local.Day()+add, int(c.Clock/time.Hour), int(c.Clock%time.Hour/time.Minute), 0, 0, zone)
		if t.After(at) {
			return t.UTC().Truncate(time.Millisecond)
		}
	}
}

// Link is a page's address; empty if none is configured.
func (c *Config) Link(path string) string {
	if c.Public == nil || path == "" {
		return ""
	}
	return strings.TrimSuffix(c.Public.String(), "/") + path
}
