package api

import (
	"context"

	"rekey.example/rekey/internal/inventory"
)

// ListApplications lists applications and service principals, by name.
func (s *service) ListApplications(ctx context.Context, in ListApplicationsRequestObject) (ListApplicationsResponseObject, error) {
	p := in.Params
	q := inventory.ApplicationQuery{Name: p.Name, Owner: p.Owner, NoOwner: p.NoOwner, Holder: inventory.HolderKind(p.Holder), Limit: limit(p.Limit)}
	u := requestOf(ctx).URL
	keys, err := after(u, 1)
	if err != nil {
		return nil, err
	}
	if keys != nil {
		q.After = keys[0]
	}
	list, more, err := s.Inventory.Applications(ctx, actorOf(ctx), q)
	if err != nil {
		return nil, err
	}
	page := ListApplications200JSONResponse{Value: each(list, wireApplication)}
	if more != "" {
		page.NextLink = next(u, more)
	}
	return page, nil
}

// GetApplication tells everything of one application.
func (s *service) GetApplication(ctx context.Context, in GetApplicationRequestObject) (GetApplicationResponseObject, error) {
	actor := actorOf(ctx)
	a, rows, err := s.Inventory.Application(ctx, actor, in.ID)
	if err != nil {
		return nil, unclear(err)
	}
	findings, err := s.findings(ctx, actor, a.ObjectID)
	if err != nil {
		return nil, err
	}
	return GetApplication200JSONResponse{
		Application: wireApplication(a), Credentials: each(rows, wireCredential), Findings: each(findings, wireFinding),
	}, nil
}
