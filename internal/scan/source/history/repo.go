package history

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
)

// An oid names an object: its SHA-1.
type oid [20]byte

func (o oid) String() string { return hex.EncodeToString(o[:]) }

func parseOID(s string) (o oid, ok bool) {
	if len(s) != 40 {
		return o, false
	}
	_, err := hex.Decode(o[:], []byte(s))
	return o, err == nil
}

const (
	packsMost = 2000
	refsMost  = 200_000
	refDepth  = 5
)

// A repo is an open repository.
type repo struct {
	root   *os.Root
	limits Limits
	packs  []*pack

	mu      sync.Mutex // of what follows
	cache   cache
	inflate inflater
	skipped []skip
}

type skip struct {
	name string
	err  error
}

var errNoRepository = errors.New("it is no git repository")

// openRepo opens the repository at path or in its .git folder.
func openRepo(path string, l Limits) (*repo, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	info, err := root.Lstat(".git")
	switch {
	case err == nil && info.IsDir():
		inner, err := root.OpenRoot(".git")
		root.Close()
		if err != nil {
			return nil, err
		}
		root = inner
	case err == nil:
		root.Close()
		return nil, errors.New("its .git points elsewhere, which is not followed: name the repository itself")
	}
	if _, err := root.Stat("HEAD"); err != nil {
		root.Close()
		return nil, errNoRepository
	}
	if info, err := root.Stat("objects"); err != nil || !info.IsDir() {
		root.Close()
		return nil, errNoRepository
	}
	r := &repo{root: root, limits: l}
	r.openPacks()
	return r, nil
}

func (r *repo) close() {
	for _, p := range r.packs {
		p.close()
	}
	r.root.Close()
}

func (r *repo) openPacks() {
	for _, name := range r.list("objects/pack", packsMost) {
		base, found := strings.CutSuffix(name, ".idx")
		if !found {
			continue
		}
		p, err := openPack(r.root, "objects/pack/"+base, r.limits)
		if err != nil {
			r.skipped = append(r.skipped, skip{base + ".pack", err})
			continue
		}
		r.packs = append(r.packs, p)
	}
}

// list returns the names in a folder, or none.
func (r *repo) list(dir string, most int) []string {
	d, err := r.root.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	entries, err := d.ReadDir(most)
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink == 0 {
			names = append(names, e.Name())
		}
	}
	return names
}

// file reads a small file.
func (r *repo) file(name string, most int64) ([]byte, error) {
	info, err := r.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	f, err := r.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, most)
	}
	return data, err
}

// resolve follows a reference to an object.
func (r *repo) resolve(ref string) (oid, bool) {
	for range refDepth {
		if !fs.ValidPath(ref) || strings.ContainsAny(ref, "\\:") {
			return oid{}, false
		}
		text, err := r.file(ref, 4096)
		if err != nil {
			return r.packedRef(ref)
		}
		line := strings.TrimSpace(string(text))
		next, symbolic := strings.CutPrefix(line, "ref: ")
		if !symbolic {
			return parseOID(line)
		}
		ref = next
	}
	return oid{}, false
}

func (r *repo) packedRef(ref string) (found oid, ok bool) {
	r.packedRefs(func(o oid, name string) bool {
		if name == ref {
			found, ok = o, true
		}
		return !ok
	})
	return found, ok
}

// packedRefs calls each for the lines of packed-refs until it returns false.
func (r *repo) packedRefs(each func(o oid, name string) bool) {
	f, err := r.root.Open("packed-refs")
	if err != nil {
		return
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, 64<<20))
	for n := 0; lines.Scan() && n < refsMost; n++ {
		hash, name, _ := strings.Cut(lines.Text(), " ")
		if o, ok := parseOID(hash); ok && !each(o, name) {
			return
		}
	}
}

// tips returns what all references and HEAD point to.
func (r *repo) tips() []oid {
	seen := map[oid]bool{}
	var all []oid
	put := func(o oid) {
		if !seen[o] {
			seen[o] = true
			all = append(all, o)
		}
	}
	if o, ok := r.resolve("HEAD"); ok {
		put(o)
	}
	r.packedRefs(func(o oid, _ string) bool { put(o); return true })
	r.walkRefs("refs", 0, func(name string) {
		if o, ok := r.resolve(name); ok && len(all) < refsMost {
			put(o)
		}
	})
	return all
}

func (r *repo) walkRefs(dir string, depth int, each func(name string)) {
	if depth > 8 {
		return
	}
	for _, name := range r.list(dir, refsMost) {
		full := dir + "/" + name
		if info, err := r.root.Lstat(full); err == nil && info.IsDir() {
			r.walkRefs(full, depth+1, each)
		} else if err == nil {
			each(full)
		}
	}
}
