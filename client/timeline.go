package client

import (
	"context"
	"fmt"
	"io"
	"iter"

	"rekey.example/rekey/api"
)

// TrailSources lists the sources of the clouds' own records.
func (c *Client) TrailSources(ctx context.Context) ([]api.TrailSource, error) {
	list, err := answer[api.TrailSourceList](c.raw.ListTrailSources(ctx))
	return list.Value, err
}

// Closings lists the daily books, the newest first.
func (c *Client) Closings(ctx context.Context, limit int) ([]api.Closing, error) {
	list, err := answer[api.ClosingList](c.raw.ListClosings(ctx, &api.ListClosingsParams{Limit: limit}))
	return list.Value, err
}

// TimelinePage returns one page of a timeline, with what the application can touch
// on the first.
func (c *Client) TimelinePage(ctx context.Context, q api.ListTimelineParams) (api.TimelinePage, error) {
	return answer[api.TimelinePage](c.raw.ListTimeline(ctx, &q))
}

// Timeline walks what happened to something, the newest first.
func (c *Client) Timeline(ctx context.Context, q api.ListTimelineParams) iter.Seq2[api.TimelineEvent, error] {
	return pages(func(after string) (page[api.TimelineEvent], error) {
		q.After = after
		return answer[page[api.TimelineEvent]](c.raw.ListTimeline(ctx, &q))
	})
}

// ExportTimeline writes a whole timeline to w.
func (c *Client) ExportTimeline(ctx context.Context, q api.ExportTimelineParams, w io.Writer) error {
	body, err := open(c.raw.ExportTimeline(ctx, &q))
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := io.Copy(w, body); err != nil {
		return fmt.Errorf("cannot read the timeline: %w", err)
	}
	return nil
}
