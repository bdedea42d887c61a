package solution_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/detect"
	"rekey.example/rekey/internal/scan/files"
	"rekey.example/rekey/internal/scan/source"
	"rekey.example/rekey/internal/scan/source/archive"
	"rekey.example/rekey/internal/scan/source/solution/planted"
)

func scanned(t testing.TB, set map[string][]byte) *scan.Result {
	t.Helper()
	dir := t.TempDir()
	for name, data := range set {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	result, err := scan.Run(t.Context(), scan.Config{Unpack: source.Unpackers(archive.Limits{})}, files.Folder{Path: "."})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range result.Skipped {
		t.Errorf("%s was skipped: %s", s.Path, s.Why)
	}
	return result
}

// TestEveryPlace measures recall and precision over the planted set, and that a
// hit names its place and what to use there instead.
func TestEveryPlace(t *testing.T) {
	set := planted.Make("places")
	if len(set.Labels) < 300 {
		t.Fatalf("only %d secrets are planted", len(set.Labels))
	}
	result := scanned(t, set.Files)
	at := map[string][]*scan.Hit{}
	for _, h := range result.Hits {
		at[h.Path] = append(at[h.Path], h)
	}
	found, placed, byKind, all := 0, 0, map[string]int{}, map[string]int{}
	used := map[*scan.Hit]bool{}
	for _, l := range set.Labels {
		all[l.Kind]++
		hit := slices.IndexFunc(at[l.Path], func(h *scan.Hit) bool {
			v := h.Value.Reveal()
			return !used[h] && (strings.Contains(v, l.Value) || len(v) > 10 && strings.Contains(l.Value, v))
		})
		if hit < 0 {
			t.Logf("missed: %s of kind %s at %s", l.Path, l.Kind, l.Place)
			continue
		}
		h := at[l.Path][hit]
		used[h] = true
		found++
		byKind[l.Kind]++
		if h.Advice == "" || !strings.Contains(strings.Join(h.Place, " > "), l.Place) {
			t.Logf("%s: %s is said to be at %q", l.Path, l.Place, h.Place)
			continue
		}
		placed++
	}
	extra := 0
	for _, h := range result.Hits {
		if !used[h] {
			extra++
			t.Logf("extra: %s %s in %s:%d at %q", h.Detector.ID, h.Masked, h.Path, h.Line, h.Place)
		}
	}
	recall, precision := float64(found)/float64(len(set.Labels)), float64(found)/float64(found+extra)
	t.Logf("%d planted, recall %.3f, precision %.3f, place right %.3f; by kind %v of %v", len(set.Labels), recall, precision, float64(placed)/float64(found), byKind, all)
	if recall < 0.99 || precision < 0.99 || placed < found {
		t.Errorf("recall %.3f, precision %.3f, %d of %d places are right", recall, precision, placed, found)
	}
}

// TestPositions: in a file that is cut into places, a hit's offset is where the
// value is written, and line and column agree with it.
func TestPositions(t *testing.T) {
	set := planted.Make("positions")
	plain := map[string][]byte{}
	for name, data := range set.Files {
		if !strings.HasSuffix(name, ".zip") {
			plain[name] = data
		}
	}
	checked := 0
	for _, h := range scanned(t, plain).Hits {
		data, value := set.Files[h.Path], h.Value.Reveal()
		if len(h.Through) > 0 || h.Detector == scan.LimitReached {
			continue
		}
		if got := string(data[h.Offset:min(int64(len(data)), h.Offset+int64(h.Length))]); got != value {
			t.Errorf("%s: %s at %d is not there", h.Path, h.Masked, h.Offset)
		}
		if line := strings.Count(string(data[:h.Offset]), "\n") + 1; line != h.Line {
			t.Errorf("%s: offset %d is on line %d, not %d", h.Path, h.Offset, line, h.Line)
		}
		before := string(data[strings.LastIndexByte(string(data[:h.Offset]), '\n')+1 : h.Offset])
		if units := len(utf16.Encode([]rune(before))); units < 1500 && h.Column != units+1 {
			t.Errorf("%s:%d: column %d is told as %d", h.Path, h.Line, units+1, h.Column)
		}
		checked++
	}
	if checked < 80 {
		t.Errorf("only %d positions were checked", checked)
	}
}

// TestNames: a hit in a solution names the solution, the flow as its maker
// called it, the action and the input.
func TestNames(t *testing.T) {
	set := planted.Make("names")
	result := scanned(t, map[string][]byte{"ContosoFinance0.zip": set.Files["ContosoFinance0.zip"]})
	want := []string{"ContosoFinance0", "Send the invoice", "Post invoice", "authentication.secret"}
	for _, h := range result.Hits {
		if slices.Equal(h.Place, want) {
			if h.Class != detect.Certain || !strings.Contains(h.Advice, "secret environment variable") {
				t.Errorf("%v, %q", h.Class, h.Advice)
			}
			return
		}
	}
	t.Errorf("no hit at %q", want)
}

// FuzzPlaces: no file of a known format panics.
func FuzzPlaces(f *testing.F) {
	set := planted.Make("fuzz")
	for _, name := range slices.Sorted(maps.Keys(set.Files)) {
		if strings.HasPrefix(name, "ContosoFinance1") || strings.HasPrefix(name, "repo0") || strings.HasPrefix(name, "clean") {
			f.Add(name, set.Files[name])
		}
	}
	unpackers := source.Unpackers(archive.Limits{})
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		_, err := scan.Run(t.Context(), scan.Config{Workers: 1, Unpack: unpackers}, bytesSource{name, data})
		if err != nil {
			t.Error(err)
		}
	})
}
