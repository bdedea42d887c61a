package api

import (
	"context"
	"errors"
	"strconv"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
)

// ListRotations lists rotations, the newest first.
func (s *service) ListRotations(ctx context.Context, in ListRotationsRequestObject) (ListRotationsResponseObject, error) {
	f := rotation.Filter{State: rotation.State(in.Params.State), Application: inventory.ObjectID(in.Params.Application), Limit: in.Params.Limit}
	u := requestOf(ctx).URL
	keys, err := after(u, 2)
	if err != nil {
		return nil, err
	}
	if keys != nil {
		if f.Before, err = cursor(keys[0], keys[1]); err != nil {
			return nil, err
		}
	}
	if in.Params.Stage != "" || in.Params.Waiting {
		f.State = rotation.Open
	}
	list, more, err := s.staged(ctx, f, func(r *rotation.Rotation) bool {
		return (in.Params.Stage == "" || r.Stage() == string(in.Params.Stage)) && (!in.Params.Waiting || r.Needs != "")
	})
	if err != nil {
		return nil, err
	}
	page := ListRotations200JSONResponse{Value: each(list, wireRotation)}
	if more {
		last := list[len(list)-1]
		page.NextLink = next(u, strconv.FormatInt(last.Asked.UnixMilli(), 10), last.ID)
	}
	return page, nil
}

// staged reads rotations until a page is full of those that are wanted. How far one is
// stands in its body only; the open ones are few.
func (s *service) staged(ctx context.Context, f rotation.Filter, wanted func(*rotation.Rotation) bool) (page []*rotation.Rotation, more bool, err error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	for {
		list, rest, err := s.Rotations.List(ctx, actorOf(ctx), f)
		if err != nil {
			return nil, false, err
		}
		for _, r := range list {
			if !wanted(r) {
				continue
			}
			if len(page) == f.Limit {
				return page, true, nil
			}
			page = append(page, r)
		}
		if !rest {
			return page, false, nil
		}
		last := list[len(list)-1]
		f.Before = rotation.Cursor{Asked: last.Asked, ID: last.ID}
	}
}

func cursor(asked, id string) (rotation.Cursor, error) {
	ms, err := strconv.ParseInt(asked, 10, 64)
	if err != nil || id == "" {
		return rotation.Cursor{}, invalid("after", "is no page of this list")
	}
	return rotation.Cursor{Asked: time.UnixMilli(ms), ID: id}, nil
}

// ProposeRotation plans a rotation, and records it unless that is all.
func (s *service) ProposeRotation(ctx context.Context, in ProposeRotationRequestObject) (ProposeRotationResponseObject, error) {
	actor := actorOf(ctx)
	q := *in.Body
	if q.DryRun {
		request, err := s.resolve(ctx, actor, q)
		if err != nil {
			return nil, err
		}
		p, err := s.Rotations.Plan(ctx, actor, request)
		if err != nil {
			return nil, err
		}
		return ProposeRotation200JSONResponse(wireProposal(p)), nil
	}
	r, err := s.once(ctx, actor, in.Params.IdempotencyKey, q, func() (*rotation.Rotation, error) {
		request, err := s.resolve(ctx, actor, q)
		if err != nil {
			return nil, err
		}
		return s.Rotations.Propose(ctx, actor, request)
	})
	if err != nil {
		return nil, err
	}
	return ProposeRotation201JSONResponse{
		Body:    wireRotation(r),
		Headers: ProposeRotation201ResponseHeaders{Location: "/v1/rotations/" + r.ID, ETag: etag(r)},
	}, nil
}

// GetRotation tells where a rotation stands.
func (s *service) GetRotation(ctx context.Context, in GetRotationRequestObject) (GetRotationResponseObject, error) {
	r, err := s.Rotations.Get(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return GetRotation200JSONResponse{shown(r)}, nil
}

// glance is how often a watched rotation is read. Any process may move it on, so
// the row is the only thing to look at; reading it costs far less than this.
const glance = 200 * time.Millisecond

// WatchRotation waits until a rotation differs from what the caller has.
func (s *service) WatchRotation(ctx context.Context, in WatchRotationRequestObject) (WatchRotationResponseObject, error) {
	if in.Params.Wait > 0 {
		s.watched()
	}
	end := time.Now().Add(time.Duration(in.Params.Wait) * time.Second)
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		r, err := s.Rotations.Get(ctx, actorOf(ctx), in.ID)
		if err != nil {
			return nil, err
		}
		if v := version(r); v != in.Params.After || time.Now().After(end) || s.stopping() {
			return WatchRotation200JSONResponse{Version: v, Rotation: wireRotation(r)}, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// ApproveRotation records an approval.
func (s *service) ApproveRotation(ctx context.Context, in ApproveRotationRequestObject) (ApproveRotationResponseObject, error) {
	r, err := s.decide(ctx, in.ID, in.Params.IfMatch, func() (*rotation.Rotation, error) {
		return s.Rotations.Approve(ctx, actorOf(ctx), in.ID, in.Body.Hash)
	})
	if err != nil {
		return nil, err
	}
	return ApproveRotation200JSONResponse{shown(r)}, nil
}

// RefuseRotation ends a proposal.
func (s *service) RefuseRotation(ctx context.Context, in RefuseRotationRequestObject) (RefuseRotationResponseObject, error) {
	r, err := s.decide(ctx, in.ID, in.Params.IfMatch, func() (*rotation.Rotation, error) {
		return s.Rotations.Refuse(ctx, actorOf(ctx), in.ID, in.Body.Reason)
	})
	if err != nil {
		return nil, err
	}
	return RefuseRotation200JSONResponse{shown(r)}, nil
}

// CancelRotation stops a rotation.
func (s *service) CancelRotation(ctx context.Context, in CancelRotationRequestObject) (CancelRotationResponseObject, error) {
	r, err := s.decide(ctx, in.ID, in.Params.IfMatch, func() (*rotation.Rotation, error) {
		return s.Rotations.Cancel(ctx, actorOf(ctx), in.ID, in.Body.Reason)
	})
	if err != nil {
		return nil, err
	}
	return CancelRotation200JSONResponse{shown(r)}, nil
}

// ConfirmRotation records a person's word about a consumer.
func (s *service) ConfirmRotation(ctx context.Context, in ConfirmRotationRequestObject) (ConfirmRotationResponseObject, error) {
	r, err := s.decide(ctx, in.ID, in.Params.IfMatch, func() (*rotation.Rotation, error) {
		return s.Rotations.Confirm(ctx, actorOf(ctx), in.ID, in.Body.Consumer, in.Body.Proof)
	})
	if err != nil {
		return nil, err
	}
	return ConfirmRotation200JSONResponse{shown(r)}, nil
}

// PermitRotation records an override of the evidence of use.
func (s *service) PermitRotation(ctx context.Context, in PermitRotationRequestObject) (PermitRotationResponseObject, error) {
	r, err := s.decide(ctx, in.ID, in.Params.IfMatch, func() (*rotation.Rotation, error) {
		return s.Rotations.Permit(ctx, actorOf(ctx), in.ID, in.Body.Reason)
	})
	if err != nil {
		return nil, err
	}
	return PermitRotation200JSONResponse{shown(r)}, nil
}

// decide acts on a rotation if it still is what the caller saw, and lets the
// next step begin at once. The service itself compares versions when it writes.
func (s *service) decide(ctx context.Context, id, match string, act func() (*rotation.Rotation, error)) (*rotation.Rotation, error) {
	if match != "" && match != "*" {
		r, err := s.Rotations.Get(ctx, actorOf(ctx), id)
		if err != nil {
			return nil, err
		}
		if match != etag(r) {
			return nil, errChanged
		}
	}
	r, err := act()
	if err != nil {
		return nil, err
	}
	s.wake()
	return r, nil
}

// once runs make for the first request with a key, and answers the same
// rotation to every further one.
func (s *service) once(ctx context.Context, actor access.Actor, key string, q wire.RotationRequest, propose func() (*rotation.Rotation, error)) (*rotation.Rotation, error) {
	if key == "" {
		return propose()
	}
	hash := requestHash(q)
	id, err := s.answered(ctx, actor, key, hash)
	if err != nil {
		return nil, err
	}
	if id != "" {
		return s.Rotations.Get(ctx, actor, id)
	}
	r, err := propose()
	if errors.Is(err, rotation.ErrOpen) { // perhaps the same request, a moment ago
		if id, _ := s.answered(ctx, actor, key, hash); id != "" {
			return s.Rotations.Get(ctx, actor, id)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := s.remember(ctx, actor, key, hash, r.ID); err != nil {
		// The rotation is there. Without the note a repeated request is told that
		// the application has an open rotation, and which.
		s.Logger.Warn("cannot remember an Idempotency-Key", "rotation", r.ID, "error", err.Error())
	}
	return r, nil
}

func shown(r *rotation.Rotation) RotationJSONResponse {
	return RotationJSONResponse{Body: wireRotation(r), Headers: RotationResponseHeaders{ETag: etag(r)}}
}
