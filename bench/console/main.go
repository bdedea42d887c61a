// Command console measures how long the server takes for the console's pages, and how
// large they are, in inventories of different size. What a page shows is read out of
// indexes or was counted before somebody asked, so the size should hardly matter.
//
//	go run ./bench/console
//	go run ./bench/console --credentials 10000,100000 --runs 300
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/daemon"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/server/ui"
	"rekey.example/rekey/internal/store"
)

const tenant = "8a0b2c7e-0b57-4a63-a9a5-0f4d6a7f1d11"

func main() {
	sizes := flag.String("credentials", "10000,100000", "sizes of the inventory")
	runs := flag.Int("runs", 300, "requests for each page")
	flag.Parse()
	fmt.Printf("%s, %s/%s, %d CPUs; %d requests for each page, one after the other\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), *runs)
	for s := range strings.SplitSeq(*sizes, ",") {
		if err := measure(strings.TrimSpace(s), *runs); err != nil {
			fmt.Fprintln(os.Stderr, "bench/console:", err)
			os.Exit(1)
		}
	}
}

func measure(size string, runs int) error {
	n, err := strconv.Atoi(size)
	if err != nil || n < 1000 {
		return fmt.Errorf("--credentials: %q is not a number of at least 1000", size)
	}
	folder, err := os.MkdirTemp("", "rekey-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	ctx := context.Background()
	config := daemon.Defaults(folder)
	d, err := daemon.Open(ctx, config)
	if err != nil {
		return err
	}
	if err := d.Close(); err != nil { // its tables are there now
		return err
	}
	if err := fill(ctx, filepath.Join(folder, "rekey.db"), n); err != nil {
		return err
	}
	if d, err = daemon.Open(ctx, config); err != nil {
		return err
	}
	defer d.Close()
	by := access.Actor{ID: "person:bench", Name: "Person 7", Person: "bench", Role: access.Administrator, Tenant: tenant}
	console, err := ui.New(ui.Config{Client: d.Client, Who: func(*http.Request) (ui.Visit, error) { return ui.Visit{Actor: by}, nil }})
	if err != nil {
		return err
	}
	fmt.Printf("\n%d credentials                      p50        p99    slowest      bytes\n", n)
	for _, p := range []struct{ name, path string }{
		{"front page", "/"}, {"credentials", "/credentials"}, {"ends within 7 days", "/credentials?ends=7d"}, {"breaks within 30 days", "/credentials?expiring=30d&impact=breaks"},
		{"of an owner", "/credentials?owner=Person+7"}, {"search", "/credentials?search=Application+77"}, {"applications", "/applications"}, {"consumers", "/consumers"}, {"vaults", "/vaults"},
	} {
		if err := page(console, p.name, p.path, runs); err != nil {
			return err
		}
	}
	return nil
}

// page asks for one page again and again. The first answer counts like all others.
func page(h http.Handler, name, path string, runs int) error {
	u, err := url.Parse(path)
	if err != nil {
		return err
	}
	var took []time.Duration
	var w *answer
	for range runs {
		w = &answer{header: http.Header{}, status: http.StatusOK}
		r := &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}, Body: http.NoBody, RequestURI: path, RemoteAddr: "127.0.0.1:1"}
		began := time.Now()
		h.ServeHTTP(w, r)
		took = append(took, time.Since(began))
		if w.status != http.StatusOK {
			return fmt.Errorf("GET %s answers %d", path, w.status)
		}
	}
	slices.Sort(took)
	fmt.Printf("  %-26s %10.2f %10.2f %10.2f ms %8d\n", name, ms(took[len(took)/2]), ms(took[len(took)*99/100]), ms(took[len(took)-1]), w.bytes)
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

// answer counts what a page has.
type answer struct {
	header http.Header
	status int
	bytes  int
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { a.bytes += len(b); return len(b), nil }

// fill reads a made-up directory into the database.
func fill(ctx context.Context, file string, n int) error {
	db, err := store.OpenAny(ctx, file)
	if err != nil {
		return err
	}
	defer db.Close()
	log, err := audit.New(make([]byte, 32))
	if err != nil {
		return err
	}
	s := inventory.Syncer{Store: db, Log: log}
	_, err = s.Directory(ctx, access.Rekey(tenant), false, &made{credentials: n, now: time.Now()})
	return err
}
