package daemon

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"rekey.example/rekey/internal/rotation"
)

// poller is the carrier of a process that has its database alone: it looks for
// due rows itself.
type poller struct {
	keeper *rotation.Keeper
	logger *slog.Logger
	nudge  chan struct{} // something may be due sooner than was known

	mu   sync.Mutex
	held map[rotation.Ref]bool // being advanced now
}

const (
	hands      = 8                // rotations at once
	latestLook = 15 * time.Second // a clock may have been set
	afterError = 5 * time.Second
)

func newPoller(k *rotation.Keeper, l *slog.Logger) *poller {
	return &poller{keeper: k, logger: l, nudge: make(chan struct{}, 1), held: map[rotation.Ref]bool{}}
}

// wake makes it look at once.
func (c *poller) wake() {
	select {
	case c.nudge <- struct{}{}:
	default: // it will look anyway
	}
}

// run carries until looking is done, and returns when nothing is being carried
// any more. Steps that have begun are given acting's time.
func (c *poller) run(looking, acting context.Context) {
	var hired sync.WaitGroup
	defer hired.Wait()
	free := make(chan struct{}, hands)
	for {
		refs, next, err := c.keeper.Due(looking, hands)
		if looking.Err() != nil {
			return
		}
		pause := latestLook
		if err != nil {
			c.logger.Warn("cannot look for due rotations", "error", err.Error())
			pause = afterError
		} else if !next.IsZero() {
			pause = min(pause, max(time.Until(next), 0))
		}
		began := 0
		for _, ref := range refs {
			ref.Due = time.Time{}
			if !c.take(ref) {
				continue
			}
			select {
			case free <- struct{}{}:
			case <-looking.Done():
				c.drop(ref)
				return
			}
			began++
			hired.Go(func() {
				defer func() { <-free; c.drop(ref); c.wake() }()
				if err := c.keeper.Advance(acting, ref.Tenant, ref.ID); err != nil && acting.Err() == nil {
					c.logger.Warn("cannot carry on a rotation", "rotation", ref.ID, "error", err.Error())
					c.rest(looking)
				}
			})
		}
		if began == 0 && len(refs) > 0 {
			pause = afterError // all of them are being carried; each end wakes us
		}
		select {
		case <-time.After(pause):
		case <-c.nudge:
		case <-looking.Done():
			return
		}
	}
}

// rest keeps a rotation that cannot be read or written from being tried without a pause.
func (c *poller) rest(ctx context.Context) {
	select {
	case <-time.After(afterError):
	case <-ctx.Done():
	}
}

func (c *poller) take(ref rotation.Ref) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held[ref] {
		return false
	}
	c.held[ref] = true
	return true
}

func (c *poller) drop(ref rotation.Ref) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, ref)
}
