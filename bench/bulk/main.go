// Command bulk measures how 10,000 rotations that are due in the same hour go
// through Microsoft Graph's write limits for 20 tenants, with rekey's budget and
// without one, and how long an emergency waits that begins in the middle.
//
// Time is virtual (testing/synctest), so an hour takes seconds. Each tenant is a
// pretended Microsoft Graph of its own with the service's real limits (3,000 writes
// in 150 s, 429 with Retry-After), 150 ms away. A rotation is played by the two writes that it
// sends to Graph, addPassword and removePassword, through the real connector,
// the real client and the real budget on a SQLite file that all tenants share; what
// lies between the two (sign-ins, the vault, the overlap) sends no writes to Graph and
// is left out. The other way is the same without the budget: a client that
// sends what it has and waits when it is told to.
//
//	go run ./bench/bulk
//	go run ./bench/bulk --rotations 20000
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

func main() {
	rotations := flag.Int("rotations", 10_000, "how many are due")
	tenants := flag.Int("tenants", 20, "in how many tenants; the first has half of them")
	testing.Init() // a bubble of virtual time needs a test around it
	flag.Parse()
	fmt.Printf("%s, %s/%s; %d rotations due at the same moment in %d tenants, half of them in one\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, *rotations, *tenants)
	measure := func(t *testing.T) {
		for _, budgeted := range []bool{true, false} {
			began := time.Now()
			var got result
			synctest.Test(t, func(t *testing.T) {
				var err error
				if got, err = run(t.Context(), t.TempDir(), *tenants, *rotations, budgeted); err != nil {
					t.Fatal(err)
				}
			})
			got.print(budgeted, time.Since(began))
		}
	}
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "bulk", F: measure}}, nil, nil)
	os.Exit(1) // Main does not come back
}

// result is what one way has needed.
type result struct {
	writes     int           // answered without a refusal, of all tenants
	refused    int           // 429
	largest    int           // writes of the tenant with half of all
	took       time.Duration // until its last one
	urgentWait time.Duration // an emergency of one application: until both its writes were taken
	urgentAll  time.Duration // one of 100 applications: until the last of them was begun
	commits    int           // of the budget
}

// What Graph takes from one application in one tenant, and what planned work may
// have of it.
const (
	limit  = 3000.0 / 150 // writes a second
	share  = 0.8
	urgent = 100
)

func (r result) print(budgeted bool, real time.Duration) {
	name := "with the budget"
	if !budgeted {
		name = "without, waiting when told to"
	}
	seconds := r.took.Seconds()
	fmt.Printf("\n%s  (measured in %.1f s)\n", name, real.Seconds())
	fmt.Printf("  largest tenant           %6d writes in %s\n", r.largest, r.took.Round(time.Second))
	fmt.Printf("  of the limit for planned %6.1f %%   (80 %% of Graph's)\n", 100*float64(r.largest)/(seconds*limit*share))
	fmt.Printf("  of the whole limit       %6.1f %%\n", 100*float64(r.largest)/(seconds*limit))
	fmt.Printf("  answers 429              %6.2f %%   (%d of %d)\n", 100*float64(r.refused)/float64(r.refused+r.writes), r.refused, r.refused+r.writes)
	fmt.Printf("  an emergency in the middle waits %s for one application, %s until the last of %d has begun\n", r.urgentWait.Round(time.Millisecond), r.urgentAll.Round(time.Millisecond), urgent)
	if budgeted {
		fmt.Printf("  commits of the budget    %6d     one for %.0f writes\n", r.commits, float64(r.writes)/float64(r.commits))
	}
}
