package sim

import (
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// RealLag is how long news takes in the real clouds, as people have measured it,
// times a scale: 1 is life, 0 is none, and a demonstration that cannot wait for
// minutes takes something in between.
func RealLag(scale float64) world.Lag {
	of := func(d time.Duration) time.Duration { return time.Duration(float64(d) * scale) }
	return world.Lag{
		Secret: of(2 * time.Minute), List: of(15 * time.Second), Vault: of(10 * time.Second),
		Role: of(5 * time.Minute), Audit: of(10 * time.Minute), Account: of(5 * time.Minute),
		Key:    of(time.Minute),
		SignIn: of(5 * time.Minute), Report: of(48 * time.Hour), Office: of(90 * time.Minute),
	}
}
