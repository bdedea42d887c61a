package files

import (
	"os"
	"sync/atomic"
)

// openFolder is a folder that several jobs read from; the last closes it.
type openFolder struct {
	root *os.Root
	left int32
}

func (s *openFolder) hold() { atomic.AddInt32(&s.left, 1) }

func (s *openFolder) release() {
	if atomic.AddInt32(&s.left, -1) == 0 {
		s.root.Close()
	}
}
