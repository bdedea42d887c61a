// Package baseline keeps the findings that a team knows and lives with for now:
// each with a reason and, if it is to be looked at again, an end date. It holds
// fingerprints and masked texts, no values, and belongs into the repository.
package baseline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"rekey.example/rekey/internal/scan/report"
)

const most = 16 << 20 // bytes of a file

// A File is a baseline.
type File struct {
	Version int     `yaml:"version"`
	Known   []Known `yaml:"known"`
}

// A Known finding is not reported again until its end.
type Known struct {
	Fingerprint string `yaml:"fingerprint"`
	Detector    string `yaml:"detector"`
	Path        string `yaml:"path"`
	Masked      string `yaml:"masked,omitempty"`
	Reason      string `yaml:"reason"`
	Until       string `yaml:"until,omitempty"` // a date: from the next day on it is reported again
}

// Read reads a file. An entry without a reason, or with a date that is none, is an error.
func Read(name string) (*File, error) {
	r, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the baseline %q: %w", name, errors.Unwrap(err))
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, most))
	if err != nil {
		return nil, fmt.Errorf("cannot read the baseline %q: %w", name, err)
	}
	f := &File{}
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(f); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("cannot read the baseline %q: %w", name, err)
	}
	for _, k := range f.Known {
		if k.Fingerprint == "" || strings.TrimSpace(k.Reason) == "" {
			return nil, fmt.Errorf("cannot use the baseline %q: the entry for %s needs a fingerprint and a reason", name, k.Path)
		}
		if _, err := k.end(); err != nil {
			return nil, fmt.Errorf("cannot use the baseline %q: until of %s is no date such as 2027-01-31", name, k.Path)
		}
	}
	return f, nil
}

// end is the first moment at which the entry no longer counts; zero: never.
func (k Known) end() (time.Time, error) {
	if k.Until == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, k.Until)
	return t.AddDate(0, 0, 1), err
}

// Without returns the findings that the baseline does not know, and how many it knew.
func (f *File) Without(findings []report.Finding) (rest []report.Finding, known int) {
	now := time.Now()
	live := map[string]bool{}
	for _, k := range f.Known {
		if end, _ := k.end(); end.IsZero() || now.Before(end) {
			live[k.Fingerprint+"\x00"+k.Detector] = true
		}
	}
	rest = slices.DeleteFunc(slices.Clone(findings), func(x report.Finding) bool { return live[x.Fingerprint+"\x00"+x.Detector] })
	return rest, len(findings) - len(rest)
}

// Of makes a baseline of findings, all with one reason and end.
func Of(findings []report.Finding, reason, until string) *File {
	f := &File{Version: 1}
	seen := map[string]bool{}
	for _, x := range findings {
		key := x.Fingerprint + x.Detector
		if x.Detector == "limit-reached" || seen[key] {
			continue
		}
		seen[key] = true
		f.Known = append(f.Known, Known{Fingerprint: x.Fingerprint, Detector: x.Detector, Path: x.Path, Masked: x.Masked, Reason: reason, Until: until})
	}
	return f
}

// Write writes the file anew.
func (f *File) Write(name string) error {
	raw, err := yaml.Marshal(f)
	if err != nil {
		return fmt.Errorf("cannot write the baseline %q: %w", name, err)
	}
	head := "# Findings of rekey scan that are known. Each has a reason; after its date it is reported again.\n"
	if err := os.WriteFile(name, append([]byte(head), raw...), 0o644); err != nil {
		return fmt.Errorf("cannot write the baseline %q: %w", name, err)
	}
	return nil
}
