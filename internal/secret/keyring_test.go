package secret

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const canary = "cAn8Q~aRy-of.this_test~0123456789abcdefgh"

// table is a shelf that processes share.
type table struct {
	mu     sync.Mutex
	raw    []byte
	loads  int
	broken error
	lost   bool // the answer of the next Swap
}

func (s *table) Load(context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	if s.broken != nil {
		return nil, s.broken
	}
	if s.raw == nil {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(s.raw), nil
}

func (s *table) Swap(_ context.Context, old, next []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	if !bytes.Equal(old, s.raw) {
		return ErrMoved
	}
	s.raw = bytes.Clone(next)
	if s.lost {
		s.lost = false
		return errors.New("the answer was lost")
	}
	return nil
}

func (s *table) Shared() bool { return true }

func open(t testing.TB, shelf Shelf, c Custody) *Keyring {
	t.Helper()
	k, err := Open(t.Context(), shelf, c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *Keyring) ids() string {
	var b strings.Builder
	for _, key := range k.Keys() {
		b.WriteString(key.ID)
		if key.Current {
			b.WriteByte('*')
		}
		b.WriteByte(' ')
	}
	return strings.TrimSpace(b.String())
}

func opens(t testing.TB, k *Keyring, sealed string) {
	t.Helper()
	if v, err := k.Sealer.Open("x", sealed); err != nil || v.Reveal() != canary {
		t.Fatalf("%.3s...: %v", sealed, err)
	}
}

func TestASealingKeyIsExchanged(t *testing.T) {
	folder := t.TempDir()
	k, err := OpenKeyring(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	one := k.Sealer.Seal("x", New(canary))
	id, err := k.Rotate(t.Context())
	if err != nil || id != "k2" || k.ids() != "k1 k2*" {
		t.Fatalf("%s, %v, %s", id, err, k.ids())
	}
	two := k.Sealer.Seal("x", New(canary))
	if !strings.HasPrefix(two, "k2.") || k.Sealer.Current(one) || !k.Sealer.Current(two) || !k.Sealer.Current("") {
		t.Errorf("%.3s", two)
	}
	again, err := k.Sealer.Reseal("x", one)
	if err != nil || !k.Sealer.Current(again) {
		t.Errorf("%v", err)
	}
	if same, err := k.Sealer.Reseal("x", two); err != nil || same != two {
		t.Errorf("a value under the current key was sealed again: %v", err)
	}
	if _, err := k.Sealer.Reseal("y", one); !errors.Is(err, ErrSealed) {
		t.Errorf("another row: %v", err)
	}
	if err := k.Drop(t.Context(), "k2"); err == nil {
		t.Error("the current key was dropped")
	}
	for _, key := range k.Keys() {
		if key.Settled || key.Made.IsZero() {
			t.Errorf("%+v: this process has sealed with it", key)
		}
	}

	b, err := OpenKeyring(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	if keys := b.Keys(); !keys[0].Settled || keys[1].Settled {
		t.Errorf("%+v", keys)
	}
	for _, sealed := range []string{one, two, again} {
		opens(t, b, sealed)
	}
	if b.Values.MAC("a", "b") != k.Values.MAC("a", "b") || !bytes.Equal(b.Signing, k.Signing) || b.Markers.MAC("a", "b") != k.Markers.MAC("a", "b") {
		t.Error("the other keys have changed")
	}
	for range 2 { // dropping twice is dropping once
		if err := b.Drop(t.Context(), "k1"); err != nil {
			t.Fatal(err)
		}
	}
	_, err = b.Sealer.Open("x", one)
	if e, ok := errors.AsType[*UnknownKeyError](err); !ok || e.ID != "k1" || !errors.Is(err, ErrSealed) || !strings.Contains(err.Error(), "keyring.json") {
		t.Errorf("%v", err)
	}
	opens(t, b, again)
	if id, err := b.Rotate(t.Context()); err != nil || id != "k3" {
		t.Errorf("%s, %v: an id was given twice", id, err)
	}
}

func TestKeysCannotPileUp(t *testing.T) {
	k := open(t, FileShelf{t.TempDir()}, Custody{File: filepath.Join(t.TempDir(), "m")})
	for range maxSealing - 1 {
		if _, err := k.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := k.Rotate(t.Context()); !errors.Is(err, ErrTooMany) {
		t.Errorf("%v", err)
	}
}

// TestReplicasFollow: one rotates, the other opens what it sealed, seals with
// the new key soon, and says what is wrong when it cannot know.
func TestReplicasFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shelf, custody := &table{}, Custody{File: filepath.Join(t.TempDir(), "m")}
		a, b := open(t, shelf, custody), open(t, shelf, custody)
		if _, err := a.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.Sealer.Seal("x", New(canary)); !strings.HasPrefix(got, "k1.") {
			t.Errorf("it looked before the minute was over: %.3s", got)
		}
		opens(t, b, a.Sealer.Seal("x", New(canary)))
		if b.ids() != "k1 k2*" {
			t.Error(b.ids())
		}
		if _, err := a.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(followEvery)
		if got := b.Sealer.Seal("x", New(canary)); !strings.HasPrefix(got, "k3.") {
			t.Errorf("after a minute: %.3s", got)
		}
		for _, k := range b.Keys() {
			if k.Settled {
				t.Errorf("%+v: another process may be using it", k)
			}
		}
		if err := b.Drop(t.Context(), "k1"); err != nil {
			t.Fatal(err)
		}
		if err := a.Follow(t.Context()); err != nil || a.ids() != "k2 k3*" {
			t.Errorf("%v, %s", err, a.ids())
		}
		loads := shelf.loads
		for _, bad := range []string{"", "k", "x.00", "k0.00", "k1x.00", "k12345678901.00", "master.00", "k2.zz", "k2.AA"} {
			if _, err := a.Sealer.Open("x", bad); !errors.Is(err, ErrSealed) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		if shelf.loads != loads {
			t.Error("what is no id made it read the keyring")
		}
		if _, err := a.Sealer.Open("x", "k99.00"); !errors.Is(err, ErrSealed) || shelf.loads != loads+1 {
			t.Errorf("%v", err)
		}
		shelf.broken = errors.New("no database")
		if _, err := a.Sealer.Open("x", "k99.00"); err == nil || !strings.Contains(err.Error(), "no database") {
			t.Errorf("%v", err)
		}
	})
}

// TestALostAnswerChangesNothing: a write of the keyring that seemed to fail and
// had not is found out by the next one.
func TestALostAnswerChangesNothing(t *testing.T) {
	shelf, custody := &table{}, Custody{File: filepath.Join(t.TempDir(), "m")}
	k := open(t, shelf, custody)
	shelf.lost = true
	if _, err := k.Rotate(t.Context()); err == nil || k.ids() != "k1*" {
		t.Errorf("%v, %s", err, k.ids())
	}
	sealed := k.Sealer.Seal("x", New(canary))
	if id, err := k.Rotate(t.Context()); err != nil || id != "k3" {
		t.Errorf("%s, %v", id, err)
	}
	opens(t, k, sealed)
	opens(t, open(t, shelf, custody), k.Sealer.Seal("x", New(canary)))
}

func TestOfTwoFirstStartsOneWins(t *testing.T) {
	custody := Custody{File: filepath.Join(t.TempDir(), "m")}
	if _, err := makeFile(custody.File); err != nil {
		t.Fatal(err)
	}
	shelf := &table{}
	rings := make([]*Keyring, 8)
	var wg sync.WaitGroup
	for i := range rings {
		wg.Go(func() {
			var err error
			if rings[i], err = Open(t.Context(), shelf, custody); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, k := range rings {
		opens(t, k, rings[0].Sealer.Seal("x", New(canary)))
	}
}

// TestEveryChangedBitIsSeen flips bits of keyrings and of sealed values, one at
// a time and several (SAFETY T6).
func TestEveryChangedBitIsSeen(t *testing.T) {
	shelf, custody := &table{}, Custody{File: filepath.Join(t.TempDir(), "m")}
	k := open(t, shelf, custody)
	for range 3 {
		if _, err := k.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	whole, sealed := bytes.Clone(shelf.raw), k.Sealer.Seal("x", New(canary))
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 6))
	flip := func(text []byte, times int) []byte {
		out := bytes.Clone(text)
		for bytes.Equal(out, text) {
			for range times {
				out[random.IntN(len(out))] ^= 1 << random.IntN(8)
			}
		}
		return out
	}
	const rounds = 10_000
	for i := range rounds {
		times := 1 + i%3
		shelf.raw = flip(whole, times)
		if _, err := Open(t.Context(), shelf, custody); err == nil {
			t.Fatalf("seed %d, round %d: a changed keyring was opened:\n%s", seed, i, shelf.raw)
		}
		if err := k.Follow(t.Context()); err == nil {
			t.Fatalf("seed %d, round %d: a changed keyring was followed:\n%s", seed, i, shelf.raw)
		}
		shelf.raw = whole
		changed := flip([]byte(sealed), times)
		if _, err := k.Sealer.Open("x", string(changed)); err == nil {
			t.Fatalf("seed %d, round %d: a changed value was opened: %s", seed, i, changed)
		}
	}
	t.Logf("%d keyrings and %d values changed, all seen; seed %d", rounds, rounds, seed)
}

// TestAnOlderKeyringIsBroughtUpToDate: version 1 had no MAC and only a file for
// a master key.
func TestAnOlderKeyringIsBroughtUpToDate(t *testing.T) {
	folder := t.TempDir()
	k, err := OpenKeyring(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	sealed := k.Sealer.Seal("x", New(canary))
	old := k.doc
	old.Version, old.MAC, old.Master = 1, "", masterRecord{}
	raw, err := old.encode()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, KeyringFile)
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		again, err := OpenKeyring(folder, "")
		if err != nil {
			t.Fatal(err)
		}
		opens(t, again, sealed)
	}
	if raw, err = os.ReadFile(file); err != nil || !bytes.Contains(raw, []byte(`"version": 2`)) || !bytes.Contains(raw, []byte(`"mac"`)) {
		t.Errorf("%v: %s", err, raw)
	}
}

// TestWhatIsNoKeyringIsSaidToBeNone: documents of a right form that nobody can
// have written.
func TestWhatIsNoKeyringIsSaidToBeNone(t *testing.T) {
	shelf, custody := &table{}, Custody{File: filepath.Join(t.TempDir(), "m")}
	k := open(t, shelf, custody)
	for name, change := range map[string]func(*document){
		"no root":           func(d *document) { d.Keys = d.Keys[:1] },
		"no sealing key":    func(d *document) { d.Keys = d.Keys[1:] },
		"two of an id":      func(d *document) { d.Keys = append(d.Keys, d.Keys[0]) },
		"another purpose":   func(d *document) { d.Keys[0].Purpose = "x" },
		"another id":        func(d *document) { d.Keys[0].ID = "x" },
		"no current":        func(d *document) { d.Current = "k7" },
		"another's sealing": func(d *document) { d.Keys[0].Sealed = d.Keys[1].Sealed },
		"another source":    func(d *document) { d.Master.Source = "moon" },
		"no stretching":     func(d *document) { d.Master = masterRecord{Source: FromPassphrase} },
		"too much memory": func(d *document) {
			d.Master = masterRecord{Source: FromPassphrase, Argon2id: &stretch{Time: 1, Memory: 1 << 31, Threads: 1, Salt: strings.Repeat("00", 16)}}
		},
		"a number too large": func(d *document) { d.Keys[0].ID = "k99999999999999999999" },
	} {
		d := k.doc
		d.Keys = append([]keyRecord(nil), d.Keys...)
		change(&d)
		raw, err := d.sign(k.root)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), &table{raw: raw}, custody); err == nil {
			t.Errorf("%s: it was opened", name)
		}
	}
	for name, raw := range map[string]string{
		"empty": " ", "no JSON": "{", "another version": `{"version": 3}`, "long": strings.Repeat(" ", maxKeyring+1), "version 1 with nothing": `{"version": 1}`,
		"with a space": strings.Replace(string(shelf.raw), "\n", "\n ", 1),
	} {
		if _, err := Open(t.Context(), &table{raw: []byte(raw)}, custody); err == nil {
			t.Errorf("%s: it was opened", name)
		}
	}
	if _, err := Open(t.Context(), &table{raw: bytes.TrimSpace(shelf.raw)}, custody); err != nil {
		t.Errorf("without the line's end: %v", err)
	}
	broken := errors.New("no database")
	if _, err := Open(t.Context(), &table{broken: broken}, custody); !errors.Is(err, broken) {
		t.Errorf("a shelf that cannot be read: %v", err)
	}
}

func TestAKeyringThatCannotBeReadChangesNothing(t *testing.T) {
	shelf, custody := &table{}, Custody{File: filepath.Join(t.TempDir(), "m")}
	k := open(t, shelf, custody)
	shelf.broken = errors.New("no database")
	_, err := k.Rotate(t.Context())
	for what, err := range map[string]error{"rotate": err, "drop": k.Drop(t.Context(), "k1"), "master": k.ChangeMaster(t.Context(), custody), "follow": k.Follow(t.Context())} {
		if !errors.Is(err, shelf.broken) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzKeyring(f *testing.F) {
	shelf, custody := &table{}, Custody{File: filepath.Join(f.TempDir(), "m")}
	open(f, shelf, custody)
	f.Add(shelf.raw)
	f.Add([]byte(`{"version":1,"current":"k1","keys":[{"id":"k1","purpose":"seal","sealed":"master.00"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := readDocument(raw)
		if err != nil {
			return
		}
		if _, err := d.encode(); err != nil {
			t.Error(err)
		}
		if d.Master.Argon2id != nil { // a keyring must not ask for all memory there is
			_, err := d.Master.Argon2id.check()
			if err == nil && d.Master.Argon2id.Memory > 1<<20 {
				t.Errorf("%+v", d.Master.Argon2id)
			}
		}
		if _, err := Open(t.Context(), &table{raw: raw}, Custody{Source: FromFile, File: custody.File}); err == nil && !bytes.Equal(bytes.TrimSuffix(raw, []byte("\n")), bytes.TrimSuffix(shelf.raw, []byte("\n"))) {
			t.Errorf("opened %s", raw)
		}
	})
}

// unplugged is a master key that cannot be used any more, as a token that
// somebody has pulled out.
type unplugged struct {
	Master
	wrap, unwrap bool
}

var errUnplugged = errors.New("no token")

func (u unplugged) Wrap(label string, key Value) (string, error) {
	if u.wrap {
		return "", errUnplugged
	}
	return u.Master.Wrap(label, key)
}

func (u unplugged) Unwrap(label, wrapped string) (Value, error) {
	if u.unwrap {
		return Value{}, errUnplugged
	}
	return u.Master.Unwrap(label, wrapped)
}

func TestAMasterKeyThatIsAwayChangesNothing(t *testing.T) {
	shelf, custody := &table{}, Custody{Source: FromFile, File: filepath.Join(t.TempDir(), "m")}
	k := open(t, shelf, custody)
	sealed, before := k.Sealer.Seal("x", New(canary)), bytes.Clone(shelf.raw)
	master := k.master
	k.master = unplugged{Master: master, wrap: true}
	if _, err := k.Rotate(t.Context()); !errors.Is(err, errUnplugged) {
		t.Errorf("%v", err)
	}
	for _, away := range []unplugged{{master, true, false}, {master, false, true}} {
		if err := k.wrapAll(t.Context(), custody, away, k.doc.Master); !errors.Is(err, errUnplugged) {
			t.Errorf("%v", err)
		}
	}
	if err := k.unlock(k.doc, unplugged{Master: master, unwrap: true}); !errors.Is(err, errUnplugged) || strings.Contains(err.Error(), "not the one") {
		t.Errorf("%v", err)
	}
	if !bytes.Equal(shelf.raw, before) {
		t.Error("the keyring was written")
	}
	opens(t, k, sealed)
}

func TestAnotherProcessIsFaster(t *testing.T) {
	shelf := &slow{table: &table{}}
	custody := Custody{Source: FromFile, File: filepath.Join(t.TempDir(), "m")}
	k := open(t, shelf, custody)
	shelf.moved = true
	_, err := k.Rotate(t.Context())
	for what, err := range map[string]error{"rotate": err, "in place": k.ChangeMaster(t.Context(), custody), "elsewhere": k.ChangeMaster(t.Context(), Custody{Source: FromFile, File: filepath.Join(t.TempDir(), "n")})} {
		if !errors.Is(err, ErrMoved) {
			t.Errorf("%s: %v", what, err)
		}
	}
	opens(t, open(t, shelf.table, custody), k.Sealer.Seal("x", New(canary)))
}

// slow is a shelf where somebody else always writes between a look and a Swap.
type slow struct {
	*table
	moved bool
}

func (s *slow) Swap(ctx context.Context, old, next []byte) error {
	if s.moved {
		return ErrMoved
	}
	return s.table.Swap(ctx, old, next)
}
