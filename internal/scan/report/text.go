package report

import (
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"rekey.example/rekey/internal/scan/detect"
)

// writeTable writes for people: the surest first within a file's order.
func writeTable(w io.Writer, d Document) error {
	for _, c := range []detect.Class{detect.Certain, detect.Likely, detect.Possible, detect.Broken} {
		for _, f := range d.Findings {
			if f.Class != c {
				continue
			}
			if _, err := fmt.Fprintf(w, "%-8s  %s\n          %s\n", c, plain(f.where()), plain(f.text())); err != nil {
				return err
			}
			if f.Advice != "" && c >= detect.Likely {
				fmt.Fprintf(w, "          instead: %s\n", plain(f.Advice))
			}
		}
	}
	return nil
}

// plain replaces what would steer a terminal: the names are a stranger's.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '�'
		}
		return r
	}, s)
}

func writeCSV(w io.Writer, d Document) error {
	c := csv.NewWriter(w)
	rows := [][]string{{"class", "detector", "name", "path", "line", "column", "commit", "place", "masked", "fingerprint", "facts", "advice"}}
	for _, f := range d.Findings {
		var facts []string
		for _, x := range f.Facts {
			facts = append(facts, x.Name+"="+x.Value)
		}
		rows = append(rows, []string{f.Class.String(), f.Detector, f.Name, f.Path, strconv.Itoa(f.Line), strconv.Itoa(f.Column), f.Commit,
			strings.Join(f.Place, " / "), f.Masked, f.Fingerprint, strings.Join(facts, "; "), f.Advice})
	}
	for _, row := range rows {
		for i := range row {
			row[i] = cell(row[i])
		}
	}
	if err := c.WriteAll(rows); err != nil {
		return err
	}
	return c.Error()
}

// cell keeps a spreadsheet from taking a name for a formula.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

type suite struct {
	XMLName  xml.Name `xml:"testsuite"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Cases    []testCase
}

type testCase struct {
	XMLName xml.Name `xml:"testcase"`
	Name    string   `xml:"name,attr"`
	Class   string   `xml:"classname,attr"`
	File    string   `xml:"file,attr"`
	Failure *failed
	Skipped *struct{} `xml:"skipped"`
}

type failed struct {
	XMLName xml.Name `xml:"failure"`
	Type    string   `xml:"type,attr"`
	Message string   `xml:"message,attr"`
}

// writeJUnit makes each finding a failed test, and an allowed or broken one a
// skipped test.
func writeJUnit(w io.Writer, d Document) error {
	s := suite{Name: "rekey scan"}
	for _, f := range d.Findings {
		c := testCase{Name: f.Detector + " " + plain(f.where()), Class: f.Detector, File: f.Path}
		if f.Allowed != "" || f.Class == detect.Broken {
			c.Skipped = &struct{}{}
		} else {
			c.Failure = &failed{Type: f.Class.String(), Message: plain(f.text())}
			s.Failures++
		}
		s.Cases = append(s.Cases, c)
	}
	if len(s.Cases) == 0 {
		s.Cases = append(s.Cases, testCase{Name: "no secrets", Class: "rekey"})
	}
	s.Tests = len(s.Cases)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", " ")
	if err := e.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
