package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

// A Zip is the directory of a zip file.
type Zip struct {
	r       io.ReaderAt
	size    int64
	base    int64 // where the zip file begins: something may stand before it
	entries []zipEntry
	cut     bool // there are more entries than are kept
}

type zipEntry struct {
	name         string
	header       int64 // offset of the local header
	packed, size int64
	method       uint16
	encrypted    bool
	link         bool
}

var errNoDirectory = errors.New("it has no directory")

// openZip reads the directory, of which at most most entries. Names and sizes
// are claims. (APPNOTE.TXT 4.3)
func openZip(r io.ReaderAt, size int64, most int) (*Zip, error) {
	z := &Zip{r: r, size: size}
	at, length, end, err := z.directory()
	if err != nil {
		return nil, err
	}
	z.base = max(0, end-length-at)
	if at+z.base > size {
		return nil, errNoDirectory
	}
	if err := z.list(at+z.base, min(length, size-at-z.base), most); err != nil {
		return nil, err
	}
	slices.SortStableFunc(z.entries, func(a, b zipEntry) int { return int(max(-1, min(1, a.header-b.header))) })
	return z, nil
}

// directory finds the directory by the record at the end.
func (z *Zip) directory() (at, length, end int64, err error) {
	tail := make([]byte, min(z.size, 22+0xffff))
	if _, err := z.r.ReadAt(tail, z.size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, 0, err
	}
	i := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if i < 0 || len(tail)-i < 22 {
		return 0, 0, 0, errNoDirectory
	}
	le := binary.LittleEndian
	end = z.size - int64(len(tail)) + int64(i)
	length, at = int64(le.Uint32(tail[i+12:])), int64(le.Uint32(tail[i+16:]))
	if at != 0xffffffff && length != 0xffffffff && le.Uint16(tail[i+10:]) != 0xffff || i < 20 {
		return at, length, end, nil
	}
	locator := tail[i-20:]
	if !bytes.HasPrefix(locator, []byte("PK\x06\x07")) {
		return at, length, end, nil
	}
	var record [56]byte
	where := int64(le.Uint64(locator[8:]))
	if where < 0 || where > z.size-56 {
		return 0, 0, 0, errNoDirectory
	}
	if _, err := z.r.ReadAt(record[:], where); err != nil || !bytes.HasPrefix(record[:], []byte("PK\x06\x06")) {
		return 0, 0, 0, errNoDirectory
	}
	length, at = int64(le.Uint64(record[40:])), int64(le.Uint64(record[48:]))
	if length < 0 || at < 0 || at > z.size || length > z.size {
		return 0, 0, 0, errNoDirectory
	}
	return at, length, where, nil
}

// list reads the directory's records.
func (z *Zip) list(at, length int64, most int) error {
	r := newWindow(z.r, at, at+length)
	le := binary.LittleEndian
	for {
		h, err := r.next(46)
		if err != nil || !bytes.HasPrefix(h, []byte("PK\x01\x02")) {
			return nil
		}
		if len(z.entries) >= most {
			z.cut = true
			return nil
		}
		e := zipEntry{
			encrypted: le.Uint16(h[8:])&1 != 0, method: le.Uint16(h[10:]), packed: int64(le.Uint32(h[20:])), size: int64(le.Uint32(h[24:])),
			link: h[5] == 3 && le.Uint32(h[38:])>>16&0xf000 == 0xa000, header: int64(le.Uint32(h[42:])),
		}
		name, extra, comment := int(le.Uint16(h[28:])), int(le.Uint16(h[30:])), int(le.Uint16(h[32:]))
		rest, err := r.next(name + extra + comment)
		if err != nil {
			return nil
		}
		e.name = string(rest[:name])
		e.wide(rest[name : name+extra])
		e.header += z.base
		if e.packed < 0 || e.header < 0 || e.header > z.size {
			continue
		}
		z.entries = append(z.entries, e)
	}
}

// wide takes the 64-bit sizes from the extra fields.
func (e *zipEntry) wide(extra []byte) {
	le := binary.LittleEndian
	for len(extra) >= 4 {
		id, n := le.Uint16(extra), int(le.Uint16(extra[2:]))
		extra = extra[4:]
		if n > len(extra) {
			return
		}
		field := extra[:n]
		extra = extra[n:]
		if id != 1 {
			continue
		}
		for _, v := range []*int64{&e.size, &e.packed, &e.header} {
			if *v == 0xffffffff && len(field) >= 8 {
				*v = int64(le.Uint64(field))
				field = field[8:]
			}
		}
	}
}

// A span reads forward in large steps from something that reads anywhere.
type span struct {
	r        io.ReaderAt
	at, end  int64 // of what was not read yet
	buf      []byte
	from, to int
}

func newWindow(r io.ReaderAt, at, end int64) *span {
	return &span{r: r, at: at, end: end, buf: make([]byte, 256<<10)}
}

// next returns the next n bytes, good until the next call; n < 200,000.
func (s *span) next(n int) ([]byte, error) {
	if s.to-s.from < n {
		s.to = copy(s.buf, s.buf[s.from:s.to])
		s.from = 0
		m := int(min(int64(len(s.buf)-s.to), s.end-s.at))
		got, err := s.r.ReadAt(s.buf[s.to:s.to+max(m, 0)], s.at)
		s.to, s.at = s.to+got, s.at+int64(got)
		if s.to < n {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	b := s.buf[s.from : s.from+n]
	s.from += n
	return b, nil
}
