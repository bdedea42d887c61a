package graph

import (
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// view is how one replica sees credentials at this moment.
type view struct {
	w       *world.World
	replica int
	lag     time.Duration // until the last replica shows a write
	stale   time.Duration // the stale-list fault: the state of so long ago
	truth   bool          // as it is, whatever replicas know
	keys    bool          // with the bytes of certificates
	exact   bool          // created just now: with fractions of the second
}

// view asks what this call is shown; only reads can be stale.
func (c *call) view() *view {
	v := &view{w: c.w, replica: c.replica, lag: c.w.Lag.List}
	if fault, struck := c.strikes(world.StaleList); struck {
		v.stale = fault.Delay
	}
	return v
}

// has reports whether a credential is shown.
func (v *view) has(keyID string, added, removed time.Time) bool {
	switch {
	case v.truth || v.stale <= 0 && v.lag <= 0:
		return removed.IsZero()
	case v.stale > 0:
		at := time.Now().Add(-v.stale)
		return !added.After(at) && (removed.IsZero() || removed.After(at))
	case !added.IsZero() && !v.w.Heard(v.replica, "listed "+keyID, added, v.lag):
		return false
	}
	return removed.IsZero() || !v.w.Heard(v.replica, "unlisted "+keyID, removed, v.lag)
}

// settled reports whether every replica shows the object alike, so that one
// encoding does for all. The zero time of what was always there counts as long ago.
func (v *view) settled(h *world.Holder) bool {
	if v.stale > 0 {
		return false
	}
	if v.lag <= 0 {
		return true
	}
	edge := time.Now().Add(-v.lag)
	for _, p := range h.Passwords {
		if p.Added.After(edge) || p.Removed.After(edge) {
			return false
		}
	}
	for _, k := range h.Keys {
		if k.Added.After(edge) || k.Removed.After(edge) {
			return false
		}
	}
	return true
}

// shows reports whether an object itself is there yet.
func (v *view) shows(h *world.Holder) bool {
	return v.stale <= 0 || !h.Created.After(time.Now().Add(-v.stale))
}
