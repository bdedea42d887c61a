package api

import (
	"context"
	"strconv"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/delivery"
)

// ListTasks lists what people have to do, the newest first.
func (s *service) ListTasks(ctx context.Context, in ListTasksRequestObject) (ListTasksResponseObject, error) {
	f := delivery.Filter{State: delivery.State(in.Params.State), Rotation: in.Params.Rotation, Limit: in.Params.Limit}
	u := requestOf(ctx).URL
	keys, err := after(u, 2)
	if err != nil {
		return nil, err
	}
	if keys != nil {
		ms, err := strconv.ParseInt(keys[0], 10, 64)
		if err != nil || keys[1] == "" {
			return nil, invalid("after", "is no page of this list")
		}
		f.Before = delivery.Cursor{Opened: time.UnixMilli(ms), ID: keys[1]}
	}
	list, more, err := s.Desk.List(ctx, actorOf(ctx), f)
	if err != nil {
		return nil, err
	}
	page := ListTasks200JSONResponse{Value: each(list, wireTask)}
	if more {
		last := list[len(list)-1]
		page.NextLink = next(u, strconv.FormatInt(last.Opened.UnixMilli(), 10), last.ID)
	}
	return page, nil
}

// GetTask tells where a task stands.
func (s *service) GetTask(ctx context.Context, in GetTaskRequestObject) (GetTaskResponseObject, error) {
	t, err := s.Desk.Get(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return GetTask200JSONResponse(wireTask(t)), nil
}

// LinkTask makes a task's one-time link.
func (s *service) LinkTask(ctx context.Context, in LinkTaskRequestObject) (LinkTaskResponseObject, error) {
	t, token, expires, err := s.Desk.Link(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return LinkTask201JSONResponse{Task: wireTask(t), Path: "/handover/" + token.Reveal(), Expires: expires}, nil
}

// FinishTask records a person's word, and lets the rotation that waits for it go on.
func (s *service) FinishTask(ctx context.Context, in FinishTaskRequestObject) (FinishTaskResponseObject, error) {
	t, err := s.Desk.Finish(ctx, actorOf(ctx), in.ID, in.Body.Note)
	if err != nil {
		return nil, err
	}
	s.wake()
	return FinishTask200JSONResponse(wireTask(t)), nil
}

func wireTask(t delivery.Task) wire.Task {
	return wire.Task{
		ID: t.ID, Rotation: t.Rotation, Consumer: t.Consumer, Reference: t.Reference, Application: t.Title, Place: t.Place, KeyID: t.KeyID,
		Person: t.Person, Backup: t.Backup, Asked: t.Asked(), State: wire.TaskState(t.State), Opened: t.Opened, Deadline: t.Deadline, Reminded: t.Reminded,
		Viewed: t.Viewed, Escalated: t.Escalated, Ended: t.Ended, By: t.By, Note: t.Note,
	}
}
