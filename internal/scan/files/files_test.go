package files_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/detect"
	"rekey.example/rekey/internal/scan/files"
)

func write(t *testing.T, dir string, content map[string]string) {
	t.Helper()
	for name, text := range content {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func paths(t *testing.T, dir string, s ...scan.Source) map[string]*scan.Hit {
	t.Helper()
	r, err := scan.Run(t.Context(), scan.Config{}, s...)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]*scan.Hit{}
	for _, h := range r.Hits {
		rel, err := filepath.Rel(dir, h.Path)
		if err != nil {
			rel = h.Path
		}
		got[filepath.ToSlash(rel)] = h
	}
	return got
}

func TestFolder(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	key := "key " + detect.ClientSecret("folder") + "\n"
	write(t, outside, map[string]string{"secret.txt": key})
	write(t, dir, map[string]string{"a.txt": key, "deep/er/b.txt": key, ".git/config": key, "ignored/c.txt": key, "kept.log": key, "x.log": key, ".gitignore": "ignored/\n*.log\n!kept.log\n", "bin": "\x00\x01\x02" + key})
	for i := range 200 {
		write(t, dir, map[string]string{fmt.Sprintf("many/%03d", i): "nothing"})
	}
	write(t, dir, map[string]string{"many/zzz": key})
	for _, link := range []string{"link", "many/link"} {
		if err := os.Symlink(filepath.Join(outside, "secret.txt"), filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		folder files.Folder
		want   string
	}{
		{"as it is", files.Folder{}, "a.txt deep/er/b.txt ignored/c.txt kept.log many/zzz x.log"},
		{"gitignore", files.Folder{GitIgnore: true}, "a.txt deep/er/b.txt kept.log many/zzz"},
		{"binary and hidden", files.Folder{Binary: true, Hidden: true}, ".git/config a.txt bin deep/er/b.txt ignored/c.txt kept.log many/zzz x.log"},
		{"exclude", files.Folder{Exclude: func(p string) bool { return strings.HasSuffix(p, "/deep") }}, "a.txt ignored/c.txt kept.log many/zzz x.log"},
	} {
		c.folder.Path = dir
		got := paths(t, dir, c.folder)
		want := strings.Fields(c.want)
		for _, w := range want {
			if got[w] == nil {
				t.Errorf("%s: nothing in %s", c.name, w)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d files with hits, want %d", c.name, len(got), len(want))
		}
	}
}

// TestLongFiles: in a file of many windows every secret is found, at its line
// and offset, and with no line end at all.
func TestLongFiles(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	var want []int
	for i := range 60_000 {
		if i%9973 == 17 {
			want = append(want, b.Len())
			b.WriteString(detect.ClientSecret(fmt.Sprint(i)) + "\n")
			continue
		}
		b.WriteString("a line of text that tells nothing, number " + fmt.Sprint(i) + "\n")
	}
	write(t, dir, map[string]string{"lines.txt": b.String()})
	r, err := scan.Run(t.Context(), scan.Config{}, files.Folder{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Hits) != len(want) {
		t.Fatalf("%d hits, want %d", len(r.Hits), len(want))
	}
	for i, h := range r.Hits {
		if h.Offset != int64(want[i]) || h.Line != i*9973+17+1 {
			t.Errorf("hit %d at offset %d, line %d; want %d, %d", i, h.Offset, h.Line, want[i], i*9973+17+1)
		}
	}
	// A secret across the seam of two windows, and no line end anywhere.
	text := strings.Repeat("x ", 1<<19+2048-10) + " " + detect.ClientSecret("seam") + strings.Repeat(" y", 1<<19)
	write(t, dir, map[string]string{"lines.txt": text})
	if got := paths(t, dir, files.Folder{Path: dir}); got["lines.txt"] == nil || got["lines.txt"].Offset != int64(strings.Index(text, detect.ClientSecret("seam"))) {
		t.Errorf("the seam: %+v", got)
	}
}

func TestLimitIsAFinding(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"big.txt": strings.Repeat("text\n", 1<<20)})
	got := paths(t, dir, files.Folder{Path: dir, Most: 1 << 20})
	if h := got["big.txt"]; h == nil || h.Detector != scan.LimitReached {
		t.Errorf("%+v", got)
	}
}

func TestInput(t *testing.T) {
	got := paths(t, ".", files.Input{Name: "standard input", R: strings.NewReader("x " + detect.ClientSecret("in"))})
	if len(got) != 1 {
		t.Errorf("%d hits", len(got))
	}
}
