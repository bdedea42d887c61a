package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/detect"
	"rekey.example/rekey/internal/scan/report"
)

func document() (report.Document, string) {
	secret := detect.ClientSecret("report")
	e := scan.NewEngine(nil, nil)
	p := scan.Piece{Path: "=a b/\x1b[31mflow.json", Place: []string{"Orders", "HTTP"}, Data: []byte("\nkey " + secret + " # rekey:allow a test\nzzz " + detect.ClientSecret("two"))}
	return report.Document{Findings: report.Of(e.Piece(&p, &scan.Buffer{})), Version: "1.2.3"}, secret
}

// TestFormats: each is what it says, and in none stands a value.
func TestFormats(t *testing.T) {
	doc, secret := document()
	if len(doc.Findings) != 2 {
		t.Fatalf("%d findings", len(doc.Findings))
	}
	for _, format := range report.Formats {
		var b bytes.Buffer
		if err := report.Write(&b, format, doc); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), secret[3:20]) {
			t.Errorf("%s holds the value", format)
		}
		switch format {
		case "json", "sarif":
			if !json.Valid(b.Bytes()) {
				t.Errorf("%s is no JSON", format)
			}
		case "jsonl":
			if n := strings.Count(b.String(), "\n"); n != 2 {
				t.Errorf("%d lines", n)
			}
		case "junit":
			if err := xml.Unmarshal(b.Bytes(), new(struct{ XMLName xml.Name })); err != nil {
				t.Error(err)
			}
		case "csv":
			rows, err := csv.NewReader(&b).ReadAll()
			if err != nil || len(rows) != 3 || !strings.HasPrefix(rows[1][3], "'=") {
				t.Errorf("%v %q", err, rows)
			}
		case "table":
			if strings.Contains(b.String(), "\x1b") {
				t.Error("a path steers the terminal")
			}
		}
	}
}

func TestSARIF(t *testing.T) {
	doc, _ := document()
	var b bytes.Buffer
	if err := report.Write(&b, "sarif", doc); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleID              string
				RuleIndex           int
				PartialFingerprints map[string]string
				Suppressions        []struct{ Kind, Justification string }
				Locations           []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn, EndColumn int }
					}
					LogicalLocations []struct{ FullyQualifiedName string }
				}
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	r := got.Runs[0].Results[0]
	l := r.Locations[0]
	if got.Version != "2.1.0" || got.Runs[0].Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID || r.RuleID != "entra-client-secret" || r.PartialFingerprints["rekeyValue/v1"] == "" ||
		l.PhysicalLocation.Region.StartLine != 2 || l.PhysicalLocation.Region.StartColumn != 5 || l.PhysicalLocation.Region.EndColumn != 45 ||
		l.LogicalLocations[0].FullyQualifiedName != "Orders/HTTP" || strings.ContainsAny(l.PhysicalLocation.ArtifactLocation.URI, " \x1b") ||
		len(r.Suppressions) != 1 || r.Suppressions[0].Justification != "a test" {
		t.Errorf("%s", b.String())
	}
}
