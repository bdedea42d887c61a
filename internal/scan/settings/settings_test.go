package settings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rekey.example/rekey/internal/scan/settings"
)

func read(t *testing.T, text string) (*settings.Settings, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), settings.Name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return settings.Read(name)
}

const own = `detectors:
  - id: contoso-ticket
    name: Ticket system's key
    anchors: ["ctk_"]
    pattern: 'ctk_[a-z0-9]{32}'
    match: ["ctk_0a8d72b1c9e64f5d8a7b3c2e1f609d4a"]
    noMatch: ["ctk_short"]
`

func TestOwnDetectors(t *testing.T) {
	s, err := read(t, own+"disable: [generic-password]\nexclude: ['build/**', '*.min.js']\n")
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.All()
	if err != nil || all[0].ID != "contoso-ticket" {
		t.Fatalf("%v", err)
	}
	for path, want := range map[string]bool{"build/a/b": true, "src/build/a": false, "x.min.js": true, "src/main.go": false} {
		if s.Excluded(path) != want {
			t.Errorf("%s: excluded is %v", path, !want)
		}
	}
}

// TestRefused: what does not work is said when it is loaded, and no error holds an example.
func TestRefused(t *testing.T) {
	for what, text := range map[string]string{
		"a detector that misses its example":        strings.Replace(own, "{32}", "{33}", 1),
		"one that finds its counter-example":        strings.Replace(own, "ctk_short", "ctk_9b7c61a0d8f53e4c7f6a2b1d0e5f8c3b", 1),
		"an expression that is none":                strings.Replace(own, "[a-z0-9]", "[a-z", 1),
		"an anchor of one letter":                   strings.Replace(own, `["ctk_"]`, `["c"]`, 1),
		"no examples":                               own[:strings.Index(own, "    match")],
		"the id of a built-in one":                  strings.Replace(own, "contoso-ticket", "github-pat", 1),
		"an unknown key":                            "exclud: [x]",
		"a detector to disable that does not exist": "disable: [nothing]",
		"look-around":                               strings.Replace(own, "ctk_[", "(?=x)ctk_[", 1),
	} {
		_, err := read(t, text)
		if err == nil {
			t.Errorf("%s: accepted", what)
			continue
		}
		if strings.Contains(err.Error(), "0a8d72b1") {
			t.Errorf("%s: the error holds an example", what)
		}
	}
}
