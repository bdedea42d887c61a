package history

import (
	"bytes"
	"context"
	"errors"
	"hash/maphash"
	"path"
	"strings"
	"time"

	"rekey.example/rekey/internal/scan"
)

// An addition is a version of a file that a commit or the index brought.
type addition struct {
	path     string
	new, old oid // old is zero for a new file
	commit   string
	id       oid
}

// A fresh piece knows which stretches of its object are new. Hits beside them
// are old and dropped after the scan.
type fresh struct {
	changes []change
	id      oid // of the commit, zero for the index
}

// since scans what came in after a commit or a day.
func (s *Source) since(ctx context.Context, add func(scan.Job) error) error {
	commits, err := s.newer(ctx)
	if err != nil {
		return err
	}
	seen := map[addition]bool{}
	for _, c := range commits {
		var parents []oid
		for _, p := range c.parents {
			if pc, err := s.repo.commit(p); err == nil {
				parents = append(parents, pc.tree)
			}
		}
		var failed error
		s.repo.diff(c.tree, parents, "", 0, func(a addition) {
			if failed != nil || seen[a] {
				return
			}
			seen[a] = true
			a.commit, a.id = c.id.String(), c.id
			failed = s.added(a, add)
		})
		if failed != nil {
			return failed
		}
	}
	return nil
}

// newer lists the commits that are asked for.
func (s *Source) newer(ctx context.Context) ([]commit, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		day, err := time.Parse(layout, s.Since)
		if err != nil {
			continue
		}
		return s.repo.reachable(ctx, s.repo.tips(), func(c *commit) bool { return c.time < day.Unix() })
	}
	known, err := s.repo.named(s.Since)
	if err != nil {
		return nil, err
	}
	old, err := s.repo.reachable(ctx, []oid{known}, nil)
	if err != nil {
		return nil, err
	}
	behind := make(map[oid]bool, len(old))
	for i := range old {
		behind[old[i].id] = true
	}
	return s.repo.reachable(ctx, s.repo.tips(), func(c *commit) bool { return behind[c.id] })
}

// named finds a commit by its hash, of which at least seven digits are given, or
// by a reference.
func (r *repo) named(name string) (oid, error) {
	if o, ok := parseOID(strings.ToLower(name)); ok {
		return o, nil
	}
	for _, prefix := range []string{"", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"} {
		if o, ok := r.resolve(prefix + name); ok {
			return o, nil
		}
	}
	if len(name) < 7 || len(name) > 40 || strings.Trim(strings.ToLower(name), "0123456789abcdef") != "" {
		return oid{}, errors.New("there is no commit, reference or day " + name)
	}
	all, err := r.reachable(context.Background(), r.tips(), nil)
	if err != nil {
		return oid{}, err
	}
	for i := range all {
		if strings.HasPrefix(all[i].id.String(), strings.ToLower(name)) {
			return all[i].id, nil
		}
	}
	return oid{}, errors.New("there is no commit " + name)
}

// diff calls each for the files of a tree that none of the older trees has as
// they are, at the same path.
func (r *repo) diff(tree oid, older []oid, dir string, depth int, each func(a addition)) {
	if depth > 100 {
		return
	}
	before := make([]map[string]entry, len(older))
	for i, o := range older {
		if o == tree {
			return
		}
		before[i] = map[string]entry{}
		r.entries(o, func(e entry) { before[i][e.name] = e })
	}
	var now []entry
	r.entries(tree, func(e entry) { now = append(now, e) })
	for _, e := range now {
		var old oid
		var folders []oid
		same := false
		for i := range before {
			b, ok := before[i][e.name]
			same = same || ok && b.id == e.id
			switch {
			case ok && b.tree && e.tree:
				folders = append(folders, b.id)
			case ok && !b.tree && old == oid{}:
				old = b.id
			}
		}
		switch full := path.Join(dir, e.name); {
		case same:
		case e.tree:
			r.diff(e.id, folders, full, depth+1, each)
		default:
			each(addition{path: full, new: e.id, old: old})
		}
	}
}

// added makes a job of an addition: only the new lines are looked at, with
// those beside them.
func (s *Source) added(a addition, add func(scan.Job) error) error {
	if s.excludes(s.full(a.path)) {
		return nil
	}
	return add(func(ctx context.Context, w *scan.Worker) error {
		name := s.full(a.path)
		typ, data, err := s.repo.object(a.new)
		switch {
		case errors.Is(err, errLarge):
			w.Limit(name, "the file is too large to be compared")
			return nil
		case err != nil || typ != typeBlob:
			w.Skip(name, errors.Join(err, errors.New("object "+a.new.String())))
			return nil
		}
		if container(data) {
			s.whole(ctx, w, data, &ref{name: a.new}, name, a.commit)
			return nil
		}
		kind, ok := s.kind(data)
		if !ok {
			return nil
		}
		var old []byte
		if a.old != (oid{}) {
			_, old, _ = s.repo.object(a.old)
		}
		changes := newLines(old, data)
		s.windows(w, scan.Piece{Path: name, Commit: a.commit, Kind: kind, Ref: &fresh{changes, a.id}}, data, changes, hasBlock(data))
		return nil
	})
}

// newLines returns the stretches of lines that old does not have.
func newLines(old, data []byte) []change {
	seed := maphash.MakeSeed()
	known := map[uint64]bool{}
	for line := range bytes.Lines(old) {
		known[maphash.Bytes(seed, bytes.TrimRight(line, "\r\n"))] = true
	}
	var out []change
	pos := 0
	for line := range bytes.Lines(data) {
		if !known[maphash.Bytes(seed, bytes.TrimRight(line, "\r\n"))] {
			if n := len(out); n > 0 && out[n-1].end == pos {
				out[n-1].end += len(line)
			} else {
				out = append(out, change{pos, pos + len(line)})
			}
		}
		pos += len(line)
	}
	return out
}

// onlyNew drops the hits that stand beside what is new.
func (s *Source) onlyNew(hits []*scan.Hit) {
	s.drop = map[*scan.Hit]bool{}
	type key struct{ detector, fingerprint, path string }
	seen := map[key]bool{}
	for _, h := range hits {
		f, ok := h.Ref.(*fresh)
		if !ok {
			continue
		}
		touched := false
		for _, c := range f.changes {
			touched = touched || int(h.Offset) < c.end && int(h.Offset)+h.Length > c.start
		}
		k := key{h.Detector.ID, h.Fingerprint, h.Path}
		if !touched || seen[k] {
			s.drop[h] = true
			continue
		}
		seen[k] = true
		if f.id != (oid{}) {
			h.Facts = append(h.Facts, s.repo.facts(f.id)...)
		}
	}
}
