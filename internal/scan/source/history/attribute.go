package history

import (
	"bytes"
	"cmp"
	"context"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/detect"
)

const (
	copiesMost = 1_000_000 // versions to which hits are followed
	visitsMost = 5_000_000 // folders that are looked into
	pathsMost  = 200       // of one object
	noneMost   = 1_000_000 // folders that are remembered to hold nothing
)

// A sighting is a hit in one object.
type sighting struct {
	hit    *scan.Hit
	offset int64
	inner  string // the path in an archive, from the ! on
	copied bool   // the line is still that of another version
}

// A placed object has a path in a commit, of which it is the first.
type placed struct {
	path   string
	commit *commit
	order  int
}

func (s *Source) attribute(ctx context.Context, hits []*scan.Hit) error {
	seen := map[oid][]sighting{}
	left := copiesMost
	for _, h := range hits {
		switch r := h.Ref.(type) {
		case *ref:
			seen[r.oid()] = append(seen[r.oid()], sighting{hit: h, offset: h.Offset})
			if r.p != nil {
				s.copies(r, h, seen, &left)
			}
		default:
			rest, found := strings.CutPrefix(h.Path, "blob:")
			if !found || len(rest) < 40 {
				continue
			}
			if o, ok := parseOID(rest[:40]); ok {
				seen[o] = append(seen[o], sighting{hit: h, offset: h.Offset, inner: rest[40:]})
			}
		}
	}
	if len(seen) == 0 {
		return nil
	}
	places, err := s.repo.firsts(ctx, seen)
	if err != nil {
		return err
	}
	s.complete(seen, places)
	return nil
}

// copies follows a hit to the objects that are built on its own and have its
// bytes and those around them unchanged. Where those were changed, the change was
// scanned and has its own hit.
func (s *Source) copies(r *ref, h *scan.Hit, seen map[oid][]sighting, left *int) {
	type spot struct {
		i, size int32
		at      int64
	}
	p := r.p
	todo := []spot{{i: r.i, at: h.Offset}}
	var delta []byte
	for len(todo) > 0 {
		from := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for child := p.first[from.i]; child >= 0 && *left > 0; child = p.next[child] {
			*left--
			off := p.offs[child]
			head, err := p.header(off)
			if err != nil {
				continue
			}
			if delta, err = s.repo.inflate.read(p, off, head, delta); err != nil {
				continue
			}
			at, ok := moved(delta, from.at, int64(h.Length))
			if !ok {
				continue
			}
			o := p.name(p.pos[child])
			seen[o] = append(seen[o], sighting{hit: h, offset: at, copied: true})
			todo = append(todo, spot{i: child, at: at})
		}
	}
}

// moved finds where a difference copies a stretch to, with the bytes around it.
func moved(delta []byte, at, length int64) (to int64, ok bool) {
	base, size, valid := sizes(delta)
	if !valid {
		return 0, false
	}
	start, end := max(0, at-around), min(base, at+length+around)
	pos, runTo, runFrom, runLen := int64(0), int64(0), int64(-1), int64(0)
	check := func() {
		if ok || runFrom < 0 {
			return
		}
		low, high := start, end
		if runTo == 0 && runFrom <= at { // both begin here: there is nothing before
			low = max(low, runFrom)
		}
		if runTo+runLen == size {
			high = min(high, runFrom+runLen)
		}
		if runFrom <= low && low <= at && runFrom+runLen >= high && high >= at+length {
			to, ok = runTo+at-runFrom, true
		}
	}
	instructions(delta, func(from, n int, text []byte) bool {
		if text == nil && runFrom >= 0 && runFrom+runLen == int64(from) {
			runLen += int64(n)
		} else {
			check()
			runTo, runFrom, runLen = pos, int64(from), int64(n)
			if text != nil {
				runFrom = -1
			}
		}
		pos += int64(n)
		return !ok
	})
	check()
	return to, ok
}

// firsts finds for each wanted object the paths at which commits have it, and
// of each path the first commit. Folders without a wanted object are read once.
func (r *repo) firsts(ctx context.Context, wanted map[oid][]sighting) (map[oid][]placed, error) {
	commits, err := r.reachable(ctx, r.tips(), nil)
	if err != nil {
		return nil, err
	}
	f := &finder{r: r, wanted: wanted, none: map[oid]struct{}{}, done: map[visit]struct{}{}, places: map[oid][]placed{}, left: visitsMost}
	for i := range commits {
		if i%256 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		f.commit, f.order = &commits[i], i
		f.tree(commits[i].tree, "", 0)
	}
	return f.places, nil
}

type visit struct {
	tree oid
	path string
}

type finder struct {
	r      *repo
	wanted map[oid][]sighting
	none   map[oid]struct{}
	done   map[visit]struct{}
	places map[oid][]placed
	commit *commit
	order  int
	left   int
}

// tree looks through a folder and reports whether a wanted object is in it.
func (f *finder) tree(id oid, dir string, depth int) bool {
	if _, empty := f.none[id]; empty || depth > 100 || f.left <= 0 || len(dir) > 4096 {
		return false
	}
	if _, again := f.done[visit{id, dir}]; again {
		return true
	}
	f.left--
	found := false
	var folders []entry
	f.r.entries(id, func(e entry) {
		switch _, wanted := f.wanted[e.id]; {
		case e.tree:
			folders = append(folders, e)
		case wanted:
			found = true
			f.place(e.id, path.Join(dir, e.name))
		}
	})
	for _, e := range folders {
		if f.tree(e.id, path.Join(dir, e.name), depth+1) {
			found = true
		}
	}
	if found {
		f.done[visit{id, dir}] = struct{}{}
	} else if len(f.none) < noneMost {
		f.none[id] = struct{}{}
	}
	return found
}

func (f *finder) place(o oid, name string) {
	known := f.places[o]
	if len(known) >= pathsMost || slices.ContainsFunc(known, func(p placed) bool { return p.path == name }) {
		return
	}
	f.places[o] = append(known, placed{path: name, commit: f.commit, order: f.order})
}

// complete makes one hit for each value and path, of the first commit that has it.
func (s *Source) complete(seen map[oid][]sighting, places map[oid][]placed) {
	type key struct{ detector, fingerprint, path string }
	type best struct {
		sighting
		placed
		object oid
	}
	found, reached := map[key]best{}, map[[2]string]bool{}
	for o, all := range seen {
		for _, p := range places[o] {
			for _, x := range all {
				k := key{x.hit.Detector.ID, x.hit.Fingerprint, p.path + x.inner}
				reached[[2]string{k.detector, k.fingerprint}] = true
				old, again := found[k]
				if again && cmp.Or(cmp.Compare(old.order, p.order), cmp.Compare(old.offset, x.offset)) <= 0 {
					continue
				}
				found[k] = best{x, p, o}
			}
		}
	}
	for o, all := range seen {
		for _, x := range all {
			if s.drop == nil {
				s.drop = map[*scan.Hit]bool{}
			}
			s.drop[x.hit] = true
			id := [2]string{x.hit.Detector.ID, x.hit.Fingerprint}
			if len(places[o]) == 0 && !reached[id] && !x.copied {
				reached[id] = true
				found[key{id[0], id[1], o.String()}] = best{sighting: x, object: o}
			}
		}
	}
	for k, b := range found {
		if b.commit == nil || !s.excludes(s.full(k.path)) {
			s.more = append(s.more, s.told(k.path, b.sighting, b.placed, b.object))
		}
	}
	slices.SortFunc(s.more, func(a, b *scan.Hit) int { return cmp.Compare(a.Fingerprint, b.Fingerprint) }) // the order of a map is none
}

// told is a hit as it is reported.
func (s *Source) told(name string, x sighting, p placed, o oid) *scan.Hit {
	h := *x.hit
	h.Facts = slices.Clone(h.Facts)
	h.Offset = x.offset
	if x.copied {
		if _, data, err := s.repo.object(o); err == nil && x.offset+int64(h.Length) <= int64(len(data)) {
			h.Line, h.Column = position(data, int(x.offset))
			h.EndLine, h.EndColumn = position(data, int(x.offset)+h.Length)
		}
	}
	if p.commit == nil {
		h.Path = s.label() + name + x.inner
		h.Facts = append(h.Facts, detect.Fact{Name: "reachable", Value: "no commit leads to this object any more"})
	} else {
		h.Path, h.Commit = s.full(name), p.commit.id.String()
		h.Facts = append(h.Facts, s.repo.facts(p.commit.id)...)
	}
	x.hit.Path, x.hit.Commit = h.Path, h.Commit // for those who do not call Finish
	return &h
}

// facts are who made a commit, and when.
func (r *repo) facts(id oid) []detect.Fact {
	c, err := r.commit(id)
	if err != nil {
		return nil
	}
	return []detect.Fact{{Name: "author", Value: c.author}, {Name: "committed", Value: time.Unix(c.time, 0).UTC().Format(time.DateOnly)}}
}

// full is a path of the repository as the reports have those of the scan.
func (s *Source) full(name string) string {
	name = plainPath(name)
	if base := path.Clean(strings.ReplaceAll(s.Path, `\`, "/")); base != "." {
		return base + "/" + name
	}
	return name
}

// plainPath keeps a path whole but for what a terminal would obey.
func plainPath(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
}

// position is the line and the column, in UTF-16 units, of an offset.
func position(data []byte, at int) (line, column int) {
	line = bytes.Count(data[:at], []byte("\n")) + 1
	for _, r := range string(data[bytes.LastIndexByte(data[:at], '\n')+1 : at]) {
		column++
		if r > 0xffff {
			column++
		}
	}
	return line, column + 1
}
