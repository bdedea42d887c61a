package sim

import (
	"fmt"
	"os"
	"sync"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// faultFile is a JSON list of faults that people edit while the clouds run. It
// is looked at when a request comes, so that the next request after an edit
// meets the new faults, and nothing has to watch in between. A change of the
// file replaces every fault that is on by those of the start and of the file.
type faultFile struct {
	path   string
	always []world.Fault
	faults *world.Faults

	mu      sync.Mutex
	changed time.Time
	size    int64
	err     error // why the last edit was not taken over
}

// refresh takes an edit over. One that cannot be read leaves the faults as they
// are; the admin page shows why.
func (f *faultFile) refresh() {
	info, err := os.Stat(f.path)
	f.mu.Lock()
	same := err == nil && info.ModTime().Equal(f.changed) && info.Size() == f.size
	f.mu.Unlock()
	if same {
		return
	}
	f.read()
}

func (f *faultFile) read() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = f.load()
	return f.err
}

func (f *faultFile) load() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("cannot read the fault file: %w", err)
	}
	if info.Size() > 1<<20 {
		return fmt.Errorf("the fault file %s is over 1 MB", f.path)
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		return fmt.Errorf("cannot read the fault file: %w", err)
	}
	f.changed, f.size = info.ModTime(), info.Size() // looked at before it was read: a later edit is seen
	list, err := world.ParseFaults(text)
	if err == nil {
		err = f.faults.Replace(append(f.always[:len(f.always):len(f.always)], list...))
	}
	if err != nil {
		return fmt.Errorf("the fault file %s: %w", f.path, err)
	}
	return nil
}

func (f *faultFile) trouble() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}
