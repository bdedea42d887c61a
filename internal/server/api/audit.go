package api

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
)

// ListAuditEvents lists who did what, the newest first.
func (s *service) ListAuditEvents(ctx context.Context, in ListAuditEventsRequestObject) (ListAuditEventsResponseObject, error) {
	q := audit.Query{Subject: in.Params.Subject, Action: in.Params.Action, Actor: in.Params.Actor, Since: in.Params.Since, Limit: limit(in.Params.Limit)}
	u := requestOf(ctx).URL
	keys, err := after(u, 1)
	if err != nil {
		return nil, err
	}
	if keys != nil {
		if q.Before, err = strconv.ParseInt(keys[0], 10, 64); err != nil || q.Before < 0 {
			return nil, invalid("after", "is no page of this list")
		}
		if q.Before == 0 {
			return ListAuditEvents200JSONResponse{Value: []wire.AuditEvent{}}, nil
		}
	}
	list, err := audit.List(ctx, s.Store, actorOf(ctx), q)
	if err != nil {
		return nil, err
	}
	page := ListAuditEvents200JSONResponse{Value: each(list, wireEvent)}
	if len(list) == q.Limit {
		page.NextLink = next(u, strconv.FormatInt(list[len(list)-1].Seq, 10))
	}
	return page, nil
}

// GetAuditEvent returns one event.
func (s *service) GetAuditEvent(ctx context.Context, in GetAuditEventRequestObject) (GetAuditEventResponseObject, error) {
	before := in.Seq
	if before < math.MaxInt64 {
		before++
	}
	list, err := audit.List(ctx, s.Store, actorOf(ctx), audit.Query{Before: before, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || list[0].Seq != in.Seq {
		return nil, &describedError{errNotFound, "the audit log of this tenant has no event with that number", "rekey audit list shows what it has"}
	}
	return GetAuditEvent200JSONResponse(wireEvent(list[0])), nil
}

func wireEvent(e audit.Entry) wire.AuditEvent {
	return wire.AuditEvent{
		Seq: e.Seq, Tenant: e.Tenant, Time: e.Time, Actor: e.Actor, Name: e.Name, Role: wire.Role(e.Role), Action: e.Action,
		Subject: e.Subject, Title: e.Title, Outcome: wire.AuditOutcome(e.Outcome), Detail: e.Detail,
	}
}

// ExportAudit streams the log with its proofs.
func (s *service) ExportAudit(ctx context.Context, _ ExportAuditRequestObject) (ExportAuditResponseObject, error) {
	actor := actorOf(ctx)
	if err := actor.Check(access.ReadAudit); err != nil {
		return nil, err // before the first byte, while the answer can still say so
	}
	c, err := s.Log.Latest(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	if c.Size == 0 {
		return nil, &describedError{errNotPossible, "the audit log has no events yet", "rekey sync makes the first"}
	}
	return export(func(w io.Writer) error {
		_, err := s.Log.Export(ctx, s.Store, actor, audit.Scope{}, w)
		return err
	}), nil
}

// export is an answer that is written while the log is read.
type export func(io.Writer) error

// VisitExportAuditResponse writes it. A reader has as long as it wants, while
// it goes on reading. What goes wrong after the first byte breaks the connection
// off, so that nobody takes half a log for the whole; the trailer is missing too.
func (e export) VisitExportAuditResponse(w http.ResponseWriter) error {
	out := &patient{w: w, control: http.NewResponseController(w)}
	err := e(out)
	if err != nil && out.begun {
		panic(http.ErrAbortHandler)
	}
	return err
}

// patient is a writer that gives a slow reader a new deadline with each write.
type patient struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

func (p *patient) Write(b []byte) (int, error) {
	if !p.begun {
		p.begun = true
		p.w.Header().Set("Content-Type", "application/x-ndjson")
		p.w.Header().Set("Content-Disposition", `attachment; filename="rekey-audit.ndjson"`)
		p.w.WriteHeader(http.StatusOK)
	}
	if err := p.control.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.w.Write(b)
}

// VerifyAudit recomputes the log and compares it with all that saw it before.
func (s *service) VerifyAudit(ctx context.Context, in VerifyAuditRequestObject) (VerifyAuditResponseObject, error) {
	if err := actorOf(ctx).Check(access.ReadAudit); err != nil {
		return nil, err
	}
	outside, err := s.Log.Kept(s.Checkpoints)
	if err != nil && !errors.Is(err, audit.ErrTampered) {
		return nil, err
	}
	var problem string
	if err != nil {
		problem = err.Error()
	}
	if text := in.Body.Checkpoint; text != "" {
		c, err := s.Log.Open(text)
		if err != nil {
			return nil, invalid("checkpoint", "is not a checkpoint that this log has signed")
		}
		outside = append(outside, c)
	}
	report, err := s.Log.Verify(ctx, s.Store, outside...)
	if err != nil && !errors.Is(err, audit.ErrTampered) {
		return nil, err
	}
	if err != nil && problem == "" {
		problem = err.Error()
	}
	return VerifyAudit200JSONResponse{Ok: problem == "", Events: report.Events, Checkpoint: report.Latest.Text, Problem: problem}, nil
}

// GetAuditCheckpoint shows the signed head of the log.
func (s *service) GetAuditCheckpoint(ctx context.Context, _ GetAuditCheckpointRequestObject) (GetAuditCheckpointResponseObject, error) {
	if err := actorOf(ctx).Check(access.ReadAudit); err != nil {
		return nil, err
	}
	c, err := s.Log.Latest(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	return GetAuditCheckpoint200JSONResponse{Events: c.Size, Checkpoint: c.Text, VerifierKey: s.Log.VerifierKey()}, nil
}

// limit is the size of a page.
func limit(asked int) int {
	if asked == 0 {
		return 100
	}
	return asked
}
