package client

import (
	"context"

	"rekey.example/rekey/api"
)

// Diagnose finds the first broken link behind a failure.
func (c *Client) Diagnose(ctx context.Context, q api.DiagnosisRequest) (api.Diagnosis, error) {
	return answer[api.Diagnosis](c.raw.Diagnose(ctx, q))
}

// CompareRefresh says what a database refresh did to an environment.
func (c *Client) CompareRefresh(ctx context.Context, environment string) (api.RefreshComparison, error) {
	return answer[api.RefreshComparison](c.raw.CompareRefresh(ctx, &api.CompareRefreshParams{Environment: environment}))
}

// TakeSnapshot keeps how an environment's endpoints are now.
func (c *Client) TakeSnapshot(ctx context.Context, environment string) (api.EndpointSnapshot, error) {
	return answer[api.EndpointSnapshot](c.raw.TakeSnapshot(ctx, api.SnapshotRequest{Environment: environment}))
}

// Explain says what an error code means.
func (c *Client) Explain(ctx context.Context, code string) (api.Explanation, error) {
	return answer[api.Explanation](c.raw.ExplainCode(ctx, code))
}
