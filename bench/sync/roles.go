package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// play is what a child process does.
func play(role string, raw []byte) error {
	if role == "sim" {
		return pretend(raw)
	}
	var j job
	if err := json.Unmarshal(raw, &j); err != nil {
		return err
	}
	work, ok := map[string]func(context.Context, job) (result, error){
		"rekey": rekey, "plain": plain, "pages": fetchPages, "decode": decode,
	}[role]
	if !ok {
		return fmt.Errorf("there is no role %q", role)
	}
	r, err := work(context.Background(), j)
	if err != nil {
		return err
	}
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		return err
	}
	r.Peak, r.CPU = use.Maxrss<<10, processor()
	return json.NewEncoder(os.Stdout).Encode(r)
}

// processor is the processor time that this process has used, in seconds.
func processor() float64 {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		return 0
	}
	return float64(use.Utime.Nano()+use.Stime.Nano()) / 1e9
}

// graph is the client that both readers use, signed in.
func graph(ctx context.Context, j job, k *entra.Keeper, u *usage) (*rest.Client, error) {
	wire := azure.Wire{Proxy: j.Proxy, CAFile: j.CA}
	id, err := azure.Open(azure.Config{Tenant: j.Tenant, Client: j.Client, Secret: secret.New(j.Secret), Wire: wire})
	if err != nil {
		return nil, err
	}
	transport, err := wire.Transport()
	if err != nil {
		return nil, err
	}
	c := rest.Config{Base: "https://graph.microsoft.com", Transport: transport, Credential: id, Scope: "https://graph.microsoft.com/.default"}
	if k != nil {
		c.Before = k.Before
		c.After = func(resp *http.Response) {
			k.After(resp)
			if j.Windows > 0 {
				u.see(resp)
			}
		}
	}
	client, err := rest.New(c)
	if err != nil {
		return nil, err
	}
	return client, client.Get(ctx, "/v1.0/applications?$top=1&$select=id", new(any)) // signs in and connects
}

// rekey reads the tenant as rekey does.
func rekey(ctx context.Context, j job) (r result, err error) {
	keeper := &entra.Keeper{}
	if j.Units {
		keeper.Reserve = -1
	}
	meter := &usage{}
	client, err := graph(ctx, j, keeper, meter)
	if err != nil {
		return r, err
	}
	db, err := store.Open(ctx, j.Database, audit.Schema, inventory.Schema)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	log, err := audit.New(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		return r, err
	}
	s := inventory.Syncer{Store: db, Log: log}
	feed := &entra.Feed{Graph: client, Set: inventory.InApplications, Top: j.Top}
	began := time.Now()
	n, err := s.Directory(ctx, access.Rekey(j.Tenant), j.Full, feed)
	for err == nil && time.Since(began) < time.Duration(j.Windows)*window {
		_, err = s.Directory(ctx, access.Rekey(j.Tenant), j.Full, feed)
	}
	return result{
		Seconds: time.Since(began).Seconds(), Applications: n.Read, Credentials: n.Appeared, Bytes: n.Bytes, Unchanged: n.Unchanged,
		Units: meter.within(began, time.Duration(j.Windows)*window), Refused: int(meter.refused.Load()),
	}, err
}

// usage counts what Graph charges.
type usage struct {
	mu      sync.Mutex
	charged []charge
	refused atomic.Int32
}

type charge struct {
	at    time.Time
	units int
}

func (u *usage) see(resp *http.Response) {
	if resp.StatusCode == http.StatusTooManyRequests {
		u.refused.Add(1)
	}
	units, err := strconv.Atoi(resp.Header.Get("x-ms-resource-unit"))
	if err != nil || resp.StatusCode != http.StatusOK {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.charged = append(u.charged, charge{time.Now(), units})
}

func (u *usage) within(began time.Time, d time.Duration) (sum int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, c := range u.charged {
		if !c.at.Before(began) && c.at.Sub(began) < d {
			sum += c.units
		}
	}
	return sum
}

// fetchPages keeps the tenant's pages in a file.
func fetchPages(ctx context.Context, j job) (r result, err error) {
	client, err := graph(ctx, j, nil, nil)
	if err != nil {
		return r, err
	}
	f, err := os.Create(j.File)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for link := firstPage; link != ""; {
		a, err := client.Read(ctx, link, nil, nil)
		if err != nil {
			return r, err
		}
		var p struct {
			Next string `json:"@odata.nextLink"`
		}
		if err := json.Unmarshal(a.Body, &p); err != nil {
			return r, err
		}
		if _, err := f.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(a.Body))), a.Body...)); err != nil {
			return r, err
		}
		link = p.Next
	}
	return r, nil
}

// eachPage gives the kept pages to read, counting the processor time of read
// only: it has one thread, and what else the machine does does not count.
func eachPage(j job, read func(page []byte) (applications, credentials int, err error)) (r result, err error) {
	f, err := os.Open(j.File)
	if err != nil {
		return r, err
	}
	defer f.Close()
	var length [4]byte
	var memory []byte
	for {
		if _, err := io.ReadFull(f, length[:]); err == io.EOF {
			return r, nil
		} else if err != nil {
			return r, err
		}
		n := int(binary.BigEndian.Uint32(length[:]))
		if n > cap(memory) {
			memory = make([]byte, n)
		}
		page := memory[:n]
		if _, err := io.ReadFull(f, page); err != nil {
			return r, err
		}
		before := processor()
		a, c, err := read(page)
		r.Seconds += processor() - before
		if err != nil {
			return r, err
		}
		r.Applications += a
		r.Credentials += c
		r.Bytes += int64(len(page))
	}
}

// decode decodes all pages both ways, in turns so that both meet the same
// machine, and takes the median of each.
func decode(_ context.Context, j job) (result, error) {
	var scanned, general []result
	for range j.Runs {
		for _, way := range []struct {
			read func([]byte) (int, int, error)
			into *[]result
		}{{generalPage, &general}, {scanner(), &scanned}} {
			runtime.GC()
			r, err := eachPage(j, way.read)
			if err != nil {
				return r, err
			}
			*way.into = append(*way.into, r)
		}
	}
	r := middle(scanned)
	r.General = middle(general).Seconds
	return r, nil
}

func scanner() func([]byte) (int, int, error) {
	feed := &entra.Feed{Set: inventory.InApplications}
	var o inventory.Object
	return func(body []byte) (int, int, error) {
		p, err := feed.Split(body)
		if err != nil {
			return 0, 0, err
		}
		credentials := 0
		for i := range p.Records {
			if err := feed.Read(p.Records[i].Raw, &o); err != nil {
				return 0, 0, err
			}
			credentials += len(o.Credentials)
		}
		n := len(p.Records)
		p.Release()
		return n, credentials, nil
	}
}

func generalPage(body []byte) (int, int, error) {
	var p page
	if err := json.Unmarshal(body, &p); err != nil {
		return 0, 0, err
	}
	credentials := 0
	for i := range p.Value {
		credentials += len(p.Value[i].PasswordCredentials) + len(p.Value[i].KeyCredentials)
	}
	return len(p.Value), credentials, nil
}
