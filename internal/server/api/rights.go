package api

import (
	"context"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/review"
)

// GetApplicationAccess tells what an application may do, and whether it needs a secret.
func (s *service) GetApplicationAccess(ctx context.Context, in GetApplicationAccessRequestObject) (GetApplicationAccessResponseObject, error) {
	by := actorOf(ctx)
	if err := by.Check(access.ReviewAccess); err != nil {
		return nil, err
	}
	a, err := s.aboutApplication(ctx, by, in.ID)
	if err != nil {
		return nil, err
	}
	if a.application.ObjectID == "" {
		return nil, inventory.ErrNotFound
	}
	if s.Reviewer == nil {
		return nil, &describedError{errNotPossible, "no tenant is configured", "rekey init writes a configuration"}
	}
	_, rows, err := s.Inventory.Application(ctx, by, string(a.application.ObjectID))
	if err != nil {
		return nil, unclear(err)
	}
	var consumers []inventory.Binding
	for _, r := range rows {
		consumers = append(consumers, r.Consumers...)
	}
	r, err := s.Reviewer.Of(ctx, by, a.application, consumers)
	if err != nil {
		return nil, err
	}
	return GetApplicationAccess200JSONResponse(wireReview(r)), nil
}

func wireReview(r review.Review) wire.ApplicationAccess {
	out := wire.ApplicationAccess{
		Application: wireRef(r.Application), Principal: string(r.Principal), Looked: r.Looked, Whole: len(r.Unread) == 0,
		Grants: []wire.AccessGrant{}, Unread: []wire.AccessUnread{}, Diet: []wire.SecretDiet{},
	}
	for _, g := range r.Grants {
		if g.Wide() {
			out.Wide++
		}
		out.Grants = append(out.Grants, wire.AccessGrant{Kind: string(g.Kind), What: g.What, On: g.On, Group: g.Group, Since: g.Since, Wide: g.Wide(), Why: g.Why, Instead: g.Instead})
	}
	for _, u := range r.Unread {
		out.Unread = append(out.Unread, wire.AccessUnread{What: u.What, Why: u.Why, Needs: u.Needs})
	}
	for _, d := range r.Diets {
		out.Diet = append(out.Diet, wire.SecretDiet{Consumer: d.Consumer, Runs: d.Runs, Instead: d.Instead, Why: d.Why, Steps: d.Steps})
	}
	return out
}
