// Command trail measures the clouds' records: how many a second are read, joined
// and kept, with flat memory, and how long the timeline of one credential takes
// out of very many events. It prints medians:
//
//	go run ./bench/trail                       # 200,000 records read, a timeline out of 2,000,000 events
//	go run ./bench/trail -events 50000000      # the large one: some 30 GB and two hours
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/office"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/trail"
)

func main() {
	records := flag.Int("records", 200_000, "records that are read and joined, half from each of two sources")
	events := flag.Int("events", 2_000_000, "events in the table when a timeline is asked for")
	folder := flag.String("dir", "", "folder for the database; empty: a temporary one")
	flag.Parse()
	if err := run(context.Background(), *folder, *records, *events); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, folder string, records, events int) error {
	folder, err := os.MkdirTemp(folder, "rekey-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "rekey.db")
	db, err := store.Open(ctx, file, audit.Schema, policy.Schema, trail.Schema, trail.ReachSchema)
	if err != nil {
		return err
	}
	defer db.Close()
	log, err := audit.New(make([]byte, 32))
	if err != nil {
		return err
	}
	t := &trail.Trail{
		Store: db, Log: log, Settle: policy.Settle,
		Report: func(*store.Tx, *audit.Log, policy.Finding) error { return nil },
		Acts:   func(*store.Tx, string, trail.Clue) (trail.Ours, bool, error) { return trail.Ours{}, false, nil },
	}
	if err := read(ctx, t, records); err != nil {
		return err
	}
	if err := fill(ctx, t, events); err != nil {
		return err
	}
	if info, err := os.Stat(file); err == nil {
		fmt.Printf("size of the database                        %6d MB\n", info.Size()/1e6)
	}
	return ask(ctx, t)
}

// feed is a source that hands out what a function makes.
type feed struct {
	name    string
	partner bool
	batches int
	make    func(n int) []connector.Record
}

func (f *feed) Name() string { return f.name }
func (f *feed) Habits() connector.Habits {
	return connector.Habits{Keeps: 31 * 24 * time.Hour, Late: time.Hour, Window: 32 * 24 * time.Hour, Partner: f.partner}
}
func (f *feed) Records(_ context.Context, _, _ time.Time, _ func(string) bool) iter.Seq2[connector.Batch, error] {
	return func(yield func(connector.Batch, error) bool) {
		for n := range f.batches {
			if !yield(connector.Batch{Records: f.make(n)}, nil) {
				return
			}
		}
	}
}

const size = 1000 // records of a batch

var began = time.Now().Add(-24 * time.Hour).Truncate(time.Minute)

// blob is content of the Office 365 feed as it comes over the wire: 1,000 records of
// one credential each. They are parsed in the time that is measured.
func blob(n int) []byte {
	list := make([]map[string]any, size)
	for i := range list {
		k := n*size + i
		app := fmt.Sprintf("9c2d6f60-0000-4000-8000-%012d", k%5000)
		list[i] = map[string]any{
			"CreationTime": at(k).Format("2006-01-02T15:04:05"), "Id": fmt.Sprintf("11111111-0000-4000-8000-%012d", k), "RecordType": 8, "ResultStatus": "Success",
			"Operation": "Update application \u2013 Certificates and secrets management ", "UserId": "somebody@contoso.com", "ObjectId": "Application_" + app,
			"InterSystemsId": fmt.Sprintf("22222222-0000-4000-8000-%012d", k), "ActorIpAddress": "203.0.113.7", "Workload": "AzureActiveDirectory", "OrganizationId": "33333333-0000-4000-8000-000000000000",
			"ExtendedProperties": []any{map[string]string{"Name": "additionalDetails", "Value": `{"User-Agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64)"}`}},
			"ModifiedProperties": []any{map[string]string{"Name": "KeyDescription", "OldValue": "[]", "NewValue": fmt.Sprintf("[\r\n  \"[KeyIdentifier=%s,KeyType=Password,KeyUsage=Verify,DisplayName=Data collection]\"\r\n]", key(k))},
				map[string]string{"Name": "Included Updated Properties", "NewValue": "KeyDescription", "OldValue": ""}},
			"Actor":  []any{map[string]any{"ID": "somebody@contoso.com", "Type": 5}, map[string]any{"ID": "User_44444444-0000-4000-8000-000000000000", "Type": 2}},
			"Target": []any{map[string]any{"ID": "Application_" + app, "Type": 2}, map[string]any{"ID": "Application", "Type": 2}, map[string]any{"ID": "D365_Basware_InvoiceExport", "Type": 1}},
		}
	}
	raw, err := json.Marshal(list)
	if err != nil {
		panic(err) // plain data
	}
	return raw
}

func at(k int) time.Time { return began.Add(time.Duration(k) * 20 * time.Millisecond) }
func key(k int) string   { return fmt.Sprintf("1b7e0c11-0000-4000-8000-%012d", k) }

// same is the directory audit of the same event.
func same(k int) connector.Record {
	app := fmt.Sprintf("9c2d6f60-0000-4000-8000-%012d", k%5000)
	return connector.Record{
		ID: fmt.Sprintf("Directory_22222222-0000-4000-8000-%012d_ABCDE_1", k), Time: at(k), Correlation: fmt.Sprintf("22222222-0000-4000-8000-%012d", k),
		Operation: "Update application \u2013 Certificates and secrets management", Outcome: "success", Actor: connector.Someone{Kind: "user", Name: "somebody@contoso.com"},
		Deeds: []connector.Deed{{Action: connector.CredentialAdded, Object: inventory.ObjectID(app), Name: "D365_Basware_InvoiceExport", KeyID: key(k), Kind: "Password", Label: "Data collection"}},
	}
}

// read measures reading: the events of one source, then the same events of the
// other one, which are joined.
func read(ctx context.Context, t *trail.Trail, records int) error {
	half := records / 2 / size
	blobs := make([][]byte, half)
	for n := range blobs {
		blobs[n] = blob(n)
	}
	first := &feed{"directory audits", true, half, func(n int) []connector.Record {
		list := make([]connector.Record, size)
		for i := range list {
			list[i] = same(n*size + i)
		}
		return list
	}}
	second := &feed{"Office 365 feed", true, half, func(n int) []connector.Record {
		list, err := office.Parse(blobs[n])
		if err != nil {
			panic(err) // our own
		}
		return list
	}}
	var top uint64
	watch, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for {
			select {
			case <-watch:
				return
			case <-time.After(50 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				top = max(top, m.HeapInuse)
			}
		}
	}()
	from := time.Now()
	for _, f := range []*feed{first, second} {
		start := time.Now()
		c, err := t.Read(ctx, "contoso", f)
		if err != nil {
			return err
		}
		n := half * size
		fmt.Printf("%-22s %8d records    %8.0f a second   %d new, %d joined\n", f.name, n, float64(n)/time.Since(start).Seconds(), c.Records, c.Joined)
	}
	took := time.Since(from)
	close(watch)
	<-watched
	input := 0
	for _, b := range blobs {
		input += len(b)
	}
	fmt.Printf("both, read and joined  %8d records    %8.0f a second   on %d cores\n", 2*half*size, float64(2*half*size)/took.Seconds(), runtime.GOMAXPROCS(0))
	fmt.Printf("heap in use, at most                        %6d MB, of which %d MB are the blobs that were made before\n", top/1e6, input/1_000_000)
	return nil
}

// fill makes the table as large as asked for, with sign-ins of 20,000 credentials.
func fill(ctx context.Context, t *trail.Trail, events int) error {
	f := &feed{"sign-in log", false, events / size, func(n int) []connector.Record {
		list := make([]connector.Record, size)
		for i := range list {
			k := n*size + i
			list[i] = connector.Record{
				ID: fmt.Sprintf("55555555-0000-4000-8000-%012d", k), Time: at(k), Operation: "Sign-in", Outcome: "success", Actor: connector.Someone{Kind: "app", Address: "203.0.113.9"},
				Deeds: []connector.Deed{{Action: connector.SignedIn, ClientID: "c0ffee00-0000-4000-8000-000000000001", KeyID: key(k % 20_000), Detail: map[string]string{"resource": "Microsoft Graph"}}},
			}
		}
		return list
	}}
	start := time.Now()
	if _, err := t.Read(ctx, "contoso", f); err != nil {
		return err
	}
	fmt.Printf("sign-ins               %8d records    %8.0f a second\n", f.batches*size, float64(f.batches*size)/time.Since(start).Seconds())
	return nil
}

// ask measures timelines: of one credential among many, and of the one application
// that all sign-ins are of.
func ask(ctx context.Context, t *trail.Trail) error {
	by := access.Actor{ID: "x", Role: access.Auditor, Tenant: "contoso"}
	for _, q := range []struct {
		what  string
		query trail.Query
	}{
		{"timeline of a credential", trail.Query{Credential: key(777), Limit: 100}},
		{"its second page", trail.Query{Credential: key(777), Limit: 50}},
		{"timeline of the busiest application", trail.Query{Applications: []string{"c0ffee00-0000-4000-8000-000000000001"}, Limit: 100}},
	} {
		var took []time.Duration
		n := 0
		for i := range 200 {
			if q.query.Credential != "" {
				q.query.Credential = key((777 + i*97) % 20_000)
			}
			start := time.Now()
			page, next, err := t.Timeline(ctx, by, q.query)
			if err != nil {
				return err
			}
			if q.what == "its second page" {
				start = time.Now()
				p := q.query
				p.After = next
				if page, _, err = t.Timeline(ctx, by, p); err != nil {
					return err
				}
			}
			took, n = append(took, time.Since(start)), len(page)
		}
		slices.Sort(took)
		fmt.Printf("%-38s %5d events  median %6.2f ms, slowest of 200 %6.2f ms\n", q.what, n, ms(took[100]), ms(took[199]))
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
