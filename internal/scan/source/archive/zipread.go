package archive

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"rekey.example/rekey/internal/scan"
)

// zip scans the entries of a zip file in the order in which they lie there.
func (u *Unpacker) zip(ctx context.Context, w *scan.Worker, b *budget, c scan.Container) error {
	z, err := openZip(c.R, c.Size, b.limits.Entries)
	if err != nil {
		return unreadable("zip file", err)
	}
	if z.cut {
		b.note(fmt.Sprintf("only the first %d entries were read", b.limits.Entries), c.Path)
	}
	var look Look
	if u.inside != nil {
		look = u.inside(z)
	}
	r := &zipReader{z: z}
	for i := range z.entries {
		e := &z.entries[i]
		if strings.HasSuffix(e.name, "/") && e.size == 0 {
			continue
		}
		if !b.entry(c.Path) {
			return nil
		}
		full := inner(b, c.Path, e.name)
		body, why, err := r.open(i)
		switch {
		case why != "":
			b.note(why, full)
			continue
		case err != nil:
			w.Skip(full, err)
			continue
		}
		if e.link {
			if target, _ := io.ReadAll(io.LimitReader(body, 4096)); leaves(e.name, string(target)) {
				b.note("links that point out of the archive were not followed", full)
			}
			continue
		}
		if nested, done := u.stored(ctx, w, e, full, body); done {
			if nested != nil {
				return nested
			}
			continue
		}
		if err := u.entry(ctx, w, b, look, full, e.size, body); err != nil {
			return err
		}
		if r.more(e, body) {
			b.note("entries hold more than they claim", full)
		}
	}
	return nil
}

// stored opens an archive that lies uncompressed in this one where it is.
func (u *Unpacker) stored(ctx context.Context, w *scan.Worker, e *zipEntry, full string, body io.Reader) (error, bool) {
	s, ok := body.(*section)
	if !ok || s.Size() < window {
		return nil, false
	}
	head := make([]byte, 512)
	n, _ := s.ReadAt(head, 0)
	if formatOf(full, head[:n]) != "zip" {
		return nil, false
	}
	_, err := w.Unpack(ctx, scan.Container{Path: full, Head: head[:n], Size: s.Size(), R: s})
	return err, true
}

type section struct{ *io.SectionReader }

// A zipReader opens entries one after another and uses its memory again.
type zipReader struct {
	z       *Zip
	flate   io.ReadCloser
	packed  *bufio.Reader
	counted counted
}

type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// open returns the unpacked bytes of entry i, or why they are not to be read.
func (r *zipReader) open(i int) (body io.Reader, why string, err error) {
	e := &r.z.entries[i]
	if e.encrypted {
		return nil, "encrypted entries were not read", nil
	}
	var local [30]byte
	if _, err := r.z.r.ReadAt(local[:], e.header); err != nil || !bytes.HasPrefix(local[:], []byte("PK\x03\x04")) {
		return nil, "", errors.New("the entry has no header")
	}
	le := binary.LittleEndian
	start := e.header + 30 + int64(le.Uint16(local[26:])) + int64(le.Uint16(local[28:]))
	end := min(start+e.packed, r.z.size)
	if i+1 < len(r.z.entries) && end > r.z.entries[i+1].header {
		return nil, "entries that lie over each other were not read", nil
	}
	if start >= end {
		return bytes.NewReader(nil), "", nil
	}
	raw := io.NewSectionReader(r.z.r, start, end-start)
	switch e.method {
	case 0:
		return &section{raw}, "", nil
	case 8:
		return r.inflate(raw), "", nil
	}
	return nil, fmt.Sprintf("entries of compression method %d were not read", e.method), nil
}

func (r *zipReader) inflate(raw io.Reader) io.Reader {
	if r.flate == nil {
		r.packed = bufio.NewReaderSize(raw, 32<<10)
		r.flate = flate.NewReader(r.packed)
	} else {
		r.packed.Reset(raw)
		r.flate.(flate.Resetter).Reset(r.packed, nil)
	}
	r.counted = counted{r: r.flate}
	return &r.counted
}

// more reports whether an entry held more than the directory claims.
func (r *zipReader) more(e *zipEntry, body io.Reader) bool {
	return body == io.Reader(&r.counted) && r.counted.n > e.size
}

// Has reports whether the zip file has an entry of this name, in any case.
func (z *Zip) Has(name string) bool { return z.find(name) >= 0 }

func (z *Zip) find(name string) int {
	for i := range z.entries {
		if strings.EqualFold(strings.ReplaceAll(z.entries[i].name, `\`, "/"), name) {
			return i
		}
	}
	return -1
}

// Read returns at most most bytes of an entry, or nil. It is for the few files
// that say what the others are.
func (z *Zip) Read(name string, most int64) []byte {
	i := z.find(name)
	if i < 0 {
		return nil
	}
	body, why, err := (&zipReader{z: z}).open(i)
	if why != "" || err != nil {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(body, most))
	if err != nil && len(data) == 0 {
		return nil
	}
	return data
}
