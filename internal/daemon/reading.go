package daemon

import (
	"context"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
)

// read brings the inventory of a tenant up to date: the directory first, then
// each vault, then what the policy says of it. A vault that cannot be read keeps
// no other one from being read; its error comes at the end.
func (s *surroundings) read(ctx context.Context, d *Daemon, by access.Actor, full bool, tell func(wire.Sync)) error {
	t := &teller{began: time.Now(), tell: tell}
	syncer := &inventory.Syncer{Store: d.store, Log: d.log, Ours: rotation.Ours, Progress: t.progress}
	_, err := syncer.Directory(ctx, by, full, s.feeds()...)
	return err
}

// teller adds the progress of several readings up.
type teller struct {
	began  time.Time
	tell   func(wire.Sync)
	feed   string
	before inventory.Counts // of the feeds that are finished
	now    inventory.Counts // of the present one
}

func (t *teller) progress(p inventory.Progress) {
	if p.Feed != t.feed {
		t.before = sum(t.before, t.now)
		t.feed, t.now = p.Feed, inventory.Counts{}
	}
	t.now = p.Counts
	total := sum(t.before, t.now)
	t.tell(wire.Sync{
		Phase: p.Feed + ": " + p.Phase,
		Rate:  float64(total.Read) / max(time.Since(t.began).Seconds(), 0.001),
		Counts: wire.SyncCounts{
			Pages: total.Pages, Bytes: total.Bytes, Read: total.Read, Unchanged: total.Unchanged,
			Appeared: total.Appeared, Changed: total.Changed, Gone: total.Gone,
		},
	})
}

func sum(a, b inventory.Counts) inventory.Counts {
	return inventory.Counts{
		Pages: a.Pages + b.Pages, Bytes: a.Bytes + b.Bytes, Read: a.Read + b.Read, Unchanged: a.Unchanged + b.Unchanged,
		Appeared: a.Appeared + b.Appeared, Changed: a.Changed + b.Changed, Gone: a.Gone + b.Gone,
	}
}
