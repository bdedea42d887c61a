package scan

import (
	"context"
	"errors"
	"fmt"

	"rekey.example/rekey/internal/scan/detect"
)

// unpackDepth is how deep containers may nest.
const unpackDepth = 8

// A Worker runs jobs one after another and owns the memory that they use again.
type Worker struct {
	run     *run
	buf     Buffer
	scratch []byte
	hits    []*Hit
	skipped []Skipped
	depth   int

	pieces, read int64
}

// A Skipped is a file that could not be read, or was left out for a reason.
type Skipped struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// Scan looks at a piece.
func (w *Worker) Scan(p Piece) {
	w.pieces++
	w.read += int64(len(p.Data))
	found := w.run.engine.Piece(&p, &w.buf)
	if len(w.buf.found) >= hitsMost {
		w.Limit(p.Path, "more hits than are kept of one piece")
	}
	if len(found) > 0 {
		w.hits = append(w.hits, found...)
		w.run.count(len(found))
	}
	if w.pieces >= 64 || w.read > 1<<20 {
		w.tell()
	}
}

// Limit reports that a part of path was not looked at. It is a finding, so that
// nobody can hide a secret behind a file that is too large.
func (w *Worker) Limit(path, why string) {
	h := &Hit{Detector: LimitReached, Class: detect.Possible, Path: path, Line: 1, Column: 1, EndLine: 1, EndColumn: 1, Masked: why, Advice: LimitReached.Advice}
	h.Fingerprint = h.fingerprint(nil)
	w.hits = append(w.hits, h)
	w.run.count(1)
}

// Skip notes what could not be read. It ends nothing.
func (w *Worker) Skip(path string, err error) {
	if len(w.skipped) < 10_000 {
		w.skipped = append(w.skipped, Skipped{path, err.Error()})
	}
}

// Bytes returns n bytes to read into, good until the next call on this worker.
func (w *Worker) Bytes(n int) []byte {
	if cap(w.scratch) < n {
		w.scratch = make([]byte, max(n, 64<<10))
	}
	return w.scratch[:n]
}

// Add gives the workers another job. It never blocks.
func (w *Worker) Add(j Job) { w.run.queue.push(j) }

// Depth is how many containers the worker is inside of.
func (w *Worker) Depth() int { return w.depth }

// Unpack offers a container to those who read containers. It reports whether
// somebody took it.
func (w *Worker) Unpack(ctx context.Context, c Container) (bool, error) {
	for _, u := range w.run.unpack {
		if !u.Wants(c.Path, c.Head) {
			continue
		}
		if w.depth >= unpackDepth {
			w.Limit(c.Path, fmt.Sprintf("containers nest deeper than %d", unpackDepth))
			return true, nil
		}
		w.depth++
		err := u.Unpack(ctx, w, c)
		w.depth--
		if err != nil && ctx.Err() == nil {
			w.Skip(c.Path, err)
			return true, nil
		}
		return true, err
	}
	return false, nil
}

// errEnded is what add returns when the run has ended.
var errEnded = errors.New("the scan has ended")

// tell adds what the worker did since the last time to the run's figures.
func (w *Worker) tell() {
	w.run.bytes.Add(w.read)
	w.run.pieces.Add(w.pieces)
	w.read, w.pieces = 0, 0
}
