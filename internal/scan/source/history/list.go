package history

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// list reads where all entries are and on which others they are built. It reads
// the pack once from start to end, its headers only.
func (p *pack) list() error {
	if p.count > p.limits.Objects {
		return fmt.Errorf("it has %d objects, more than %d", p.count, p.limits.Objects)
	}
	if err := p.offsets(); err != nil {
		return err
	}
	n := len(p.offs)
	p.base, p.typ = make([]int32, n), make([]uint8, n)
	if err := p.headers(); err != nil {
		return err
	}
	p.types()
	p.first, p.next = make([]int32, n), make([]int32, n)
	for i := range p.first {
		p.first[i] = -1
	}
	for i := n - 1; i >= 0; i-- {
		p.next[i] = -1
		if b := p.base[i]; b >= 0 && p.typ[i] == typeBlob {
			p.next[i], p.first[b] = p.first[b], int32(i)
		}
	}
	return nil
}

func (p *pack) offsets() error {
	table := make([]byte, 4*p.count)
	if _, err := p.idx.ReadAt(table, idxHead+int64(p.count)*24); err != nil {
		return errIndex
	}
	p.offs, p.pos = make([]int64, p.count), make([]uint32, p.count)
	for i := range p.pos {
		p.pos[i] = uint32(i)
		off, ok := p.wide(binary.BigEndian.Uint32(table[4*i:]))
		if !ok {
			return errIndex
		}
		p.offs[i] = off
	}
	byPos := p.offs
	slices.SortFunc(p.pos, func(a, b uint32) int { return cmp.Compare(byPos[a], byPos[b]) })
	p.offs = make([]int64, p.count)
	for i, pos := range p.pos {
		p.offs[i] = byPos[pos]
	}
	return nil
}

// headers fills base, and typ where the header itself says it.
func (p *pack) headers() error {
	buf := make([]byte, 1<<20)
	from, to := int64(0), int64(0)
	for i, off := range p.offs {
		if off+40 > to && to < p.size-20 {
			n, err := p.file.ReadAt(buf[:min(int64(len(buf)), p.size-20-off)], off)
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			from, to = off, off+int64(n)
		}
		p.base[i] = -1
		h, ok := parseHeader(buf[off-from : min(off-from+40, to-from)])
		switch {
		case !ok:
		case h.typ == typeOfs:
			if j, found := slices.BinarySearch(p.offs[:i], off-h.back); found {
				p.base[i] = int32(j)
			}
		case h.typ == typeRef:
			if at, found := p.find(h.base); found {
				if j, found := slices.BinarySearch(p.offs, at); found && j != i {
					p.base[i] = int32(j)
				}
			}
		default:
			p.typ[i] = h.typ
		}
	}
	return nil
}

// types gives every entry the type of the one at the bottom of its chain. An
// entry whose chain has no bottom, or none within the limit, keeps none.
func (p *pack) types() {
	var chain []int32
	for i := range p.typ {
		chain = chain[:0]
		j := int32(i)
		for p.typ[j] == 0 && p.base[j] >= 0 && len(chain) <= p.limits.Chain {
			chain = append(chain, j)
			j = p.base[j]
		}
		if t := p.typ[j]; t != 0 {
			for _, c := range chain {
				p.typ[c] = t
			}
			continue
		}
		for _, c := range chain {
			p.base[c] = -1 // a ring, or built on what is not there
		}
	}
}

// depth is on how many others an entry is built, at most limit+1.
func (p *pack) entry(off int64) (int32, bool) {
	i, found := slices.BinarySearch(p.offs, off)
	return int32(i), found
}
