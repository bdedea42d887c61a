// Package logs follows a folder of logs: each round scans what was written since
// the last. It keeps its position in a file that is renamed when logs rotate,
// begins anew in one that was truncated, and does not read again what
// rotation has compressed. Positions are saved after a round was reported, so
// that a crash tells a finding twice rather than never.
package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"sync"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/files"
)

const (
	filesMost = 100_000
	depthMost = 16
	tail      = 1 << 20 // an unfinished line is left for the next round up to this length
)

// A Folder is a folder of logs that is followed. Its methods are called by one
// goroutine: Jobs by a run, then Save.
type Folder struct {
	Path    string
	State   string // file that keeps the positions; empty: they last as long as the program
	NewOnly bool   // leave out what is there in the first round
	Exclude func(path string) bool

	mu    sync.Mutex
	at    map[string]position // by path
	next  map[string]position
	ready bool
}

// Jobs lists the files with something new.
func (f *Folder) Jobs(ctx context.Context, add func(scan.Job) error) error {
	first := false
	if !f.ready {
		at, err := readState(f.State)
		if err != nil {
			return err
		}
		first, f.at, f.ready = at == nil, at, true
	}
	root, err := os.OpenRoot(f.Path)
	if err != nil {
		return fmt.Errorf("cannot follow the logs in %q: %w", f.Path, err)
	}
	f.next = map[string]position{}
	left := filesMost
	held := &open{root: root, left: 1}
	defer held.release()
	return f.folder(ctx, held, ".", 0, &left, first && f.NewOnly, add)
}

func (f *Folder) folder(ctx context.Context, o *open, dir string, depth int, left *int, passBy bool, add func(scan.Job) error) error {
	d, err := o.root.Open(dir)
	if err != nil {
		return skipped(add, f.full(dir), err)
	}
	entries, err := d.ReadDir(-1)
	d.Close()
	if err != nil {
		return skipped(add, f.full(dir), err)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case f.Exclude != nil && f.Exclude(f.full(name)):
		case e.IsDir() && depth < depthMost:
			if err := f.folder(ctx, o, name, depth+1, left, passBy, add); err != nil {
				return err
			}
		case e.Type().IsRegular():
			if *left--; *left < 0 {
				return add(func(_ context.Context, w *scan.Worker) error {
					w.Limit(f.Path, fmt.Sprintf("only %d files are followed", filesMost))
					return nil
				})
			}
			if err := f.file(o, name, passBy, add); err != nil {
				return err
			}
		}
	}
	return nil
}

// file makes a job of a file that grew.
func (f *Folder) file(o *open, name string, passBy bool, add func(scan.Job) error) error {
	info, err := o.root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil // gone since
	}
	old, known := f.at[name]
	if known && old.Size == info.Size() && old.Changed == info.ModTime().UnixNano() {
		f.next[name] = old
		return nil
	}
	file, err := o.root.Open(name)
	if err != nil {
		return skipped(add, f.full(name), err)
	}
	p, err := f.locate(file, name, info)
	if err != nil || passBy {
		if passBy {
			p.At = info.Size()
		}
		f.next[name] = p
		return errors.Join(file.Close(), skipped(add, f.full(name), err))
	}
	o.hold()
	return add(func(ctx context.Context, w *scan.Worker) error {
		defer o.release()
		defer file.Close()
		p, err := f.read(ctx, w, file, name, p)
		if err != nil {
			w.Skip(f.full(name), err)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.next[name] = p
		return nil
	})
}

// read scans a file from its position to the end of its last line.
func (f *Folder) read(ctx context.Context, w *scan.Worker, file *os.File, name string, p position) (position, error) {
	if p.done() {
		return p, nil
	}
	if p.Packed {
		p.At = p.Size
		_, err := w.Unpack(ctx, scan.Container{Path: f.full(name), Head: p.head, Size: p.Size, R: file})
		return p, err
	}
	end, err := lastLine(file, p.At, p.Size)
	if err != nil || end <= p.At {
		return p, err
	}
	lines := &counted{r: io.NewSectionReader(file, p.At, end-p.At)}
	err = files.Stream(ctx, w, scan.Piece{Path: f.full(name), Line0: p.Line, Off0: p.At}, lines, 1<<60)
	if err != nil || ctx.Err() != nil {
		return p, err
	}
	p.At, p.Line = end, p.Line+lines.lines
	return p, nil
}

// lastLine is where the last whole line ends, or the end if that line is long.
func lastLine(file *os.File, from, size int64) (int64, error) {
	start := max(from, size-tail)
	buf := make([]byte, size-start)
	n, err := file.ReadAt(buf, start)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
		return start + int64(i) + 1, nil
	}
	if start > from {
		return start + int64(n), nil
	}
	return from, nil
}

// counted counts the lines that are read through it.
type counted struct {
	r     io.Reader
	lines int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.lines += bytes.Count(p[:n], []byte("\n"))
	return n, err
}

// Save ends a round: what was read is not read again.
func (f *Folder) Save() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = maps.Clone(f.next)
	return writeState(f.State, f.at)
}

func (f *Folder) full(name string) string {
	return path.Join(filepath.ToSlash(f.Path), name)
}

func skipped(add func(scan.Job) error, name string, err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return add(func(_ context.Context, w *scan.Worker) error {
		w.Skip(name, err)
		return nil
	})
}
