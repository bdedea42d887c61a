package files

import (
	"os"
	"sync/atomic"
)

// shared is an open folder that several jobs read from; the last closes it.
type shared struct {
	root *os.Root
	left int32
}

func (s *shared) hold() { atomic.AddInt32(&s.left, 1) }

func (s *shared) release() {
	if atomic.AddInt32(&s.left, -1) == 0 {
		s.root.Close()
	}
}
