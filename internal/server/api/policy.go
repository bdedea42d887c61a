package api

import (
	"context"
	"slices"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
)

// ListFindings lists findings, the worst first.
func (s *service) ListFindings(ctx context.Context, in ListFindingsRequestObject) (ListFindingsResponseObject, error) {
	p := in.Params
	q := policy.Query{
		Rule: p.Rule, Severity: policy.Severity(p.Severity), State: policy.State(p.State), Application: inventory.ObjectID(p.Application), Limit: limit(p.Limit),
	}
	u := requestOf(ctx).URL
	keys, err := after(u, 3)
	if err != nil {
		return nil, err
	}
	if keys != nil {
		q.After = policy.Finding{Severity: policy.Severity(keys[0]), Rule: keys[1], ID: keys[2]}
	}
	list, err := s.Policy.Findings(ctx, actorOf(ctx), q)
	if err != nil {
		return nil, err
	}
	page := ListFindings200JSONResponse{Value: each(list, wireFinding)}
	if len(list) == q.Limit {
		last := list[len(list)-1]
		page.NextLink = next(u, string(last.Severity), last.Rule, last.ID)
	}
	return page, nil
}

// GetFinding returns one finding.
func (s *service) GetFinding(ctx context.Context, in GetFindingRequestObject) (GetFindingResponseObject, error) {
	f, err := s.Policy.Finding(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return GetFinding200JSONResponse{FindingJSONResponse(wireFinding(f))}, nil
}

// AcknowledgeFinding says that a finding is known and may stay.
func (s *service) AcknowledgeFinding(ctx context.Context, in AcknowledgeFindingRequestObject) (AcknowledgeFindingResponseObject, error) {
	f, err := s.Policy.Acknowledge(ctx, actorOf(ctx), in.ID, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return AcknowledgeFinding200JSONResponse{FindingJSONResponse(wireFinding(f))}, nil
}

// CheckPolicy judges the inventory now.
func (s *service) CheckPolicy(ctx context.Context, _ CheckPolicyRequestObject) (CheckPolicyResponseObject, error) {
	actor := actorOf(ctx)
	r, err := s.Policy.Check(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := CheckPolicy200JSONResponse{Checked: r.Checked, Opened: r.Opened, Resolved: r.Resolved, Value: []wire.Finding{}}
	for f, err := range s.Policy.All(ctx, actor, policy.Query{}) {
		if err != nil {
			return nil, err
		}
		out.Value = append(out.Value, wireFinding(f))
	}
	return out, nil
}

// TryName judges a name before it is given.
func (s *service) TryName(ctx context.Context, in TryNameRequestObject) (TryNameResponseObject, error) {
	if err := actorOf(ctx).Check(access.ReadPolicy); err != nil {
		return nil, err
	}
	t := s.Policy.Try(in.Params.Name)
	return TryName200JSONResponse{
		Name: t.Name, Ok: t.OK, Problems: each(t.Problems, func(p string) string { return p }), Suggestion: t.Suggestion, Template: t.Template,
	}, nil
}

// ListRules tells every rule: those that are computed, and those of what is seen.
func (s *service) ListRules(ctx context.Context, _ ListRulesRequestObject) (ListRulesResponseObject, error) {
	if err := actorOf(ctx).Check(access.ReadPolicy); err != nil {
		return nil, err
	}
	return ListRules200JSONResponse{Value: each(slices.Concat(policy.Rules, policy.Seen), func(r *policy.Rule) wire.PolicyRule {
		severity, applies := s.Policy.Weighs(r)
		return wire.PolicyRule{
			Code: r.Code, Title: r.Title, Severity: wire.Severity(severity), Why: r.Why, Cure: r.Cure, Applies: applies,
			Examples: each(r.Examples, func(e policy.Example) wire.RuleExample {
				return wire.RuleExample{Says: e.Says, Finds: e.Finds, Severity: wire.Severity(e.Is)}
			}),
		}
	})}, nil
}

// findings are the open ones of an application, as many as a page shows.
func (s *service) findings(ctx context.Context, actor access.Actor, id inventory.ObjectID) ([]policy.Finding, error) {
	return s.Policy.Findings(ctx, actor, policy.Query{Application: id, Limit: 100})
}

func wireFinding(f policy.Finding) wire.Finding {
	return wire.Finding{
		ID: f.ID, Rule: f.Rule, Severity: wire.Severity(f.Severity), State: wire.FindingState(f.State), Application: string(f.Application),
		KeyID: f.KeyID, Place: f.Place, Subject: f.Subject(), Title: f.Title, Reason: f.Reason, Cure: f.Cure, Since: f.Opened, Resolved: f.Resolved,
		AcknowledgedBy: f.Judge, AcknowledgedWhy: f.Why,
	}
}
