package daemon

import (
	"context"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/schedule"
	"rekey.example/rekey/internal/store"
)

// plan makes the services of schedules.
func (d *Daemon) plan(s *schedule.Schedule) {
	d.scheduled = &schedule.Service{Store: d.store, Log: d.log, Inventory: d.inventory, Schedule: s, Standing: standing}
	d.planner = &schedule.Planner{Service: d.scheduled, Propose: d.propose}
}

func standing(tx *store.Tx, tenant string) (known schedule.Standing, err error) {
	if known.Open, err = rotation.UnderWay(tx, tenant); err != nil {
		return known, err
	}
	known.Refused, err = rotation.Refusals(tx, tenant)
	return known, err
}

// propose proposes the rotation of a credential that is due, in rekey's own name.
func (d *Daemon) propose(ctx context.Context, r inventory.Row) error {
	q := rotation.Request{
		Application: r.Application, Old: r.Credential, Place: r.Places[0].Place, Reason: "due", Label: d.config.Rotation.Label,
		Lifetime: d.scheduled.Schedule.Lifetime(d.config.Rotation.Lifetime, 30*day, r.KeyID),
	}
	for _, c := range r.Consumers {
		q.Consumers = append(q.Consumers, rotation.Use{Consumer: c.Consumer, Reference: c.Reference})
	}
	_, err := d.rotations.Propose(ctx, access.Rekey(r.Tenant), q)
	return err
}

// proposeDue is the chore.
func (d *Daemon) proposeDue(ctx context.Context) {
	o, err := d.planner.Run(ctx, d.config.Tenant.ID)
	if err != nil && ctx.Err() == nil {
		d.logger.Warn("cannot propose what is due", "error", err.Error())
	}
	for _, e := range o.Errors {
		d.logger.Warn("a rotation that is due cannot be proposed", "error", e.Error())
	}
	if o.Proposed > 0 {
		d.logger.Info("proposed what is due", "rotations", o.Proposed, "waiting", o.Waiting)
	}
}

const proposeEvery = 15 * time.Minute

// writes keeps the writer's writes inside Graph's limits.
func (s *surroundings) writes(c Config) *schedule.Writes {
	b := &schedule.Budget{Store: s.store, Tenant: s.tenant, Writer: c.Writer.ClientID, Writes: c.Schedule.Bulk.Writes, Reserve: -1}
	if percent := c.Schedule.Bulk.Reserve; percent > 0 {
		b.Reserve = float64(percent) / 100
	}
	return &schedule.Writes{Budget: b}
}
