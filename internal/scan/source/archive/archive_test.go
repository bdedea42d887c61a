package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rekey.example/rekey/internal/scan"
	"rekey.example/rekey/internal/scan/detect"
	"rekey.example/rekey/internal/scan/source/archive"
)

// one is a source of one container.
type one struct{ scan.Container }

func (o one) Jobs(_ context.Context, add func(scan.Job) error) error {
	return add(func(ctx context.Context, w *scan.Worker) error {
		o.Head = make([]byte, 512)
		n, _ := o.R.ReadAt(o.Head, 0)
		o.Head = o.Head[:n]
		taken, err := w.Unpack(ctx, o.Container)
		if !taken {
			w.Skip(o.Path, fmt.Errorf("nobody wants it"))
		}
		return err
	})
}

func open(t testing.TB, name string, data []byte) *scan.Result {
	t.Helper()
	result, err := scan.Run(t.Context(), scan.Config{Workers: 2, Unpack: []scan.Unpacker{archive.New(archive.Limits{}, nil)}}, one{scan.Container{Path: name, Size: int64(len(data)), R: bytes.NewReader(data)}})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

type file struct{ name, text string }

func zipped(method uint16, files ...file) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range files {
		w, _ := z.CreateHeader(&zip.FileHeader{Name: f.name, Method: method})
		io.WriteString(w, f.text)
	}
	z.Close()
	return out.Bytes()
}

func tarred(files ...file) []byte {
	var out bytes.Buffer
	t := tar.NewWriter(&out)
	for _, f := range files {
		t.WriteHeader(&tar.Header{Name: f.name, Size: int64(len(f.text)), Mode: 0o600})
		io.WriteString(t, f.text)
	}
	t.Close()
	return out.Bytes()
}

func gzipped(data []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(data)
	z.Close()
	return out.Bytes()
}

// filler is text of n bytes that does not compress to nothing.
func filler(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, "line %d of the filler says %d\n", r.IntN(1000), r.IntN(1e6))
	}
	return b.String()
}

// TestFormats: a secret is found in every format and nest, at its own path and line.
func TestFormats(t *testing.T) {
	key := detect.ClientSecret("archive")
	text := "one\ntwo\nvalue = " + key + "\n"
	long := filler(3<<20) + text
	inner := zipped(zip.Deflate, file{"inner.txt", text})
	padded := zipped(zip.Store, file{"a.bin", strings.Repeat("\x00\x01", 1<<20)}, file{"inner.txt", text})
	for name, c := range map[string]struct {
		data []byte
		path string
		line int
	}{
		"a.zip":      {zipped(zip.Deflate, file{"d/x.txt", text}), "a.zip!d/x.txt", 3},
		"stored.zip": {zipped(zip.Store, file{"d/x.txt", text}), "stored.zip!d/x.txt", 3},
		"app.msapp":  {zipped(zip.Deflate, file{`Controls\1.json`, text}), "app.msapp!Controls/1.json", 3},
		"long.zip":   {zipped(zip.Deflate, file{"x.txt", long}), "long.zip!x.txt", strings.Count(long, "\n")},
		"a.tar":      {tarred(file{"d/x.txt", text}), "a.tar!d/x.txt", 3},
		"long.tar":   {tarred(file{strings.Repeat("n", 150), "y"}, file{"x.txt", long}, file{"z", "z"}), "long.tar!x.txt", strings.Count(long, "\n")},
		"a.tar.gz":   {gzipped(tarred(file{"d/x.txt", text})), "a.tar.gz!d/x.txt", 3},
		"a.log.gz":   {gzipped([]byte(text)), "a.log.gz", 3},
		"two.gz":     {append(gzipped([]byte("zero\n")), gzipped([]byte(text))...), "two.gz", 4},
		"nested.zip": {zipped(zip.Deflate, file{"i.zip", string(inner)}), "nested.zip!i.zip!inner.txt", 3},
		"large.zip":  {zipped(zip.Deflate, file{"i.zip", string(padded)}), "large.zip!i.zip!inner.txt", 3},
		"place.zip":  {zipped(zip.Store, file{"i.zip", string(padded)}), "place.zip!i.zip!inner.txt", 3},
		"mixed.zip":  {zipped(zip.Deflate, file{"i.tgz", string(gzipped(tarred(file{"j.zip", string(inner)})))}), "mixed.zip!i.tgz!j.zip!inner.txt", 3},
		"prefix.zip": {append([]byte("PK\x03\x04 is how it begins"), zipped(zip.Deflate, file{"x.txt", text})...), "prefix.zip!x.txt", 3},
	} {
		r := open(t, name, c.data)
		if len(r.Hits) != 1 || len(r.Skipped) != 0 || r.Hits[0].Value.Reveal() != key || r.Hits[0].Path != c.path || r.Hits[0].Line != c.line {
			t.Errorf("%s: %d hits, skipped %v", name, len(r.Hits), r.Skipped)
			for _, h := range r.Hits {
				t.Errorf("  %s in %s:%d %s", h.Detector.ID, h.Path, h.Line, h.Masked)
			}
		}
	}
}

// bomb is 1 GiB of zeros in 1 MB, 32 KiB of bits at a time.
func bomb(size int) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, 9)
	zeros := make([]byte, 1<<20)
	for range size >> 20 {
		w.Write(zeros)
	}
	w.Close()
	return out.Bytes()
}

// raw writes a zip file of entries as they are, with the sizes that are claimed.
type rawEntry struct {
	name         string
	data         []byte
	method       uint16
	flags        uint16
	claim, check uint32
	attributes   uint32
	at           int // of another's header, if over is set
	over         bool
}

func rawZip(entries ...rawEntry) []byte {
	var out, dir bytes.Buffer
	le := binary.LittleEndian
	for _, e := range entries {
		at := out.Len()
		if e.over {
			at = e.at
		} else {
			h := append([]byte("PK\x03\x04\x14\x00"), make([]byte, 24)...)
			le.PutUint16(h[6:], e.flags)
			le.PutUint16(h[8:], e.method)
			le.PutUint32(h[18:], uint32(len(e.data)))
			le.PutUint32(h[22:], e.claim)
			le.PutUint16(h[26:], uint16(len(e.name)))
			out.Write(h)
			out.WriteString(e.name)
			out.Write(e.data)
		}
		h := append([]byte("PK\x01\x02\x14\x03\x14\x00"), make([]byte, 38)...)
		le.PutUint16(h[8:], e.flags)
		le.PutUint16(h[10:], e.method)
		le.PutUint32(h[20:], uint32(len(e.data)))
		le.PutUint32(h[24:], e.claim)
		le.PutUint16(h[28:], uint16(len(e.name)))
		le.PutUint32(h[38:], e.attributes)
		le.PutUint32(h[42:], uint32(at))
		dir.Write(h)
		dir.WriteString(e.name)
	}
	end := append([]byte("PK\x05\x06"), make([]byte, 18)...)
	le.PutUint16(end[8:], uint16(len(entries)))
	le.PutUint16(end[10:], uint16(len(entries)))
	le.PutUint32(end[12:], uint32(dir.Len()))
	le.PutUint32(end[16:], uint32(out.Len()))
	return append(append(out.Bytes(), dir.Bytes()...), end...)
}

// quine is a zip file that contains two stored entries which are the file
// itself, as far as their sizes let them: the directory says that each begins at 0.
func quine() []byte {
	z := rawZip(rawEntry{name: "q.zip"}, rawEntry{name: "r.zip"})
	le := binary.LittleEndian
	first := bytes.Index(z, []byte("PK\x01\x02"))
	le.PutUint32(z[first+20:], uint32(len(z)))
	le.PutUint32(z[first+24:], uint32(len(z)))
	return z
}

func nest(levels int) []byte {
	data := zipped(zip.Deflate, file{"bottom.txt", "x"})
	for i := range levels {
		data = zipped(zip.Deflate, file{fmt.Sprintf("%d.zip", i), string(data)})
	}
	return data
}

// wideNest doubles at every level: 2^n files in a few kilobytes.
func wideNest(levels int) []byte {
	data := zipped(zip.Deflate, file{"bottom.txt", strings.Repeat("x", 1<<20)})
	for range levels {
		files := make([]file, 16)
		for i := range files {
			files[i] = file{fmt.Sprintf("%d.zip", i), string(data)}
		}
		data = zipped(zip.Deflate, files...)
	}
	return data
}

func many(n int) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i := range n {
		z.CreateHeader(&zip.FileHeader{Name: fmt.Sprint(i), Method: zip.Store})
	}
	z.Close()
	return out.Bytes()
}

// TestBombs: each ends with a finding, after a bounded number of bytes and
// in bounded memory. (T37)
func TestBombs(t *testing.T) {
	giant := bomb(1 << 30)
	overlapping := []rawEntry{{name: "0", data: bomb(64 << 20), method: 8, claim: 64 << 20}}
	for i := 1; i < 2000; i++ {
		overlapping = append(overlapping, rawEntry{name: fmt.Sprint(i), data: overlapping[0].data, method: 8, claim: 64 << 20, over: true})
	}
	var tarBomb bytes.Buffer
	z := gzip.NewWriter(&tarBomb)
	tw := tar.NewWriter(z)
	tw.WriteHeader(&tar.Header{Name: "zeros", Size: 1 << 30})
	for range 1024 {
		tw.Write(make([]byte, 1<<20))
	}
	tw.Close()
	z.Close()
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"giant.zip":    {rawZip(rawEntry{name: "zeros", data: giant, method: 8, claim: 1 << 30}), "more bytes"},
		"giant.gz":     {append(append([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"), giant...), 0, 0, 0, 0, 0, 0, 0, 0), "more bytes"},
		"giant.tar.gz": {tarBomb.Bytes(), "more bytes"},
		"lying.zip":    {rawZip(rawEntry{name: "zeros", data: bomb(4 << 20), method: 8, claim: 10}), "more than they claim"},
		"nest.zip":     {nest(1000), "nest deeper"},
		"wide.zip":     {wideNest(5), "more bytes"},
		"many.zip":     {many(200_000), "100000 entries"},
		"overlap.zip":  {rawZip(overlapping...), "over each other"},
		"quine.zip":    {quine(), "over each other"},
		"up.zip":       {zipped(zip.Deflate, file{"../../etc/passwd", "x"}), "point out"},
		"back.zip":     {zipped(zip.Deflate, file{`..\..\windows\x`, "x"}), "point out"},
		"root.zip":     {zipped(zip.Deflate, file{"C:\\x", "x"}), "point out"},
		"link.zip":     {rawZip(rawEntry{name: "l", data: []byte("../../etc/passwd"), claim: 16, attributes: 0xa1ff << 16}), "links"},
		"locked.zip":   {rawZip(rawEntry{name: "l", data: []byte("0123456789abcdef"), flags: 1, claim: 4}), "encrypted"},
		"lzma.zip":     {rawZip(rawEntry{name: "l", data: []byte("0123456789abcdef"), method: 14, claim: 4}), "method 14"},
		"up.tar":       {tarred(file{"../x", "x"}), "point out"},
		"sparse.tar":   {sparse(), "sparse"},
	} {
		t.Run(name, func(t *testing.T) {
			peak := watchHeap(t)
			start := time.Now()
			r := open(t, name, c.data)
			t.Logf("%d bytes of archive, %d of content, %v, peak heap %d MB", len(c.data), r.Bytes, time.Since(start), peak()>>20)
			told := false
			for _, h := range r.Hits {
				told = told || h.Detector == scan.LimitReached && strings.Contains(h.Masked, c.want)
			}
			if !told || len(r.Hits) > 5 {
				t.Errorf("%d hits, none says %q: %v", len(r.Hits), c.want, r.Skipped)
			}
			if r.Bytes > 512<<20 {
				t.Errorf("%d bytes were looked at", r.Bytes)
			}
			if m := peak(); m > 128<<20 {
				t.Errorf("%d MB of memory", m>>20)
			}
		})
	}
}

func sparse() []byte {
	data := tarred(file{"s", ""})
	data[156] = 'S'
	for i := 148; i < 156; i++ {
		data[i] = ' '
	}
	sum := 0
	for _, c := range data[:512] {
		sum += int(c)
	}
	copy(data[148:], fmt.Sprintf("%06o\x00 ", sum))
	return data
}

// watchHeap tells how much the heap grew over what the test itself holds.
func watchHeap(t *testing.T) func() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := int64(m.HeapAlloc)
	var most atomic.Int64
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), int64(m.HeapAlloc)-before))
		}
	}()
	t.Cleanup(func() { close(done); <-gone })
	return most.Load
}

// FuzzUnpack: no archive panics or is read for ever.
func FuzzUnpack(f *testing.F) {
	inner := zipped(zip.Deflate, file{"inner.txt", "x = " + detect.ClientSecret("f")})
	for _, seed := range [][]byte{
		inner, zipped(zip.Store, file{"a", string(inner)}), tarred(file{"a/b", "text"}), gzipped(tarred(file{"a", string(inner)})), gzipped([]byte("log\n")),
		quine(), rawZip(rawEntry{name: "l", data: []byte("x"), flags: 1}), nest(10), sparse(), binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(nil)),
	} {
		f.Add("a.tar", seed)
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if r := open(t, name, data); r.Bytes > int64(len(data))*80+64<<20 {
			t.Errorf("%d bytes of %d", r.Bytes, len(data))
		}
	})
}
