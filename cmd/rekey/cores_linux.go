package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// noCores keeps what is in memory from being written to a disk when the process
// dies, and from being read by other processes of the same user (SAFETY T23). A
// limit of 0 stops core files; not being dumpable also stops a handler that the
// system pipes cores to, which no limit does. What the process starts inherits
// the limit.
func noCores() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("cannot switch core files off: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot switch memory dumps off: %w", err)
	}
	return nil
}
