package archive

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/files"
)

// reading reads a container from its start.
func reading(c scan.Container) io.Reader {
	return bufio.NewReaderSize(io.NewSectionReader(c.R, 0, max(c.Size, 0)), 64<<10)
}

// entry scans one file of an archive, of which r is the unpacked content. size
// is what the archive claims and helps only to take the right memory.
func (u *Unpacker) entry(ctx context.Context, w *scan.Worker, b *budget, look Look, name string, size int64, r io.Reader) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	spare := u.spare.Get().(*[]byte)
	defer u.spare.Put(spare)
	r = &metered{r: r, b: b, path: name}
	n, err := io.ReadFull(r, *spare)
	data := (*spare)[:n]
	if n > 0 {
		if failed := u.content(ctx, w, b, look, name, size, data, err, r); failed != nil {
			return failed
		}
	}
	return broken(w, name, err)
}

// broken notes an entry whose compressed bytes end or make no sense.
func broken(w *scan.Worker, name string, err error) error {
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, errSpent) {
		w.Skip(name, unreadable("entry", err))
	}
	return nil
}

// content scans data, the first window of an entry, and what follows unless err
// says that this is all.
func (u *Unpacker) content(ctx context.Context, w *scan.Worker, b *budget, look Look, name string, size int64, data []byte, err error, rest io.Reader) error {
	head := data[:min(len(data), 4<<10)]
	if err == nil && formatOf(name, head) == "gzip" {
		return u.gzip(ctx, w, b, name, io.MultiReader(bytes.NewReader(data), rest), w.Depth())
	}
	if err == nil && formatOf(name, head) == "tar" {
		return u.tar(ctx, w, b, name, io.MultiReader(bytes.NewReader(data), rest))
	}
	whole := data
	if err == nil && (formatOf(name, head) != "" || structured(head)) {
		release, all, ok := u.hold(ctx, b, name, size, data, rest)
		defer release()
		if !ok && formatOf(name, head) != "" {
			b.note("an archive inside of the archive is too large to be opened", name)
			return nil
		}
		whole, rest = all, io.MultiReader(bytes.NewReader(all), rest)
		if ok {
			err = io.EOF
		} else {
			return stream(ctx, w, name, rest)
		}
	}
	if err == nil {
		return stream(ctx, w, name, io.MultiReader(bytes.NewReader(slices.Clone(data)), rest))
	}
	c := scan.Container{Path: name, Head: head, Size: int64(len(whole)), R: bytes.NewReader(whole)}
	if look != nil {
		if done, err := look(ctx, w, c); done || err != nil {
			return err
		}
	}
	if done, err := w.Unpack(ctx, c); done || err != nil {
		return err
	}
	if kind, scanned := kindOf(head); scanned {
		w.Scan(scan.Piece{Path: name, Data: whole, Kind: kind})
	}
	return nil
}

// structured: a text that somebody may want as a whole, a flow or an app's controls.
func structured(head []byte) bool {
	t := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	return len(t) > 0 && (t[0] == '{' || t[0] == '[' || t[0] == '<')
}

// hold reads all of an entry into memory, if the budget has room for it. Only one
// worker at a time holds more than a window, so that memory does not grow
// with the number of processors.
func (u *Unpacker) hold(ctx context.Context, b *budget, name string, size int64, data []byte, rest io.Reader) (release func(), all []byte, ok bool) {
	room := b.limits.Memory - b.memory
	if !b.large {
		select {
		case u.large <- struct{}{}:
			b.large = true
		case <-ctx.Done():
			return func() {}, data, false
		}
	}
	all = make([]byte, 0, min(max(size, 2*window), room)+512)
	all = append(all, data...)
	for int64(len(all)) < room {
		if len(all) == cap(all) {
			all = slices.Grow(all, window)
		}
		n, err := rest.Read(all[len(all):cap(all)])
		all = all[:len(all)+n]
		if err != nil {
			ok = true
			break
		}
	}
	held := int64(cap(all))
	b.memory += held
	return func() { b.memory -= held }, all, ok
}

// stream scans a long text in windows.
func stream(ctx context.Context, w *scan.Worker, name string, r io.Reader) error {
	head := bufio.NewReaderSize(r, 4<<10)
	start, _ := head.Peek(4 << 10)
	kind, scanned := kindOf(start)
	if !scanned {
		return nil
	}
	err := files.Stream(ctx, w, scan.Piece{Path: name, Kind: kind}, head, 1<<60)
	return broken(w, name, err)
}

// kindOf tells text from binaries, and leaves out pictures and fonts, which
// are most of the bytes of many archives.
func kindOf(head []byte) (kind scan.Kind, scanned bool) {
	for _, magic := range []string{"\x89PNG\r\n", "\xff\xd8\xff", "GIF8", "wOFF", "wOF2", "\x00\x01\x00\x00\x00", "OTTO"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return 0, false
		}
	}
	if bytes.IndexByte(head, 0) < 0 || bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff}) {
		return scan.Unknown, true
	}
	if odd := zeros(head, 1); odd > len(head)/4 && zeros(head, 0) == 0 {
		return scan.Unknown, true // UTF-16 without a mark
	}
	return scan.Binary, true
}

func zeros(b []byte, from int) int {
	n := 0
	for i := from; i < len(b); i += 2 {
		if b[i] == 0 {
			n++
		}
	}
	return n
}
