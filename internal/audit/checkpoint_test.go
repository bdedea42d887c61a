package audit

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

func TestCheckpointsAreKeptOutside(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		l := newLog(t)
		file := filepath.Join(t.TempDir(), CheckpointsFile)
		if c, err := l.Keep(t.Context(), db, file); err != nil || c.Size != 0 {
			t.Fatalf("of an empty log: %+v, %v", c, err)
		}
		for _, want := range []int64{5, 5, 12} { // the second time there is nothing new
			fill(t, l, db, int(want)-int(size(t, l, db)))
			if c, err := l.Keep(t.Context(), db, file); err != nil || c.Size != want {
				t.Fatalf("got %+v, %v; want %d events", c, err, want)
			}
		}
		list, err := l.Kept(file)
		if err != nil || len(list) != 2 || list[0].Size != 5 || list[1].Size != 12 {
			t.Fatalf("got %+v, %v", list, err)
		}
		r, err := l.Verify(t.Context(), db, list...)
		if err != nil || r.Outside != 2 || r.Newest != 12 {
			t.Fatalf("got %+v, %v", r, err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file can be read by others: %v, %v", info.Mode(), err)
		}
	})
}

func size(t *testing.T, l *Log, db *store.DB) int64 {
	t.Helper()
	c, err := l.Latest(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return c.Size
}

func TestALineThatACrashCutShortIsNoTampering(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	l := newLog(t)
	file := filepath.Join(t.TempDir(), CheckpointsFile)
	for range 2 {
		fill(t, l, db, 3)
		if _, err := l.Keep(t.Context(), db, file); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	first := strings.IndexByte(string(whole), '\n') + 1
	for cut := first; cut < len(whole)-1; cut += 7 {
		if err := os.WriteFile(file, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Keep(t.Context(), db, file); err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if list, err := l.Kept(file); err != nil || len(list) != 2 || list[1].Size != 6 {
			t.Fatalf("cut at %d: got %+v, %v", cut, list, err)
		}
	}
}

func TestAKeptCheckpointThatWeDidNotSignIsSeen(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	l := newLog(t)
	file := filepath.Join(t.TempDir(), CheckpointsFile)
	fill(t, l, db, 3)
	if _, err := l.Keep(t.Context(), db, file); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(whole), `\n3\n`, `\n2\n`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newLog(t).Kept(file); !errors.Is(err, ErrTampered) {
		t.Errorf("got %v", err)
	}
}

// The chore that keeps checkpoints is also the first to see a log that lost its
// end or changed below what was kept.
func TestKeepingSeesALogThatWentBackOrChanged(t *testing.T) {
	for name, change := range map[string]string{
		"went back": `UPDATE audit_head SET size = 0, checkpoint = '', peaks = ''`,
		"changed":   `UPDATE audit_event SET hashes = (SELECT hashes FROM audit_event WHERE seq = 0) WHERE seq = 2`,
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
				l := newLog(t)
				file := filepath.Join(t.TempDir(), CheckpointsFile)
				fill(t, l, db, 3)
				if _, err := l.Keep(t.Context(), db, file); err != nil {
					t.Fatal(err)
				}
				fill(t, l, db, 3)
				if err := db.Do(t.Context(), func(tx *store.Tx) error { _, err := tx.Exec(change); return err }); err != nil {
					t.Fatal(err)
				}
				if _, err := l.Keep(t.Context(), db, file); !errors.Is(err, ErrTampered) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestACheckpointFromAMailIsReadAgain(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	l := newLog(t)
	fill(t, l, db, 3)
	c, err := l.Latest(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{c.Text, strings.TrimSpace(c.Text), strings.ReplaceAll(c.Text, "\n", "\r\n"), c.Text + "\n\n"} {
		if got, err := l.Open(text); err != nil || got != c {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", c.Text[1:], strings.Replace(c.Text, "\n3\n", "\n03\n", 1), exportName + "\n"} {
		if got, err := l.Open(text); err == nil {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}
