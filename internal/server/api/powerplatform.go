package api

import (
	"bytes"
	"context"
	"errors"

	"rekey.example/rekey/internal/server/powerplatform"
)

// GetPowerPlatform makes the custom connector and its workflows. There is nothing
// secret in them, and everybody who may sign in may build flows.
func (s *service) GetPowerPlatform(ctx context.Context, in GetPowerPlatformRequestObject) (GetPowerPlatformResponseObject, error) {
	raw, err := powerplatform.Zip(powerplatform.Config{
		Host: in.Params.Host, Tenant: actorOf(ctx).Tenant, ClientID: in.Params.ClientID.String(), Resource: in.Params.Resource,
	})
	if errors.Is(err, powerplatform.ErrHost) {
		return nil, invalid("host", "is no name that the cloud can reach")
	}
	if err != nil {
		return nil, err
	}
	return GetPowerPlatform200ApplicationZipResponse{Body: bytes.NewReader(raw), ContentLength: int64(len(raw))}, nil
}
