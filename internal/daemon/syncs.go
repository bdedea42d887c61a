package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/replica"
	"rekey.example/rekey/internal/rotation"
)

// syncs are the readings of the inventory, each in a goroutine of its own, one
// at a time for each tenant. Where a reading stands is in the database; what is
// kept here is only for those who watch, and forgotten with the process.
type syncs struct {
	daemon *Daemon

	mu   sync.Mutex
	runs []*run // the oldest first
}

type run struct {
	tenant string
	ended  chan struct{}
	now    wire.Sync // guarded by syncs.mu
}

const keptRuns = 50

var errNoTenant = &rotation.InvalidError{Why: "no tenant is configured; rekey init writes a configuration to begin with"}

// Start begins a reading, or joins the one that is under way.
func (s *syncs) Start(by access.Actor, full bool) (wire.Sync, error) {
	if err := by.Check(access.SyncInventory); err != nil {
		return wire.Sync{}, err
	}
	if s.daemon.around == nil || by.Tenant != s.daemon.around.tenant {
		return wire.Sync{}, errNoTenant
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.runs {
		if r.tenant == by.Tenant && r.now.State == wire.SyncStateRunning {
			return r.now, nil
		}
	}
	r := &run{tenant: by.Tenant, ended: make(chan struct{}), now: wire.Sync{
		ID: "s-" + strings.ToLower(rand.Text()[:10]), State: wire.SyncStateRunning, Full: full, Phase: "beginning", Started: time.Now().UTC(),
	}}
	if !s.daemon.guests.admit(func() { s.read(r, by, full) }) {
		return wire.Sync{}, errClosed
	}
	s.runs = append(s.runs, r)
	if len(s.runs) > keptRuns {
		s.runs = s.runs[1:]
	}
	return r.now, nil
}

// read does one reading and writes down how it ended.
func (s *syncs) read(r *run, by access.Actor, full bool) {
	defer close(r.ended)
	ctx := s.daemon.looking
	tell := func(p wire.Sync) {
		s.update(r, func(now *wire.Sync) { now.Phase, now.Counts, now.Rate = p.Phase, p.Counts, p.Rate })
	}
	// Two replicas do not read one tenant at once, and one that was asleep in the
	// middle does not write over what its successor has read (SAFETY F36).
	err := s.daemon.others.member.Hold(ctx, r.tenant, "sync", func(host string) {
		tell(wire.Sync{Phase: "waiting for " + host + ", which reads"})
	}, func(ctx context.Context, l *replica.Lease) error {
		return s.daemon.around.read(ctx, s.daemon, l.Store(s.daemon.store), by, full, tell)
	})
	s.update(r, func(now *wire.Sync) {
		now.Ended = time.Now().UTC()
		switch {
		case err == nil:
			now.State, now.Phase = wire.SyncStateDone, "done"
		case ctx.Err() != nil:
			now.State, now.Problem = wire.SyncStateStopped, "rekey was stopped; the next reading goes on where this one ended"
		default:
			now.State, now.Problem = wire.SyncStateFailed, strings.ReplaceAll(err.Error(), "\n", "; ")
		}
	})
	if err != nil && ctx.Err() == nil {
		s.daemon.logger.Warn("cannot read the inventory", "sync", r.now.ID, "error", err.Error())
	}
}

func (s *syncs) update(r *run, change func(*wire.Sync)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&r.now)
}

// List returns a tenant's readings, the newest first.
func (s *syncs) List(tenant string) []wire.Sync {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []wire.Sync{}
	for i := len(s.runs) - 1; i >= 0; i-- {
		if s.runs[i].tenant == tenant {
			list = append(list, s.runs[i].now)
		}
	}
	return list
}

// Get returns one reading of a tenant and what is closed when it has ended; nil
// if there is none.
func (s *syncs) Get(tenant, id string) (wire.Sync, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.runs {
		if r.tenant == tenant && r.now.ID == id {
			return r.now, r.ended
		}
	}
	return wire.Sync{}, nil
}

// wait returns when a reading has ended, or ctx is done.
func (s *syncs) wait(ctx context.Context, tenant, id string) error {
	_, ended := s.Get(tenant, id)
	if ended == nil {
		return errors.New("there is no such reading")
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
