package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/files"
)

// heldMost is how many bytes of objects one worker keeps because others are
// built on them. What is dropped is built again when it is needed.
const heldMost = 12 << 20

// A ref says of which object a piece is.
type ref struct {
	p    *pack // nil: a loose object
	i    int32 // entry of the pack
	name oid   // of a loose object
}

func (r *ref) oid() oid {
	if r.p == nil {
		return r.name
	}
	return r.p.name(r.p.pos[r.i])
}

// pack lists the files of a pack as jobs: each object that is stored whole, with
// all that are built on it.
func (s *Source) pack(ctx context.Context, p *pack, add func(scan.Job) error) error {
	if err := p.list(); err != nil {
		name := s.label() + p.file.Name()
		return add(func(_ context.Context, w *scan.Worker) error {
			w.Limit(name, err.Error())
			return nil
		})
	}
	var roots []int32
	weight := int64(0)
	give := func() error {
		if len(roots) == 0 {
			return nil
		}
		part := roots
		roots, weight = nil, 0
		return add(func(ctx context.Context, w *scan.Worker) error {
			d := &descent{s: s, p: p, w: w}
			for _, root := range part {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				d.from(ctx, root)
			}
			return nil
		})
	}
	for i, t := range p.typ {
		if t == 0 {
			s.unreadable(p, int32(i), add)
		}
		if t != typeBlob || p.base[i] >= 0 {
			continue
		}
		roots = append(roots, int32(i))
		end := p.size
		if i+1 < len(p.offs) {
			end = p.offs[i+1]
		}
		if weight += end - p.offs[i]; weight > 256<<10 || len(roots) >= 512 {
			if err := give(); err != nil {
				return err
			}
		}
	}
	return give()
}

func (s *Source) unreadable(p *pack, i int32, add func(scan.Job) error) {
	add(func(_ context.Context, w *scan.Worker) error {
		w.Skip(s.label()+p.name(p.pos[i]).String(), errPack)
		return nil
	})
}

// A descent goes from an object to those that are built on it. It holds those
// only whose other children are still to come.
type descent struct {
	s       *Source
	p       *pack
	w       *scan.Worker
	x       inflater
	raw     []byte
	packed  bytes.Reader
	delta   []byte
	changes []change
	spare   [][]byte
	frames  []frame
	held    int
}

type frame struct {
	i    int32
	next int32 // the child that comes next
	data []byte
	pem  bool // a key block may be in it, which is longer than other secrets
}

func (d *descent) from(ctx context.Context, root int32) {
	h, data, err := d.load(root, nil)
	if errors.Is(err, errLarge) {
		d.large(ctx, root, h)
		return
	}
	if err != nil {
		d.skip(root, err)
		return
	}
	r := &ref{p: d.p, i: root}
	d.s.whole(ctx, d.w, data, r, "", "")
	d.push(root, data, hasBlock(data))
	for len(d.frames) > 0 {
		d.step(ctx)
	}
}

// step scans the next child of the object on top.
func (d *descent) step(ctx context.Context) {
	top := &d.frames[len(d.frames)-1]
	child := top.next
	if child < 0 || ctx.Err() != nil {
		d.pop()
		return
	}
	top.next = d.p.next[child]
	data, err := d.build(top, child)
	if err != nil {
		d.skip(child, err)
		return
	}
	pem := top.pem
	r := &ref{p: d.p, i: child}
	if container(data) {
		d.s.whole(ctx, d.w, data, r, "", "")
	} else if kind, ok := d.s.kind(data); ok {
		for _, c := range d.changes {
			pem = pem || hasBlock(data[max(0, c.start-40):min(len(data), c.end+40)])
		}
		d.s.windows(d.w, scan.Piece{Kind: kind, Ref: r}, data, d.changes, pem)
	}
	if top.next < 0 {
		d.pop()
	}
	if d.p.first[child] < 0 {
		d.give(data)
		return
	}
	d.push(child, data, pem)
}

// build makes a child of its parent's bytes.
func (d *descent) build(top *frame, child int32) ([]byte, error) {
	if top.data == nil {
		data, err := d.again(top.i)
		if err != nil {
			return nil, err
		}
		top.data = data
		d.held += cap(data)
	}
	_, delta, err := d.load(child, d.delta)
	if err != nil {
		return nil, err
	}
	d.delta = delta
	_, size, _ := sizes(d.delta)
	d.changes = d.changes[:0]
	return apply(top.data, d.delta, d.take(int(min(size, d.s.repo.limits.Object))), d.s.repo.limits.Object, &d.changes)
}

// load unpacks an entry's own bytes with one read of the pack, into buf, or into
// spare memory if buf is nil.
func (d *descent) load(i int32, buf []byte) (header, []byte, error) {
	off, end := d.p.offs[i], d.p.size-20
	if int(i)+1 < len(d.p.offs) {
		end = d.p.offs[i+1]
	}
	if end-off > 1<<20 {
		h, err := d.p.header(off)
		if err == nil {
			buf, err = d.x.read(d.p, off, h, buf)
		}
		return h, buf, err
	}
	if int64(cap(d.raw)) < end-off {
		d.raw = make([]byte, max(64<<10, end-off))
	}
	raw := d.raw[:end-off]
	if _, err := d.p.file.ReadAt(raw, off); err != nil {
		return header{}, nil, err
	}
	h, ok := parseHeader(raw)
	if !ok {
		return h, nil, errPack
	}
	if h.size > d.s.repo.limits.Object {
		return h, nil, errLarge
	}
	if buf == nil {
		buf = d.take(int(h.size))
	}
	d.packed.Reset(raw[h.len:])
	z, err := d.x.open(&d.packed)
	if err != nil {
		return h, nil, errPack
	}
	buf, err = exactly(z, h.size, buf)
	return h, buf, err
}

// again builds an object from the bottom of its chain, or from one that is held.
func (d *descent) again(i int32) ([]byte, error) {
	var chain []int32
	var data []byte
	for j := i; data == nil; j = d.p.base[j] {
		for k := range d.frames {
			if d.frames[k].i == j && d.frames[k].data != nil {
				data = bytes.Clone(d.frames[k].data)
			}
		}
		if data != nil {
			break
		}
		if d.p.base[j] < 0 {
			_, whole, err := d.load(j, []byte{})
			if err != nil {
				return nil, err
			}
			data = whole
			break
		}
		chain = append(chain, j)
	}
	for k := len(chain) - 1; k >= 0; k-- {
		_, delta, err := d.load(chain[k], d.delta)
		if err != nil {
			return nil, err
		}
		d.delta = delta
		if data, err = apply(data, d.delta, nil, d.s.repo.limits.Object, nil); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (d *descent) push(i int32, data []byte, pem bool) {
	d.frames = append(d.frames, frame{i: i, next: d.p.first[i], data: data, pem: pem})
	d.held += cap(data)
	for k := 0; d.held > heldMost && k < len(d.frames)-1; k++ {
		f := &d.frames[k]
		d.held -= cap(f.data)
		f.data = nil
	}
}

func (d *descent) pop() {
	f := d.frames[len(d.frames)-1]
	d.frames = d.frames[:len(d.frames)-1]
	d.held -= cap(f.data)
	d.give(f.data)
}

// take and give keep a few pieces of memory in use.
func (d *descent) take(n int) []byte {
	for k, b := range d.spare {
		if cap(b) >= n {
			d.spare[k] = d.spare[len(d.spare)-1]
			d.spare = d.spare[:len(d.spare)-1]
			return b
		}
	}
	return nil
}

func (d *descent) give(b []byte) {
	if cap(b) > 0 && cap(b) <= 1<<20 && len(d.spare) < 4 {
		d.spare = append(d.spare, b)
	}
}

func (d *descent) skip(i int32, err error) {
	if errors.Is(err, errLarge) {
		d.w.Limit(d.s.label()+d.p.name(d.p.pos[i]).String(), "the object is too large to be built")
		return
	}
	d.w.Skip(d.s.label()+d.p.name(d.p.pos[i]).String(), err)
}

// large scans an object that is not held in memory, in windows, and of those
// that are built on it the new bytes without what stands around them.
func (d *descent) large(ctx context.Context, root int32, h header) {
	name := d.s.label() + d.p.name(d.p.pos[root]).String()
	if h.size > d.s.repo.limits.Largest {
		d.w.Limit(name, fmt.Sprintf("the object has %d bytes", h.size))
		return
	}
	r, err := d.x.at(d.p, d.p.offs[root], h)
	if err == nil {
		err = d.s.stream(ctx, d.w, io.LimitReader(r, h.size), &ref{p: d.p, i: root})
	}
	if err != nil {
		d.w.Skip(name, err)
	}
	todo := []int32{d.p.first[root]}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if i < 0 || ctx.Err() != nil {
			continue
		}
		todo = append(todo, d.p.next[i], d.p.first[i])
		d.inserted(i)
	}
	if d.p.first[root] >= 0 {
		d.w.Limit(name, "of the versions of a large file only the new bytes were looked at")
	}
}

func (d *descent) inserted(i int32) {
	_, delta, err := d.load(i, d.delta)
	if err != nil {
		d.skip(i, err)
		return
	}
	d.delta = delta
	var text []byte
	instructions(d.delta, func(_, _ int, t []byte) bool {
		text = append(text, t...)
		return true
	})
	d.w.Scan(scan.Piece{Data: text, Ref: &ref{p: d.p, i: i}})
}

// stream scans a large object in windows.
func (s *Source) stream(ctx context.Context, w *scan.Worker, r io.Reader, of *ref) error {
	head := make([]byte, 4<<10)
	n, _ := io.ReadFull(r, head)
	kind, ok := s.kind(head[:n])
	if !ok {
		return nil
	}
	return files.Stream(ctx, w, scan.Piece{Kind: kind, Ref: of}, io.MultiReader(bytes.NewReader(head[:n]), r), s.repo.limits.Largest)
}
