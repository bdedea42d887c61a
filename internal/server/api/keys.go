package api

import (
	"context"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/custody"
)

// GetKeys tells which sealing keys there are.
func (s *service) GetKeys(ctx context.Context, _ GetKeysRequestObject) (GetKeysResponseObject, error) {
	status, err := s.Keys.Status(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return GetKeys200JSONResponse(wireKeys(status)), nil
}

// RotateKeys adds a sealing key and makes it the current one.
func (s *service) RotateKeys(ctx context.Context, _ RotateKeysRequestObject) (RotateKeysResponseObject, error) {
	status, err := s.Keys.Rotate(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return RotateKeys200JSONResponse(wireKeys(status)), nil
}

func wireKeys(s custody.Status) wire.KeyStatus {
	return wire.KeyStatus{
		Source: wire.KeyStatusSource(s.Source), Shared: s.Shared, Resealing: s.Resealing(),
		Keys: each(s.Keys, func(k custody.Key) wire.SealingKey {
			return wire.SealingKey{ID: k.ID, Made: k.Made, Current: k.Current, Values: k.Values}
		}),
	}
}
