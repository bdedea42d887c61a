package solution_test

import (
	"bytes"
	"context"

	"rekey.example/rekey/internal/scan"
)

// bytesSource is one file in memory.
type bytesSource struct {
	name string
	data []byte
}

func (b bytesSource) Jobs(_ context.Context, add func(scan.Job) error) error {
	return add(func(ctx context.Context, w *scan.Worker) error {
		_, err := w.Unpack(ctx, scan.Container{Path: b.name, Head: b.data[:min(len(b.data), 512)], Size: int64(len(b.data)), R: bytes.NewReader(b.data)})
		return err
	})
}
