package client

import (
	"context"
	"io"

	"rekey.example/rekey/api"
)

// Ending is what has come close to its end since the answer that since is from.
func (c *Client) Ending(ctx context.Context, q api.ListEndingParams) (api.EndingPage, error) {
	return answer[api.EndingPage](c.raw.ListEnding(ctx, &q))
}

// Decision waits some seconds, at most 30, for the decision on a proposal.
func (c *Client) Decision(ctx context.Context, id string, seconds int) (api.Decision, error) {
	return answer[api.Decision](c.raw.AwaitDecision(ctx, id, &api.AwaitDecisionParams{Wait: seconds}))
}

// PowerPlatform returns the zip file with the custom connector and its workflows.
func (c *Client) PowerPlatform(ctx context.Context, q api.GetPowerPlatformParams) ([]byte, error) {
	body, err := open(c.raw.GetPowerPlatform(ctx, &q))
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, maxAnswer))
}
