//go:build unix

package hook

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

var change = connector.Change{
	Rotation: "r-1", Request: "q-77", Consumer: "Portal", Reference: "hook:portal", Application: inventory.Application{Tenant: "t", ObjectID: "o", Name: "D365_Basware; rm -rf $HOME"},
	New: inventory.Credential{KeyID: "k2"}, Place: inventory.Place{Vault: "kv-pay", Name: "basware", Version: "v2"},
}

const value = "abc~8Q-a.very_secret'value\"with $quotes"

// program writes a real program and opens a hook that runs it.
func program(t *testing.T, script string, bend func(*Config)) *Hook {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hook.sh")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	c := Config{Name: "portal", Path: file, Timeout: time.Minute}
	if bend != nil {
		bend(&c)
	}
	h, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestExitCodesMeanSomething(t *testing.T) {
	for script, want := range map[string]struct {
		tell, moved string
		yes         bool
		says        string
	}{
		"exit 0":                              {yes: true, says: "hook portal says it uses the new value"},
		"echo restarted 3 of 3; exit 0":       {yes: true, says: "restarted 3 of 3"},
		"exit 75":                             {says: "says not yet"},
		"echo waiting for node 2; exit 75":    {says: "waiting for node 2"},
		"echo out; echo no route >&2; exit 1": {tell: "code 1: no route", moved: "code 1: no route"},
		"exit 3":                              {tell: "nothing on standard error", moved: "code 3"},
		"kill -9 $$":                          {tell: "code -1", moved: "code -1"},
		"printf '\\n\\n  first \\033[31mx\\nsecond'": {yes: true, says: "first [31mx"},
	} {
		h := program(t, script, nil)
		err := h.Tell(t.Context(), change)
		if (err != nil) != (want.tell != "") || err != nil && !strings.Contains(err.Error(), want.tell) {
			t.Errorf("%s: telling: %v, want %q", script, err, want.tell)
		}
		m, err := h.Moved(t.Context(), change)
		if (err != nil) != (want.moved != "") || err != nil && !strings.Contains(err.Error(), want.moved) {
			t.Errorf("%s: asking: %v, want %q", script, err, want.moved)
		}
		if m.Yes != want.yes || !strings.Contains(m.Proof+m.Why, want.says) {
			t.Errorf("%s: %+v, want %q", script, m, want.says)
		}
	}
}

func TestAProgramGetsTheChangeAndNothingElse(t *testing.T) {
	t.Setenv("REKEY_WRITER_CLIENT_SECRET", "leak1")
	t.Setenv("AZURE_CLIENT_SECRET", "leak2")
	t.Setenv("SOMETHING", "leak3")
	t.Setenv("WANTED", "handed on")
	folder := t.TempDir()
	h := program(t, `cat > "$1/in"; env > "$1/env"; printf '%s\n' "$#" "$2" > "$1/args"; ls /proc/$$/fd > "$1/fd" 2>/dev/null; true`, func(c *Config) {
		c.Args, c.Environment = []string{folder, "$(id) ; `id`"}, []string{"WANTED", "UNSET"}
	})
	if err := h.Tell(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	var e struct {
		Type string
		Data struct{ Request string }
	}
	if err := json.Unmarshal([]byte(read("in")), &e); err != nil || e.Type != connector.Switched || e.Data.Request != "q-77" {
		t.Errorf("standard input: %s, %v", read("in"), err)
	}
	env := read("env")
	if strings.Contains(env, "leak") || strings.Contains(env, "VALUE_FD") || !strings.Contains(env, "WANTED=handed on") {
		t.Errorf("environment:\n%s", env)
	}
	if got := read("args"); got != "2\n$(id) ; `id`\n" {
		t.Errorf("arguments went through a shell: %q", got)
	}
}

func TestTheValueIsGivenOnItsDescriptorOnly(t *testing.T) {
	folder := t.TempDir()
	give := func(c *Config) {
		c.Args, c.GiveValue = []string{folder}, true
		c.Value = func(_ context.Context, got connector.Change) (secret.Value, error) {
			if got.Place != change.Place {
				return secret.Value{}, errors.New("another change")
			}
			return secret.New(value), nil
		}
	}
	h := program(t, `cat <&3 > "$1/value"; cat > "$1/in"; env > "$1/env"; tr '\0' '\n' < /proc/$$/cmdline > "$1/cmd"; echo "I have $(cat "$1/value")"; exit 0`, give)
	m, err := h.Moved(t.Context(), change)
	if err != nil || !m.Yes {
		t.Fatalf("got %+v, %v", m, err)
	}
	if b, _ := os.ReadFile(filepath.Join(folder, "value")); string(b) != value {
		t.Errorf("the descriptor held %q", b)
	}
	for _, name := range []string{"in", "env", "cmd"} {
		if b, err := os.ReadFile(filepath.Join(folder, name)); err != nil || strings.Contains(string(b), value) {
			t.Errorf("%s holds the value: %v", name, err)
		}
	}
	if strings.Contains(m.Proof, "very_secret") || !strings.Contains(m.Proof, scrubbed) {
		t.Errorf("the proof shows it: %s", m.Proof)
	}
	for _, shout := range []string{`cat <&3 | base64 -w0 >&2`, `cat <&3 | od -An -tx1 | tr -d ' \n' >&2`, `cat <&3 >&2`, `printf 'Bearer eyJhbGciOiJIUzI1NiJ9eyJzdWIiOiIxMjM0NTY3ODkwIn0' >&2`} {
		err := program(t, shout+"; exit 1", give).Tell(t.Context(), change)
		if err == nil || !strings.Contains(err.Error(), scrubbed) || strings.Contains(err.Error(), "very_secret") || strings.Contains(err.Error(), "eyJhb") {
			t.Errorf("%s: %v", shout, err)
		}
	}
	reluctant := program(t, "exit 0", func(c *Config) {
		give(c)
		c.Value = func(context.Context, connector.Change) (secret.Value, error) {
			return secret.Value{}, errors.New("the vault is shut")
		}
	})
	if err := reluctant.Tell(t.Context(), change); err == nil || !strings.Contains(err.Error(), "the vault is shut") {
		t.Errorf("without the value: %v", err)
	}
}

// TestAProgramEndsWithAllThatItStarted: a child that ignores everything dies
// with the group, both when time is up and when the program itself ended well.
func TestAProgramEndsWithAllThatItStarted(t *testing.T) {
	for name, script := range map[string]string{
		"time is up":    `sleep 600 & echo $! > "$1/pid"; trap '' TERM; wait`,
		"it ended well": `sleep 600 >/dev/null 2>&1 & echo $! > "$1/pid"; exit 0`,
	} {
		folder := t.TempDir()
		h := program(t, script, func(c *Config) { c.Args, c.Timeout = []string{folder}, 700*time.Millisecond })
		err := h.Tell(t.Context(), change)
		if (name == "time is up") != errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		b, err := os.ReadFile(filepath.Join(folder, "pid"))
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
		if err != nil {
			t.Fatal(err)
		}
		gone := false
		for range 600 {
			if gone = ended(pid); gone {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if !gone {
			t.Errorf("%s: process %d lives on", name, pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// ended reports whether a process is gone, or dead and not yet fetched by its parent.
func ended(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(b), ") Z ")
}

func TestAFloodOfWordsNeitherBlocksNorStays(t *testing.T) {
	h := program(t, "head -c 5000000 /dev/zero | tr '\\0' 'x'; head -c 5000000 /dev/zero | tr '\\0' 'y' >&2; exit 1", nil)
	if err := h.Tell(t.Context(), change); err == nil || len(err.Error()) > 400 {
		t.Errorf("got %v", err)
	}
}

func TestAProgramThatOthersMayChangeIsNotRun(t *testing.T) {
	h := program(t, "exit 0", nil)
	for mode, good := range map[os.FileMode]bool{0o700: true, 0o755: true, 0o775: false, 0o702: false, 0o600: false} {
		if err := os.Chmod(h.Path, mode); err != nil {
			t.Fatal(err)
		}
		if err := h.Tell(t.Context(), change); (err == nil) != good {
			t.Errorf("%o: %v", mode, err)
		}
	}
	for _, c := range []Config{{Path: "hook.sh"}, {Path: ""}, {Path: "/bin/../bin/true"}, {Path: "/nowhere/at/all"}, {Path: "/bin"},
		{Path: "/bin/sh", Environment: []string{"AZURE_CLIENT_SECRET"}}, {Path: "/bin/sh", Environment: []string{"rekey_token"}}, {Path: "/bin/sh", GiveValue: true}} {
		if _, err := Open(c); err == nil {
			t.Errorf("%+v was taken", c.Path)
		}
	}
}

// FuzzScrub: whatever a program says, its line is short and without the value.
func FuzzScrub(f *testing.F) {
	f.Add("I have " + value)
	f.Add("key 0123456789abcdef0123456789abcdef is in place")
	f.Fuzz(func(t *testing.T, s string) {
		var l limited
		if _, err := l.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
		got := scrub(l.line(), secret.New(value))
		if strings.Contains(got, value) || len([]rune(got)) > 203 {
			t.Errorf("%q became %q", s, got)
		}
	})
}
