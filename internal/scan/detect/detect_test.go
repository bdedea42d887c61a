package detect_test

import (
	"slices"
	"strings"
	"testing"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/detect"
)

// find runs the whole engine on a text, with only one detector.
func find(d *detect.Detector, text string) []*scan.Hit {
	e := scan.NewEngine([]*detect.Detector{d}, nil)
	return e.Piece(&scan.Piece{Path: "app/settings.conf", Data: []byte(text)}, &scan.Buffer{})
}

// TestExamples: every detector finds its own examples and not the others.
func TestExamples(t *testing.T) {
	for _, d := range detect.All() {
		t.Run(d.ID, func(t *testing.T) {
			if err := d.Valid(); err != nil {
				t.Fatal(err)
			}
			for i, y := range d.Yes {
				text := detect.Expand(d.ID+string(rune('a'+i)), y)
				if len(find(d, text)) == 0 {
					t.Errorf("not found in %s", text)
				}
			}
			if d.Make != nil {
				for _, text := range d.Make() {
					hits := find(d, text)
					if len(hits) == 0 {
						t.Errorf("not found in %s", text)
						continue
					}
					if hits[0].Class < detect.Possible || d.Class == detect.Certain && hits[0].Class < d.Class {
						t.Errorf("%s is %v", text, hits[0].Class)
					}
				}
			}
			for i, n := range d.No {
				text := detect.Expand(d.ID+string(rune('a'+i)), n)
				if hits := find(d, text); len(hits) > 0 {
					t.Errorf("found %q in %s", hits[0].Value.Reveal(), text)
				}
			}
		})
	}
}

// TestExamplesAmongAll: with all detectors at work, the particular one still
// wins where it says something certain.
func TestExamplesAmongAll(t *testing.T) {
	e := scan.NewEngine(nil, nil)
	wrong := 0
	for _, d := range detect.All() {
		for i, y := range d.Yes {
			text := detect.Expand(d.ID+string(rune('a'+i)), y)
			hits := e.Piece(&scan.Piece{Path: "app/settings.conf", Data: []byte(text)}, &scan.Buffer{})
			if len(hits) == 0 {
				t.Errorf("%s: nothing found in %s", d.ID, text)
				continue
			}
			if !slices.ContainsFunc(hits, func(h *scan.Hit) bool { return h.Detector.ID == d.ID }) {
				wrong++
				t.Logf("%s: found as %s", d.ID, hits[0].Detector.ID)
			}
		}
	}
	if all := len(detect.All()); wrong > all/8 {
		t.Errorf("%d examples of %d detectors are taken for something else", wrong, all)
	}
}

func TestListIsSound(t *testing.T) {
	all := detect.All()
	if len(all) < 250 {
		t.Errorf("%d detectors, want at least 250", len(all))
	}
	t.Logf("%d detectors", len(all))
	seen := map[string]bool{}
	for _, d := range all {
		if seen[d.ID] {
			t.Errorf("two detectors are called %s", d.ID)
		}
		seen[d.ID] = true
		if strings.ToLower(d.ID) != d.ID || strings.Contains(d.ID, " ") || d.Issuer == "" || d.Class == detect.None {
			t.Errorf("%s: the id, the issuer or the class is wrong", d.ID)
		}
	}
}
