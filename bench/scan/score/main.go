// Command score compares the output of a scanner with labels and prints recall
// and precision.
//
//	go run ./bench/scan/score --labels labels.csv report.sarif
//
// The labels are CSV with a header: path, line and, if there is one, secret (yes
// or no; without the column every row is a secret). The output is SARIF 2.1.0, or
// the JSON of rekey, gitleaks, betterleaks or trufflehog. A finding counts for a
// label on the same line of the same file; paths are compared from their ends.
// What stands on no labelled line is a false positive, once a line.
package main

import (
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

type place struct {
	path string
	line int
}

func main() {
	labels := flag.String("labels", "", "CSV file with the labels")
	least := flag.String("least", "", "of rekey's own output, the lowest class that counts (certain, likely, possible)")
	flag.Parse()
	if *labels == "" || flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "bench/scan/score: --labels FILE REPORT")
		os.Exit(2)
	}
	if err := score(*labels, flag.Arg(0), *least); err != nil {
		fmt.Fprintln(os.Stderr, "bench/scan/score:", err)
		os.Exit(1)
	}
}

func score(labels, report, least string) error {
	want, err := readLabels(labels)
	if err != nil {
		return err
	}
	got, err := readReport(report, least)
	if err != nil {
		return err
	}
	byBase := map[string][]place{}
	for p := range want {
		byBase[base(p.path)] = append(byBase[base(p.path)], p)
	}
	hit, wrong := map[place]bool{}, map[place]bool{}
	for p := range got {
		matched := false
		for _, q := range byBase[base(p.path)] {
			if q.line == p.line && same(p.path, q.path) {
				matched = true
				if want[q] {
					hit[q] = true
				} else {
					wrong[p] = true
				}
			}
		}
		if !matched {
			wrong[p] = true
		}
	}
	secrets := 0
	for _, yes := range want {
		if yes {
			secrets++
		}
	}
	fmt.Printf("%d labelled secrets, %d found: recall %.3f\n", secrets, len(hit), ratio(len(hit), secrets))
	fmt.Printf("%d lines reported, %d of them wrongly: precision %.3f\n", len(hit)+len(wrong), len(wrong), ratio(len(hit), len(hit)+len(wrong)))
	return nil
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// same compares paths of which one may have folders before the other.
func same(x, y string) bool {
	x, y = "/"+strings.TrimLeft(x, "./"), "/"+strings.TrimLeft(y, "./")
	return strings.HasSuffix(x, y) || strings.HasSuffix(y, x)
}

func readLabels(name string) (map[place]bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("cannot read the labels %q: %w", name, err)
	}
	column := map[string]int{}
	for i, h := range head {
		column[strings.ToLower(strings.TrimSpace(h))] = i + 1
	}
	if column["path"] == 0 || column["line"] == 0 {
		return nil, fmt.Errorf("the labels %q have no columns path and line", name)
	}
	want := map[place]bool{}
	for {
		row, err := r.Read()
		if err == io.EOF {
			return want, nil
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read the labels %q: %w", name, err)
		}
		line, err := strconv.Atoi(row[column["line"]-1])
		if err != nil {
			return nil, fmt.Errorf("the labels %q have the line %q", name, row[column["line"]-1])
		}
		yes := true
		if i := column["secret"]; i > 0 {
			switch strings.ToLower(row[i-1]) {
			case "no", "false", "f", "0":
				yes = false
			}
		}
		want[place{strings.ReplaceAll(row[column["path"]-1], `\`, "/"), line}] = yes
	}
}

func readReport(name, least string) (map[place]bool, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	got := map[place]bool{}
	var sarif struct {
		Runs []struct {
			Results []struct {
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine int }
					}
				}
			}
		}
		Findings []struct {
			Path, Class string
			Line        int
		}
	}
	if json.Unmarshal(raw, &sarif) == nil && (len(sarif.Runs) > 0 || sarif.Findings != nil) {
		for _, r := range sarif.Runs {
			for _, x := range r.Results {
				for _, l := range x.Locations {
					got[place{l.PhysicalLocation.ArtifactLocation.URI, l.PhysicalLocation.Region.StartLine}] = true
				}
			}
		}
		for _, x := range sarif.Findings {
			if rank(x.Class) >= rank(least) {
				got[place{x.Path, x.Line}] = true
			}
		}
		return got, nil
	}
	var leaks []struct {
		File      string
		StartLine int
	}
	if json.Unmarshal(raw, &leaks) == nil {
		for _, x := range leaks {
			got[place{x.File, x.StartLine}] = true
		}
		return got, nil
	}
	for line := range strings.Lines(string(raw)) {
		var hog struct {
			SourceMetadata struct {
				Data struct {
					Filesystem struct {
						File string
						Line int
					}
				}
			}
			Path string
			Line int
		}
		if err := json.Unmarshal([]byte(line), &hog); err != nil {
			return nil, fmt.Errorf("%q is neither SARIF nor a JSON that is known", name)
		}
		if hog.Path != "" {
			got[place{hog.Path, hog.Line}] = true
			continue
		}
		got[place{hog.SourceMetadata.Data.Filesystem.File, hog.SourceMetadata.Data.Filesystem.Line}] = true
	}
	return got, nil
}

func rank(class string) int {
	switch class {
	case "certain":
		return 3
	case "likely":
		return 2
	case "possible":
		return 1
	}
	return 0
}
