package client

import (
	"context"
	"fmt"
	"io"

	"rekey.example/rekey/api"
)

// A page of a list, for whoever shows pages instead of walking. Each answer's NextLink
// gives the After of the next one: see Position.

// Position is where the page behind a nextLink begins; empty if there is none.
func Position(nextLink string) string {
	if nextLink == "" {
		return ""
	}
	after, err := position(nextLink)
	if err != nil {
		return ""
	}
	return after
}

// Overview says whether anything needs somebody, and what ends when.
func (c *Client) Overview(ctx context.Context) (api.Overview, error) {
	return answer[api.Overview](c.raw.GetOverview(ctx))
}

// CredentialPage is one page of the credentials that the filter selects.
func (c *Client) CredentialPage(ctx context.Context, q api.ListCredentialsParams) (api.CredentialPage, error) {
	return answer[api.CredentialPage](c.raw.ListCredentials(ctx, &q))
}

// ApplicationPage is one page of the applications.
func (c *Client) ApplicationPage(ctx context.Context, q api.ListApplicationsParams) (api.ApplicationPage, error) {
	return answer[api.ApplicationPage](c.raw.ListApplications(ctx, &q))
}

// ConsumerPage is one page of those who use credentials.
func (c *Client) ConsumerPage(ctx context.Context, q api.ListConsumersParams) (api.ConsumerPage, error) {
	return answer[api.ConsumerPage](c.raw.ListConsumers(ctx, &q))
}

// RotationPage is one page of the rotations.
func (c *Client) RotationPage(ctx context.Context, q api.ListRotationsParams) (api.RotationPage, error) {
	return answer[api.RotationPage](c.raw.ListRotations(ctx, &q))
}

// FindingPage is one page of the findings.
func (c *Client) FindingPage(ctx context.Context, q api.ListFindingsParams) (api.FindingPage, error) {
	return answer[api.FindingPage](c.raw.ListFindings(ctx, &q))
}

// TaskPage is one page of the tasks of people.
func (c *Client) TaskPage(ctx context.Context, q api.ListTasksParams) (api.TaskPage, error) {
	return answer[api.TaskPage](c.raw.ListTasks(ctx, &q))
}

// AuditPage is one page of the audit log.
func (c *Client) AuditPage(ctx context.Context, q api.ListAuditEventsParams) (api.AuditPage, error) {
	return answer[api.AuditPage](c.raw.ListAuditEvents(ctx, &q))
}

// Vaults lists the vaults.
func (c *Client) Vaults(ctx context.Context) ([]api.VaultSummary, error) {
	list, err := answer[api.VaultList](c.raw.ListVaults(ctx))
	return list.Value, err
}

// EntryPage is one page of what a vault holds.
func (c *Client) EntryPage(ctx context.Context, vault string, q api.ListVaultEntriesParams) (api.EntryPage, error) {
	return answer[api.EntryPage](c.raw.ListVaultEntries(ctx, vault, &q))
}

// ExportCredentials writes all that a filter selects to w.
func (c *Client) ExportCredentials(ctx context.Context, q api.ExportCredentialsParams, w io.Writer) error {
	body, err := open(c.raw.ExportCredentials(ctx, &q))
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := io.Copy(w, body); err != nil {
		return fmt.Errorf("cannot export credentials: %w", err)
	}
	return nil
}

// Views lists the filters that were kept.
func (c *Client) Views(ctx context.Context) ([]api.View, error) {
	list, err := answer[api.ViewList](c.raw.ListViews(ctx))
	return list.Value, err
}

// KeepView keeps a filter under a name.
func (c *Client) KeepView(ctx context.Context, q api.ViewRequest) (api.View, error) {
	return answer[api.View](c.raw.KeepView(ctx, q))
}

// DropView forgets a filter.
func (c *Client) DropView(ctx context.Context, id string) error {
	_, err := answer[struct{}](c.raw.DropView(ctx, id))
	return err
}
