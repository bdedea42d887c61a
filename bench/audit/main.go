// Command audit measures the audit log: what recording an event adds to the
// transaction it belongs to, and how long the whole log takes to verify and to
// export. It prints ratios and medians:
//
//	go run ./bench/audit            # 1,000,000 events in a SQLite file
//	go run ./bench/audit -events 100000 -db postgres://user@host/empty
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/store"
)

func main() {
	events := flag.Int("events", 1_000_000, "events in the log")
	where := flag.String("db", "", "database to use; a temporary SQLite file if empty")
	flag.Parse()
	if err := run(context.Background(), *events, *where); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// state is the table of the transaction that records.
var state = store.Schema{Version: 1, SQL: `CREATE TABLE state (id BIGINT PRIMARY KEY, value TEXT NOT NULL)`}

func run(ctx context.Context, events int, where string) error {
	folder, err := os.MkdirTemp("", "rekey-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if where == "" {
		where = filepath.Join(folder, "rekey.db")
	}
	db, err := store.Open(ctx, where, state, audit.Schema)
	if err != nil {
		return err
	}
	defer db.Close()
	l, err := audit.New(make([]byte, 32))
	if err != nil {
		return err
	}
	if err := errors.Join(record(ctx, db, l), fill(ctx, db, l, events)); err != nil {
		return err
	}
	if info, err := os.Stat(where); err == nil {
		fmt.Printf("size of the database                        %6d MB  %d bytes an event\n", info.Size()/1e6, info.Size()/int64(events))
	}
	return errors.Join(verify(ctx, db, l), export(ctx, db, l, filepath.Join(folder, "export.jsonl")))
}

func event(n int) audit.Event {
	return audit.Event{
		Tenant: "4f1c0a5e-7d0b-4c56-9a3f-0c1d2e3f4a5b", Actor: "token:k3v9q2", Name: "Nightly sync", Role: access.Administrator,
		Action: "credential.appeared", Subject: fmt.Sprintf("9c2d6f60-0000-4000-8000-%012d", n%200_000), Title: "D365_Basware_InvoiceExport",
		Outcome: audit.Seen, Detail: map[string]string{"keyId": fmt.Sprintf("1b7e0c11-0000-4000-8000-%012d", n), "expires": "2027-01-31T00:00:00Z"},
	}
}

// record compares transactions that change a row with ones that record it too.
func record(ctx context.Context, db *store.DB, l *audit.Log) error {
	const rounds = 2000
	var plain, one, ten []time.Duration
	for i := range rounds {
		for _, c := range []struct {
			into   *[]time.Duration
			events int
		}{{&plain, 0}, {&one, 1}, {&ten, 10}} {
			list := make([]audit.Event, c.events)
			for j := range list {
				list[j] = event(i)
			}
			start := time.Now()
			err := db.Do(ctx, func(tx *store.Tx) error {
				if _, err := tx.Exec(`INSERT INTO state (id, value) VALUES ($1, 'a change') ON CONFLICT (id) DO UPDATE SET value = excluded.value`, i); err != nil {
					return err
				}
				return l.Record(tx, list...)
			})
			if err != nil {
				return err
			}
			*c.into = append(*c.into, time.Since(start))
		}
	}
	p, o, t := median(plain), median(one), median(ten)
	fmt.Printf("a transaction that changes one row          %9s\n", p)
	fmt.Printf("... and records one event                   %9s  %.2f times\n", o, ratio(o, p))
	fmt.Printf("... and records ten                         %9s  %.2f times, %s an event\n", t, ratio(t, p), (t-p)/10)
	return nil
}

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2].Round(time.Microsecond)
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func fill(ctx context.Context, db *store.DB, l *audit.Log, events int) error {
	latest, err := l.Latest(ctx, db)
	if err != nil {
		return err
	}
	start, before := time.Now(), int(latest.Size)
	for n := before; n < events; {
		list := make([]audit.Event, 0, 5000)
		for ; n < events && len(list) < cap(list); n++ {
			list = append(list, event(n))
		}
		if err := db.Do(ctx, func(tx *store.Tx) error { return l.Record(tx, list...) }); err != nil {
			return err
		}
	}
	took := time.Since(start)
	fmt.Printf("appending %d events, 5,000 at a time    %9s  %.0f events a second\n", events-before, took.Round(time.Millisecond), float64(events-before)/took.Seconds())
	return nil
}

func verify(ctx context.Context, db *store.DB, l *audit.Log) error {
	var times []time.Duration
	var report audit.Report
	for range 3 {
		start := time.Now()
		var err error
		if report, err = l.Verify(ctx, db); err != nil {
			return err
		}
		times = append(times, time.Since(start))
	}
	took := median(times)
	fmt.Printf("verifying %d events in the database    %9s  %.0f events a second, memory peak so far %d MB\n", report.Events, took.Round(time.Millisecond), float64(report.Events)/took.Seconds(), peak())
	return nil
}

func export(ctx context.Context, db *store.DB, l *audit.Log, name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	start := time.Now()
	n, err := l.ExportAll(ctx, db, f)
	if err != nil {
		return err
	}
	took := time.Since(start)
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	fmt.Printf("exporting them with proofs                  %9s  %.0f events a second, %d bytes an event\n", took.Round(time.Millisecond), float64(n)/took.Seconds(), size/n)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	start = time.Now()
	report, err := audit.VerifyExport(f, l.VerifierKey())
	if err != nil {
		return err
	}
	took = time.Since(start)
	fmt.Printf("verifying the export, offline               %9s  %.0f events a second, memory peak %d MB\n", took.Round(time.Millisecond), float64(report.Events)/took.Seconds(), peak())
	return nil
}

// peak is the most memory that this process has had at a time, in MB: what the
// kernel says on Linux, elsewhere what Go has asked for.
func peak() int {
	f, err := os.Open("/proc/self/status")
	if err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if text, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
				kB, _ := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(text, "kB")))
				return kB / 1000
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.Sys / 1e6)
}
