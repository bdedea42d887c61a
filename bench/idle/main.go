// Command idle measures what waiting costs: the processor time and the memory of
// a real rekey serve while 100,000 rotations wait for days, beside one without
// any, on SQLite and on PostgreSQL.
//
//	go run ./bench/idle
//	go run ./bench/idle --rotations 1000,100000 --seconds 60
//
// It builds the program, fills its database, starts it and reads /proc, so it
// needs Linux. A private PostgreSQL is started if one is installed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

func main() {
	sizes := flag.String("rotations", "0,100000", "how many wait; the last is compared with the first")
	seconds := flag.Int("seconds", 30, "how long to look")
	flag.Parse()
	if err := measure(*sizes, time.Duration(*seconds)*time.Second); err != nil {
		fmt.Fprintln(os.Stderr, "bench/idle:", err)
		os.Exit(1)
	}
}

func measure(sizes string, span time.Duration) error {
	fmt.Printf("%s, %s/%s, %d CPUs; each server is looked at for %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), span)
	folder, err := os.MkdirTemp("", "rekey-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	program := filepath.Join(folder, "rekey")
	if out, err := exec.Command("go", "build", "-o", program, "./cmd/rekey").CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build rekey: %w\n%s", err, out)
	}
	fmt.Printf("\nrekey serve while rotations wait for days\n")
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		var first load
		for i, text := range strings.Split(sizes, ",") {
			n, err := strconv.Atoi(strings.TrimSpace(text))
			if err != nil || n < 0 {
				return fmt.Errorf("--rotations: %q is not a number", text)
			}
			l, err := one(program, filepath.Join(folder, kind+strconv.Itoa(i)), kind, n, span)
			if err != nil {
				return err
			}
			if i == 0 {
				first = l
			}
			fmt.Printf("  %-10s %7d waiting   %5.2f %% of a core   %4d MB, %+d MB while looked at   (%.2f times the memory of the first)\n",
				kind, n, 100*l.core, l.after>>20, (l.after-l.before)>>20, float64(l.after)/float64(max(first.after, 1)))
		}
	}
	return nil
}

// load is what a server used.
type load struct {
	core          float64 // share of one
	before, after int64   // resident bytes at both ends
}

func one(program, folder, kind string, n int, span time.Duration) (l load, err error) {
	env := append(os.Environ(), "REKEY_DATA="+folder, "REKEY_LISTEN=127.0.0.1:0", "REKEY_DATABASE=", "REKEY_SERVER=")
	where := filepath.Join(folder, "rekey.db")
	if kind == "PostgreSQL" {
		address, stop, err := storetest.Launch()
		if err != nil {
			return l, err
		}
		defer stop()
		where, env = address, append(env, "REKEY_DATABASE="+address)
	}
	migrate := exec.Command(program, "db", "migrate")
	migrate.Env = env
	if out, err := migrate.CombinedOutput(); err != nil {
		return l, fmt.Errorf("cannot make the tables: %w\n%s", err, out)
	}
	if err := fill(where, n); err != nil {
		return l, err
	}
	serve := exec.Command(program, "serve", "--quiet", "--log-level", "warn")
	serve.Env, serve.Stderr = env, os.Stderr
	if err := serve.Start(); err != nil {
		return l, err
	}
	defer func() {
		err = errors.Join(err, serve.Process.Signal(os.Interrupt), serve.Wait())
	}()
	time.Sleep(10 * time.Second) // the start is not what is measured
	return watch(serve.Process.Pid, span)
}

func watch(process int, span time.Duration) (l load, err error) {
	began := time.Now()
	before, bytes, err := used(process)
	if err != nil {
		return l, err
	}
	time.Sleep(span)
	after, now, err := used(process)
	if err != nil {
		return l, err
	}
	return load{core: (after - before).Seconds() / time.Since(began).Seconds(), before: bytes, after: now}, nil
}

// used is the processor time and the resident memory of a process, see proc(5).
func used(process int) (cpu time.Duration, bytes int64, err error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process))
	if err != nil {
		return 0, 0, err
	}
	_, rest, _ := strings.Cut(string(raw), ") ") // the name before it can hold anything
	f := strings.Fields(rest)
	if len(f) < 22 {
		return 0, 0, errors.New("/proc tells something else than expected")
	}
	var ticks, pages int64
	for _, i := range []int{11, 12} { // utime, stime, in hundredths of a second
		n, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return 0, 0, err
		}
		ticks += n
	}
	if pages, err = strconv.ParseInt(f[21], 10, 64); err != nil {
		return 0, 0, err
	}
	return time.Duration(ticks) * 10 * time.Millisecond, pages * int64(os.Getpagesize()), nil
}

// fill writes rotations that are in their overlap for days to come.
func fill(where string, n int) error {
	ctx := context.Background()
	db, err := store.OpenAny(ctx, where)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	for begin := 0; begin < n && err == nil; begin += 5000 {
		err = db.Do(ctx, func(tx *store.Tx) error {
			for i := begin; i < min(begin+5000, n); i++ {
				if err := insert(tx, i, now); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return errors.Join(err, db.Close())
}

const tenant = "8a0b2c7e-0b57-4a63-a9a5-0f4d6a7f1d11"

func insert(tx *store.Tx, i int, now time.Time) error {
	due := now.Add(24*time.Hour + time.Duration(i)*time.Second)
	holder := inventory.ObjectID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i))
	r := rotation.Rotation{
		ID: fmt.Sprintf("r-%010d", i), By: access.Rekey(tenant), Asked: now, State: rotation.Open, Course: "planned", At: 5, Due: due,
		Terms: rotation.Terms{Plan: "planned", Application: inventory.Application{Tenant: tenant, ObjectID: holder, Name: "waiting"}},
	}
	for _, name := range []string{"approve", "issue", "verify", "deposit", "propagate", "overlap", "withdraw", "watch"} {
		r.Steps = append(r.Steps, rotation.Step{Name: name, State: rotation.Passed, Evidence: strings.Repeat("evidence ", 12)})
	}
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO rotation (tenant, id, holder, state, asked, due, version, body, sealed, previous) VALUES ($1, $2, $3, 'open', $4, $5, 9, $6, '', '')`,
		tenant, r.ID, string(holder), now.UnixMilli(), due.UnixMilli(), string(body))
	return err
}
