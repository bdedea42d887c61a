// Package archive reads zip, tar and gzip files for a scan, and those inside of
// them. Whatever they claim, the work is bounded: by the bytes that come out, by
// their ratio to the bytes that went in, by the number of entries, by the depth
// and by memory. Nothing is written, no link is followed, a name is only a name.
// What is left out for a limit is told as a finding.
package archive

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"
	"sync"

	"rekey.example/rekey/internal/scan"
)

// Limits of one outermost archive, all that is nested in it included. The zero
// value of each is a default that ends every bomb within seconds.
type Limits struct {
	Entries int   // that are read; 0: 100,000
	Bytes   int64 // that come out; 0: 8 GiB
	Ratio   int64 // of bytes out to bytes in, after the first 32 MiB; 0: 80
	Memory  int64 // for archives inside of archives; 0: 32 MiB
}

const (
	freeBytes = 32 << 20
	window    = 1 << 20
)

func (l Limits) filled() Limits {
	if l.Entries <= 0 {
		l.Entries = 100_000
	}
	if l.Bytes <= 0 {
		l.Bytes = 8 << 30
	}
	if l.Ratio <= 0 {
		l.Ratio = 80
	}
	if l.Memory <= 0 {
		l.Memory = 32 << 20
	}
	return l
}

// A Look scans a file of an archive whose format it knows and reports whether
// it did. Otherwise the file is scanned as it is.
type Look func(ctx context.Context, w *scan.Worker, c scan.Container) (bool, error)

// An Unpacker reads archives. Its methods may be used by several workers at once.
type Unpacker struct {
	limits Limits
	inside func(z *Zip) Look
	large  chan struct{} // held by the one worker that has a large nested archive in memory
	spare  sync.Pool     // of *[]byte, a window each
}

// New makes an unpacker. Inside, unless nil, is asked for each zip file for who
// knows its entries, and may return nil.
func New(limits Limits, inside func(z *Zip) Look) *Unpacker {
	u := &Unpacker{limits: limits.filled(), inside: inside, large: make(chan struct{}, 1)}
	u.spare.New = func() any { b := make([]byte, window); return &b }
	return u
}

// Wants goes by the first bytes only.
func (u *Unpacker) Wants(name string, head []byte) bool { return formatOf(name, head) != "" }

func formatOf(name string, head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")), bytes.HasPrefix(head, []byte("PK\x07\x08PK\x03\x04")):
		return "zip"
	case bytes.HasPrefix(head, []byte("\x1f\x8b\x08")):
		return "gzip"
	case len(head) >= 263 && string(head[257:262]) == "ustar", len(head) >= 512 && strings.HasSuffix(name, ".tar") && tarSum(head[:512]):
		return "tar"
	}
	return ""
}

// Unpack reads one archive. Its error is one of the archive's own structure.
func (u *Unpacker) Unpack(ctx context.Context, w *scan.Worker, c scan.Container) error {
	b, inner := ctx.Value(budgetKey{}).(*budget)
	if !inner {
		b = newBudget(u.limits, c.Size)
		ctx = context.WithValue(ctx, budgetKey{}, b)
		defer func() {
			if b.large {
				<-u.large
			}
			b.tell(w, c.Path)
		}()
	}
	switch formatOf(c.Path, c.Head) {
	case "zip":
		return u.zip(ctx, w, b, c)
	case "tar":
		return u.tar(ctx, w, b, c.Path, reading(c))
	default:
		return u.gzip(ctx, w, b, c.Path, reading(c), 0)
	}
}

// inner is the path of an entry as reports have it: archive!folder/file. A name
// that would leave the archive is noted; it names nothing here anyway.
func inner(b *budget, archive, name string) string {
	slashed := strings.ReplaceAll(name, `\`, "/")
	clean := strings.TrimPrefix(path.Clean("/"+slashed), "/")
	if strings.HasPrefix(slashed, "/") || len(slashed) > 1 && slashed[1] == ':' || escapes(slashed) {
		b.note("names that point out of the archive were cut", archive+"!"+clean)
	}
	if len(clean) > 1024 {
		clean = clean[:1024]
	}
	return archive + "!" + strings.ToValidUTF8(clean, "?")
}

// escapes reports whether a relative path climbs above where it starts.
func escapes(p string) bool {
	depth := 0
	for part := range strings.SplitSeq(p, "/") {
		switch part {
		case "", ".":
		case "..":
			if depth--; depth < 0 {
				return true
			}
		default:
			depth++
		}
	}
	return false
}

func unreadable(what string, err error) error { return fmt.Errorf("cannot read the %s: %w", what, err) }
