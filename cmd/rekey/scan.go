package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/baseline"
	"rekey.example/rekey/internal/scan/detect"
	scanfiles "rekey.example/rekey/internal/scan/files"
	scanreport "rekey.example/rekey/internal/scan/report"
	"rekey.example/rekey/internal/scan/settings"
	scansource "rekey.example/rekey/internal/scan/source"
	"rekey.example/rekey/internal/scan/source/archive"
	"rekey.example/rekey/internal/scan/source/history"
)

// scanFlags are the choices of one scan.
type scanFlags struct {
	git, staged                                               bool
	since                                                     string
	format, failOn, least, baseline, settings, keyFile, write string
	exit, workers                                             int
	untrusted, binary, gitignore                              bool
	exclude                                                   []string
	most                                                      int64
}

func scanCommand(s *session) *cobra.Command {
	var f scanFlags
	c := &cobra.Command{
		Use:   "scan PATH...",
		Short: "Find hard-coded secrets in folders, files and standard input",
		Long: `Looks for credentials in folders and files, in archives and solutions inside of them, and
with --git in the history of a repository; - is standard input. Nothing is opened but what
is named: no installation, no network. The report holds no value, only a masked
text and a fingerprint. .rekey-scan.yaml in a named folder is obeyed unless --untrusted.`,
		Example: `  rekey scan .
  rekey scan --format sarif --fail-on likely src > scan.sarif
  rekey scan InvoiceAutomation_1_0_0_7.zip          # a hit names the flow and the action
  rekey scan --git --since main .                   # what a branch has added
  rekey scan --staged --fail-on likely .            # in .git/hooks/pre-commit
  rekey scan baseline --reason "before the clean-up" --until 2027-03-31 .`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error { return s.scan(c.Context(), f, args) },
	}
	f.bind(c)
	c.AddCommand(scanBaseline(s), scanDetectors(s))
	return c
}

func (f *scanFlags) bind(c *cobra.Command) {
	n := c.Flags()
	n.StringVar(&f.format, "format", "", "`FORMAT`: "+strings.Join(scanreport.Formats, ", ")+" (default table in a terminal, else json)")
	n.StringVar(&f.failOn, "fail-on", "possible", "lowest `CLASS` that counts for the exit code: certain, likely, possible, broken")
	n.StringVar(&f.least, "least", "broken", "lowest `CLASS` that is reported")
	n.IntVar(&f.exit, "exit-code", exitFindings, "exit `CODE` when there are findings")
	n.StringVar(&f.baseline, "baseline", "", "`FILE` of known findings, which are not reported")
	n.StringVar(&f.settings, "settings", "", "settings `FILE` (default .rekey-scan.yaml in the named folder)")
	n.BoolVar(&f.untrusted, "untrusted", false, "obey nothing that lies in the scanned folders: neither settings nor comments nor .gitignore")
	n.BoolVar(&f.binary, "binary", false, "look for marked keys in binary files too")
	n.BoolVar(&f.git, "git", false, "look through the history of the git repository at PATH, not through its files")
	n.StringVar(&f.since, "since", "", "of the history only what came after `WHEN`: a commit, a branch, or a day as 2026-11-25")
	n.BoolVar(&f.staged, "staged", false, "only what the next commit would bring, for a pre-commit hook")
	n.BoolVar(&f.gitignore, "gitignore", false, "leave out what .gitignore files name")
	n.StringSliceVar(&f.exclude, "exclude", nil, "leave out `PATTERN`, as build/** or *.min.js")
	n.Int64Var(&f.most, "max-size", 0, "`BYTES` of a file above which it is only reported (default 1 GiB)")
	n.IntVar(&f.workers, "workers", 0, "how many look at the same time (default one a processor)")
	n.StringVar(&f.keyFile, "fingerprint-key", "", "`FILE` with a key for the fingerprints")
}

// found scans and returns what is to be reported.
func (s *session) found(ctx context.Context, f scanFlags, paths []string) (scanreport.Document, error) {
	doc := scanreport.Document{Version: version}
	if len(paths) == 0 {
		return doc, usage("rekey scan needs a PATH").next("rekey scan . looks through this folder; - is standard input")
	}
	own, err := f.read(paths)
	if err != nil {
		return doc, usage("%v", err)
	}
	detectors, err := own.All()
	if err != nil {
		return doc, usage("%v", err)
	}
	config := scan.Config{Detectors: detectors, Workers: f.workers, Unpack: scansource.Unpackers(archive.Limits{})}
	if f.keyFile != "" {
		if config.Key, err = os.ReadFile(f.keyFile); err != nil || len(config.Key) < 16 {
			return doc, usage("the fingerprint key in %q cannot be read or has fewer than 16 bytes", f.keyFile)
		}
	}
	if s.watched && !s.flags.quiet {
		config.Progress = s.scanProgress
	}
	sources := s.sources(f, own, paths)
	result, err := scan.Run(ctx, config, sources...)
	if s.watched && !s.flags.quiet {
		fmt.Fprint(s.err, "\r\x1b[K")
	}
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return doc, failure(exitNotFound, "%v", err)
		}
		return doc, err
	}
	for _, source := range sources {
		if h, ok := source.(*history.Source); ok {
			result.Hits = h.Finish(result.Hits)
		}
	}
	doc.Findings, doc.Skipped, doc.Pieces, doc.Bytes = scanreport.Of(result.Hits), result.Skipped, result.Pieces, result.Bytes
	s.summary(result)
	return doc, nil
}

// read finds the settings: those named, or those of the first folder.
func (f scanFlags) read(paths []string) (*settings.Settings, error) {
	name := f.settings
	if name == "" {
		if f.untrusted {
			return &settings.Settings{}, nil
		}
		name = filepath.Join(paths[0], settings.Name)
	}
	own, err := settings.Read(name)
	if err != nil && f.settings == "" && (errors.Is(err, fs.ErrNotExist) || !isFolder(paths[0])) {
		return &settings.Settings{}, nil
	}
	return own, err
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

func (s *session) sources(f scanFlags, own *settings.Settings, paths []string) []scan.Source {
	var sources []scan.Source
	rules := settings.Settings{Exclude: slices.Concat(own.Exclude, f.exclude)}
	for _, p := range paths {
		if p == "-" {
			sources = append(sources, scanfiles.Input{Name: "standard input", R: s.in})
			continue
		}
		base := filepath.ToSlash(filepath.Clean(p)) + "/"
		excluded := func(full string) bool {
			rel := strings.TrimPrefix(full, base)
			return rules.Excluded(rel) || rules.Excluded(filepath.Base(rel))
		}
		if f.git || f.staged || f.since != "" {
			past := &history.Source{Path: p, Since: f.since, Staged: f.staged, Binary: f.binary}
			if len(rules.Exclude) > 0 {
				past.Exclude = excluded
			}
			sources = append(sources, past)
			continue
		}
		folder := scanfiles.Folder{Path: p, Most: f.most, Binary: f.binary, GitIgnore: f.gitignore && !f.untrusted}
		if len(rules.Exclude) > 0 {
			folder.Exclude = excluded
		}
		sources = append(sources, folder)
	}
	return sources
}

// scan is the command itself.
func (s *session) scan(ctx context.Context, f scanFlags, paths []string) error {
	failOn, err := detect.ParseClass(f.failOn)
	if err != nil {
		return usage("--fail-on: %v", err)
	}
	least, err := detect.ParseClass(f.least)
	if err != nil {
		return usage("--least: %v", err)
	}
	format, err := s.scanFormat(f)
	if err != nil {
		return err
	}
	doc, err := s.found(ctx, f, paths)
	if err != nil {
		return err
	}
	if f.baseline != "" {
		known, err := baseline.Read(f.baseline)
		if err != nil {
			return usage("%v", err)
		}
		n := 0
		if doc.Findings, n = known.Without(doc.Findings); n > 0 {
			s.say("%d known findings are left out.", n)
		}
	}
	doc.Findings = slices.DeleteFunc(doc.Findings, func(x scanreport.Finding) bool {
		return x.Class < least || x.Allowed != "" && !f.untrusted && format != "sarif" && format != "junit"
	})
	if err := scanreport.Write(s.out, format, doc); err != nil {
		return err
	}
	for _, x := range doc.Findings {
		if x.Class >= failOn && (x.Allowed == "" || f.untrusted) {
			return silent(f.exit)
		}
	}
	return nil
}

func (s *session) scanFormat(f scanFlags) (string, error) {
	format := f.format
	if format == "" {
		format = s.format()
	}
	if !slices.Contains(scanreport.Formats, format) {
		return "", usage("%s is not a format of a scan", format).next("choose one of " + strings.Join(scanreport.Formats, ", ") + " with --format")
	}
	return format, nil
}

// scanProgress is one line that is written over.
func (s *session) scanProgress(p scan.Progress) {
	fmt.Fprintf(s.err, "\r\x1b[K%d files, %s, %d hits, %s/s", p.Pieces, megabytes(p.Bytes), p.Hits, megabytes(int64(float64(p.Bytes)/max(p.Elapsed.Seconds(), 0.001))))
}

func (s *session) summary(r *scan.Result) {
	if !s.watched && !s.tabular() {
		return
	}
	count := map[detect.Class]int{}
	for _, h := range r.Hits {
		count[h.Class]++
	}
	s.say("%d files, %s in %s (%s/s): %d certain, %d likely, %d possible, %d broken; %d not read.", r.Pieces, megabytes(r.Bytes), r.Elapsed.Round(time.Millisecond),
		megabytes(int64(float64(r.Bytes)/max(r.Elapsed.Seconds(), 0.001))), count[detect.Certain], count[detect.Likely], count[detect.Possible], count[detect.Broken], len(r.Skipped))
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// scanBaseline writes down what is known.
func scanBaseline(s *session) *cobra.Command {
	var f scanFlags
	var file, why, until string
	c := &cobra.Command{
		Use:   "baseline PATH...",
		Short: "Write down what a scan finds now, so that only what is new is reported",
		Long: `Scans, and writes every finding with its reason into a file that rekey scan --baseline
leaves out of the report, until the date given. The file holds no value.`,
		Example: `  rekey scan baseline --reason "before the clean-up" --until 2027-03-31 .`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if strings.TrimSpace(why) == "" {
				return usage("a baseline needs --reason")
			}
			if _, err := time.Parse(time.DateOnly, until); until != "" && err != nil {
				return usage("--until %q is no date such as 2027-01-31", until)
			}
			doc, err := s.found(c.Context(), f, args)
			if err != nil {
				return err
			}
			b := baseline.Of(doc.Findings, why, until)
			if err := b.Write(file); err != nil {
				return err
			}
			s.say("%d findings are written to %s.", len(b.Known), file)
			return nil
		},
	}
	f.bind(c)
	c.Flags().StringVar(&file, "file", ".rekey-baseline.yaml", "`FILE` to write")
	c.Flags().StringVar(&why, "reason", "", "why these findings may stay")
	c.Flags().StringVar(&until, "until", "", "`DATE` after which they are reported again")
	return c
}

// scanDetectors lists what is looked for.
func scanDetectors(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "detectors",
		Short:   "List what a scan looks for",
		Long:    "Lists every built-in detector with the class of its hits.",
		Example: "  rekey scan detectors -o json",
		Args:    takes(),
		RunE: func(*cobra.Command, []string) error {
			type row struct {
				ID     string       `json:"id"`
				Name   string       `json:"name"`
				Issuer string       `json:"issuer"`
				Class  detect.Class `json:"class"`
			}
			var rows []row
			t := &table{columns: []column{{name: "id", title: "Id"}, {name: "name", title: "Name", cut: true}, {name: "issuer", title: "Issuer", cut: true}, {name: "class", title: "Class"}}}
			for _, d := range detect.All() {
				rows = append(rows, row{d.ID, d.Name, d.Issuer, d.Class})
				t.add(d.ID, d.Name, d.Issuer, d.Class.String())
			}
			return s.show(rows, t)
		},
	}
}
