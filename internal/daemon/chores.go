package daemon

import (
	"context"
	"errors"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
)

// Work begins what rekey does by itself. All of it ends with Close.
//
//	rotations     when one is due, or approved just now
//	inventory     every sync.every, and at the start if it is older than that
//	policy        after each reading of the inventory
//	trail         every trail.every, and when a source says that it has something
//	incidents     what a crash cut off goes on, every minute
//	tasks         reminders every minute; those of rotations that are over end
//	beat          every minute, see docs/how-to/after-a-restore.md
//	sessions      that ended long ago are forgotten, every hour
//	checkpoints   every hour, and at the end
//	alerts        every 15 seconds, and when somebody acknowledges one
//	keys          at the start, every minute, and when the sealing key is exchanged
func (d *Daemon) Work() {
	d.carry()
	d.work.Do(func() {
		d.guests.admit(func() { every(d.looking, time.Hour, d.checkpoint) })
		d.guests.admit(func() {
			d.inTurn(d.looking, "tasks", func(ctx context.Context) { every(ctx, time.Minute, d.tendTasks) })
		})
		d.guests.admit(func() { every(d.looking, time.Hour, d.tidyDoors) })
		d.guests.admit(func() { every(d.looking, time.Minute, d.tendIncidents) })
		d.tend()
		if d.guard != nil {
			d.guests.admit(func() { every(d.looking, time.Minute, d.beat) })
		}
		if d.around != nil && d.config.Sync.Every > 0 {
			d.guests.admit(func() {
				d.inTurn(d.looking, "refresh", func(ctx context.Context) { every(ctx, d.config.Sync.Every, d.refresh) })
			})
		}
		if d.around != nil {
			d.guests.admit(func() { d.inTurn(d.looking, "alerts", d.tendAlerts) })
		}
		if d.around != nil && d.config.Trail.Every > 0 {
			d.guests.admit(func() { d.inTurn(d.looking, "trail", d.follow) })
		}
		if d.around != nil && d.config.Schedule.Propose {
			d.guests.admit(func() {
				d.inTurn(d.looking, "propose", func(ctx context.Context) { every(ctx, proposeEvery, d.proposeDue) })
			})
		}
	})
}

// carry lets rotations go on. Whoever waits for one in this process needs that
// too: as long as the process has the data folder, nobody else can do it.
func (d *Daemon) carry() {
	d.carries.Do(func() {
		d.guests.admit(func() {
			if err := d.others.join(d.looking); err != nil {
				if d.looking.Err() == nil {
					d.logger.Error("rotations are not carried on by this process", "error", err.Error())
				}
				return
			}
			d.others.whenReplaced(func(error) { d.stop() })
			d.carrier.run(d.looking, d.acting)
		})
	})
}

// refresh reads the inventory and waits for the end.
func (d *Daemon) refresh(ctx context.Context) {
	tenant := d.config.Tenant.ID
	run, err := d.syncs.Start(access.Rekey(tenant), false)
	if err == nil {
		err = d.syncs.wait(ctx, tenant, run.ID)
	}
	if err != nil && ctx.Err() == nil {
		d.logger.Warn("cannot begin to read the inventory", "error", err.Error())
	}
}

// every calls do now and then again after each pause, until ctx is done.
func every(ctx context.Context, pause time.Duration, do func(context.Context)) {
	for {
		do(ctx)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// tendIncidents goes on with what a crash cut off. With several replicas the row's
// version decides.
func (d *Daemon) tendIncidents(ctx context.Context) {
	if err := d.rotations.CarryIncidents(ctx); err != nil && ctx.Err() == nil {
		d.logger.Warn("cannot carry on an incident", "error", err.Error())
	}
}

func (d *Daemon) checkpoint(ctx context.Context) {
	if _, err := d.log.Keep(ctx, d.store, d.checkpoints()); err != nil && ctx.Err() == nil {
		d.logger.Error("cannot keep a checkpoint of the audit log outside the database", "error", err.Error(), "tampered", errors.Is(err, audit.ErrTampered))
	}
}
