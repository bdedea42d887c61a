package daemon

import (
	"context"
	"errors"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/store"
)

// read brings the inventory of a tenant up to date: the directory first, then the
// resources of each subscription, then each vault, then when credentials were last used, then what the policy says of
// it. A vault that cannot be read keeps
// no other one from being read; its error comes at the end.
func (s *surroundings) read(ctx context.Context, d *Daemon, db *store.DB, by access.Actor, full bool, tell func(wire.Sync)) error {
	before := s.waited.Load()
	t := &teller{began: time.Now(), tell: tell, waited: func() time.Duration { return time.Duration(s.waited.Load() - before) }}
	syncer := &inventory.Syncer{Store: db, Log: d.log, Ours: rotation.Ours, Progress: t.progress}
	vaults, err := s.vaultFeeds()
	if err != nil {
		return err
	}
	_, err = syncer.Directory(ctx, by, full, s.feeds()...)
	if ctx.Err() != nil {
		return err
	}
	resourceErr := s.readResources(ctx, syncer, by, full)
	if ctx.Err() != nil {
		return errors.Join(err, resourceErr)
	}
	_, vaultErr := syncer.Vaults(ctx, by, vaults...)
	readers, feedErr := s.readerFeeds()
	_, readerErr := syncer.Readers(ctx, by, readers...)
	_, useErr := syncer.Uses(ctx, by, s.uses())
	if err = errors.Join(err, resourceErr, vaultErr, feedErr, readerErr, useErr); ctx.Err() != nil {
		return err
	}
	tell(t.stage("judging by the policy"))
	_, policyErr := d.policy.Check(ctx, by)
	_, trailErr := d.trail.Follow(ctx, s.tenant, 0) // what appeared without us is a finding now
	return errors.Join(err, policyErr, trailErr, s.withdrawStrays(ctx, d))
}

// withdrawStrays lets rotations that are over clear away what the issuer made for
// them afterwards, now that the reading may have found it.
func (s *surroundings) withdrawStrays(ctx context.Context, d *Daemon) error {
	var marked []inventory.Credential
	err := s.store.View(ctx, func(tx *store.Tx) error {
		return d.inventory.Walk(tx, s.tenant, func(_ inventory.Application, rows []inventory.Row) error {
			for _, r := range rows {
				if rotation.Marked(r.Credential) {
					marked = append(marked, r.Credential)
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	return d.rotations.Strays(ctx, s.tenant, marked)
}

// teller adds the progress of several readings up.
type teller struct {
	began  time.Time
	tell   func(wire.Sync)
	waited func() time.Duration
	feed   string
	before inventory.Counts // of the feeds that are finished
	now    inventory.Counts // of the present one
}

// stage tells what is done besides reading.
func (t *teller) stage(name string) wire.Sync {
	t.before, t.now, t.feed = sum(t.before, t.now), inventory.Counts{}, ""
	return t.total(name)
}

func (t *teller) progress(p inventory.Progress) {
	if p.Feed != t.feed {
		t.before = sum(t.before, t.now)
		t.feed, t.now = p.Feed, inventory.Counts{}
	}
	t.now = p.Counts
	t.tell(t.total(p.Feed + ": " + p.Phase))
}

func (t *teller) total(phase string) wire.Sync {
	total := sum(t.before, t.now)
	return wire.Sync{
		Phase: phase,
		Rate:  float64(total.Read) / max(time.Since(t.began).Seconds(), 0.001),
		Counts: wire.SyncCounts{
			Pages: total.Pages, Bytes: total.Bytes, Read: total.Read, Unchanged: total.Unchanged,
			Appeared: total.Appeared, Changed: total.Changed, Gone: total.Gone,
			Waited: int(t.waited().Seconds()),
		},
	}
}

func sum(a, b inventory.Counts) inventory.Counts {
	return inventory.Counts{
		Pages: a.Pages + b.Pages, Bytes: a.Bytes + b.Bytes, Read: a.Read + b.Read, Unchanged: a.Unchanged + b.Unchanged,
		Appeared: a.Appeared + b.Appeared, Changed: a.Changed + b.Changed, Gone: a.Gone + b.Gone,
	}
}

// knownEntry is what the inventory knows of a vault's secret.
func (s *surroundings) knownEntry(ctx context.Context, p inventory.Place) (e inventory.Entry, ok bool) {
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		e, ok, err = inventory.KnownSecret(tx, s.tenant, p)
		return err
	})
	return e, ok && err == nil // what cannot be looked up is read again
}
