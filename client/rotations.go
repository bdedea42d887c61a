package client

import (
	"context"
	"crypto/rand"
	"iter"

	"rekey.example/rekey/api"
)

// Plan says what a rotation would do. Nothing is recorded.
func (c *Client) Plan(ctx context.Context, q api.RotationRequest) (api.Proposal, error) {
	q.DryRun = true
	return answer[api.Proposal](c.raw.ProposeRotation(ctx, &api.ProposeRotationParams{}, q))
}

// Propose records a rotation, which then waits for an approval. key makes a
// repeated call harmless: the same key and request answer with the same
// rotation; an empty one is made up.
func (c *Client) Propose(ctx context.Context, q api.RotationRequest, key string) (api.Rotation, error) {
	q.DryRun = false
	if key == "" {
		key = rand.Text()
	}
	return answer[api.Rotation](c.raw.ProposeRotation(ctx, &api.ProposeRotationParams{IdempotencyKey: key}, q))
}

// Rotation tells where one stands.
func (c *Client) Rotation(ctx context.Context, id string) (api.Rotation, error) {
	return answer[api.Rotation](c.raw.GetRotation(ctx, id))
}

// Approve consents to exactly the plan with that hash.
func (c *Client) Approve(ctx context.Context, id, hash string) (api.Rotation, error) {
	return answer[api.Rotation](c.raw.ApproveRotation(ctx, id, &api.ApproveRotationParams{}, api.Approval{Hash: hash}))
}

// Refuse ends a proposal.
func (c *Client) Refuse(ctx context.Context, id, reason string) (api.Rotation, error) {
	return answer[api.Rotation](c.raw.RefuseRotation(ctx, id, &api.RefuseRotationParams{}, api.Refusal{Reason: reason}))
}

// Cancel stops a rotation, as long as consumers have not seen the new value.
func (c *Client) Cancel(ctx context.Context, id, reason string) (api.Rotation, error) {
	return answer[api.Rotation](c.raw.CancelRotation(ctx, id, &api.CancelRotationParams{}, api.Cancellation{Reason: reason}))
}

// Confirm records that a consumer uses the new value, and how that is known.
func (c *Client) Confirm(ctx context.Context, id, consumer, proof string) (api.Rotation, error) {
	return answer[api.Rotation](c.raw.ConfirmRotation(ctx, id, &api.ConfirmRotationParams{}, api.Confirmation{Consumer: consumer, Proof: proof}))
}

// Permit says in writing that the old credential may go although it may be in use.
func (c *Client) Permit(ctx context.Context, id, reason string) (api.Rotation, error) {
	return answer[api.Rotation](c.raw.PermitRotation(ctx, id, &api.PermitRotationParams{}, api.Permission{Reason: reason}))
}

const patience = 20 // seconds that one question of a watch waits

// Watch yields a rotation as it is now and again after each change, until it
// has ended or ctx is done.
func (c *Client) Watch(ctx context.Context, id string) iter.Seq2[api.Rotation, error] {
	return func(yield func(api.Rotation, error) bool) {
		var version string
		for {
			change, err := answer[api.RotationChange](c.raw.WatchRotation(ctx, id, &api.WatchRotationParams{After: version, Wait: patience}))
			if err != nil {
				yield(api.Rotation{}, err)
				return
			}
			if change.Version == version {
				continue
			}
			version = change.Version
			if !yield(change.Rotation, nil) || change.Rotation.State != api.RotationStateOpen {
				return
			}
		}
	}
}
