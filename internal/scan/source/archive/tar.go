package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"

	"rekey.example/rekey/internal/scan"
)

const (
	tarBlock    = 512
	tarExtended = 1 << 20 // bytes of a long name or of extended headers
)

// tarHeader is what matters of a header block, see POSIX pax.
type tarHeader struct {
	name   string
	size   int64
	kind   byte
	target string // of a link
}

// tar scans the files of a tar stream.
func (u *Unpacker) tar(ctx context.Context, w *scan.Worker, b *budget, name string, r io.Reader) error {
	var block [tarBlock]byte
	var next tarHeader // what extended headers say about the next file
	for !b.spent && ctx.Err() == nil {
		if _, err := io.ReadFull(r, block[:]); err != nil {
			return tarEnd(err)
		}
		if block == [tarBlock]byte{} {
			return nil
		}
		h, ok := readTarHeader(block[:])
		if !ok {
			return unreadable("tar file", errors.New("a header's checksum is wrong"))
		}
		pad := -h.size & (tarBlock - 1)
		if h.kind == 'x' || h.kind == 'L' || h.kind == 'K' || h.kind == 'g' {
			if h.size > tarExtended {
				b.note("the headers of a tar file are too large", name)
				return nil
			}
			text := make([]byte, h.size+pad)
			if _, err := io.ReadFull(r, text); err != nil {
				return tarEnd(err)
			}
			next.extend(h.kind, text[:h.size])
			continue
		}
		h.merge(next)
		next = tarHeader{size: -1}
		pad = -h.size & (tarBlock - 1)
		body := &io.LimitedReader{R: r, N: h.size}
		if !b.entry(name) {
			return nil
		}
		if err := u.tarEntry(ctx, w, b, name, h, body); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, r, body.N+pad); err != nil {
			return tarEnd(err)
		}
	}
	return ctx.Err()
}

func tarEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, errSpent) {
		return nil
	}
	return unreadable("tar file", err)
}

func (u *Unpacker) tarEntry(ctx context.Context, w *scan.Worker, b *budget, archive string, h tarHeader, body io.Reader) error {
	full := inner(b, archive, h.name)
	switch h.kind {
	case 0, '0', '7':
		return u.entry(ctx, w, b, nil, full, h.size, body)
	case '1', '2':
		if leaves(h.name, h.target) {
			b.note("links that point out of the archive were not followed", full)
		}
	case 'S':
		b.note("sparse files were not read", full)
	}
	return nil
}

// leaves reports whether a link of this name points out of the archive.
func leaves(name, target string) bool {
	target = strings.ReplaceAll(target, `\`, "/")
	return strings.HasPrefix(target, "/") || escapes(path.Dir(name)+"/"+target)
}

func readTarHeader(block []byte) (h tarHeader, ok bool) {
	if !tarSum(block) {
		return h, false
	}
	h.name, h.kind, h.target = text(block[:100]), block[156], text(block[157:257])
	if prefix := text(block[345:500]); prefix != "" && string(block[257:263]) == "ustar\x00" {
		h.name = prefix + "/" + h.name
	}
	h.size, ok = number(block[124:136])
	if h.kind != 0 && h.kind != '0' && h.kind != '7' && h.kind != 'x' && h.kind != 'g' && h.kind != 'L' && h.kind != 'K' && h.kind != 'S' {
		h.size = 0 // folders, links and devices have no content whatever they claim
	}
	return h, ok
}

// tarSum checks the header's checksum.
func tarSum(block []byte) bool {
	want, ok := number(block[148:156])
	sum := int64(8 * ' ')
	for i, c := range block[:tarBlock] {
		if i < 148 || i >= 156 {
			sum += int64(c)
		}
	}
	return ok && sum == want
}

func text(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(b)
}

// number reads octal digits, or GNU's binary form.
func number(b []byte) (int64, bool) {
	if b[0]&0x80 != 0 {
		n := int64(b[0] & 0x3f)
		for _, c := range b[1:] {
			if n > 1<<50 {
				return 0, false
			}
			n = n<<8 | int64(c)
		}
		return n, true
	}
	t := strings.Trim(string(b), " \x00")
	if t == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(t, 8, 64)
	return n, err == nil && n >= 0
}

// extend reads an extended header.
func (h *tarHeader) extend(kind byte, content []byte) {
	switch kind {
	case 'L':
		h.name = text(content)
	case 'K':
		h.target = text(content)
	case 'x':
		for len(content) > 0 {
			length, rest, found := bytes.Cut(content, []byte(" "))
			n, err := strconv.Atoi(string(length))
			if !found || err != nil || n <= len(length)+1 || n > len(content) {
				return
			}
			key, value, _ := strings.Cut(strings.TrimSuffix(string(rest[:n-len(length)-1]), "\n"), "=")
			content = content[n:]
			switch key {
			case "path", "GNU.sparse.name":
				h.name = value
			case "linkpath":
				h.target = value
			case "size":
				if s, err := strconv.ParseInt(value, 10, 64); err == nil && s >= 0 {
					h.size = s
				}
			case "GNU.sparse.major", "GNU.sparse.map":
				h.kind = 'S'
			}
		}
	}
}

func (h *tarHeader) merge(x tarHeader) {
	if x.name != "" {
		h.name = x.name
	}
	if x.target != "" {
		h.target = x.target
	}
	if x.size > 0 && (h.kind == 0 || h.kind == '0' || h.kind == '7') {
		h.size = x.size
	}
	if x.kind == 'S' {
		h.kind = 'S'
	}
}
