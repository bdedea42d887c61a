package daemon

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestADataFolderBelongsToOneProcess(t *testing.T) {
	folder := t.TempDir()
	first, err := lockFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.tell("http://127.0.0.1:8417"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = lockFolder(folder)
	locked, ok := errors.AsType[*LockedError](err)
	if !ok || locked.Address != "http://127.0.0.1:8417" || locked.Process != os.Getpid() {
		t.Fatalf("the second lock: %v", err)
	}
	if !strings.Contains(err.Error(), "--server http://127.0.0.1:8417") {
		t.Errorf("the error does not say what to do: %v", err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("a running server was waited for, %s", took)
	}
	if err := first.release(); err != nil {
		t.Fatal(err)
	}
	again, err := lockFolder(folder)
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	if err := again.release(); err != nil {
		t.Fatal(err)
	}
}

func TestACommandWaitsForAnotherCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		first, err := lockFolder(folder)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { first.release() })
		second, err := lockFolder(folder)
		if err != nil {
			t.Fatalf("it did not wait: %v", err)
		}
		began := time.Now()
		_, err = lockFolder(folder)
		if locked, ok := errors.AsType[*LockedError](err); !ok || locked.Address != "" {
			t.Errorf("the third: %v", err)
		}
		if took := time.Since(began); took < lockPatience {
			t.Errorf("it gave up after %s", took)
		}
		second.release()
	})
}

func TestAKilledProcessLeavesNoLock(t *testing.T) {
	if folder := os.Getenv("REKEY_TEST_LOCK"); folder != "" {
		if _, err := lockFolder(folder); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("locked\n")
		select {} // until it is killed
	}
	folder := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestAKilledProcessLeavesNoLock$")
	child.Env = append(os.Environ(), "REKEY_TEST_LOCK="+folder)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "locked" {
	}
	if h := readLockFile(t, folder); !strings.Contains(h, "process") {
		t.Errorf("the lock says %q", h)
	}
	child.Process.Kill()
	child.Wait()
	l, err := lockFolder(folder)
	if err != nil {
		t.Fatalf("after the kill: %v", err)
	}
	l.release()
}

func readLockFile(t *testing.T, folder string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
