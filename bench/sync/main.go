// Command sync measures how fast rekey reads a directory, beside a plain pager.
//
// The simulator is one process, each measured reader another, so that times and
// memory are the reader's own. Both readers go through the same proxy, the same
// TLS and into SQLite with the same settings. Everything is on this machine.
//
//	go run ./bench/sync
//	go run ./bench/sync --apps 10000,100000 --runs 5
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	apps := flag.String("apps", "10000,50000,100000", "sizes of the tenant, the last one is compared")
	runs := flag.Int("runs", 3, "measure so often and take the median")
	role := flag.String("as", "", "what this process is; empty measures")
	input := flag.String("with", "", "what that process needs, as JSON")
	flag.Parse()
	if *role != "" {
		if err := play(*role, []byte(*input)); err != nil {
			fmt.Fprintln(os.Stderr, *role+":", err)
			os.Exit(1)
		}
		return
	}
	if err := measure(*apps, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "bench/sync:", err)
		os.Exit(1)
	}
}

// job is what a measured process is told.
type job struct {
	Proxy, CA string // how to reach the simulator
	Tenant    string
	Client    string
	Secret    string // of the pretended tenant
	Database  string
	File      string // pages for the decoders
	Full      bool
	Runs      int // of the decoders
	Top       int
	Units     bool // keep to the real limits, all of them
	Windows   int  // read again and again for so many windows
}

// result is what it found.
type result struct {
	Seconds      float64
	CPU          float64 // seconds of processor time
	Applications int
	Credentials  int
	Bytes        int64
	Peak         int64 // bytes, the process's largest resident size
	Unchanged    int
	General      float64 // seconds that encoding/json takes
	Units        int     // that Graph charged
	Refused      int     // requests over the limit
}

func measure(sizes string, runs int) error {
	folder, err := os.MkdirTemp("", "rekey-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	fmt.Printf("%s, %s/%s, %d CPUs; medians of %d runs\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runs)

	var list []int
	for s := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil {
			return fmt.Errorf("--apps: %w", err)
		}
		list = append(list, n)
	}
	largest := list[len(list)-1]
	fmt.Printf("\nFirst sync, by size of the tenant\n")
	for _, n := range list[:len(list)-1] {
		if err := small(folder, n, runs); err != nil {
			return err
		}
	}
	if err := compare(folder, largest, runs); err != nil {
		return err
	}
	return limits(folder, largest)
}

// small measures the growth of time and memory.
func small(folder string, n, runs int) error {
	c, err := startCloud(folder, n, false)
	if err != nil {
		return err
	}
	defer c.stop()
	first, err := median(runs, func(int) (result, error) { return run("rekey", c.job(fresh(folder))) })
	if err != nil {
		return err
	}
	line(first)
	return nil
}

func line(r result) {
	fmt.Printf("  %7d applications %7d credentials %6.1f MB   %6.2f s  %7.0f applications/s   peak memory %5.1f MB\n",
		r.Applications, r.Credentials, float64(r.Bytes)/1e6, r.Seconds, float64(r.Applications)/r.Seconds, float64(r.Peak)/1e6)
}

// compare measures the large tenant both ways.
func compare(folder string, n, runs int) error {
	c, err := startCloud(folder, n, false)
	if err != nil {
		return err
	}
	defer c.stop()

	var ours, plain, oursAgain, plainAgain, delta []result
	for i := range runs {
		mine, theirs := c.job(fresh(folder)), c.job(fresh(folder))
		again := mine
		again.Full = true
		for _, step := range []struct {
			role string
			job  job
			into *[]result
		}{
			{"plain", theirs, &plain}, {"rekey", mine, &ours},
			{"plain", theirs, &plainAgain}, {"rekey", again, &oursAgain},
		} {
			r, err := run(step.role, step.job)
			if err != nil {
				return err
			}
			*step.into = append(*step.into, r)
		}
		if last := oursAgain[len(oursAgain)-1]; last.Unchanged != last.Applications {
			return fmt.Errorf("run %d: %d of %d applications were taken for changed", i+1, last.Applications-last.Unchanged, last.Applications)
		}
		if err := c.change(100); err != nil {
			return err
		}
		r, err := run("rekey", mine)
		if err != nil {
			return err
		}
		delta = append(delta, r)
		os.Remove(mine.Database)
		os.Remove(theirs.Database)
	}
	a, b, a2, b2, d := middle(ours), middle(plain), middle(oursAgain), middle(plainAgain), middle(delta)
	line(a)
	fmt.Printf("\nBeside a plain pager (encoding/json, one upsert a row, one transaction a page)\n")
	ratio("first sync", b, a)
	ratio("second full sync, nothing changed", b2, a2)
	fmt.Printf("  %-36s plain %6.1f MB  rekey %6.1f MB\n", "peak memory", float64(b.Peak)/1e6, float64(a.Peak)/1e6)
	fmt.Printf("  %-36s %.3f s for %d changes, %.2f %% of the first sync\n", "delta", d.Seconds, d.Applications, 100*d.Seconds/a.Seconds)

	pages := c.job("")
	pages.File = filepath.Join(folder, "pages")
	if _, err := run("pages", pages); err != nil {
		return err
	}
	pages.Runs = 2*runs + 1
	decoded, err := run("decode", pages)
	if err != nil {
		return err
	}
	fmt.Printf("\nDecoding alone\n")
	fmt.Printf("  %-36s encoding/json %7.0f applications/s   rekey %7.0f applications/s   %5.1f times as fast\n", "pages of 999, processor time",
		float64(decoded.Applications)/decoded.General, float64(decoded.Applications)/decoded.Seconds, decoded.General/decoded.Seconds)
	return nil
}

func ratio(what string, theirs, ours result) {
	fmt.Printf("  %-36s plain %6.2f s  rekey %6.2f s   %5.1f times as fast   (processor: %.2f s, %.2f s)\n", what, theirs.Seconds, ours.Seconds, theirs.Seconds/ours.Seconds, theirs.CPU, ours.CPU)
}

// limits measures how much of Graph's allowance is used when that is what bounds
// the pace: in pages of 20, which cost as much as pages of 999, again and again
// for some windows. Nothing changes meanwhile, so that the database does not
// bound it.
func limits(folder string, n int) error {
	c, err := startCloud(folder, n, true)
	if err != nil {
		return err
	}
	defer c.stop()
	j := c.job(fresh(folder))
	j.Units = true
	if _, err := run("rekey", j); err != nil {
		return err
	}
	time.Sleep(window) // the windows that this used are over
	j.Top, j.Full, j.Windows = 20, true, 4
	r, err := run("rekey", j)
	if err != nil {
		return err
	}
	fmt.Printf("\nWith Graph's real limits (8,000 resource units in 10 s), pages of %d\n", j.Top)
	fmt.Printf("  %d units in %d windows: %.1f %% of what the limits allow, %d requests refused\n", r.Units, j.Windows, float64(r.Units)/float64(80*j.Windows), r.Refused)
	return nil
}

// window is how long Graph's windows are.
const window = 10 * time.Second

func median(runs int, once func(int) (result, error)) (result, error) {
	var all []result
	for i := range runs {
		r, err := once(i)
		if err != nil {
			return result{}, err
		}
		all = append(all, r)
	}
	return middle(all), nil
}

// middle is the run with the median time, with the largest memory of all.
func middle(all []result) result {
	list := slices.Clone(all)
	slices.SortFunc(list, func(a, b result) int { return int((a.Seconds - b.Seconds) * 1e9) })
	m := list[len(list)/2]
	for _, r := range list {
		m.Peak = max(m.Peak, r.Peak)
	}
	return m
}

// run plays a role in a process of its own.
func run(role string, j job) (r result, err error) {
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	raw, err := json.Marshal(j)
	if err != nil {
		return r, err
	}
	cmd := exec.Command(self, "--as", role, "--with", string(raw))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("%s: %w", role, err)
	}
	return r, json.Unmarshal(out, &r)
}

func fresh(folder string) string {
	return filepath.Join(folder, fmt.Sprintf("%d.db", time.Now().UnixNano()))
}
