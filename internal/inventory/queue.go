package inventory

import (
	"context"
	"sync"
	"time"
)

// queue holds the pages that wait for being written.
type queue struct {
	mu      sync.Mutex
	changed sync.Cond
	ctx     context.Context
	pages   []*Page
	bytes   int
	err     error
	ended   bool
}

// waitingBytes is how much may wait, so that memory stays flat.
const waitingBytes = 6 << 20

func newQueue(ctx context.Context) *queue {
	q := &queue{ctx: ctx}
	q.changed.L = &q.mu
	context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.changed.Broadcast()
	})
	return q
}

// push adds a page, an error, or with neither the end. It returns false if nobody
// wants more.
func (q *queue) push(p *Page, err error) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for p != nil && q.bytes > 0 && q.bytes+p.Bytes > waitingBytes && q.ctx.Err() == nil {
		q.changed.Wait()
	}
	if q.ctx.Err() != nil || q.ended {
		return false
	}
	if p != nil && err == nil {
		q.pages = append(q.pages, p)
		q.bytes += p.Bytes
	} else {
		q.err, q.ended = err, true
	}
	q.changed.Broadcast()
	return true
}

// pull waits for a page. It returns nil and no error at the end.
func (q *queue) pull() (*Page, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.pages) == 0 && !q.ended && q.ctx.Err() == nil {
		q.changed.Wait()
	}
	if q.ctx.Err() != nil {
		return nil, context.Cause(q.ctx)
	}
	if len(q.pages) == 0 {
		return nil, q.err
	}
	return q.take(), nil
}

// poll takes a page if one is there.
func (q *queue) poll() *Page {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.pages) == 0 || q.ctx.Err() != nil {
		return nil
	}
	return q.take()
}

// take removes the first page. The caller holds mu.
func (q *queue) take() *Page {
	p := q.pages[0]
	q.pages = append(q.pages[:0], q.pages[1:]...)
	q.bytes -= p.Bytes
	q.changed.Broadcast()
	return p
}

// batch is what goes into one transaction: a page, and those that are there by
// the time it is written, and so on for a while. When the database is slower
// than the network, fewer and larger transactions write much less, and when it
// is faster none waits for the network.
type batch struct {
	first *Page
	rest  *queue
}

// longest is how long a transaction may go on taking pages: others want to write
// as well.
const longest = time.Second

// all yields the pages, and gives back the memory of each behind it.
func (b *batch) all(yield func(*Page) bool) {
	began := time.Now()
	for p := b.first; p != nil; p = b.rest.poll() {
		more := yield(p)
		if p.Release != nil {
			p.Release()
		}
		if !more || time.Since(began) > longest {
			return
		}
	}
}
