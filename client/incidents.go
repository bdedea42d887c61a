package client

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"iter"

	"rekey.example/rekey/api"
)

// PlanIncident says what an incident would do. Nothing is recorded.
func (c *Client) PlanIncident(ctx context.Context, q api.IncidentRequest) (api.Incident, error) {
	q.DryRun = true
	return answer[api.Incident](c.raw.OpenIncident(ctx, nil, q))
}

// OpenIncident opens an incident, which waits for an approval unless the glass
// was broken. With the same key it opens one however often it is called; an empty
// one is chosen here, for this call.
func (c *Client) OpenIncident(ctx context.Context, q api.IncidentRequest, key string) (api.Incident, error) {
	q.DryRun = false
	if key == "" {
		key = rand.Text()
	}
	return answer[api.Incident](c.raw.OpenIncident(ctx, &api.OpenIncidentParams{IdempotencyKey: key}, q))
}

// Incidents walks the incidents, the newest first, without their items.
func (c *Client) Incidents(ctx context.Context, q api.ListIncidentsParams) iter.Seq2[api.Incident, error] {
	return pages(func(after string) (page[api.Incident], error) {
		q.After = after
		return answer[page[api.Incident]](c.raw.ListIncidents(ctx, &q))
	})
}

// Incident tells where one stands.
func (c *Client) Incident(ctx context.Context, id string) (api.Incident, error) {
	return answer[api.Incident](c.raw.GetIncident(ctx, id))
}

// ApproveIncident consents to exactly the list with that hash.
func (c *Client) ApproveIncident(ctx context.Context, id, hash string) (api.Incident, error) {
	return answer[api.Incident](c.raw.ApproveIncident(ctx, id, api.Approval{Hash: hash}))
}

// CloseIncident closes one of which every item has ended.
func (c *Client) CloseIncident(ctx context.Context, id, reason string) (api.Incident, error) {
	return answer[api.Incident](c.raw.CloseIncident(ctx, id, api.Cancellation{Reason: reason}))
}

// IncidentReport writes the completeness report as a document.
func (c *Client) IncidentReport(ctx context.Context, id string, format api.ReportFormat, w io.Writer) error {
	body, err := open(c.raw.ReportIncident(ctx, id, &api.ReportIncidentParams{Format: format}))
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := io.Copy(w, body); err != nil {
		return fmt.Errorf("cannot read the report of %s: %w", id, err)
	}
	return nil
}
