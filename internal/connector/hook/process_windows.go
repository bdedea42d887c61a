package hook

import (
	"io/fs"
	"os/exec"
	"syscall"
)

const inherits = false // there is no ExtraFiles

// needed are variables without which programs do not run.
var needed = []string{"SystemRoot", "SystemDrive", "TEMP"}

// runnable is not told by mode bits here; access control lists decide.
func runnable(fs.FileInfo) bool { return true }

func alone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

func end(*exec.Cmd) {}
