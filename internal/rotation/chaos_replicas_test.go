package rotation_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/sim/world"
	"rekey.example/rekey/internal/store"
)

// replicas are processes on one database that divide the work by leases. Nobody
// renews a lease here: whoever works longer than it lasts, or sleeps, works beside
// its successor.
type replicas struct {
	leased bool
	down   [2]time.Time // until when a replica is stopped
	hired  [2]*rotation.Keeper
	calls  [2]rotation.Call
}

// share lets the two processes take leases, and stops and starts them.
func (c *chaos) share() {
	c.leased = true
	for range 1 + c.rnd.IntN(4) {
		n, d := c.rnd.IntN(2), time.Duration(1+c.rnd.IntN(50))*[]time.Duration{time.Second, time.Minute, time.Hour}[c.rnd.IntN(3)]
		c.sometime(act{name: fmt.Sprintf("replica %d is stopped for %s", n+1, d), do: func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.down[n] = time.Now().Add(d)
			if c.stops[n] != nil {
				c.stops[n]()
			}
		}})
	}
}

// enter waits until a process is started and may work.
func (c *chaos) enter(number int) {
	for {
		c.mu.Lock()
		down, ended := time.Until(c.down[number]), c.ended
		c.mu.Unlock()
		if down <= 0 || ended {
			break
		}
		time.Sleep(min(down, time.Hour))
	}
	<-c.floor
}

// carrier is the keeper of a process; after a crash it has a new one.
func (c *chaos) carrier(number int) *rotation.Keeper {
	if c.hired[number] == nil {
		k := c.hire(c.db, c.ring, c.reached)
		if c.guard != nil {
			k.Held = c.guard.Held
		}
		c.hired[number] = k
	}
	return c.hired[number]
}

const leaseOf = time.Minute

// mine takes the lease. The call is what PostgreSQL does in one statement.
func (c *chaos) mine(k *rotation.Keeper, number int) bool {
	if !c.leased {
		return true
	}
	call, called := rotation.Call{Tenant: c.tenant.ID, ID: c.id}, false
	err := k.Store.Do(context.Background(), func(tx *store.Tx) error {
		var until int64
		err := tx.QueryRow(`SELECT fence, until FROM rotation_lease WHERE tenant = $1 AND id = $2`, call.Tenant, call.ID).Scan(&call.Fence, &until)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if called = until <= time.Now().UnixMilli(); !called {
			return nil
		}
		call.Fence++
		_, err = tx.Exec(`INSERT INTO rotation_lease (tenant, id, holder, fence, until) VALUES ($1, $2, 'called', $3, $4)
			ON CONFLICT (tenant, id) DO UPDATE SET holder = excluded.holder, fence = excluded.fence, until = excluded.until`,
			call.Tenant, call.ID, call.Fence, time.Now().Add(leaseOf).UnixMilli())
		return err
	})
	if err != nil {
		c.t.Errorf("call: %v", err)
	}
	if !called || err != nil {
		return false
	}
	mine, err := k.Answer(context.Background(), call, fmt.Sprint("replica ", number), leaseOf)
	if err != nil {
		c.t.Errorf("answer: %v", err)
	}
	c.calls[number] = call
	return mine
}

func (c *chaos) giveBack(k *rotation.Keeper, number int) {
	if !c.leased {
		return
	}
	if err := k.Release(context.Background(), c.calls[number], fmt.Sprint("replica ", number)); err != nil {
		c.t.Errorf("release: %v", err)
	}
}

// jump sets the clock of the machine wrong for some time: as it sees them, the
// dates of all answers are off.
func (c *chaos) jump() {
	by := []time.Duration{time.Second, time.Hour, 26 * time.Hour, 10 * 365 * 24 * time.Hour}[c.rnd.IntN(4)]
	if c.rnd.IntN(2) == 0 {
		by = -by
	}
	lasts := time.Duration(1+c.rnd.IntN(40*60)) * time.Minute
	c.sometime(act{name: fmt.Sprintf("the clock jumps by %s for %s", by, lasts), do: func() {
		if time.Now().After(c.over) {
			return
		}
		c.fault(world.Fault{Name: world.SkewedClock, Delay: by})
		c.after(time.Now().Add(lasts), act{name: "the clock is right again", do: func() { c.cloud.World().Faults.Clear(world.SkewedClock) }})
	}})
}

// kinds are what was done in a schedule, each once.
func (c *chaos) kinds() (list []string) {
	story := strings.Join(c.story, "\n")
	for _, kind := range []string{"fault", "crash", "sleeps", "told to stop", "foreign", "clock jumps", "is restored", "is accepted", "is stopped for", "approve", "cancel", "confirm"} {
		if strings.Contains(story, kind) {
			list = append(list, kind)
		}
	}
	if c.leased {
		list = append(list, "leases")
	}
	return list
}
