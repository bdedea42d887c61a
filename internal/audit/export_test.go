package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

func export(t testing.TB, l *Log, db *store.DB, s Scope) []byte {
	t.Helper()
	var file bytes.Buffer
	var n int64
	var err error
	if s == (Scope{}) {
		n, err = l.ExportAll(t.Context(), db, &file)
	} else {
		n, err = l.Export(t.Context(), db, auditor(s.Tenant), s, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	if lines := int64(bytes.Count(file.Bytes(), []byte("\n"))); lines != n+2 {
		t.Fatalf("%d events make %d lines", n, lines)
	}
	return file.Bytes()
}

func TestAnExportIsVerifiedWithoutTheDatabase(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		l := newLog(t)
		fill(t, l, db, 1500)
		earlier, err := l.Latest(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		fill(t, l, db, 1000)
		for _, c := range []struct {
			scope    Scope
			events   int64
			complete bool
		}{
			{Scope{}, 2500, true},
			{Scope{Tenant: "tenant-1"}, 1250, false},
			{Scope{Tenant: "tenant-1", Subject: "app-3"}, 250, false},
			{Scope{Tenant: "tenant-1", Subject: "no such"}, 0, false},
		} {
			file := export(t, l, db, c.scope)
			r, err := VerifyExport(bytes.NewReader(file), l.VerifierKey()+"\n")
			if err != nil || r.Events != c.events || r.Complete != c.complete || r.Scope != c.scope || !r.Trusted || r.Latest.Size != 2500 {
				t.Errorf("%+v: got %+v, %v", c.scope, r, err)
			}
			r, err = VerifyExport(bytes.NewReader(file), "")
			if err != nil || r.Trusted || r.Key != l.VerifierKey() {
				t.Errorf("%+v without a key: got %+v, %v", c.scope, r, err)
			}
			r, err = VerifyExport(bytes.NewReader(file), l.VerifierKey(), earlier.Text)
			if c.complete && (err != nil || r.Outside != 1) {
				t.Errorf("with an earlier checkpoint: %+v, %v", r, err)
			}
			if !c.complete && (err == nil || errors.Is(err, ErrTampered)) {
				t.Errorf("%+v: a part was compared with a checkpoint of the whole: %v", c.scope, err)
			}
		}
	})
}

func TestTheExportOfTheOnlyTenantIsComplete(t *testing.T) {
	storetest.Each(t, schemas, func(t *testing.T, db *store.DB) {
		l := newLog(t)
		for i := range 5 {
			record(t, l, db, event(2*i))
		}
		r, err := VerifyExport(bytes.NewReader(export(t, l, db, Scope{Tenant: "tenant-0"})), l.VerifierKey())
		if err != nil || !r.Complete || r.Events != 5 {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}

func TestTenThousandManipulationsOfExportsAreAllSeen(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	l := newLog(t)
	fill(t, l, db, 24)
	for _, scope := range []Scope{{}, {Tenant: "tenant-1"}, {Tenant: "tenant-1", Subject: "app-3"}} {
		file := export(t, l, db, scope)
		lines := bytes.SplitAfter(file, []byte("\n"))
		lines = lines[:len(lines)-1]
		seed := rand.Uint64()
		for round := range 4000 / slow {
			x := rand.New(rand.NewPCG(seed, uint64(round)))
			bent := slices.Clone(lines)
			a, b := x.IntN(len(lines)), x.IntN(len(lines))
			switch x.IntN(7) {
			case 0: // alter a line
				y := attacker{Rand: x}
				bent[a] = y.bend(bent[a])
			case 1: // remove some
				bent = slices.Delete(bent, min(a, b), max(a, b)+1)
			case 2: // swap two
				bent[a], bent[b] = bent[b], bent[a]
			case 3: // say one again
				bent = slices.Insert(bent, b, lines[a])
			case 4: // cut
				bent = [][]byte{file[:x.IntN(len(file))]}
			case 5: // flip a bit anywhere
				whole := bytes.Clone(file)
				whole[x.IntN(len(whole))] ^= 1 << x.IntN(8)
				bent = [][]byte{whole}
			case 6: // remove one event and say so in the trailer
				if a == 0 || a == len(lines)-1 {
					continue
				}
				bent = slices.Delete(bent, a, a+1)
				last := len(bent) - 1
				bent[last] = bytes.Replace(bent[last], fmt.Appendf(nil, `{"events":%d`, len(lines)-2), fmt.Appendf(nil, `{"events":%d`, len(lines)-3), 1)
			}
			got := bytes.Join(bent, nil)
			_, err := VerifyExport(bytes.NewReader(got), l.VerifierKey())
			if same := bytes.Equal(got, file); same != (err == nil) {
				t.Fatalf("seed %d round %d: unchanged %v, reported %v", seed, round, same, err)
			}
		}
	}
}

// A forger who has a key, but not ours, and the right form for everything.
func TestAnExportOfAnotherLogIsNotTrusted(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	other, err := New(bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	fill(t, other, db, 10)
	file := export(t, other, db, Scope{})
	if _, err := VerifyExport(bytes.NewReader(file), newLog(t).VerifierKey()); !errors.Is(err, ErrTampered) {
		t.Errorf("got %v", err)
	}
	mixed := bytes.Replace(file, []byte(other.VerifierKey()), []byte(newLog(t).VerifierKey()), 1)
	if _, err := VerifyExport(bytes.NewReader(mixed), newLog(t).VerifierKey()); !errors.Is(err, ErrTampered) {
		t.Errorf("with our key in the header: got %v", err)
	}
}

// A rekey that was made to call a part of the log complete, and to sign that.
func TestACompleteExportMayLeaveNothingOut(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	l := newLog(t)
	fill(t, l, db, 10)
	var file bytes.Buffer
	x := &relabel{to: &file}
	if _, err := l.Export(t.Context(), db, auditor("tenant-1"), Scope{}, x); err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(file.Bytes(), []byte("\n"))
	trailing, err := resign(l, bytes.Join(lines[:6], nil), 5)
	if err != nil {
		t.Fatal(err)
	}
	r, err := VerifyExport(bytes.NewReader(append(bytes.Join(lines[:6], nil), trailing...)), l.VerifierKey())
	if !errors.Is(err, ErrTampered) || r.Problems[0] != (Problem{0, "is missing"}) {
		t.Errorf("got %+v, %v", r, err)
	}
}

type relabel struct {
	to   *bytes.Buffer
	past bool
}

func (r *relabel) Write(b []byte) (int, error) {
	if !r.past {
		r.past = true
		r.to.Write(bytes.Replace(b, []byte(`"scope":{"tenant":"tenant-1"},"complete":false`), []byte(`"complete":true`), 1))
		return len(b), nil
	}
	return r.to.Write(b)
}

func resign(l *Log, lines []byte, events int64) ([]byte, error) {
	var end bytes.Buffer
	x := newExporter(l, nil, Scope{}, &end)
	x.events = events
	x.digest.Write(lines)
	err := x.end(&end)
	return end.Bytes(), err
}

func TestWhatIsNoExportIsCalledSo(t *testing.T) {
	for _, file := range []string{"", "\n", "hello\n", "{}\n", `{"format":"rekey-audit-export/9"}` + "\n", `[]`, strings.Repeat("x", 2<<20)} {
		_, err := VerifyExport(strings.NewReader(file), "")
		if !errors.Is(err, ErrNotExport) || errors.Is(err, ErrTampered) {
			t.Errorf("%.20q: got %v", file, err)
		}
	}
}

func TestALineWithoutEndDoesNotFillTheMemory(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	l := newLog(t)
	fill(t, l, db, 3)
	file := export(t, l, db, Scope{})
	header, _, _ := bytes.Cut(file, []byte("\n"))
	_, err := VerifyExport(bytes.NewReader(append(append(header, '\n'), bytes.Repeat([]byte("x"), 3<<20)...)), l.VerifierKey())
	if !errors.Is(err, ErrTampered) || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("got %v", err)
	}
}

// The largest event that can be recorded can be exported and verified.
func TestTheLargestEventFitsOnALine(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	l := newLog(t)
	e := event(0)
	for i := 0; ; i++ {
		e.Detail[fmt.Sprint(i)] = strings.Repeat("\x01", maxText)
		if _, err := newRow(0, e); err != nil {
			delete(e.Detail, fmt.Sprint(i))
			break
		}
	}
	record(t, l, db, e, event(1))
	if _, err := VerifyExport(bytes.NewReader(export(t, l, db, Scope{})), l.VerifierKey()); err != nil {
		t.Error(err)
	}
}

func TestAnExportOfAnAlteredLogStops(t *testing.T) {
	db := storetest.SQLite(t, schemas...)
	l := newLog(t)
	fill(t, l, db, 10)
	err := db.Do(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE audit_event SET body = '{}' WHERE seq = 7`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.ExportAll(t.Context(), db, &bytes.Buffer{}); !errors.Is(err, ErrTampered) {
		t.Errorf("got %v", err)
	}
}

// Whatever a file holds, only what was exported is verified.
func FuzzVerifyExport(f *testing.F) {
	db := storetest.SQLite(f, schemas...)
	l := newLog(f)
	for i := range 12 { // every fuzzing process makes the same log
		e := event(i)
		e.Time = time.UnixMilli(1e12)
		record(f, l, db, e)
	}
	known := [][]byte{export(f, l, db, Scope{}), export(f, l, db, Scope{Tenant: "tenant-1"})}
	for _, file := range known {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		_, err := VerifyExport(bytes.NewReader(file), l.VerifierKey())
		if err == nil && !slices.ContainsFunc(known, func(k []byte) bool { return bytes.Equal(k, file) }) {
			t.Errorf("verified, but never exported: %q", file)
		}
	})
}

func TestTheReportIsPlainJSON(t *testing.T) {
	raw, err := json.Marshal(Report{Events: 2, Complete: true})
	if err != nil || !bytes.Contains(raw, []byte(`"events":2`)) || bytes.Contains(raw, []byte("scope")) {
		t.Errorf("got %s, %v", raw, err)
	}
}
