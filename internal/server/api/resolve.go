package api

import (
	"context"
	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/rotation"
)

func (s *service) resolve(ctx context.Context, actor access.Actor, q wire.RotationRequest) (rotation.Request, error) {
	return rotation.Request{}, nil
}
