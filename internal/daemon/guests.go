package daemon

import "sync"

// guests are the goroutines that a daemon waits for: its chores, and the
// requests in its process. The zero value admits them.
type guests struct {
	mu      sync.Mutex
	shut    bool
	running sync.WaitGroup
}

// admit runs f in a goroutine, unless the door is shut already.
func (g *guests) admit(f func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	g.running.Go(f)
	return true
}

// close shuts the door and returns what is closed when all have left.
func (g *guests) close() <-chan struct{} {
	g.mu.Lock()
	g.shut = true
	g.mu.Unlock()
	left := make(chan struct{})
	go func() { // ends with the last guest
		g.running.Wait()
		close(left)
	}()
	return left
}
