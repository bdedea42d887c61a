// Command engine measures how many rotations a second rekey's engine carries when
// there is nothing to wait for, on SQLite and on PostgreSQL, and beside it the same
// eight steps with the same calls on plain River jobs and on Temporal.
//
// The clouds are pretended, in memory, without lag, limits or network, so that
// what is left is the work of writing down and handing on. They still cost
// processor time (a sign-in signs a token), which is why the calls alone, without
// any engine, are measured too: nobody can be faster than that.
//
//	go run ./bench/engine
//	go run ./bench/engine --rotations 1000 --runs 7
//
// Temporal's server is large, so the part that needs it is a module of its own.
// Without its program, that row is left out:
//
//	go -C bench/engine/temporal build -o ../../../bin/bench-temporal . && go run ./bench/engine --temporal bin/bench-temporal
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"rekey.example/rekey/bench/engine/plain"
	"rekey.example/rekey/bench/engine/town"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store/storetest"
)

func main() {
	n := flag.Int("rotations", 500, "how many are measured")
	runs := flag.Int("runs", 5, "how often; medians are printed")
	only := flag.String("only", "", "measure this contender alone")
	temporal := flag.String("temporal", "bin/bench-temporal", "the program built in bench/engine/temporal")
	profile := flag.String("profile", "", "write a processor profile to this file")
	flag.Parse()
	if *profile != "" {
		f, err := os.Create(*profile)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench/engine:", err)
			os.Exit(1)
		}
		defer pprof.StopCPUProfile()
	}
	if err := measure(context.Background(), *n, *runs, *only, *temporal); err != nil {
		fmt.Fprintln(os.Stderr, "bench/engine:", err)
		pprof.StopCPUProfile()
		os.Exit(1)
	}
}

// result is one round of one contender.
type result struct {
	took     time.Duration
	cpu      time.Duration // of the engine, the calls and the database
	requests int64         // to the clouds
	commits  int64         // of rekey's own transactions
	syncs    int64         // of the database's log to the disk; 0: not known
}

// contender is a way to carry the eight steps.
type contender struct {
	name     string
	postgres bool
	run      func(ctx context.Context, folder, where string, t *town.Town) (result, error)
}

var contenders = []contender{
	{"the calls alone", false, alone},
	{"rekey on SQLite", false, ours},
	{"rekey on PostgreSQL", true, ours},
	{"River, one job a step", true, onRiver},
}

func measure(ctx context.Context, n, runs int, only, temporal string) error {
	fmt.Printf("%s, %s/%s, %d CPUs; %d rotations, %d under way at once; medians of %d rounds\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), n, window, runs)
	list := contenders
	if _, err := os.Stat(temporal); err == nil {
		list = append(slices.Clone(list), contender{"Temporal, development server", false, onTemporal(temporal)})
	} else {
		fmt.Printf("Temporal is left out: there is no program %s (bench/engine/temporal says how to build it)\n", temporal)
	}
	rounds := map[string][]result{}
	for range runs {
		for _, c := range list { // in turn, so that what else the machine does meets all of them
			if only != "" && c.name != only {
				continue
			}
			r, err := c.round(ctx, n)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			rounds[c.name] = append(rounds[c.name], r)
		}
	}
	table(list, rounds, n)
	return nil
}

// round is one measurement, in a new town and on an empty database.
func (c contender) round(ctx context.Context, n int) (r result, err error) {
	t, err := town.Open(ctx, n+window)
	if err != nil {
		return r, err
	}
	defer t.Close()
	folder, err := os.MkdirTemp("", "rekey-bench-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(folder)
	where := filepath.Join(folder, "rekey.db")
	if c.postgres {
		address, stop, err := storetest.Launch()
		if err != nil {
			return r, err
		}
		defer stop()
		where = address
	}
	runtime.GC()
	if r, err = c.run(ctx, folder, where, t); err != nil {
		return r, err
	}
	if r.requests == 0 {
		r.requests = t.Requests()
		err = t.Check()
	}
	return r, err
}

// alone makes the calls and writes nothing down.
func alone(ctx context.Context, folder, _ string, t *town.Town) (r result, err error) {
	ring, err := secret.OpenKeyring(folder, "")
	if err != nil {
		return r, err
	}
	w := plain.Work{Town: t, Sealer: ring.Sealer}
	began, cpu := time.Now(), spent(ctx, nil)
	err = each(len(t.Subjects), func(i int) error {
		st, err := w.Propose(ctx, i)
		for _, name := range plain.Steps {
			if err == nil {
				st, err = w.Step(ctx, name, st)
			}
		}
		return err
	})
	r.took = time.Since(began) * time.Duration(len(t.Subjects)-window) / time.Duration(len(t.Subjects))
	r.cpu = spent(ctx, nil) - cpu
	return r, err
}

// synced is how often a PostgreSQL has synced its log.
func synced(ctx context.Context, pool *pgxpool.Pool) (n int64) {
	if pool == nil {
		return 0
	}
	if _, err := pool.Exec(ctx, `SELECT pg_stat_force_next_flush()`); err != nil {
		return 0
	}
	if err := pool.QueryRow(ctx, `SELECT wal_sync FROM pg_stat_wal`).Scan(&n); err != nil {
		return 0
	}
	return n
}

func median(list []result, of func(result) float64) float64 {
	var values []float64
	for _, r := range list {
		values = append(values, of(r))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func table(list []contender, rounds map[string][]result, n int) {
	rate := func(r result) float64 { return float64(n) / r.took.Seconds() }
	per := func(of func(result) int64) func(result) float64 {
		return func(r result) float64 { return float64(of(r)) / float64(n+window) }
	}
	best := 0.0
	for _, c := range list {
		if got := rounds[c.name]; len(got) > 0 {
			best = max(best, median(got, rate))
		}
	}
	fmt.Printf("\n%-30s %12s %17s %10s %10s %12s %10s %12s\n", "", "rotations/s", "(slowest-fastest)", "of best", "requests", "transactions", "log syncs", "CPU ms each")
	for _, c := range list {
		got := rounds[c.name]
		if len(got) == 0 {
			continue
		}
		var rates []float64
		for _, r := range got {
			rates = append(rates, rate(r))
		}
		fmt.Printf("%-30s %12.1f %8.1f-%-8.1f %9.0f%% %10.1f %12.1f %10.1f %12.2f\n", c.name, median(got, rate), slices.Min(rates), slices.Max(rates),
			100*median(got, rate)/best, median(got, per(func(r result) int64 { return r.requests })),
			median(got, per(func(r result) int64 { return r.commits })), median(got, per(func(r result) int64 { return r.syncs })),
			median(got, per(func(r result) int64 { return r.cpu.Microseconds() }))/1000)
	}
}
