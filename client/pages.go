package client

import (
	"context"
	"fmt"
	"iter"
	"net/url"

	"rekey.example/rekey/api"
)

// page is one answer of a list.
type page[T any] struct {
	Value    []T    `json:"value"`
	NextLink string `json:"nextLink"`
}

// pages walks a list. get asks for the page after a position.
func pages[T any](get func(after string) (page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var after string
		for {
			p, err := get(after)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, v := range p.Value {
				if !yield(v, nil) {
					return
				}
			}
			if p.NextLink == "" {
				return
			}
			next, err := position(p.NextLink)
			if err != nil || next == after {
				var none T
				yield(none, fmt.Errorf("cannot follow the list: the server's next link leads nowhere"))
				return
			}
			after = next
		}
	}
}

// position is the after of a next link. Only that is taken from it: the rest of
// the request stays as it was, so no answer can send the token elsewhere.
func position(link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil {
		return "", err
	}
	return u.Query().Get("after"), nil
}

// Credentials walks the credentials that the filter selects, the first to end first.
func (c *Client) Credentials(ctx context.Context, q api.ListCredentialsParams) iter.Seq2[api.Credential, error] {
	return pages(func(after string) (page[api.Credential], error) {
		q.After = after
		return answer[page[api.Credential]](c.raw.ListCredentials(ctx, &q))
	})
}

// Applications walks applications and service principals, by name.
func (c *Client) Applications(ctx context.Context, q api.ListApplicationsParams) iter.Seq2[api.Application, error] {
	return pages(func(after string) (page[api.Application], error) {
		q.After = after
		return answer[page[api.Application]](c.raw.ListApplications(ctx, &q))
	})
}

// Findings walks what is against the policy.
func (c *Client) Findings(ctx context.Context, q api.ListFindingsParams) iter.Seq2[api.Finding, error] {
	return pages(func(after string) (page[api.Finding], error) {
		q.After = after
		return answer[page[api.Finding]](c.raw.ListFindings(ctx, &q))
	})
}

// Rotations walks the rotations, the newest first.
func (c *Client) Rotations(ctx context.Context, q api.ListRotationsParams) iter.Seq2[api.Rotation, error] {
	return pages(func(after string) (page[api.Rotation], error) {
		q.After = after
		return answer[page[api.Rotation]](c.raw.ListRotations(ctx, &q))
	})
}

// Tasks walks the tasks of people, the newest first.
func (c *Client) Tasks(ctx context.Context, q api.ListTasksParams) iter.Seq2[api.Task, error] {
	return pages(func(after string) (page[api.Task], error) {
		q.After = after
		return answer[page[api.Task]](c.raw.ListTasks(ctx, &q))
	})
}

// AuditEvents walks the audit log, the newest first.
func (c *Client) AuditEvents(ctx context.Context, q api.ListAuditEventsParams) iter.Seq2[api.AuditEvent, error] {
	return pages(func(after string) (page[api.AuditEvent], error) {
		q.After = after
		return answer[page[api.AuditEvent]](c.raw.ListAuditEvents(ctx, &q))
	})
}

// Due walks the credentials whose rotation is due, the first to end first.
func (c *Client) Due(ctx context.Context, q api.ListDueParams) iter.Seq2[api.DueItem, error] {
	return pages(func(after string) (page[api.DueItem], error) {
		q.After = after
		return answer[page[api.DueItem]](c.raw.ListDue(ctx, &q))
	})
}
