package audit

import (
	"bytes"
	"testing"

	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

func BenchmarkRecord(b *testing.B) {
	db := storetest.SQLite(b, schemas...)
	l := newLog(b)
	l.every = 1024
	n := 0
	for b.Loop() {
		list := make([]Event, 5000)
		for i := range list {
			list[i] = event(n)
			n++
		}
		if err := db.Do(b.Context(), func(tx *store.Tx) error { return l.Record(tx, list...) }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRecordOne(b *testing.B) {
	db := storetest.SQLite(b, schemas...)
	l := newLog(b)
	l.every = 1024
	n := 0
	for b.Loop() {
		n++
		if err := db.Do(b.Context(), func(tx *store.Tx) error { return l.Record(tx, event(n)) }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExport(b *testing.B) {
	db := storetest.SQLite(b, schemas...)
	l := newLog(b)
	l.every = 1024
	list := make([]Event, 50_000)
	for i := range list {
		list[i] = event(i)
	}
	record(b, l, db, list...)
	var file bytes.Buffer
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			file.Reset()
			if _, err := l.ExportAll(b.Context(), db, &file); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(list)), "ns/event")
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if _, err := VerifyExport(bytes.NewReader(file.Bytes()), l.VerifierKey()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(list)), "ns/event")
	})
}
