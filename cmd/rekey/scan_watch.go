package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/detect"
	scanreport "rekey.example/rekey/internal/scan/report"
	scansource "rekey.example/rekey/internal/scan/source"
	"rekey.example/rekey/internal/scan/source/archive"
	"rekey.example/rekey/internal/scan/source/logs"
)

// scanWatch follows a folder of logs until it is stopped, and tells each finding
// as a line of JSON. Positions lie beside the folder, so that a restart goes on.
func (s *session) scanWatch(ctx context.Context, f scanFlags, least detect.Class, paths []string) error {
	if len(paths) != 1 || paths[0] == "-" {
		return usage("--watch needs one folder of logs")
	}
	own, err := f.read(paths)
	if err != nil {
		return usage("%v", err)
	}
	detectors, err := own.All()
	if err != nil {
		return usage("%v", err)
	}
	config := scan.Config{Detectors: detectors, Workers: f.workers, Unpack: scansource.Unpackers(archive.Limits{})}
	state := f.state
	if state == "" {
		state = filepath.Clean(paths[0]) + ".rekey-positions.json"
	}
	folder := &logs.Folder{Path: paths[0], State: state}
	tick := time.NewTicker(max(f.watch, time.Second))
	defer tick.Stop()
	for {
		result, err := scan.Run(ctx, config, folder)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot follow %q: %w", paths[0], err)
		}
		doc := scanreport.Document{Version: version}
		for _, x := range scanreport.Of(result.Hits) {
			if x.Class >= least {
				doc.Findings = append(doc.Findings, x)
			}
		}
		if len(doc.Findings) > 0 {
			if err := scanreport.Write(s.out, "jsonl", doc); err != nil {
				return err
			}
		}
		if err := folder.Save(); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
