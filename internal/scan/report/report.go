// Package report writes what a scan found: as a table for people, and as JSON,
// JSON lines, SARIF 2.1.0, JUnit and CSV for machines. No value is ever in it:
// a masked text and a fingerprint stand for it.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/detect"
)

// Formats are those that Write knows.
var Formats = []string{"table", "json", "jsonl", "sarif", "junit", "csv"}

// A Finding is a hit as the outputs have it.
type Finding struct {
	Detector    string       `json:"detector"`
	Name        string       `json:"name"`
	Issuer      string       `json:"issuer"`
	Class       detect.Class `json:"class"`
	Path        string       `json:"path"`
	Commit      string       `json:"commit,omitempty"`
	Place       []string     `json:"place,omitempty"`
	Line        int          `json:"line"`
	Column      int          `json:"column"`
	EndLine     int          `json:"endLine"`
	EndColumn   int          `json:"endColumn"`
	Offset      int64        `json:"offset"`
	Length      int          `json:"length"`
	Masked      string       `json:"masked"`
	Fingerprint string       `json:"fingerprint"`
	Facts       []Fact       `json:"facts,omitempty"`
	Through     []string     `json:"decoded,omitempty"`
	Advice      string       `json:"advice,omitempty"`
	Allowed     string       `json:"allowed,omitempty"`
}

// A Fact is something that the value tells of itself.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Of makes findings of hits.
func Of(hits []*scan.Hit) []Finding {
	out := make([]Finding, 0, len(hits))
	for _, h := range hits {
		f := Finding{
			Detector: h.Detector.ID, Name: h.Detector.Name, Issuer: h.Detector.Issuer, Class: h.Class,
			Path: h.Path, Commit: h.Commit, Place: h.Place, Line: h.Line, Column: h.Column, EndLine: h.EndLine, EndColumn: h.EndColumn,
			Offset: h.Offset, Length: h.Length, Masked: h.Masked, Fingerprint: h.Fingerprint, Through: h.Through, Advice: h.Advice, Allowed: h.Allowed,
		}
		for _, x := range h.Facts {
			f.Facts = append(f.Facts, Fact(x))
		}
		out = append(out, f)
	}
	return out
}

// A Document is the whole of a report.
type Document struct {
	Findings []Finding      `json:"findings"`
	Skipped  []scan.Skipped `json:"skipped,omitempty"`
	Pieces   int64          `json:"pieces"`
	Bytes    int64          `json:"bytes"`
	Version  string         `json:"version"`
}

// Write writes a document in one of Formats.
func Write(w io.Writer, format string, d Document) error {
	switch format {
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(d)
	case "jsonl":
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		for _, f := range d.Findings {
			if err := e.Encode(f); err != nil {
				return err
			}
		}
		return nil
	case "sarif":
		return writeSARIF(w, d)
	case "junit":
		return writeJUnit(w, d)
	case "csv":
		return writeCSV(w, d)
	case "table":
		return writeTable(w, d)
	}
	return fmt.Errorf("%q is no format: %s", format, strings.Join(Formats, ", "))
}

// where is the place in words: the maker's names if there are any.
func (f Finding) where() string {
	at := fmt.Sprintf("%s:%d:%d", f.Path, f.Line, f.Column)
	if f.Commit != "" {
		at += " in " + f.Commit[:min(len(f.Commit), 12)]
	}
	if len(f.Place) > 0 {
		at += " (" + strings.Join(f.Place, " / ") + ")"
	}
	return at
}

// text is a finding in one sentence.
func (f Finding) text() string {
	s := fmt.Sprintf("%s, %s: %s", f.Name, f.Class, f.Masked)
	for _, x := range f.Facts {
		s += "; " + x.Name + " " + x.Value
	}
	if len(f.Through) > 0 {
		s += "; written as " + strings.Join(f.Through, ", then ")
	}
	return s
}
