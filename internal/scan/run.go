package scan

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rekey.example/rekey/internal/scan/detect"
)

// Config is how a run is done. The zero value scans with every built-in detector
// on every processor.
type Config struct {
	Detectors []*detect.Detector
	Workers   int    // 0: one for each processor
	Key       []byte // of fingerprints; empty: see Hit
	Unpack    []Unpacker
	Progress  func(Progress) // called a few times a second, from one goroutine
}

// Progress says how far a run is.
type Progress struct {
	Pieces, Bytes int64
	Hits          int64
	Elapsed       time.Duration
}

// A Result is what a run found, sorted by path and place.
type Result struct {
	Hits    []*Hit
	Skipped []Skipped
	Progress
}

type run struct {
	engine *Engine
	unpack []Unpacker
	queue  *queue

	pieces, bytes, hits atomic.Int64
}

func (r *run) count(n int) { r.hits.Add(int64(n)) }

func (r *run) progress(since time.Time) Progress {
	return Progress{Pieces: r.pieces.Load(), Bytes: r.bytes.Load(), Hits: r.hits.Load(), Elapsed: time.Since(since)}
}

// Run scans the sources one after another and returns when all is read, or with
// the first error that ended it. What was found until then is in the result.
func Run(ctx context.Context, c Config, sources ...Source) (*Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := time.Now()
	r := &run{engine: NewEngine(c.Detectors, c.Key), unpack: c.Unpack}
	stopTelling := r.tell(c.Progress, start)
	result := &Result{}
	var failed error
	for _, s := range sources {
		hits, skipped, err := r.source(ctx, c, s)
		if a, ok := s.(Attributer); ok && err == nil {
			err = a.Attribute(ctx, hits)
		}
		result.Hits, result.Skipped = append(result.Hits, hits...), append(result.Skipped, skipped...)
		if err != nil {
			failed = err
			break
		}
	}
	stopTelling()
	slices.SortStableFunc(result.Hits, func(x, y *Hit) int {
		return cmp.Or(cmp.Compare(x.Path, y.Path), cmp.Compare(x.Commit, y.Commit), cmp.Compare(x.Offset, y.Offset), slices.Compare(x.Place, y.Place))
	})
	slices.SortFunc(result.Skipped, func(x, y Skipped) int { return cmp.Compare(x.Path, y.Path) })
	result.Progress = r.progress(start)
	return result, failed
}

// source runs one source's jobs on the workers.
func (r *run) source(ctx context.Context, c Config, s Source) ([]*Hit, []Skipped, error) {
	n := c.Workers
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.queue = newQueue(4 * n)
	defer context.AfterFunc(ctx, r.queue.end)()
	workers := make([]*Worker, n)
	var wait sync.WaitGroup
	for i := range workers {
		w := &Worker{run: r}
		workers[i] = w
		wait.Go(func() {
			for job := r.queue.pop(); job != nil; job = r.queue.pop() {
				if err := job(ctx, w); err != nil {
					cancel(err)
				}
				r.queue.done()
			}
			w.tell()
		})
	}
	err := s.Jobs(ctx, r.queue.add)
	if err != nil {
		cancel(err)
	}
	r.queue.close()
	wait.Wait()
	var hits []*Hit
	var skipped []Skipped
	for _, w := range workers {
		hits, skipped = append(hits, w.hits...), append(skipped, w.skipped...)
	}
	return hits, skipped, context.Cause(ctx)
}

// tell calls the progress function until the returned function is called.
func (r *run) tell(progress func(Progress), since time.Time) func() {
	if progress == nil {
		return func() {}
	}
	stop := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				progress(r.progress(since))
			case <-stop:
				return
			}
		}
	})
	return func() {
		close(stop)
		wait.Wait()
	}
}
