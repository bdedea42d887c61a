package logs

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
)

// headMost is how much of a file's start tells it from others.
const headMost = 1024

// A position is how far a file was read, and by what it is known again.
type position struct {
	At      int64  `json:"at"`
	Line    int    `json:"line"`
	Size    int64  `json:"size"`
	Changed int64  `json:"changed"` // nanoseconds since 1970
	Head    string `json:"head"`    // digest of the first HeadLen bytes
	HeadLen int    `json:"headLen"`
	Packed  bool   `json:"packed,omitempty"` // a gzip file, which is read whole

	head []byte
}

func (p position) done() bool { return p.At >= p.Size }

// locate finds out how far a file was read: under its own name, or under the one
// that it had before logs were rotated.
func (f *Folder) locate(file *os.File, name string, info fs.FileInfo) (position, error) {
	head := make([]byte, headMost)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return position{}, err
	}
	head = head[:n]
	p := position{Size: info.Size(), Changed: info.ModTime().UnixNano(), head: head}
	p.Packed = bytes.HasPrefix(head, []byte("\x1f\x8b\x08"))
	content := head
	if p.Packed {
		content = unpackedHead(head, file)
	}
	p.Head, p.HeadLen = digest(content), len(content)
	if old, ok := f.at[name]; ok && same(old, content) && old.Packed == p.Packed && old.At <= p.Size {
		p.At, p.Line = old.At, old.Line
		return p, nil
	}
	for other, old := range f.at {
		if other == name || !same(old, content) {
			continue
		}
		if p.Packed && !old.Packed && int64(unpackedSize(file, p.Size)) <= old.At {
			p.At = p.Size // it was read before it was compressed
			return p, nil
		}
		if p.Packed == old.Packed && old.At <= p.Size {
			p.At, p.Line = old.At, old.Line
			return p, nil
		}
	}
	return p, nil
}

// same reports whether content begins as the file of old did. A few bytes prove nothing.
func same(old position, content []byte) bool {
	return old.HeadLen >= 16 && old.HeadLen <= len(content) && digest(content[:old.HeadLen]) == old.Head
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// unpackedHead is the start of what is compressed, or nothing.
func unpackedHead(head []byte, file *os.File) []byte {
	z, err := gzip.NewReader(io.NewSectionReader(file, 0, 64<<10))
	if err != nil {
		return head
	}
	out := make([]byte, headMost)
	n, _ := io.ReadFull(z, out)
	return out[:n]
}

// unpackedSize is what a gzip file says at its end, modulo 4 GiB.
func unpackedSize(file *os.File, size int64) uint32 {
	var b [4]byte
	if _, err := file.ReadAt(b[:], size-4); err != nil {
		return 1<<32 - 1
	}
	return binary.LittleEndian.Uint32(b[:])
}

const stateMost = 64 << 20

// readState returns nil positions if there were none yet.
func readState(name string) (map[string]position, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the positions in %q: %w", name, err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, stateMost))
	if err != nil {
		return nil, fmt.Errorf("cannot read the positions in %q: %w", name, err)
	}
	at := map[string]position{}
	if err := json.Unmarshal(data, &at); err != nil {
		return nil, fmt.Errorf("cannot read the positions in %q: %w", name, err)
	}
	return at, nil
}

// writeState replaces the file at once: a crash leaves the old positions.
func writeState(name string, at map[string]position) error {
	if name == "" {
		return nil
	}
	data, err := json.Marshal(at)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(name), ".positions-*")
	if err != nil {
		return fmt.Errorf("cannot save the positions in %q: %w", name, err)
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		os.Remove(file.Name())
		return fmt.Errorf("cannot save the positions in %q: %w", name, err)
	}
	return nil
}

// open is the folder, which the last job closes.
type open struct {
	root *os.Root
	left int32
}

func (o *open) hold() { atomic.AddInt32(&o.left, 1) }

func (o *open) release() {
	if atomic.AddInt32(&o.left, -1) == 0 {
		o.root.Close()
	}
}
