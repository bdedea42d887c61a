package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
)

// Types of objects, as pack files number them.
const (
	typeCommit = 1
	typeTree   = 2
	typeBlob   = 3
	typeTag    = 4
	typeOfs    = 6
	typeRef    = 7
)

// A pack is a pack file and its index. After list it also knows its entries in
// the order of their places.
type pack struct {
	file, idx *os.File
	size      int64
	limits    Limits
	count     int
	fanout    [256]uint32

	offs  []int64  // of the entries, rising
	pos   []uint32 // in the index, of each entry
	base  []int32  // entry on which an entry is built, or -1
	typ   []uint8  // of the object, 0 if it cannot be known
	first []int32  // entry built on this one, or -1
	next  []int32  // another entry built on the same, or -1
}

var (
	errIndex = errors.New("its index is damaged or of another kind")
	errPack  = errors.New("the pack is damaged")
)

const idxHead = 8 + 256*4

// openPack opens base.idx (version 2) and base.pack. (gitformat-pack)
func openPack(root *os.Root, base string, l Limits) (*pack, error) {
	idx, err := openRegular(root, base+".idx")
	if err != nil {
		return nil, err
	}
	file, err := openRegular(root, base+".pack")
	if err != nil {
		idx.Close()
		return nil, err
	}
	p := &pack{file: file, idx: idx, limits: l}
	if err := p.check(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func openRegular(root *os.Root, name string) (*os.File, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	return root.Open(name)
}

func (p *pack) close() {
	p.file.Close()
	p.idx.Close()
}

func (p *pack) check() error {
	info, err := p.file.Stat()
	if err != nil {
		return err
	}
	p.size = info.Size()
	info, err = p.idx.Stat()
	if err != nil {
		return err
	}
	var head [idxHead]byte
	if _, err := p.idx.ReadAt(head[:], 0); err != nil || string(head[:8]) != "\xfftOc\x00\x00\x00\x02" {
		return errIndex
	}
	last := uint32(0)
	for i := range p.fanout {
		p.fanout[i] = binary.BigEndian.Uint32(head[8+4*i:])
		if p.fanout[i] < last {
			return errIndex
		}
		last = p.fanout[i]
	}
	p.count = int(last)
	if info.Size() < idxHead+int64(p.count)*28+40 || int64(p.count) > p.size {
		return errIndex
	}
	var start [12]byte
	if _, err := p.file.ReadAt(start[:], 0); err != nil || string(start[:4]) != "PACK" || binary.BigEndian.Uint32(start[4:]) != 2 {
		return errPack
	}
	return nil
}

// name is the object at a position of the index.
func (p *pack) name(pos uint32) (o oid) {
	p.idx.ReadAt(o[:], idxHead+int64(pos)*20)
	return o
}

// find looks an object up and returns its offset.
func (p *pack) find(o oid) (int64, bool) {
	low, high := uint32(0), p.fanout[o[0]]
	if o[0] > 0 {
		low = p.fanout[o[0]-1]
	}
	for low < high {
		mid := low + (high-low)/2
		at := p.name(mid)
		switch slices.Compare(at[:], o[:]) {
		case 0:
			return p.offset(mid)
		case -1:
			low = mid + 1
		default:
			high = mid
		}
	}
	return 0, false
}

func (p *pack) offset(pos uint32) (int64, bool) {
	var b [8]byte
	if _, err := p.idx.ReadAt(b[:4], idxHead+int64(p.count)*24+int64(pos)*4); err != nil {
		return 0, false
	}
	return p.wide(binary.BigEndian.Uint32(b[:4]))
}

// wide resolves an entry of the offset table, large ones by the second table.
func (p *pack) wide(v uint32) (int64, bool) {
	off := int64(v)
	if v&0x80000000 != 0 {
		var b [8]byte
		if _, err := p.idx.ReadAt(b[:], idxHead+int64(p.count)*28+int64(v&0x7fffffff)*8); err != nil {
			return 0, false
		}
		off = int64(binary.BigEndian.Uint64(b[:]) & math.MaxInt64)
	}
	return off, off >= 12 && off < p.size-20
}

// A header is what stands before the compressed bytes of an entry.
type header struct {
	typ  uint8
	size int64 // of the unpacked bytes, as claimed
	back int64 // for typeOfs: how far before this entry the base begins
	base oid   // for typeRef
	len  int
}

// parseHeader reads a header of at most 40 bytes.
func parseHeader(b []byte) (h header, ok bool) {
	if len(b) == 0 {
		return h, false
	}
	h.typ, h.size = b[0]>>4&7, int64(b[0]&15)
	i, shift := 1, 4
	for c := b[0]; c&0x80 != 0; i++ {
		if i >= len(b) || shift > 53 {
			return h, false
		}
		c = b[i]
		h.size |= int64(c&0x7f) << shift
		shift += 7
	}
	switch h.typ {
	case typeOfs:
		for n := 0; ; n++ {
			if i >= len(b) || n > 8 {
				return h, false
			}
			c := b[i]
			i++
			h.back = h.back<<7 | int64(c&0x7f)
			if c&0x80 == 0 {
				break
			}
			h.back++
		}
	case typeRef:
		if i+20 > len(b) {
			return h, false
		}
		i += copy(h.base[:], b[i:])
	case typeCommit, typeTree, typeBlob, typeTag:
	default:
		return h, false
	}
	h.len = i
	return h, h.size >= 0
}

// header reads the header at an offset.
func (p *pack) header(off int64) (header, error) {
	var b [40]byte
	n, err := p.file.ReadAt(b[:min(40, max(0, p.size-20-off))], off)
	if err != nil && !errors.Is(err, io.EOF) {
		return header{}, err
	}
	h, ok := parseHeader(b[:n])
	if !ok {
		return h, errPack
	}
	return h, nil
}
