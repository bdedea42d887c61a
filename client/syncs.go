package client

import (
	"context"
	"iter"

	"rekey.example/rekey/api"
)

// StartSync reads the directory and the vaults again, or joins the reading that
// is under way.
func (c *Client) StartSync(ctx context.Context, full bool) (api.Sync, error) {
	return answer[api.Sync](c.raw.StartSync(ctx, api.SyncRequest{Full: full}))
}

// Sync tells how far a reading is.
func (c *Client) Sync(ctx context.Context, id string) (api.Sync, error) {
	return answer[api.Sync](c.raw.GetSync(ctx, id, &api.GetSyncParams{}))
}

// Syncs lists the last readings, the newest first.
func (c *Client) Syncs(ctx context.Context) ([]api.Sync, error) {
	list, err := answer[api.SyncPage](c.raw.ListSyncs(ctx, &api.ListSyncsParams{}))
	return list.Value, err
}

// WatchSync yields a reading about once a second until it has ended.
func (c *Client) WatchSync(ctx context.Context, id string) iter.Seq2[api.Sync, error] {
	return func(yield func(api.Sync, error) bool) {
		q := api.GetSyncParams{} // the first answer comes at once
		for {
			s, err := answer[api.Sync](c.raw.GetSync(ctx, id, &q))
			if !yield(s, err) || err != nil || s.State != api.SyncStateRunning {
				return
			}
			q.Wait = 1
		}
	}
}
