package baseline_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/scan/baseline"
	"rekey.example/rekey/internal/scan/report"
)

// TestUntil: a known finding is left out through its last day and back on the next.
func TestUntil(t *testing.T) {
	found := []report.Finding{{Detector: "x", Fingerprint: "aa", Path: "p"}, {Detector: "x", Fingerprint: "bb", Path: "p"}}
	name := filepath.Join(t.TempDir(), "known.yaml")
	if err := baseline.Of(found[:1], "before the clean-up", "2000-01-05").Write(name); err != nil {
		t.Fatal(err)
	}
	f, err := baseline.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { // begins on 1 January 2000
		time.Sleep(4*24*time.Hour + 23*time.Hour)
		if rest, known := f.Without(found); len(rest) != 1 || known != 1 || rest[0].Fingerprint != "bb" {
			t.Errorf("on the last day: %v", rest)
		}
		time.Sleep(2 * time.Hour)
		if rest, _ := f.Without(found); len(rest) != 2 {
			t.Errorf("on the day after: %v", rest)
		}
	})
}

func TestRefused(t *testing.T) {
	for what, text := range map[string]string{
		"no reason":   "known: [{fingerprint: aa, detector: x, path: p}]",
		"no date":     "known: [{fingerprint: aa, detector: x, path: p, reason: r, until: soon}]",
		"unknown key": "known: [{fingerprint: aa, detector: x, path: p, reason: r, untli: 2027-01-01}]",
	} {
		name := filepath.Join(t.TempDir(), "known.yaml")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := baseline.Read(name); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}
