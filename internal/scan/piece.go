package scan

import (
	"context"
	"io"
)

// Kind says how a piece is written, where its source knows. It is a help, never
// a promise: the engine looks at the bytes.
type Kind uint8

// The kinds of a piece.
const (
	Unknown Kind = iota
	Text         // prose, code, logs
	JSON
	XML
	YAML
	Binary // scanned for marked keys only
)

// A Piece is a stretch of bytes to look at: a file, an entry of an archive, the
// new lines of a commit, the value of one input of one action of a flow. Data is
// only read while Worker.Scan runs, so a source may use its memory again after.
type Piece struct {
	Path   string   // what a person looks for: file path, or archive!inner/path
	Commit string   // full hash; may be filled in later, see Attributer
	Line0  int      // lines before Data[0] in Path; 0 for whole files
	Off0   int64    // bytes before Data[0] in Path
	Data   []byte   // the bytes, undecoded
	Kind   Kind     // of Data
	Place  []string // names that a maker knows, outermost first: solution, flow, action, input
	Advice string   // what to use at this place instead of a value; empty: the detector's own advice
	Ref    any      // the source's own note, handed back with each hit
}

// A Source lists what there is to scan as jobs, which workers run side by side.
// Jobs calls add from one goroutine; add blocks while the workers are busy and
// fails when the run has ended, which Jobs passes on. The errors of single files
// are told with Worker.Skip and end nothing.
type Source interface {
	Jobs(ctx context.Context, add func(Job) error) error
}

// A Job is some work for one worker: a batch of small files, one large file, one
// entry of an archive, one part of a pack. About a megabyte of bytes is a good size. An
// error ends the whole run.
type Job func(ctx context.Context, w *Worker) error

// An Attributer is a source that completes hits when all are known: git finds
// the commits of those blobs only in which something was found.
type Attributer interface {
	Attribute(ctx context.Context, hits []*Hit) error
}

// A Container is a file that may hold others: an archive, a compressed log, a
// solution. Head is its first bytes (up to 4 KiB).
type Container struct {
	Path string
	Head []byte
	Size int64
	R    io.ReaderAt
}

// An Unpacker reads containers. The folder source asks each in turn, for every
// file; Wants must be cheap (a suffix, a few magic bytes). What nobody wants is
// scanned as it is.
type Unpacker interface {
	Wants(path string, head []byte) bool
	// Unpack calls w.Scan for each piece inside. It keeps within its limits and
	// tells w.Limit where it stopped.
	Unpack(ctx context.Context, w *Worker, c Container) error
}
