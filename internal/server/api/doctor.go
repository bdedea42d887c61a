package api

import (
	"context"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/diagnosis"
)

// RunDoctor checks rights and reachability.
func (s *service) RunDoctor(ctx context.Context, _ RunDoctorRequestObject) (RunDoctorResponseObject, error) {
	if err := actorOf(ctx).Check(access.RunDoctor); err != nil {
		return nil, err
	}
	return RunDoctor200JSONResponse{Value: each(diagnosis.Doctor(ctx, s.Patient), func(c diagnosis.Check) wire.Check {
		return wire.Check{Name: c.Name, State: wire.CheckState(c.State), Detail: c.Detail, Cure: c.Cure}
	})}, nil
}

// GetMe says who the caller is to the server.
func (s *service) GetMe(ctx context.Context, _ GetMeRequestObject) (GetMeResponseObject, error) {
	actor := actorOf(ctx)
	return GetMe200JSONResponse{
		Actor: wireActor(actor), Version: s.Version, Fresh: actor.Fresh(),
		Actions: each(actor.May(), func(a access.Action) string { return string(a) }),
	}, nil
}
