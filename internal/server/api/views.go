package api

import (
	"context"
	"errors"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/view"
)

// ListViews lists the filters that were kept.
func (s *service) ListViews(ctx context.Context, _ ListViewsRequestObject) (ListViewsResponseObject, error) {
	actor := actorOf(ctx)
	list, err := s.Views.List(ctx, actor)
	if err != nil {
		return nil, err
	}
	return ListViews200JSONResponse{Value: each(list, func(v view.View) wire.View { return wireView(v, actor.Person) })}, nil
}

// KeepView keeps a filter under a name.
func (s *service) KeepView(ctx context.Context, in KeepViewRequestObject) (KeepViewResponseObject, error) {
	actor := actorOf(ctx)
	v, err := s.Views.Keep(ctx, actor, in.Body.Name, in.Body.Filter, in.Body.Shared)
	if e, ok := errors.AsType[*view.InvalidError](err); ok {
		return nil, invalid(e.Field, e.Why)
	}
	if errors.Is(err, view.ErrMany) {
		return nil, &describedError{errNotPossible, err.Error(), "forget one first"}
	}
	if err != nil {
		return nil, err
	}
	return KeepView201JSONResponse(wireView(v, actor.Person)), nil
}

// DropView forgets a filter.
func (s *service) DropView(ctx context.Context, in DropViewRequestObject) (DropViewResponseObject, error) {
	err := s.Views.Drop(ctx, actorOf(ctx), in.ID)
	if errors.Is(err, view.ErrNotFound) {
		return nil, &describedError{errNotFound, err.Error(), "GET /v1/views lists those you see"}
	}
	if err != nil {
		return nil, err
	}
	return DropView204Response{}, nil
}

func wireView(v view.View, person string) wire.View {
	return wire.View{ID: v.ID, Name: v.Name, Filter: v.Filter, Shared: v.Shared, Mine: v.Person == person, By: v.By, Since: v.Since}
}
