package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write what is generated anew")

// quiet is a session that reads and writes nothing real.
func quiet(t *testing.T) (s *session, out, problems *bytes.Buffer) {
	t.Helper()
	out, problems = &bytes.Buffer{}, &bytes.Buffer{}
	env := map[string]string{"REKEY_DATA": filepath.Join(t.TempDir(), "data"), "HOME": t.TempDir()}
	return &session{in: strings.NewReader(""), out: out, err: problems, env: func(k string) (string, bool) { v, ok := env[k]; return v, ok }}, out, problems
}

func TestReferenceIsCurrent(t *testing.T) {
	s, _, _ := quiet(t)
	for file, want := range map[string][]byte{
		"../../docs/reference/cli.md":           commandReference(rootCommand(s)),
		"../../docs/reference/configuration.md": configurationReference(),
	} {
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(got), string(want)); diff != "" {
			t.Errorf("%s is not what the program says; run make generate:\n%s", filepath.Base(file), diff)
		}
	}
}

// every calls f with each command.
func every(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, below := range c.Commands() {
		every(below, f)
	}
}

func TestEveryCommandHelps(t *testing.T) {
	s, _, _ := quiet(t)
	every(rootCommand(s), func(c *cobra.Command) {
		if c.Name() == "help" {
			return
		}
		path := strings.Fields(c.CommandPath())[1:]
		s, out, problems := quiet(t)
		if exit := run(t.Context(), s, append(path, "--help")); exit != exitOK {
			t.Errorf("%s --help ends with %d: %s", c.CommandPath(), exit, problems)
		}
		if !strings.Contains(out.String(), "Usage:\n") {
			t.Errorf("%s --help does not say how it is used", c.CommandPath())
		}
		if c.Long == "" || c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s lacks a description, or its short one ends with a full stop", c.CommandPath())
		}
		if !c.HasSubCommands() && (c.Example == "" || !strings.Contains(out.String(), "Examples:")) {
			t.Errorf("%s has no example", c.CommandPath())
		}
		for line := range strings.Lines(c.Long) {
			if len(strings.TrimRight(line, "\n")) > 100 {
				t.Errorf("%s: a line of the description is longer than 100 columns: %q", c.CommandPath(), line)
			}
		}
	})
}

func TestHelpIsShort(t *testing.T) {
	s, out, _ := quiet(t)
	if exit := run(t.Context(), s, []string{"--help"}); exit != exitOK {
		t.Fatalf("ends with %d", exit)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) > 66 {
		t.Errorf("rekey --help has %d lines", len(lines))
	}
	for _, l := range lines {
		if width(l) > 100 {
			t.Errorf("%q is wider than 100 columns", l)
		}
	}
}
