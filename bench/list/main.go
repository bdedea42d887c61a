// Command list measures how long it takes to list the credentials that end
// within 30 days, in inventories of different size that hold equally many of
// them. The answer comes out of an index, so it should not matter how many
// others there are.
//
//	go run ./bench/list
//	go run ./bench/list --credentials 10000,100000 --runs 50
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

const (
	tenant = "8a0b2c7e-0b57-4a63-a9a5-0f4d6a7f1d11"
	ending = 1000 // credentials that end within 30 days, in each inventory
	month  = 30 * 24 * time.Hour
)

func main() {
	sizes := flag.String("credentials", "10000,100000,1000000", "sizes of the inventory")
	runs := flag.Int("runs", 101, "measure so often and take the median")
	flag.Parse()
	if err := measure(*sizes, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "bench/list:", err)
		os.Exit(1)
	}
}

func measure(sizes string, runs int) error {
	fmt.Printf("%s, %s/%s, %d CPUs; medians of %d runs\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runs)
	fmt.Printf("\nCredentials that end within 30 days (%d in each inventory)\n", ending)
	first := [2]time.Duration{}
	for s := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 2*ending {
			return fmt.Errorf("--credentials: %q is not a number of at least %d", s, 2*ending)
		}
		page, all, size, err := one(n, runs)
		if err != nil {
			return err
		}
		if first[0] == 0 {
			first = [2]time.Duration{page, all}
		}
		fmt.Printf("  %8d credentials, %4d MB   first 100: %6.2f ms (%.2f times the first)   all %d: %6.2f ms (%.2f times)\n", n, size>>20,
			milliseconds(page), ratio(page, first[0]), ending, milliseconds(all), ratio(all, first[1]))
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func one(n, runs int) (page, all time.Duration, size int64, err error) {
	folder, err := os.MkdirTemp("", "rekey-bench-")
	if err != nil {
		return 0, 0, 0, err
	}
	defer os.RemoveAll(folder)
	ctx, file := context.Background(), filepath.Join(folder, "rekey.db")
	if err := fill(ctx, file, n); err != nil {
		return 0, 0, 0, err
	}
	db, err := store.Open(ctx, file, audit.Schema, inventory.Schema)
	if err != nil {
		return 0, 0, 0, err
	}
	defer db.Close()
	info, err := os.Stat(file)
	if err != nil {
		return 0, 0, 0, err
	}
	s := &inventory.Service{Store: db}
	by := access.Actor{ID: "local:bench", Name: "bench", Role: access.Auditor, Tenant: tenant}
	ask := func(pages int) (time.Duration, error) {
		var took []time.Duration
		for range runs {
			began, found, after := time.Now(), 0, ""
			for range pages {
				l, err := s.Credentials(ctx, by, inventory.Query{Expiring: month, Limit: 100, After: after})
				if err != nil {
					return 0, err
				}
				found, after = found+len(l.Rows), l.Next
			}
			took = append(took, time.Since(began))
			if found != 100*pages {
				return 0, fmt.Errorf("found %d credentials, want %d", found, 100*pages)
			}
		}
		slices.Sort(took)
		return took[len(took)/2], nil
	}
	page, err = ask(1)
	if err == nil {
		all, err = ask(ending / 100)
	}
	return page, all, info.Size(), err
}

// fill reads a made-up directory into a database.
func fill(ctx context.Context, file string, n int) error {
	db, err := store.Open(ctx, file, audit.Schema, inventory.Schema)
	if err != nil {
		return err
	}
	log, err := audit.New(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		return errors.Join(err, db.Close())
	}
	s := inventory.Syncer{Store: db, Log: log}
	_, err = s.Directory(ctx, access.Rekey(tenant), false, &made{credentials: n, now: time.Now()})
	return errors.Join(err, db.Close())
}

// made is a directory of applications with two credentials each.
type made struct {
	credentials int
	now         time.Time
}

func (m *made) Name() string { return string(inventory.InApplications) }

func (m *made) Full(context.Context, string) iter.Seq2[*inventory.Page, error] {
	return func(yield func(*inventory.Page, error) bool) {
		const size = 999
		apps := m.credentials / 2
		for at := 0; at < apps; at += size {
			p := &inventory.Page{Next: strconv.Itoa(at), Bytes: size * 1500, Mark: "mark"}
			for i := at; i < min(at+size, apps); i++ {
				p.Records = append(p.Records, inventory.Record{ObjectID: id(1, i), Raw: binary.BigEndian.AppendUint64(nil, uint64(i))})
			}
			if at+size >= apps {
				p.Next = ""
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}

func (m *made) Delta(context.Context, string) iter.Seq2[*inventory.Page, error] {
	return func(yield func(*inventory.Page, error) bool) { yield(&inventory.Page{Mark: "mark"}, nil) }
}

func (m *made) Read(raw []byte, o *inventory.Object) error {
	i := int(binary.BigEndian.Uint64(raw))
	*o = inventory.Object{Application: inventory.Application{
		ObjectID: id(1, i), ClientID: inventory.ClientID(id(2, i)), Holder: inventory.InApplications, Enabled: true, Name: fmt.Sprintf("Application %d", i*7919%1_000_003),
		Owners: []inventory.Owner{{ObjectID: id(3, i%500), Kind: "user", Name: fmt.Sprintf("Person %d", i%500)}},
	}}
	for k := range 2 {
		n := 2*i + k
		o.Credentials = append(o.Credentials, inventory.Credential{
			KeyID: string(id(4, n)), Kind: inventory.ClientSecret, Label: "integration", Hint: "abc", Starts: m.now.AddDate(-1, 0, 0), Expires: m.end(n),
		})
	}
	return nil
}

// end spreads the ends: so many within 30 days, the others over two years behind.
func (m *made) end(n int) time.Time {
	if step := m.credentials / ending; n%step == 0 {
		return m.now.Add(time.Hour + time.Duration(n/step)*(month-2*time.Hour)/ending)
	}
	return m.now.Add(month + time.Hour + time.Duration(uint64(n)*2654435761%uint64(2*365*24*3600))*time.Second)
}

// id is a GUID, different for each kind and number and in no order.
func id(kind, n int) inventory.ObjectID {
	x := uint64(n)*0x9e3779b97f4a7c15 ^ uint64(kind)<<56
	return inventory.ObjectID(fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(x>>32), uint16(x>>16), x&0xfff, kind, n))
}
