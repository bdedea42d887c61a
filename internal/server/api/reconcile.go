package api

import (
	"context"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/rotation"
)

// Reconciler compares journal and world, for the caller's tenant.
type Reconciler interface {
	Show(ctx context.Context, by access.Actor) (*rotation.Report, error)
	Accept(ctx context.Context, by access.Actor, hash string) (*rotation.Report, error)
	Hold(ctx context.Context, by access.Actor, reason string) error
}

// ShowReconcile says how journal and world differ.
func (s *service) ShowReconcile(ctx context.Context, _ ShowReconcileRequestObject) (ShowReconcileResponseObject, error) {
	if err := s.comparable(ctx, access.ReadReconcile); err != nil {
		return nil, err
	}
	r, err := s.Reconcile.Show(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return ShowReconcile200JSONResponse(wireReport(r)), nil
}

// AcceptReconcile lets rekey go on.
func (s *service) AcceptReconcile(ctx context.Context, in AcceptReconcileRequestObject) (AcceptReconcileResponseObject, error) {
	if err := s.comparable(ctx, access.AcceptReconcile); err != nil {
		return nil, err
	}
	r, err := s.Reconcile.Accept(ctx, actorOf(ctx), in.Body.Hash)
	if err != nil {
		return nil, err
	}
	s.wake()
	return AcceptReconcile200JSONResponse(wireReport(r)), nil
}

// HoldReconcile holds rekey on a person's word.
func (s *service) HoldReconcile(ctx context.Context, in HoldReconcileRequestObject) (HoldReconcileResponseObject, error) {
	if err := s.comparable(ctx, access.AcceptReconcile); err != nil {
		return nil, err
	}
	if err := s.Reconcile.Hold(ctx, actorOf(ctx), in.Body.Reason); err != nil {
		return nil, err
	}
	return HoldReconcile204Response{}, nil
}

// comparable reports whether there is anything to compare. Whoever may not ask does
// not learn that.
func (s *service) comparable(ctx context.Context, action access.Action) error {
	if err := actorOf(ctx).Check(action); err != nil {
		return err
	}
	if s.Reconcile == nil {
		return noReconcile
	}
	return nil
}

var noReconcile = &rotation.InvalidError{Why: "this installation has no tenant, so that there is nothing to compare; rekey init writes a configuration to begin with"}

func wireReport(r *rotation.Report) wire.ReconcileReport {
	out := wire.ReconcileReport{Held: r.Held, Since: r.Since, Taken: r.Taken, Looked: r.Looked, Agree: r.Agree, Hash: r.Hash, Findings: []wire.ReconcileFinding{}}
	for _, f := range r.Findings {
		out.Findings = append(out.Findings, wire.ReconcileFinding{
			Rotation: f.Rotation, Application: f.Application, ObjectID: string(f.Holder), Credential: f.Credential, Label: f.Label, Proved: f.Proved,
			Journal: f.Journal, World: f.World, Then: string(f.Then), Text: f.Text,
		})
	}
	return out
}
