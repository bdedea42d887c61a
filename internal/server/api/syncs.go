package api

import (
	"context"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
)

// Syncs starts readings of the inventory and says how far they are. The daemon
// has the goroutines.
type Syncs interface {
	Start(by access.Actor, full bool) (wire.Sync, error)
	List(tenant string) []wire.Sync                             // the newest first
	Get(tenant, id string) (s wire.Sync, ended <-chan struct{}) // nil if there is none
}

// StartSync begins a reading, or joins the one that is under way.
func (s *service) StartSync(ctx context.Context, in StartSyncRequestObject) (StartSyncResponseObject, error) {
	run, err := s.Syncs.Start(actorOf(ctx), in.Body.Full)
	if err != nil {
		return nil, err
	}
	return StartSync202JSONResponse{Body: run, Headers: StartSync202ResponseHeaders{Location: "/v1/syncs/" + run.ID}}, nil
}

// ListSyncs lists the last readings.
func (s *service) ListSyncs(ctx context.Context, in ListSyncsRequestObject) (ListSyncsResponseObject, error) {
	actor := actorOf(ctx)
	if err := actor.Check(access.ReadInventory); err != nil {
		return nil, err
	}
	list := s.Syncs.List(actor.Tenant)
	return ListSyncs200JSONResponse{Value: list[:min(len(list), limit(in.Params.Limit))]}, nil
}

// GetSync tells how far a reading is, at once or after a while.
func (s *service) GetSync(ctx context.Context, in GetSyncRequestObject) (GetSyncResponseObject, error) {
	actor := actorOf(ctx)
	if err := actor.Check(access.ReadInventory); err != nil {
		return nil, err
	}
	run, ended := s.Syncs.Get(actor.Tenant, in.ID)
	if ended == nil {
		return nil, &describedError{errNotFound, "there is no such reading of the inventory", "the server forgets readings when it stops; rekey sync begins another"}
	}
	if in.Params.Wait == 0 {
		return GetSync200JSONResponse(run), nil
	}
	select {
	case <-ended:
	case <-time.After(time.Duration(in.Params.Wait) * time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	run, _ = s.Syncs.Get(actor.Tenant, in.ID)
	return GetSync200JSONResponse(run), nil
}
