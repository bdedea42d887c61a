package client

import (
	"context"

	"rekey.example/rekey/api"
)

// RotationNow tells where a rotation stands, with the version of what it tells.
func (c *Client) RotationNow(ctx context.Context, id string) (api.RotationChange, error) {
	return answer[api.RotationChange](c.raw.WatchRotation(ctx, id, &api.WatchRotationParams{}))
}

// ApproveSeen consents to the plan with that hash, and only if the rotation still is
// the version that was seen; else the error has the code "changed".
func (c *Client) ApproveSeen(ctx context.Context, id, version, hash string) (api.Rotation, error) {
	return answer[api.Rotation](c.raw.ApproveRotation(ctx, id, &api.ApproveRotationParams{IfMatch: tag(version)}, api.Approval{Hash: hash}))
}

// RefuseSeen ends a proposal if it still is the version that was seen.
func (c *Client) RefuseSeen(ctx context.Context, id, version, reason string) (api.Rotation, error) {
	return answer[api.Rotation](c.raw.RefuseRotation(ctx, id, &api.RefuseRotationParams{IfMatch: tag(version)}, api.Refusal{Reason: reason}))
}

func tag(version string) string { return `"` + version + `"` }

// Rules lists every rule of the policy.
func (c *Client) Rules(ctx context.Context) ([]api.PolicyRule, error) {
	list, err := answer[api.PolicyRuleList](c.raw.ListRules(ctx))
	return list.Value, err
}

// AuditEvent returns one event of the audit log.
func (c *Client) AuditEvent(ctx context.Context, seq int64) (api.AuditEvent, error) {
	return answer[api.AuditEvent](c.raw.GetAuditEvent(ctx, seq))
}

// IncidentPage returns one page of the incidents, without their items.
func (c *Client) IncidentPage(ctx context.Context, q api.ListIncidentsParams) (api.IncidentPage, error) {
	return answer[api.IncidentPage](c.raw.ListIncidents(ctx, &q))
}

// DuePage returns one page of what is due.
func (c *Client) DuePage(ctx context.Context, q api.ListDueParams) (api.DuePage, error) {
	return answer[api.DuePage](c.raw.ListDue(ctx, &q))
}
