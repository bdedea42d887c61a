package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestADyingProcessLeavesNoCore ends the real server with the signals that make
// cores, in a shell that permits them, and looks for a core and for its secrets
// in all that it left (SAFETY T23).
func TestADyingProcessLeavesNoCore(t *testing.T) {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}); err != nil {
		t.Logf("cores cannot be permitted here: %v", err)
	}
	if !dumps(t) {
		t.Log("this machine writes no cores whatever dies, so only the limits and the texts can tell")
	}
	const canary, phrase = "cAn8Q~aRy-of.this_test~0123456789abcdefgh", "violet tram nine lamps"
	for _, signal := range []syscall.Signal{syscall.SIGABRT, syscall.SIGQUIT, syscall.SIGSEGV, syscall.SIGBUS} {
		for _, trace := range []string{"", "crash"} {
			folder, where := t.TempDir(), t.TempDir()
			exe, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			var left bytes.Buffer
			out, in, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			c := &exec.Cmd{Path: exe, Args: []string{"rekey", "serve", "--listen", "127.0.0.1:0"}, Dir: where, Stdout: &left, Stderr: in, Env: append(os.Environ(),
				"REKEY_DATA="+folder, "GOTRACEBACK="+trace, "REKEY_READER_CLIENT_ID=11111111-1111-1111-1111-111111111111", "REKEY_READER_CLIENT_SECRET="+canary,
				"REKEY_TENANT_ID=22222222-2222-2222-2222-222222222222", "REKEY_SYNC_EVERY=0", "REKEY_MASTER_KEY_SOURCE=passphrase", "REKEY_MASTER_PASSPHRASE="+phrase)}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			in.Close()
			lines := bufio.NewReader(out)
			for {
				line, err := lines.ReadString('\n')
				left.WriteString(line)
				if err != nil {
					t.Fatalf("it did not start: %s", left.String())
				}
				if strings.Contains(line, "answers at") {
					break
				}
			}
			limits, err := os.ReadFile("/proc/" + strconv.Itoa(c.Process.Pid) + "/limits")
			if err != nil || !zeroCore(string(limits)) {
				t.Errorf("%v: its limits are\n%s", err, limits)
			}
			if err := c.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if _, err := lines.WriteTo(&left); err != nil {
				t.Fatal(err)
			}
			err = c.Wait()
			e, ok := errors.AsType[*exec.ExitError](err)
			if !ok {
				t.Fatalf("%v: it ended well after %v: %v", signal, trace, err)
			}
			if status := e.Sys().(syscall.WaitStatus); status.CoreDump() {
				t.Errorf("%v, GOTRACEBACK=%s: it left a core", signal, trace)
			}
			for _, f := range files(t, where, folder) {
				if strings.HasPrefix(filepath.Base(f), "core") {
					t.Errorf("%v: %s", signal, f)
				}
				raw, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				left.Write(raw)
			}
			for _, v := range []string{canary, phrase} {
				for form, needle := range forms(v) {
					if bytes.Contains(left.Bytes(), needle) {
						t.Errorf("%v, GOTRACEBACK=%s: what it left holds a secret as %s", signal, trace, form)
					}
				}
			}
			if left.Len() < 100 {
				t.Errorf("%v: only %d bytes were searched", signal, left.Len())
			}
		}
	}
}

// dumps reports whether this machine writes cores at all: whether a process
// without our care leaves one.
func dumps(t *testing.T) bool {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sh", "-c", "kill -ABRT $$")
	c.Dir = t.TempDir()
	e, ok := errors.AsType[*exec.ExitError](c.Run())
	return ok && e.Sys().(syscall.WaitStatus).CoreDump()
}

func zeroCore(limits string) bool {
	for l := range strings.Lines(limits) {
		if f := strings.Fields(l); len(f) > 5 && strings.HasPrefix(l, "Max core file size") {
			return f[4] == "0" && f[5] == "0"
		}
	}
	return false
}

func files(t *testing.T, folders ...string) (list []string) {
	t.Helper()
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(name string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				list = append(list, name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}
