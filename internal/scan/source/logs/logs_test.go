package logs_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/detect"
	"rekey.example/rekey/internal/scan/source"
	"rekey.example/rekey/internal/scan/source/archive"
	"rekey.example/rekey/internal/scan/source/logs"
)

type followed struct {
	t   *testing.T
	dir string
	f   *logs.Folder
}

func follow(t *testing.T) *followed {
	dir := t.TempDir()
	return &followed{t: t, dir: dir, f: &logs.Folder{Path: dir, State: filepath.Join(t.TempDir(), "positions.json")}}
}

func (f *followed) add(name, text string) {
	f.t.Helper()
	file, err := os.OpenFile(filepath.Join(f.dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		f.t.Fatal(err)
	}
	file.WriteString(text)
	file.Close()
}

func (f *followed) move(from, to string) {
	f.t.Helper()
	if err := os.Rename(filepath.Join(f.dir, from), filepath.Join(f.dir, to)); err != nil {
		f.t.Fatal(err)
	}
}

// round returns what is found as name:line, and saves unless the program died.
func (f *followed) round(dies bool) string {
	f.t.Helper()
	result, err := scan.Run(f.t.Context(), scan.Config{Unpack: source.Unpackers(archive.Limits{})}, f.f)
	if err != nil {
		f.t.Fatal(err)
	}
	var out []string
	for _, h := range result.Hits {
		out = append(out, strings.TrimPrefix(h.Path, filepath.ToSlash(f.dir)+"/")+":"+string(rune('0'+h.Line)))
	}
	if dies {
		f.f = &logs.Folder{Path: f.dir, State: f.f.State}
	} else if err := f.f.Save(); err != nil {
		f.t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func line(name string) string {
	return `{"time":"2026-11-25T10:00:00Z","level":"info","msg":"request","headers":"x=` + detect.ClientSecret(name) + "\"}\n"
}

// TestFollow: what is new is told once, through growth, rotation, compression,
// truncation, unfinished lines and restarts.
func TestFollow(t *testing.T) {
	f := follow(t)
	step := func(what, want string, dies bool) {
		t.Helper()
		if got := f.round(dies); got != want {
			t.Errorf("%s: found %q, want %q", what, got, want)
		}
	}
	f.add("app.log", "started at ten o'clock\n"+line("1"))
	step("first", "app.log:2", false)
	step("nothing new", "", false)
	f.add("app.log", "quiet\n"+line("2"))
	step("growth", "app.log:4", false)
	f.add("app.log", strings.TrimSuffix(line("3"), "\n"))
	step("an unfinished line", "", false)
	f.add("app.log", "\n"+line("4"))
	step("the finished line", "app.log:5 app.log:6", true)
	step("again after a crash", "app.log:5 app.log:6", false)
	f.f = &logs.Folder{Path: f.dir, State: f.f.State}
	step("after a restart", "", false)
	f.add("app.log", line("5"))
	f.move("app.log", "app.log.1")
	f.add("app.log", "another day begins now\n"+line("6"))
	step("rotation", "app.log:2 app.log.1:7", false)
	data, err := os.ReadFile(filepath.Join(f.dir, "app.log.1"))
	if err != nil {
		t.Fatal(err)
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(data)
	w.Close()
	os.WriteFile(filepath.Join(f.dir, "app.log.2.gz"), z.Bytes(), 0o600)
	os.Remove(filepath.Join(f.dir, "app.log.1"))
	step("compression", "", false)
	os.WriteFile(filepath.Join(f.dir, "app.log"), []byte("it was cut and began anew\n"+line("7")), 0o600)
	step("truncation", "app.log:2", false)
	z.Reset()
	w.Reset(&z)
	w.Write([]byte("an old file from another machine\n" + line("8")))
	w.Close()
	os.WriteFile(filepath.Join(f.dir, "old.log.gz"), z.Bytes(), 0o600)
	step("a compressed file that is new", "old.log.gz:2", false)
	step("at the end", "", false)
}

func TestNewOnly(t *testing.T) {
	f := follow(t)
	f.f.NewOnly = true
	f.add("app.log", "the first line of it\n"+line("old"))
	if got := f.round(false); got != "" {
		t.Errorf("found %q", got)
	}
	f.add("app.log", line("new"))
	if got := f.round(false); !strings.HasPrefix(got, "app.log:") {
		t.Errorf("found %q", got)
	}
}

// TestLinksAreNotFollowed: a link in the folder leads nowhere.
func TestLinksAreNotFollowed(t *testing.T) {
	f := follow(t)
	outside := filepath.Join(t.TempDir(), "x.log")
	os.WriteFile(outside, []byte("x\n"+line("outside")), 0o600)
	if err := os.Symlink(outside, filepath.Join(f.dir, "link.log")); err != nil {
		t.Skip("links cannot be made here")
	}
	if got := f.round(false); got != "" {
		t.Errorf("found %q", got)
	}
}
