package history

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"path"

	"rekey.example/rekey/internal/scan"
)

const indexMost = 128 << 20

var errIndexFile = errors.New("the index is damaged or of a kind that is not read")

// staged scans what the index has and HEAD has not.
func (s *Source) staged(_ context.Context, add func(scan.Job) error) error {
	data, err := s.repo.file("index", indexMost)
	if err != nil {
		return err
	}
	head := map[string]oid{}
	if o, ok := s.repo.resolve("HEAD"); ok {
		c, err := s.repo.commit(o)
		if err != nil {
			return err
		}
		s.repo.flat(c.tree, "", 0, head)
	}
	var failed error
	err = parseIndex(data, func(name string, o oid, mode uint32) {
		old := head[name]
		if failed != nil || old == o || mode&0xf000 != 0x8000 {
			return
		}
		failed = s.added(addition{path: name, new: o, old: old}, add)
	})
	return errors.Join(err, failed)
}

// flat lists the files of a tree.
func (r *repo) flat(tree oid, dir string, depth int, into map[string]oid) {
	if depth > 100 || len(into) > 2_000_000 {
		return
	}
	var folders []entry
	r.entries(tree, func(e entry) {
		if e.tree {
			folders = append(folders, e)
			return
		}
		into[path.Join(dir, e.name)] = e.id
	})
	for _, e := range folders {
		r.flat(e.id, path.Join(dir, e.name), depth+1, into)
	}
}

// parseIndex reads an index of version 2 to 4. (gitformat-index)
func parseIndex(data []byte, each func(name string, o oid, mode uint32)) error {
	if len(data) < 12+20 || string(data[:4]) != "DIRC" {
		return errIndexFile
	}
	version, count := binary.BigEndian.Uint32(data[4:]), binary.BigEndian.Uint32(data[8:])
	if version < 2 || version > 4 {
		return errIndexFile
	}
	pos, previous := 12, ""
	for range count {
		if pos+62 > len(data) {
			return errIndexFile
		}
		e := data[pos:]
		mode, flags, length := binary.BigEndian.Uint32(e[24:]), binary.BigEndian.Uint16(e[60:]), 62
		o := oid(e[40:60])
		if flags&0x4000 != 0 && version >= 3 {
			length = 64
		}
		if len(e) < length {
			return errIndexFile
		}
		name, used, ok := indexName(e[length:], version, previous)
		if !ok {
			return errIndexFile
		}
		previous = name
		if version < 4 {
			pos += (length + len(name) + 8) &^ 7
		} else {
			pos += length + used
		}
		each(name, o, mode)
	}
	return nil
}

// indexName reads the name of an entry: whole, or how much of the one before
// stays and what follows.
func indexName(b []byte, version uint32, previous string) (name string, used int, ok bool) {
	keep, i := "", 0
	if version == 4 {
		strip := 0
		for n := 0; ; n++ {
			if i >= len(b) || n > 4 {
				return "", 0, false
			}
			c := b[i]
			i++
			strip = strip<<7 | int(c&0x7f)
			if c&0x80 == 0 {
				break
			}
			strip++
		}
		if strip > len(previous) {
			return "", 0, false
		}
		keep = previous[:len(previous)-strip]
	}
	end := bytes.IndexByte(b[i:], 0)
	if end < 0 || len(keep)+end > 8192 {
		return "", 0, false
	}
	return keep + string(b[i:i+end]), i + end + 1, true
}
