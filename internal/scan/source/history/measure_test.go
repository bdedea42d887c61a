package history_test

import (
	"os"
	"runtime"
	"testing"
	"time"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/source/history"
)

// BenchmarkHistory scans the repository that REKEY_BENCH_REPOSITORY names.
func BenchmarkHistory(b *testing.B) {
	dir := os.Getenv("REKEY_BENCH_REPOSITORY")
	if dir == "" {
		b.Skip("REKEY_BENCH_REPOSITORY names no repository")
	}
	for b.Loop() {
		s := &history.Source{Path: dir}
		start := time.Now()
		result, err := scan.Run(b.Context(), scan.Config{}, s)
		if err != nil {
			b.Fatal(err)
		}
		hits := s.Finish(result.Hits)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.Logf("%d MB scanned in %d pieces, %d raw hits, %d findings, %v, of which scan %v; %d skipped; %d MB of memory", result.Bytes>>20, result.Pieces, len(result.Hits), len(hits), time.Since(start), result.Elapsed, len(result.Skipped), m.Sys>>20)
	}
}
