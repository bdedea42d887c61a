package daemon

import (
	"rekey.example/rekey/internal/schedule"
	"rekey.example/rekey/internal/secret"
)

// checkSchedule finds what cannot be meant in windows, freezes and limits.
func (c *Config) checkSchedule() error {
	_, err := c.schedule(nil)
	return err
}

// schedule is the configured one. A rotation needs as long as its approval may
// take, its proof and its overlap.
func (c *Config) schedule(keyed *secret.Hasher) (*schedule.Schedule, error) {
	r := c.Rotation
	return schedule.New(c.Schedule, schedule.Rules{Needs: r.Patience + r.Proof + r.Overlap, Lifetime: c.Policy.Lifetime, Keyed: keyed})
}
