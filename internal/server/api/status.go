package api

import (
	"context"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
)

// GetStatus says what is known, how fresh it is and what ends soon.
func (s *service) GetStatus(ctx context.Context, _ GetStatusRequestObject) (GetStatusResponseObject, error) {
	actor := actorOf(ctx)
	out := GetStatus200JSONResponse{Version: s.Version, Started: s.Started, Installation: s.Installation, Tenants: []wire.TenantStatus{}}
	if s.Rotations.Held != nil {
		out.Held = s.Rotations.Held()
	}
	if s.Replicas != nil {
		var err error
		if out.Replicas, err = s.Replicas(ctx); err != nil {
			return nil, err
		}
	}
	if actor.Tenant == "" {
		return out, actor.Check(access.ReadInventory)
	}
	sum, err := s.Inventory.Summary(ctx, actor)
	if err != nil {
		return nil, err
	}
	t := wire.TenantStatus{
		ID: actor.Tenant, Name: s.Names[actor.Tenant],
		Counts: wire.Counts{
			Applications: sum.Applications, ServicePrincipals: sum.ServicePrincipals, Credentials: sum.Credentials, Entries: sum.Entries, Unmanaged: sum.Unmanaged,
		},
		Expiring: wire.ExpiringCounts{
			Expired: sum.Expired, Days7: sum.Within[0], Days30: sum.Within[1], Days90: sum.Within[2], Later: sum.Later, Unknown: sum.Endless,
		},
		Sources: []wire.Source{}, Stale: len(sum.Feeds) == 0,
	}
	for _, f := range sum.Feeds {
		source := s.source(f)
		t.Sources = append(t.Sources, source)
		t.Stale = t.Stale || source.Stale
		if t.LastSync.IsZero() || f.Read.Before(t.LastSync) { // as old as its oldest part
			t.LastSync = f.Read
		}
	}
	if runs := s.Syncs.List(actor.Tenant); len(runs) > 0 {
		t.Sync = runs[0]
	}
	if t.Findings, err = s.Policy.Count(ctx, actor); err != nil {
		return nil, err
	}
	if t.Rotations, err = s.underWay(ctx, actor); err != nil {
		return nil, err
	}
	out.Tenants = append(out.Tenants, t)
	return out, nil
}

func (s *service) source(f inventory.Freshness) wire.Source {
	out := wire.Source{Name: f.Feed, LastSync: f.Read, Stale: f.Read.IsZero() || s.Fresh > 0 && time.Since(f.Read) > s.Fresh}
	if f.Running {
		out.Problem = "its first reading is not finished"
		if !f.Whole.IsZero() {
			out.Problem = "it is being read as a whole again"
		}
	}
	return out
}

// underWay counts the open rotations, and those that wait for a person.
func (s *service) underWay(ctx context.Context, actor access.Actor) (n wire.RotationCounts, err error) {
	for f := (rotation.Filter{State: rotation.Open, Limit: 1000}); ; {
		list, more, err := s.Rotations.List(ctx, actor, f)
		if err != nil {
			return n, err
		}
		n.Open += len(list)
		for _, r := range list {
			if r.Needs != "" {
				n.Waiting++
			}
		}
		if !more {
			return n, nil
		}
		last := list[len(list)-1]
		f.Before = rotation.Cursor{Asked: last.Asked, ID: last.ID}
	}
}
