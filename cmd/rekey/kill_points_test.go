//go:build faults

package main

import (
	"fmt"
	"testing"
	"time"
)

// TestKillAtNamedPoints ends the real binary at each point where something was
// just written or sent, or is just about to be, and once more at the start after
// it. It needs the tag faults, see internal/daemon/faults.go.
func TestKillAtNamedPoints(t *testing.T) {
	var points []string
	for n := 1; n <= 12; n++ {
		points = append(points, fmt.Sprintf("committing:%d", n), fmt.Sprintf("committed:%d", n))
	}
	for _, what := range []string{"addPassword:1", "removePassword:1", "PUT:1", "token:1", "token:3", "GET:2", "/secrets/:1"} {
		points = append(points, "request/"+what, "answered/"+what)
	}
	h := newHouse(t, "")
	h.start()
	all := map[string]string{} // the last of each application: it has one at a time
	kills, rotations := 0, 0
	for n, p := range points {
		if n%10 == 9 { // there are fewer applications than points
			h.allEnded(all)
			clear(all)
			h.sync()
		}
		for app, id := range h.propose(1) {
			all[app] = id
			rotations++
		}
		h.kill()
		for range 2 {
			h.start("REKEY_CRASH_AT=" + p)
			if !h.died(12 * time.Second) {
				t.Logf("%s was not reached", p)
				break
			}
			kills++
		}
		h.start()
	}
	h.allEnded(all)
	h.verified()
	h.once()
	if kills < len(points) {
		t.Errorf("only %d kills at %d points", kills, len(points))
	}
	t.Logf("%d kills, at %d named points, on SQLite: %d rotations, %d of them without an outcome yet", kills, len(points), rotations, h.waiting)
}

// died waits for the server to end by itself; one that does not is killed.
func (h *house) died(within time.Duration) bool {
	ended := make(chan struct{})
	server := h.server
	go func() { server.Wait(); close(ended) }()
	defer func() { h.server = nil }()
	select {
	case <-ended:
		return true
	case <-time.After(within):
		server.Process.Kill()
		<-ended
		return false
	}
}
