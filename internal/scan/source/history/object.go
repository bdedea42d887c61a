package history

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"container/list"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

var (
	errMissing = errors.New("the object is not in the repository")
	errLarge   = errors.New("the object is too large")
	errDelta   = errors.New("the difference does not fit its base")
)

// An inflater unpacks and uses its memory again.
type inflater struct {
	z   io.ReadCloser
	buf *bufio.Reader
}

func (x *inflater) open(r io.Reader) (io.Reader, error) {
	if _, ready := r.(io.ByteReader); !ready {
		if x.buf == nil {
			x.buf = bufio.NewReaderSize(nil, 4<<10)
		}
		x.buf.Reset(r)
		r = x.buf
	}
	if x.z == nil {
		z, err := zlib.NewReader(r)
		x.z = z
		return z, err
	}
	return x.z, x.z.(zlib.Resetter).Reset(r, nil)
}

// at opens the compressed bytes of an entry.
func (x *inflater) at(p *pack, off int64, h header) (io.Reader, error) {
	start := off + int64(h.len)
	return x.open(io.NewSectionReader(p.file, start, p.size-20-start))
}

// read unpacks an entry's own bytes into buf: an object, or a difference.
func (x *inflater) read(p *pack, off int64, h header, buf []byte) ([]byte, error) {
	if h.size > p.limits.Object {
		return nil, errLarge
	}
	r, err := x.at(p, off, h)
	if err != nil {
		return nil, errPack
	}
	return exactly(r, h.size, buf)
}

// exactly reads size bytes. Memory grows with what really comes.
func exactly(r io.Reader, size int64, buf []byte) ([]byte, error) {
	buf = buf[:0]
	for int64(len(buf)) < size {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(size, max(int64(cap(buf))*4, 64<<10)))
			copy(grown, buf)
			buf = grown
		}
		n, err := r.Read(buf[len(buf):min(int64(cap(buf)), size)])
		buf = buf[:len(buf)+n]
		if err != nil && int64(len(buf)) < size {
			return nil, errPack
		}
	}
	return buf, nil
}

// object reads any object by its name. Its bytes are shared: nobody changes them.
func (r *repo) object(o oid) (uint8, []byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.packs {
		if off, ok := p.find(o); ok {
			return r.packed(p, off)
		}
	}
	return r.looseObject(o)
}

// packed reads the object at an offset: down the chain to what is known, then up.
func (r *repo) packed(p *pack, off int64) (uint8, []byte, error) {
	var chain []int64
	var typ uint8
	var data []byte
	for at := off; ; {
		if t, d, ok := r.cache.get(p, at); ok {
			typ, data = t, d
			break
		}
		h, err := p.header(at)
		if err != nil {
			return 0, nil, err
		}
		if h.typ != typeOfs && h.typ != typeRef {
			if data, err = r.inflate.read(p, at, h, nil); err != nil {
				return 0, nil, err
			}
			typ = h.typ
			r.cache.put(p, at, typ, data)
			break
		}
		if chain = append(chain, at); len(chain) > r.limits.Chain {
			return 0, nil, errPack
		}
		next := at - h.back
		if h.typ == typeRef {
			found := false
			if next, found = p.find(h.base); !found {
				return 0, nil, errMissing
			}
		}
		if next < 12 || h.typ == typeOfs && next >= at {
			return 0, nil, errPack
		}
		at = next
	}
	for i := len(chain) - 1; i >= 0; i-- {
		h, err := p.header(chain[i])
		if err != nil {
			return 0, nil, err
		}
		delta, err := r.inflate.read(p, chain[i], h, nil)
		if err != nil {
			return 0, nil, err
		}
		if data, err = apply(data, delta, nil, r.limits.Object, nil); err != nil {
			return 0, nil, err
		}
		r.cache.put(p, chain[i], typ, data)
	}
	return typ, data, nil
}

// looseObject reads an object from its own file.
func (r *repo) looseObject(o oid) (uint8, []byte, error) {
	name := o.String()
	f, err := openRegular(r.root, "objects/"+name[:2]+"/"+name[2:])
	if err != nil {
		return 0, nil, errMissing
	}
	defer f.Close()
	typ, size, body, err := looseHeader(&r.inflate, f)
	if err != nil {
		return 0, nil, err
	}
	if size > r.limits.Object {
		return typ, nil, errLarge
	}
	data, err := exactly(body, size, nil)
	return typ, data, err
}

// looseHeader reads "blob 123\0" and leaves the body.
func looseHeader(x *inflater, f io.Reader) (typ uint8, size int64, body io.Reader, err error) {
	z, err := x.open(f)
	if err != nil {
		return 0, 0, nil, fmt.Errorf("the object is damaged: %w", err)
	}
	r := bufio.NewReaderSize(z, 4<<10)
	head, err := r.Peek(32)
	end := bytes.IndexByte(head, 0)
	if end < 0 {
		return 0, 0, nil, fmt.Errorf("the object is damaged: %w", err)
	}
	kind, length, _ := strings.Cut(string(head[:end]), " ")
	size, err = strconv.ParseInt(length, 10, 64)
	typ = map[string]uint8{"commit": typeCommit, "tree": typeTree, "blob": typeBlob, "tag": typeTag}[kind]
	if err != nil || size < 0 || typ == 0 {
		return 0, 0, nil, errors.New("the object is damaged")
	}
	r.Discard(end + 1)
	return typ, size, r, nil
}

// A cache keeps objects that others are built on, the last used, within a budget.
type cache struct {
	held  int64
	order list.List
	known map[cacheKey]*list.Element
}

const cacheMost = 12 << 20

type cacheKey struct {
	p   *pack
	off int64
}

type cached struct {
	key  cacheKey
	typ  uint8
	data []byte
}

func (c *cache) get(p *pack, off int64) (uint8, []byte, bool) {
	e := c.known[cacheKey{p, off}]
	if e == nil {
		return 0, nil, false
	}
	c.order.MoveToFront(e)
	x := e.Value.(*cached)
	return x.typ, x.data, true
}

func (c *cache) put(p *pack, off int64, typ uint8, data []byte) {
	if int64(len(data)) > cacheMost/4 {
		return
	}
	if c.known == nil {
		c.known = map[cacheKey]*list.Element{}
	}
	key := cacheKey{p, off}
	if c.known[key] != nil {
		return
	}
	c.known[key] = c.order.PushFront(&cached{key, typ, data})
	c.held += int64(len(data)) + 100
	for c.held > cacheMost {
		last := c.order.Back()
		x := c.order.Remove(last).(*cached)
		delete(c.known, x.key)
		c.held -= int64(len(x.data)) + 100
	}
}
