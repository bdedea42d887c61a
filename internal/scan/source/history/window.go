package history

import (
	"bytes"
	"context"
	"fmt"

	"rekey.example/rekey/internal/scan"
)

// Around a change, so many bytes and the rest of their lines are looked at too:
// more than lies between a value and the name that gives it away. A key block is
// longer than that.
const (
	around      = 256
	aroundBlock = 8 << 10
	lineMost    = 4 << 10
)

// windows scans the surroundings of the changes of an object.
func (s *Source) windows(w *scan.Worker, p scan.Piece, data []byte, changes []change, pem bool) {
	reach := around
	if pem {
		reach = aroundBlock
	}
	line, counted := 0, 0
	for i := 0; i < len(changes); {
		start, end := stretch(data, changes[i], reach)
		for i++; ; i++ {
			if pem {
				end = closed(data, start, end)
			}
			if i == len(changes) {
				break
			}
			next, stop := stretch(data, changes[i], reach)
			if next > end {
				break
			}
			end = max(end, stop)
		}
		if end-start < 8 {
			continue
		}
		line += bytes.Count(data[counted:start], []byte("\n"))
		counted = start
		p.Line0, p.Off0, p.Data = line, int64(start), data[start:end]
		w.Scan(p)
	}
}

// stretch is a change with the lines around it.
func stretch(data []byte, c change, reach int) (start, end int) {
	start, end = max(0, c.start-reach), min(len(data), c.end+reach)
	low := max(0, start-lineMost)
	if i := bytes.LastIndexByte(data[low:start], '\n'); i >= 0 {
		low += i + 1
	}
	high := min(len(data), end+lineMost)
	if i := bytes.IndexByte(data[end:high], '\n'); i >= 0 {
		high = end + i + 1
	}
	return low, high
}

// closed is the end of a stretch, or of the key block that it would cut.
func closed(data []byte, start, end int) int {
	begin := bytes.LastIndex(data[start:end], []byte("-----BEGIN"))
	if begin < 0 || bytes.Contains(data[start+begin:end], []byte("-----END")) {
		return end
	}
	high := min(len(data), end+2*aroundBlock)
	i := bytes.Index(data[end:high], []byte("-----END"))
	if i < 0 {
		return high
	}
	_, high = stretch(data, change{end + i, end + i}, 8)
	return high
}

// hasBlock reports whether a key block may be in data.
func hasBlock(data []byte) bool {
	return bytes.Contains(data, []byte("KEY-----")) || bytes.Contains(data, []byte("PRIVATE KEY"))
}

// whole scans all of an object, or unpacks it if it is an archive. Path and
// commit are empty while they are not known.
func (s *Source) whole(ctx context.Context, w *scan.Worker, data []byte, r *ref, path, commit string) {
	if container(data) {
		if path == "" {
			path = "blob:" + r.oid().String()
		}
		done, err := w.Unpack(ctx, scan.Container{Path: path, Head: data[:min(len(data), 512)], Size: int64(len(data)), R: bytes.NewReader(data)})
		if err != nil {
			w.Skip(s.label()+path, err)
		}
		if done {
			return
		}
	}
	kind, ok := s.kind(data)
	if !ok || len(data) == 0 {
		return
	}
	w.Scan(scan.Piece{Path: path, Commit: commit, Data: data, Kind: kind, Ref: r})
}

// container: a zip or gzip file, or one made of it.
func container(data []byte) bool {
	return bytes.HasPrefix(data, []byte("PK\x03\x04")) || bytes.HasPrefix(data, []byte("\x1f\x8b\x08"))
}

// kind tells text from binaries, which are left out unless they are asked for.
func (s *Source) kind(data []byte) (scan.Kind, bool) {
	head := data[:min(len(data), 4<<10)]
	if bytes.IndexByte(head, 0) < 0 || bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff}) {
		return scan.Unknown, true
	}
	return scan.Binary, s.Binary
}

// label begins the names of objects that have no path.
func (s *Source) label() string { return fmt.Sprintf("%s: object ", s.Path) }

// loose lists the objects that lie in files of their own.
func (s *Source) loose(_ context.Context, add func(scan.Job) error) error {
	for i := range 256 {
		dir := fmt.Sprintf("%02x", i)
		names := s.repo.list("objects/"+dir, 1_000_000)
		if len(names) == 0 {
			continue
		}
		err := add(func(ctx context.Context, w *scan.Worker) error {
			var x inflater
			for _, name := range names {
				if o, ok := parseOID(dir + name); ok && ctx.Err() == nil {
					if err := s.looseFile(ctx, w, &x, o); err != nil {
						w.Skip(s.label()+o.String(), err)
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Source) looseFile(ctx context.Context, w *scan.Worker, x *inflater, o oid) error {
	name := o.String()
	f, err := openRegular(s.repo.root, "objects/"+name[:2]+"/"+name[2:])
	if err != nil {
		return err
	}
	defer f.Close()
	typ, size, body, err := looseHeader(x, f)
	if err != nil || typ != typeBlob {
		return err
	}
	r := &ref{name: o}
	if size > s.repo.limits.Largest {
		w.Limit(s.label()+name, fmt.Sprintf("the object has %d bytes", size))
		return nil
	}
	if size > s.repo.limits.Object {
		return s.stream(ctx, w, body, r)
	}
	data, err := exactly(body, size, nil)
	if err == nil {
		s.whole(ctx, w, data, r, "", "")
	}
	return err
}
