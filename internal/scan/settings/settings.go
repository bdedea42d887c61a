// Package settings reads .rekey-scan.yaml: what a folder's owner leaves out, and
// detectors of his own. A scan of a stranger's folder must not obey it, since
// the stranger could leave out everything; the caller decides.
package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"gopkg.in/yaml.v3"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/detect"
)

// Name is the file's name.
const Name = ".rekey-scan.yaml"

const most = 1 << 20

// Settings are what the file says.
type Settings struct {
	Exclude   []string `yaml:"exclude"`   // paths: *, ?, and ** for any number of folders
	Disable   []string `yaml:"disable"`   // ids of detectors
	FailOn    string   `yaml:"failOn"`    // certain, likely or possible
	Baseline  string   `yaml:"baseline"`  // relative to the file
	Detectors []Own    `yaml:"detectors"` // of the user
}

// An Own detector is a user's.
type Own struct {
	ID      string   `yaml:"id"`
	Name    string   `yaml:"name"`
	Issuer  string   `yaml:"issuer"`
	Class   string   `yaml:"class"`
	Anchors []string `yaml:"anchors"`
	Fold    bool     `yaml:"anyCase"`
	Pattern string   `yaml:"pattern"`
	Before  int      `yaml:"before"` // bytes between the start of the match and the anchor
	Entropy float64  `yaml:"entropy"`
	Advice  string   `yaml:"advice"`
	Match   []string `yaml:"match"`   // examples that must be found
	NoMatch []string `yaml:"noMatch"` // and that must not
}

// Read reads a file and tries its detectors on their examples.
func Read(name string) (*Settings, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", name, err)
	}
	s := &Settings{}
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(s); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("cannot read %q: %w", name, err)
	}
	for _, x := range s.Exclude {
		if _, err := path.Match(x, ""); err != nil {
			return nil, fmt.Errorf("cannot use %q: exclude %q is no pattern", name, x)
		}
	}
	if _, err := s.All(); err != nil {
		return nil, fmt.Errorf("cannot use %q: %w", name, err)
	}
	return s, nil
}

// All are the detectors: the user's first, then the built-in ones but for the disabled.
func (s *Settings) All() ([]*detect.Detector, error) {
	var all []*detect.Detector
	known := map[string]bool{}
	for _, o := range s.Detectors {
		d, err := o.detector()
		if err != nil {
			return nil, err
		}
		if known[d.ID] {
			return nil, fmt.Errorf("two detectors are called %q", d.ID)
		}
		known[d.ID] = true
		all = append(all, d)
	}
	off := map[string]bool{}
	for _, id := range s.Disable {
		off[id] = true
	}
	for _, d := range detect.All() {
		if known[d.ID] {
			return nil, fmt.Errorf("detector %q has the id of a built-in one", d.ID)
		}
		if !off[d.ID] {
			all = append(all, d)
		}
		delete(off, d.ID)
	}
	for id := range off {
		return nil, fmt.Errorf("disable names %q, which is no detector", id)
	}
	return all, nil
}

// detector makes a detector and tries it.
func (o Own) detector() (*detect.Detector, error) {
	class := detect.Likely
	if o.Class != "" {
		c, err := detect.ParseClass(o.Class)
		if err != nil {
			return nil, fmt.Errorf("detector %q: %w", o.ID, err)
		}
		class = c
	}
	d := &detect.Detector{ID: o.ID, Name: o.Name, Issuer: o.Issuer, Class: class, Advice: o.Advice, Anchors: o.Anchors, Fold: o.Fold, Pattern: o.Pattern,
		Back: o.Before, Entropy: o.Entropy, Yes: o.Match, No: o.NoMatch}
	if d.Issuer == "" {
		d.Issuer = "own"
	}
	if o.Before < 0 || o.Before > 4096 || len(o.Pattern) > 2000 {
		return nil, fmt.Errorf("detector %q: before is over 4096 or the pattern over 2000 bytes long", o.ID)
	}
	if err := d.Valid(); err != nil {
		return nil, err
	}
	e := scan.NewEngine([]*detect.Detector{d}, nil)
	finds := func(text string) bool {
		return len(e.Piece(&scan.Piece{Path: "example", Data: []byte(text)}, &scan.Buffer{})) > 0
	}
	for _, x := range o.Match {
		if !finds(x) {
			return nil, fmt.Errorf("detector %q does not find its example %d", o.ID, 1+index(o.Match, x))
		}
	}
	for _, x := range o.NoMatch {
		if finds(x) {
			return nil, fmt.Errorf("detector %q finds its counter-example %d", o.ID, 1+index(o.NoMatch, x))
		}
	}
	return d, nil
}

// index tells which example it was: the example itself may be a secret.
func index(all []string, x string) int {
	for i, y := range all {
		if x == y {
			return i
		}
	}
	return -1
}

// Excluded reports whether the settings leave a path out, which is relative to
// their folder.
func (s *Settings) Excluded(rel string) bool {
	for _, x := range s.Exclude {
		if glob(strings.Split(strings.TrimSuffix(x, "/"), "/"), strings.Split(rel, "/"), 64) {
			return true
		}
	}
	return false
}

// glob matches part by part; a pattern also matches what lies below.
func glob(pattern, parts []string, tries int) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			for i := 0; i <= len(parts) && tries > 0; i++ {
				tries--
				if glob(pattern[1:], parts[i:], tries/2) {
					return true
				}
			}
			return false
		}
		if len(parts) == 0 {
			return false
		}
		if ok, _ := path.Match(pattern[0], parts[0]); !ok {
			return false
		}
		pattern, parts = pattern[1:], parts[1:]
	}
	return true
}
