package client

import (
	"context"
	"fmt"
	"io"

	"rekey.example/rekey/api"
)

// Me says whom the server takes the caller for.
func (c *Client) Me(ctx context.Context) (api.Me, error) {
	return answer[api.Me](c.raw.GetMe(ctx))
}

// Status says what is known, how fresh it is and what ends soon.
func (c *Client) Status(ctx context.Context) (api.Status, error) {
	return answer[api.Status](c.raw.GetStatus(ctx))
}

// Doctor checks rights and reachability.
func (c *Client) Doctor(ctx context.Context) ([]api.Check, error) {
	list, err := answer[api.CheckList](c.raw.RunDoctor(ctx))
	return list.Value, err
}

// Credential tells everything of one credential.
func (c *Client) Credential(ctx context.Context, keyID string) (api.CredentialDetail, error) {
	return answer[api.CredentialDetail](c.raw.GetCredential(ctx, keyID))
}

// Application tells everything of one application, by object id or client id.
func (c *Client) Application(ctx context.Context, id string) (api.ApplicationDetail, error) {
	return answer[api.ApplicationDetail](c.raw.GetApplication(ctx, id))
}

// Finding returns one finding.
func (c *Client) Finding(ctx context.Context, id string) (api.Finding, error) {
	return answer[api.Finding](c.raw.GetFinding(ctx, id))
}

// AcknowledgeFinding says that a finding is known, and why it may stay.
func (c *Client) AcknowledgeFinding(ctx context.Context, id, reason string) (api.Finding, error) {
	return answer[api.Finding](c.raw.AcknowledgeFinding(ctx, id, api.Acknowledgement{Reason: reason}))
}

// CheckPolicy judges the inventory now and returns the open findings.
func (c *Client) CheckPolicy(ctx context.Context) (api.PolicyResult, error) {
	return answer[api.PolicyResult](c.raw.CheckPolicy(ctx))
}

// ShowReconcile says how journal and world differ, from a new look.
func (c *Client) ShowReconcile(ctx context.Context) (api.ReconcileReport, error) {
	return answer[api.ReconcileReport](c.raw.ShowReconcile(ctx))
}

// AcceptReconcile accepts the report with that hash.
func (c *Client) AcceptReconcile(ctx context.Context, hash string) (api.ReconcileReport, error) {
	return answer[api.ReconcileReport](c.raw.AcceptReconcile(ctx, api.ReconcileAcceptance{Hash: hash}))
}

// HoldReconcile lets nothing have an effect until a report is accepted.
func (c *Client) HoldReconcile(ctx context.Context, reason string) error {
	_, err := answer[struct{}](c.raw.HoldReconcile(ctx, api.ReconcileHold{Reason: reason}))
	return err
}

// TryName judges a name by the naming convention.
func (c *Client) TryName(ctx context.Context, name string) (api.NameTrial, error) {
	return answer[api.NameTrial](c.raw.TryName(ctx, &api.TryNameParams{Name: name}))
}

// ExportAudit writes the whole audit log with its proofs to w.
func (c *Client) ExportAudit(ctx context.Context, w io.Writer) error {
	body, err := open(c.raw.ExportAudit(ctx))
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := io.Copy(w, body); err != nil {
		return fmt.Errorf("cannot export the audit log: %w", err)
	}
	return nil
}

// VerifyAudit recomputes the log. checkpoint is one that was kept outside, or empty.
func (c *Client) VerifyAudit(ctx context.Context, checkpoint string) (api.AuditVerification, error) {
	return answer[api.AuditVerification](c.raw.VerifyAudit(ctx, api.AuditVerifyRequest{Checkpoint: checkpoint}))
}

// Checkpoint returns the signed head of the audit log.
func (c *Client) Checkpoint(ctx context.Context) (api.AuditCheckpoint, error) {
	return answer[api.AuditCheckpoint](c.raw.GetAuditCheckpoint(ctx))
}

// Keys tells which sealing keys there are.
func (c *Client) Keys(ctx context.Context) (api.KeyStatus, error) {
	return answer[api.KeyStatus](c.raw.GetKeys(ctx))
}

// RotateKeys adds a sealing key and makes it the current one.
func (c *Client) RotateKeys(ctx context.Context) (api.KeyStatus, error) {
	return answer[api.KeyStatus](c.raw.RotateKeys(ctx))
}

// Task tells where a person's task stands.
func (c *Client) Task(ctx context.Context, id string) (api.Task, error) {
	return answer[api.Task](c.raw.GetTask(ctx, id))
}

// LinkTask makes a task's one-time link. It is in this answer and nowhere else.
func (c *Client) LinkTask(ctx context.Context, id string) (api.TaskLink, error) {
	return answer[api.TaskLink](c.raw.LinkTask(ctx, id))
}

// FinishTask says that a task is done, and how that is known.
func (c *Client) FinishTask(ctx context.Context, id, note string) (api.Task, error) {
	return answer[api.Task](c.raw.FinishTask(ctx, id, api.TaskDone{Note: note}))
}

// Tokens lists the API tokens.
func (c *Client) Tokens(ctx context.Context) ([]api.Token, error) {
	list, err := answer[api.TokenList](c.raw.ListTokens(ctx))
	return list.Value, err
}

// CreateToken makes an API token. Its secret is in this answer and nowhere else.
func (c *Client) CreateToken(ctx context.Context, q api.TokenRequest) (api.NewToken, error) {
	return answer[api.NewToken](c.raw.CreateToken(ctx, q))
}

// RevokeToken ends an API token.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	_, err := answer[struct{}](c.raw.RevokeToken(ctx, id))
	return err
}

// Schedule says what is due on each of the next days.
func (c *Client) Schedule(ctx context.Context, days int) (api.Schedule, error) {
	return answer[api.Schedule](c.raw.GetSchedule(ctx, &api.GetScheduleParams{Days: days}))
}

// Postpone keeps a credential from being proposed before a time.
func (c *Client) Postpone(ctx context.Context, keyID string, q api.PostponeRequest) (api.Postponement, error) {
	return answer[api.Postponement](c.raw.PostponeDue(ctx, keyID, q))
}

// Resume ends a postponement.
func (c *Client) Resume(ctx context.Context, keyID string) error {
	_, err := answer[struct{}](c.raw.ResumeDue(ctx, keyID))
	return err
}
