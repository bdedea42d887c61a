package api

import (
	"context"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/rotation"
)

// AwaitDecision waits until somebody has decided on a proposal.
func (s *service) AwaitDecision(ctx context.Context, in AwaitDecisionRequestObject) (AwaitDecisionResponseObject, error) {
	end := time.Now().Add(time.Duration(in.Params.Wait) * time.Second)
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		r, err := s.Rotations.Get(ctx, actorOf(ctx), in.ID)
		if err != nil {
			return nil, err
		}
		if d := decision(r); d.Decided || !time.Now().Before(end) || s.stopping() {
			return AwaitDecision200JSONResponse(d), nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// decision is what people have decided, whatever became of it afterwards.
func decision(r *rotation.Rotation) wire.Decision {
	d := wire.Decision{ID: r.ID, Outcome: wire.DecisionOutcomeWaiting, State: wire.RotationState(r.State)}
	switch {
	case r.Consent != nil && r.State != rotation.Cancelled && r.Ending != rotation.Cancelled:
		d.Decided, d.Outcome, d.By = true, wire.DecisionOutcomeApproved, r.Consent.By.Name
	case r.State == rotation.Refused:
		d.Decided, d.Outcome, d.Reason = true, wire.DecisionOutcomeRefused, r.Problem
	case r.State != rotation.Open || r.Ending != "":
		d.Decided, d.Outcome, d.Reason = true, wire.DecisionOutcomeCancelled, r.Problem
	}
	return d
}
