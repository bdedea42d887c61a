package history_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/detect"
	"rekey.example/rekey/internal/scan/source/history"
)

// bare makes a repository of a pack and its index, as they are.
func bare(t testing.TB, pack, idx []byte) string {
	t.Helper()
	dir := t.TempDir()
	os.MkdirAll(filepath.Join(dir, "objects", "pack"), 0o700)
	os.MkdirAll(filepath.Join(dir, "refs", "heads"), 0o700)
	for name, data := range map[string][]byte{"HEAD": []byte("ref: refs/heads/main\n"), "objects/pack/pack-1.pack": pack, "objects/pack/pack-1.idx": idx} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// packed makes a pack of entries, each a header and bytes to compress, and an
// index that names them 00.., 01.. in their order.
func packed(entries ...func(at int, offsets []int) (head, body []byte)) (pack, idx []byte) {
	pack = append([]byte("PACK\x00\x00\x00\x02"), binary.BigEndian.AppendUint32(nil, uint32(len(entries)))...)
	var offsets []int
	for _, e := range entries {
		at := len(pack)
		head, body := e(at, offsets)
		offsets = append(offsets, at)
		var z bytes.Buffer
		w := zlib.NewWriter(&z)
		w.Write(body)
		w.Close()
		pack = append(append(pack, head...), z.Bytes()...)
	}
	pack = append(pack, make([]byte, 20)...)
	idx = []byte("\xfftOc\x00\x00\x00\x02")
	for i := range 256 {
		idx = binary.BigEndian.AppendUint32(idx, uint32(min(i+1, len(entries))))
	}
	for i := range entries {
		idx = append(idx, byte(i))
		idx = append(idx, make([]byte, 19)...)
	}
	idx = append(idx, make([]byte, 4*len(entries))...)
	for _, o := range offsets {
		idx = binary.BigEndian.AppendUint32(idx, uint32(o))
	}
	return pack, append(idx, make([]byte, 40)...)
}

// head is an entry's header: a type and a size.
func head(typ byte, size int) []byte {
	b := []byte{typ<<4 | byte(size&15)}
	for size >>= 4; size > 0; size >>= 7 {
		b[len(b)-1] |= 0x80
		b = append(b, byte(size&0x7f))
	}
	return b
}

func blob(text string, claim int) func(int, []int) ([]byte, []byte) {
	return func(int, []int) ([]byte, []byte) { return head(3, claim), []byte(text) }
}

// ofs is a difference to the entry so many before.
func ofs(delta []byte, claim, before int) func(int, []int) ([]byte, []byte) {
	return func(at int, offsets []int) ([]byte, []byte) {
		back := at
		if before <= len(offsets) {
			back = at - offsets[len(offsets)-before]
		}
		b := []byte{byte(back & 0x7f)}
		for back >>= 7; back > 0; back >>= 7 {
			back--
			b = append([]byte{byte(back&0x7f) | 0x80}, b...)
		}
		return append(head(6, claim), b...), delta
	}
}

func byName(name byte, delta []byte) func(int, []int) ([]byte, []byte) {
	return func(int, []int) ([]byte, []byte) {
		b := append(head(7, len(delta)), name)
		return append(b, make([]byte, 19)...), delta
	}
}

// grow is a difference that copies its base a thousand times.
func grow(base int) ([]byte, int) {
	varint := func(b []byte, n int) []byte {
		for ; n > 0x7f; n >>= 7 {
			b = append(b, byte(n)|0x80)
		}
		return append(b, byte(n))
	}
	d := varint(varint(nil, base), base*1000)
	for range 1000 {
		d = append(d, 0x80|0x10|0x20|0x40, byte(base), byte(base>>8), byte(base>>16))
	}
	return d, base * 1000
}

// TestHostilePacks: what a stranger packed ends with a note or a limit, and what
// is sound beside it is still found.
func TestHostilePacks(t *testing.T) {
	secret := "x = " + detect.ClientSecret("hostile") + "\n"
	double, size := grow(len(secret))
	again, size2 := grow(size)
	third, _ := grow(size2)
	ring := byName(2, []byte{1, 1, 1, 'x'})
	deep := []func(int, []int) ([]byte, []byte){blob(secret, len(secret))}
	copyAll := []byte{byte(len(secret)), byte(len(secret)), 0x90, byte(len(secret))}
	for range 250 {
		deep = append(deep, ofs(copyAll, len(copyAll), 1))
	}
	for name, c := range map[string]struct {
		entries []func(int, []int) ([]byte, []byte)
		hits    int
	}{
		"lying size":      {[]func(int, []int) ([]byte, []byte){blob(secret, len(secret)), blob("short", 1<<20)}, 1},
		"huge claim":      {[]func(int, []int) ([]byte, []byte){blob(secret, len(secret)), blob("short", 1<<50)}, 2},
		"ring":            {[]func(int, []int) ([]byte, []byte){blob(secret, len(secret)), byName(2, []byte{1, 1, 1, 'x'}), byName(1, []byte{1, 1, 1, 'x'}), ring}, 1},
		"self":            {[]func(int, []int) ([]byte, []byte){blob(secret, len(secret)), byName(1, []byte{1, 1, 1, 'x'})}, 1},
		"missing base":    {[]func(int, []int) ([]byte, []byte){blob(secret, len(secret)), byName(99, []byte{1, 1, 1, 'x'})}, 1},
		"growing":         {[]func(int, []int) ([]byte, []byte){blob(secret, len(secret)), ofs(double, len(double), 1), ofs(again, len(again), 1), ofs(third, len(third), 1)}, 2},
		"wrong base size": {[]func(int, []int) ([]byte, []byte){blob(secret, len(secret)), ofs([]byte{99, 1, 1, 'x'}, 4, 1)}, 1},
		"copy past end":   {[]func(int, []int) ([]byte, []byte){blob(secret, len(secret)), ofs([]byte{byte(len(secret)), 5, 0x91, 250, 5}, 5, 1)}, 1},
		"before the pack": {[]func(int, []int) ([]byte, []byte){blob(secret, len(secret)), ofs(copyAll, len(copyAll), 99)}, 1},
		"deep":            {deep, 1},
	} {
		pack, idx := packed(c.entries...)
		if len(c.entries) > 256 {
			t.Fatal("the index has one object for each first byte")
		}
		s := &history.Source{Path: bare(t, pack, idx)}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		result, err := scan.Run(t.Context(), scan.Config{Workers: 1}, s)
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if hits := s.Finish(result.Hits); len(hits) != c.hits {
			t.Errorf("%s: %d hits, want %d", name, len(hits), c.hits)
			for _, h := range hits {
				t.Log(h.Detector.ID, h.Path, h.Masked)
			}
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 100<<20 {
			t.Errorf("%s: %d MB were taken", name, n>>20)
		}
		for _, x := range result.Skipped {
			if strings.Contains(x.Why, "hostile") {
				t.Errorf("%s: %s", name, x.Why)
			}
		}
	}
}

// TestStaysInside: nothing that a repository points at outside of it is opened.
func TestStaysInside(t *testing.T) {
	outside := t.TempDir()
	secret := detect.ClientSecret("outside")
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	fmt.Fprintf(w, "blob %d\x00x = %s\n", len(secret)+5, secret)
	w.Close()
	os.MkdirAll(filepath.Join(outside, "aa"), 0o700)
	object := filepath.Join(outside, "aa", strings.Repeat("b", 38))
	os.WriteFile(object, z.Bytes(), 0o600)
	dir := t.TempDir()
	git := filepath.Join(dir, ".git")
	os.MkdirAll(filepath.Join(git, "objects", "info"), 0o700)
	os.MkdirAll(filepath.Join(git, "objects", "cc"), 0o700)
	os.WriteFile(filepath.Join(git, "HEAD"), []byte("ref: ../../../etc/passwd\n"), 0o600)
	os.WriteFile(filepath.Join(git, "objects", "info", "alternates"), []byte(outside+"\n"), 0o600)
	os.WriteFile(filepath.Join(git, "config"), []byte("[core]\n\tfsmonitor = touch "+filepath.Join(outside, "started")+"\n\tworktree = "+outside+"\n"), 0o600)
	os.Symlink(filepath.Join(outside, "aa"), filepath.Join(git, "objects", "aa"))
	os.Symlink(object, filepath.Join(git, "objects", "cc", strings.Repeat("d", 38)))
	for _, s := range []*history.Source{{Path: dir}, {Path: dir, Since: "2026-01-01"}} {
		result, err := scan.Run(t.Context(), scan.Config{}, s)
		if err != nil {
			t.Error(err)
		}
		if hits := s.Finish(result.Hits); len(hits) != 0 {
			t.Errorf("%d hits come from outside", len(hits))
		}
	}
	if _, err := os.Stat(filepath.Join(outside, "started")); err == nil {
		t.Error("a program was started")
	}
	linked := t.TempDir()
	os.WriteFile(filepath.Join(linked, ".git"), []byte("gitdir: "+git+"\n"), 0o600)
	if _, err := scan.Run(t.Context(), scan.Config{}, &history.Source{Path: linked}); err == nil || !strings.Contains(err.Error(), "points elsewhere") {
		t.Errorf("a .git file was followed: %v", err)
	}
}

// FuzzPack: no pack, index or staging file panics or takes for ever.
func FuzzPack(f *testing.F) {
	secret := "x = " + detect.ClientSecret("fuzz") + "\n"
	pack, idx := packed(blob(secret, len(secret)), ofs([]byte{byte(len(secret)), 10, 0x91, 3, 5, 5, 'h', 'e', 'l', 'l', 'o'}, 11, 1), byName(0, []byte{1, 1, 1, 'x'}))
	index := append([]byte("DIRC\x00\x00\x00\x02\x00\x00\x00\x01"), make([]byte, 100)...)
	f.Add(pack, idx, index)
	f.Fuzz(func(t *testing.T, pack, idx, index []byte) {
		dir := bare(t, pack, idx)
		os.WriteFile(filepath.Join(dir, "index"), index, 0o600)
		for _, s := range []*history.Source{{Path: dir}, {Path: dir, Staged: true}} {
			result, err := scan.Run(t.Context(), scan.Config{Workers: 1}, s)
			if err == nil {
				s.Finish(result.Hits)
			}
		}
	})
}
