// Package files reads folders, files and standard input for a scan. It follows
// no link, opens nothing but regular files, and stays inside the folder that it
// was given: what lies there may be a stranger's.
package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"rekey.example/rekey/internal/scan"
)

// Limits of a single file. What is longer than a window is scanned in windows
// that end with a line.
const (
	defaultMost = 1 << 30
	window      = 1 << 20
	overlap     = 4 << 10
	batch       = 64
)

// A Folder is a folder or a single file.
type Folder struct {
	Path      string
	Most      int64 // bytes of a file above which only a limit is reported; 0: 1 GiB
	Binary    bool  // look for marked keys in binary files too
	Hidden    bool  // go into .git and the like
	GitIgnore bool  // leave out what .gitignore files name
	Exclude   func(path string) bool
}

// Jobs lists the folder.
func (f Folder) Jobs(ctx context.Context, add func(scan.Job) error) error {
	info, err := os.Lstat(f.Path)
	if err != nil {
		return fmt.Errorf("cannot scan %q: %w", f.Path, errors.Unwrap(err))
	}
	if info.Mode()&fs.ModeSymlink != 0 { // a link that the user names is followed; those inside are not
		if info, err = os.Stat(f.Path); err != nil {
			return fmt.Errorf("cannot scan %q: %w", f.Path, errors.Unwrap(err))
		}
	}
	if info.IsDir() {
		return add(func(ctx context.Context, w *scan.Worker) error {
			root, err := os.OpenRoot(f.Path)
			if err != nil {
				return fmt.Errorf("cannot scan %q: %w", f.Path, err)
			}
			f.folder(ctx, w, root, filepath.ToSlash(filepath.Clean(f.Path)), nil)
			return nil
		})
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("cannot scan %q: it is neither a file nor a folder", f.Path)
	}
	return add(func(ctx context.Context, w *scan.Worker) error {
		file, err := os.Open(f.Path)
		if err != nil {
			return fmt.Errorf("cannot scan %q: %w", f.Path, err)
		}
		defer file.Close()
		return f.file(ctx, w, file, filepath.ToSlash(f.Path))
	})
}

// folder reads one folder: its files in batches, each folder in it as a job of
// its own. It closes root.
func (f Folder) folder(ctx context.Context, w *scan.Worker, root *os.Root, name string, above *ignore) {
	entries, err := entriesOf(root)
	if err != nil {
		root.Close()
		w.Skip(name, err)
		return
	}
	if f.GitIgnore {
		above = readIgnore(root, name, above)
	}
	dir := &openFolder{root: root, left: 1}
	var names []string
	for _, e := range entries {
		full := path.Join(name, e.Name())
		if name == "." {
			full = e.Name()
		}
		switch {
		case f.Exclude != nil && f.Exclude(full), above.ignores(full, e.IsDir()):
		case e.IsDir() && !f.Hidden && skipped(e.Name()):
		case e.IsDir():
			sub, err := root.OpenRoot(e.Name())
			if err != nil {
				w.Skip(full, err)
				continue
			}
			w.Add(func(ctx context.Context, w *scan.Worker) error {
				f.folder(ctx, w, sub, full, above)
				return nil
			})
		case e.Type().IsRegular():
			names = append(names, e.Name())
		}
	}
	for part := range slices.Chunk(names, batch) {
		dir.hold()
		work := func(ctx context.Context, w *scan.Worker) error {
			defer dir.release()
			for _, n := range part {
				if ctx.Err() != nil {
					return nil
				}
				f.entry(ctx, w, root, n, name)
			}
			return nil
		}
		if len(names) > batch {
			w.Add(work)
			continue
		}
		work(ctx, w)
	}
	dir.release()
}

// skipped are folders that hold another program's own data.
func skipped(name string) bool {
	switch name {
	case ".git", ".hg", ".svn", ".bzr", ".jj":
		return true
	}
	return false
}

func entriesOf(root *os.Root) ([]fs.DirEntry, error) {
	d, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.ReadDir(-1)
}

func (f Folder) entry(ctx context.Context, w *scan.Worker, root *os.Root, name, dir string) {
	full := name
	if dir != "." {
		full = dir + "/" + name
	}
	file, err := open(root, name)
	if err != nil {
		w.Skip(full, err)
		return
	}
	defer file.Close()
	if err := f.file(ctx, w, file, full); err != nil {
		w.Skip(full, err)
	}
}

// An opened is what an open file can do here.
type opened interface {
	io.Reader
	io.ReaderAt
	io.Closer
}

// file scans one file, whose size is found out by reading it.
func (f Folder) file(ctx context.Context, w *scan.Worker, file opened, name string) error {
	buf := w.Bytes(window)
	n, err := io.ReadFull(file, buf)
	whole := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if err != nil && !whole {
		return errors.Unwrap(err)
	}
	data := buf[:n]
	head := data[:min(n, 4<<10)]
	size := int64(n)
	if !whole {
		size = sizeOf(file)
	}
	if handled, err := w.Unpack(ctx, scan.Container{Path: name, Head: slices.Clone(head[:min(n, 512)]), Size: size, R: file}); handled || err != nil {
		return err
	}
	kind := scan.Unknown
	if isBinary(head) {
		if !f.Binary {
			return nil
		}
		kind = scan.Binary
	}
	most := f.Most
	if most <= 0 {
		most = defaultMost
	}
	if size > most {
		w.Limit(name, fmt.Sprintf("the file has %d bytes, more than %d", size, most))
		return nil
	}
	if whole {
		w.Scan(scan.Piece{Path: name, Data: data, Kind: kind})
		return nil
	}
	return Stream(ctx, w, scan.Piece{Path: name, Kind: kind}, io.MultiReader(bytes.NewReader(slices.Clone(data)), file), most)
}

func sizeOf(file opened) int64 {
	if s, ok := file.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if info, err := s.Stat(); err == nil {
			return info.Size()
		}
	}
	return 0
}

// isBinary: a zero byte near the start, and not the regular ones of UTF-16.
func isBinary(head []byte) bool {
	i := bytes.IndexByte(head, 0)
	if i < 0 {
		return false
	}
	if len(head) >= 2 && (head[0] == 0xff && head[1] == 0xfe || head[0] == 0xfe && head[1] == 0xff) {
		return false
	}
	zeros := bytes.Count(head, []byte{0})
	odd := 0
	for i := 1; i < len(head); i += 2 {
		if head[i] == 0 {
			odd++
		}
	}
	return !(zeros*3 > len(head) && (odd == zeros || odd == 0))
}

// Stream scans a long text in windows, each of which ends with a line if there
// is one. p names it; most is the number of bytes after which a limit is reported.
func Stream(ctx context.Context, w *scan.Worker, p scan.Piece, r io.Reader, most int64) error {
	buf := make([]byte, window+overlap)
	kept, total := 0, int64(0)
	for {
		n, err := io.ReadFull(r, buf[kept:])
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		total += int64(n)
		data := buf[:kept+n]
		cut := len(data)
		if !last {
			if i := bytes.LastIndexByte(data, '\n'); i >= len(data)/2 {
				cut = i + 1
			}
		}
		p.Data = data[:cut]
		w.Scan(p)
		if last || ctx.Err() != nil {
			return nil
		}
		if total > most {
			w.Limit(p.Path, fmt.Sprintf("only the first %d bytes were looked at", total))
			return nil
		}
		again := cut
		if cut == len(data) { // no line ended: look at the seam twice
			again = len(data) - overlap
		}
		p.Line0 += bytes.Count(data[:again], []byte("\n"))
		p.Off0 += int64(again)
		kept = copy(buf, data[again:])
	}
}

// Input is a stream, as standard input is.
type Input struct {
	Name string // what the report calls it
	R    io.Reader
}

// Jobs reads the stream as one job.
func (in Input) Jobs(_ context.Context, add func(scan.Job) error) error {
	return add(func(ctx context.Context, w *scan.Worker) error {
		if err := Stream(ctx, w, scan.Piece{Path: in.Name}, in.R, defaultMost); err != nil {
			return fmt.Errorf("cannot read %s: %w", in.Name, err)
		}
		return nil
	})
}
