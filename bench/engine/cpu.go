package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// spent is the processor time of this process and of a PostgreSQL server with all
// its processes; what else the machine does hardly shows in it. Zero of what
// cannot be read.
func spent(ctx context.Context, pool *pgxpool.Pool) time.Duration {
	var own syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &own) != nil {
		return 0
	}
	sum := time.Duration(own.Utime.Nano() + own.Stime.Nano())
	if pool == nil {
		return sum
	}
	var backend int
	if pool.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&backend) != nil {
		return 0
	}
	server, _ := process(backend)
	entries, err := os.ReadDir("/proc")
	if err != nil || server == 0 {
		return 0
	}
	for _, e := range entries {
		id, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if parent, used := process(id); id == server || parent == server {
			sum += used
		}
	}
	return sum
}

// process tells who started a process, and its processor time with that of the
// children that it has seen end; see proc(5).
func process(id int) (parent int, used time.Duration) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	if err != nil {
		return 0, 0
	}
	_, rest, _ := strings.Cut(string(raw), ") ") // the name before it can hold anything
	f := strings.Fields(rest)
	if len(f) < 15 {
		return 0, 0
	}
	parent, _ = strconv.Atoi(f[1])
	for _, i := range []int{11, 12, 13, 14} { // in hundredths of a second
		n, _ := strconv.Atoi(f[i])
		used += time.Duration(n) * 10 * time.Millisecond
	}
	return parent, used
}
