package audit

import (
	"crypto/sha256"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// frontier is the right edge of the tree: the roots of its perfect subtrees,
// the largest first. It is all that an append or a walk needs to know of what
// came before.
type frontier struct {
	size  int64
	peaks []tlog.Hash
}

func newFrontier(size int64, peaks []byte) (*frontier, error) {
	if size < 0 || len(peaks) != bits.OnesCount64(uint64(size))*tlog.HashSize {
		return nil, fmt.Errorf("its edge has %d bytes, which does not fit %d events", len(peaks), size)
	}
	f := &frontier{size: size}
	for ; len(peaks) > 0; peaks = peaks[tlog.HashSize:] {
		f.peaks = append(f.peaks, tlog.Hash(peaks[:tlog.HashSize]))
	}
	return f, nil
}

// add appends a leaf and returns the hashes that it completes, one after the
// other: the leaf's own and those of the subtrees that end with it, upwards.
func (f *frontier) add(leaf tlog.Hash) []byte { return f.appendTo(nil, leaf) }

// appendTo is add into a buffer of the caller's.
func (f *frontier) appendTo(done []byte, leaf tlog.Hash) []byte {
	done = append(done, leaf[:]...)
	for n := f.size; n&1 == 1; n >>= 1 {
		last := len(f.peaks) - 1
		leaf = tlog.NodeHash(f.peaks[last], leaf)
		f.peaks = f.peaks[:last]
		done = append(done, leaf[:]...)
	}
	f.peaks = append(f.peaks, leaf)
	f.size++
	return done
}

// root is the hash of the whole tree.
func (f *frontier) root() tlog.Hash {
	if len(f.peaks) == 0 {
		return emptyRoot
	}
	h := f.peaks[len(f.peaks)-1]
	for i := len(f.peaks) - 2; i >= 0; i-- {
		h = tlog.NodeHash(f.peaks[i], h)
	}
	return h
}

func (f *frontier) bytes() []byte {
	b := make([]byte, 0, len(f.peaks)*tlog.HashSize)
	for _, p := range f.peaks {
		b = append(b, p[:]...)
	}
	return b
}

// leaf is the hash of an event's body.
func leaf(body []byte) tlog.Hash { return tlog.RecordHash(body) }

// emptyRoot is the root of a log without events.
var emptyRoot = tlog.Hash(sha256.Sum256(nil))
