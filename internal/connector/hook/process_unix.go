//go:build unix

package hook

import (
	"io/fs"
	"os/exec"
	"syscall"
)

const inherits = true

// needed are variables without which programs do not run: none here.
var needed []string

// runnable reports whether a file can be run, and changed by its owner only.
func runnable(info fs.FileInfo) bool {
	return info.Mode().Perm()&0o111 != 0 && info.Mode().Perm()&0o022 == 0
}

// alone gives the program a process group of its own, which ends with it.
func alone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// end ends what is left of the group. The leader has ended, and its number is
// not given to another as long as the group has a member.
func end(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // fails if nobody is left, as it should be
}
