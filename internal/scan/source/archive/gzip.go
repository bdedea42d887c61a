package archive

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"

	"rekey.example/rekey/internal/scan"
)

// gzipDepth is how often a stream may be compressed.
const gzipDepth = 8

// gzip scans what is compressed: a tar file, or one file. Concatenated streams,
// as log rotation makes them, are one.
func (u *Unpacker) gzip(ctx context.Context, w *scan.Worker, b *budget, name string, r io.Reader, depth int) error {
	if depth >= gzipDepth {
		b.note("archives nest too deep", name)
		return nil
	}
	if !b.entry(name) {
		return nil
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return unreadable("gzip file", err)
	}
	out := bufio.NewReaderSize(&metered{r: z, b: b, path: name}, 64<<10)
	head, err := out.Peek(4 << 10)
	if len(head) == 0 {
		if errors.Is(err, errSpent) || errors.Is(err, io.EOF) {
			return nil
		}
		return unreadable("gzip file", err)
	}
	switch formatOf(name, head) {
	case "tar":
		return u.tar(ctx, w, b, name, &free{out, b})
	case "gzip":
		return u.gzip(ctx, w, b, name, out, depth+1)
	}
	return u.entry(ctx, w, b, nil, name, 0, &free{out, b})
}

// free gives back to the budget what is read through it, because the entry
// counts it again.
type free struct {
	r io.Reader
	b *budget
}

func (f *free) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	f.b.left += int64(n)
	return n, err
}
