package daemon

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if a test leaves a goroutine behind: each has an owner who
// waits for it.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
