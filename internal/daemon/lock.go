package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// A data folder belongs to one process at a time: its database has one writer,
// its keyring one owner. The file "lock" in it is locked by that process, and
// says which one it is and where it serves.
type lock struct {
	file *os.File
}

type holder struct {
	Process int    `json:"process"`
	Address string `json:"address,omitempty"` // of its server; empty if it serves nobody
}

// LockedError means that another process works on the data folder.
type LockedError struct {
	Folder  string
	Process int    // 0 if it has not said
	Address string // of its server; empty if it serves nobody
}

func (e *LockedError) Error() string {
	if e.Address != "" {
		return fmt.Sprintf("the data folder %s belongs to a running server (process %d); use --server %s", e.Folder, e.Process, e.Address)
	}
	return fmt.Sprintf("another rekey (process %d) works on the data folder %s; wait until it has ended", e.Process, e.Folder)
}

var errLocked = errors.New("locked")

// lockPatience is how long a second command waits for a first that serves nobody.
const lockPatience = 5 * time.Second

func lockFolder(folder string) (*lock, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the data folder: %w", err)
	}
	for end := time.Now().Add(lockPatience); ; time.Sleep(50 * time.Millisecond) {
		err := lockFile(f)
		if err == nil {
			break
		}
		if !errors.Is(err, errLocked) {
			return nil, errors.Join(fmt.Errorf("cannot lock the data folder: %w", err), f.Close())
		}
		if h := readHolder(f); h.Address != "" || time.Now().After(end) {
			return nil, errors.Join(&LockedError{Folder: folder, Process: h.Process, Address: h.Address}, f.Close())
		}
	}
	l := &lock{file: f}
	if err := l.tell(""); err != nil {
		return nil, errors.Join(err, l.release())
	}
	return l, nil
}

// tell writes down who holds the lock and where it serves.
func (l *lock) tell(address string) error {
	raw, err := json.Marshal(holder{Process: os.Getpid(), Address: address})
	if err != nil {
		return fmt.Errorf("cannot write the lock: %w", err)
	}
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("cannot write the lock: %w", err)
	}
	if _, err := l.file.WriteAt(append(raw, '\n'), 0); err != nil {
		return fmt.Errorf("cannot write the lock: %w", err)
	}
	return nil
}

// release gives the folder free. The file stays: removing it would let two
// processes lock two files of the same name.
func (l *lock) release() error {
	return errors.Join(l.file.Truncate(0), l.file.Close())
}

// readHolder reads what the holder wrote, as far as it has.
func readHolder(f *os.File) holder {
	var h holder
	raw, err := io.ReadAll(io.NewSectionReader(f, 0, 4096))
	if err == nil && json.Unmarshal(raw, &h) != nil {
		h = holder{}
	}
	return h
}
