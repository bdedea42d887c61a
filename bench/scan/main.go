// Command scan measures how fast trees are searched for secrets, beside gitleaks
// and betterleaks, whose programs it takes from the PATH or from --peers.
//
//	go run ./bench/scan
//	go run ./bench/scan --runs 7 --trees /usr/src/linux,$HOME/docs
//
// Each program looks at the same folders with its default rules and writes JSON.
// The programs take turns, so that what else the machine does meets all alike; the
// caches of the file system are warm. Medians are printed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

type program struct {
	name, path string
	args       func(tree, out string) []string
}

// A figure is one run.
type figure struct {
	wall, processor time.Duration
	memory          int64 // KB
}

func main() {
	trees := flag.String("trees", "", "folders, separated by commas (default: Go's own source, the module cache)")
	runs := flag.Int("runs", 5, "measure so often and take the median")
	peers := flag.String("peers", "", "a folder with the peers' programs, before those of the PATH")
	own := flag.String("rekey", "", "rekey's program (default: it is built)")
	limit := flag.Duration("limit", 10*time.Minute, "stop a run that takes longer")
	flag.Parse()
	if err := measure(*trees, *runs, *peers, *own, *limit); err != nil {
		fmt.Fprintln(os.Stderr, "bench/scan:", err)
		os.Exit(1)
	}
}

func measure(trees string, runs int, peers, own string, limit time.Duration) error {
	folder, err := os.MkdirTemp("", "rekey-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if own == "" {
		own = filepath.Join(folder, "rekey")
		build := exec.Command("go", "build", "-o", own, "./cmd/rekey")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("cannot build rekey: %w\n%s", err, out)
		}
	}
	programs := []program{{"rekey", own, func(tree, out string) []string { return []string{"scan", "--quiet", "--format", "json", tree} }}}
	for _, name := range []string{"betterleaks", "gitleaks"} {
		path := find(name, peers)
		if path == "" {
			fmt.Printf("%s is missing: it is neither on the PATH nor in --peers\n", name)
			continue
		}
		programs = append(programs, program{name, path, func(tree, out string) []string {
			return []string{"dir", tree, "--no-banner", "--exit-code", "0", "--report-format", "json", "--report-path", out}
		}})
	}
	fmt.Printf("%s, %s/%s, %d CPUs; medians of %d runs, warm\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runs)
	for _, p := range programs {
		out, _ := exec.Command(p.path, "version").Output() // a program that tells none is named without
		fmt.Printf("  %s: %s\n", p.name, strings.Join(strings.Fields(string(out)), " "))
	}
	if err := start(own, runs); err != nil {
		return err
	}
	for _, tree := range list(trees) {
		if err := one(tree, programs, runs, folder, limit); err != nil {
			return err
		}
	}
	return nil
}

func find(name, peers string) string {
	if peers != "" {
		if path := filepath.Join(peers, name); exec.Command(path, "version").Run() == nil {
			return path
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

func list(trees string) []string {
	if trees != "" {
		return strings.Split(trees, ",")
	}
	out := []string{filepath.Join(runtime.GOROOT(), "src")}
	if cache, err := exec.Command("go", "env", "GOMODCACHE").Output(); err == nil {
		out = append(out, filepath.Join(strings.TrimSpace(string(cache)), "golang.org"))
	}
	return out
}

// start measures how long a scan of one small file takes.
func start(own string, runs int) error {
	var all []time.Duration
	for range max(runs, 11) {
		f, err := run(own, []string{"scan", "--quiet", "--format", "json", "go.mod"}, time.Minute)
		if err != nil {
			return err
		}
		all = append(all, f.wall)
	}
	fmt.Printf("\nOne small file, from start to end: %.1f ms\n", float64(median(all))/1e6)
	return nil
}

func one(tree string, programs []program, runs int, folder string, limit time.Duration) error {
	files, bytes := size(tree)
	fmt.Printf("\n%s: %d files, %.0f MB\n", tree, files, float64(bytes)/1e6)
	figures := make([][]figure, len(programs))
	for range runs {
		for i, p := range programs {
			f, err := run(p.path, p.args(tree, filepath.Join(folder, "out.json")), limit)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			figures[i] = append(figures[i], f)
		}
	}
	base := 0.0
	for i, p := range programs {
		var wall, processor []time.Duration
		memory := int64(0)
		for _, f := range figures[i] {
			wall, processor, memory = append(wall, f.wall), append(processor, f.processor), max(memory, f.memory)
		}
		w := median(wall).Seconds()
		if i == 0 {
			base = w
		}
		fmt.Printf("  %-12s %8.2f s  %7.1f MB/s  processor %7.2f s  memory %4d MB  %6.1f times rekey\n", p.name, w, float64(bytes)/1e6/w, median(processor).Seconds(), memory>>10, w/base)
	}
	return nil
}

// run runs a program to its end. Findings are no failure.
func run(path string, args []string, limit time.Duration) (figure, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	c := exec.CommandContext(ctx, path, args...)
	begin := time.Now()
	err := c.Run()
	f := figure{wall: time.Since(begin)}
	if ctx.Err() != nil {
		return f, fmt.Errorf("not done after %v", limit)
	}
	if e, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || e.ExitCode() != 10) {
		return f, err
	}
	f.processor = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		f.memory = usage.Maxrss
	}
	return f, nil
}

func size(tree string) (files int, bytes int64) {
	_ = filepath.WalkDir(tree, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				files, bytes = files+1, bytes+info.Size()
			}
		}
		return nil
	})
	return files, bytes
}

func median(all []time.Duration) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}
