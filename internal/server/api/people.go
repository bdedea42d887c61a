package api

import (
	"context"
	"errors"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
)

// ListPeople lists who can sign in.
func (s *service) ListPeople(ctx context.Context, _ ListPeopleRequestObject) (ListPeopleResponseObject, error) {
	list, err := s.Door.People(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return ListPeople200JSONResponse{Value: each(list, wirePerson)}, nil
}

// InvitePerson makes a local person and the token to begin with.
func (s *service) InvitePerson(ctx context.Context, in InvitePersonRequestObject) (InvitePersonResponseObject, error) {
	q := in.Body
	p, token, ends, err := s.Door.Invite(ctx, actorOf(ctx), access.NewPerson{Login: q.Login, Name: q.Name, Role: access.Role(q.Role), Owner: q.Owner})
	if err != nil {
		return nil, err
	}
	return InvitePerson201JSONResponse{Person: wirePerson(p), Path: setupPath + token.Reveal(), Expires: ends}, nil
}

// setupPath is the page for a one-time token. What stands behind # stays in the
// browser.
const setupPath = "/setup#"

// InvitePersonAgain makes another token for somebody who has lost all.
func (s *service) InvitePersonAgain(ctx context.Context, in InvitePersonAgainRequestObject) (InvitePersonAgainResponseObject, error) {
	p, token, ends, err := s.Door.Reinvite(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return InvitePersonAgain201JSONResponse{Person: wirePerson(p), Path: setupPath + token.Reveal(), Expires: ends}, nil
}

// LockPerson keeps somebody out.
func (s *service) LockPerson(ctx context.Context, in LockPersonRequestObject) (LockPersonResponseObject, error) {
	p, err := s.Door.Lock(ctx, actorOf(ctx), in.ID, true)
	if err != nil {
		return nil, err
	}
	return LockPerson200JSONResponse(wirePerson(p)), nil
}

// UnlockPerson lets somebody in again.
func (s *service) UnlockPerson(ctx context.Context, in UnlockPersonRequestObject) (UnlockPersonResponseObject, error) {
	p, err := s.Door.Lock(ctx, actorOf(ctx), in.ID, false)
	if err != nil {
		return nil, err
	}
	return UnlockPerson200JSONResponse(wirePerson(p)), nil
}

// ListSessions lists open sessions.
func (s *service) ListSessions(ctx context.Context, _ ListSessionsRequestObject) (ListSessionsResponseObject, error) {
	actor := actorOf(ctx)
	list, err := s.Door.Sessions(ctx, actor)
	if err != nil {
		return nil, err
	}
	return ListSessions200JSONResponse{Value: each(list, func(x access.Session) wire.Session {
		return wire.Session{
			ID: x.ID, Person: x.Person, Name: x.Name, Role: wire.GivenRole(x.Role), How: x.How, Address: x.From, Agent: x.Agent,
			Created: x.Created, Proved: x.Proved, Seen: x.Seen, Idle: x.Idle, Ends: x.Ends, Current: x.ID == actor.Session,
		}
	})}, nil
}

// EndSession ends a session.
func (s *service) EndSession(ctx context.Context, in EndSessionRequestObject) (EndSessionResponseObject, error) {
	if err := s.Door.EndSession(ctx, actorOf(ctx), in.ID); err != nil {
		return nil, absent(err)
	}
	return EndSession204Response{}, nil
}

func wirePerson(p access.Person) wire.Person {
	login := p.Subject
	if p.Kind == access.FromEntra {
		login = p.Alias
	}
	return wire.Person{
		ID: p.ID, Kind: wire.PersonKind(p.Kind), Login: login, Name: p.Name, Role: wire.GivenRole(p.Role), Owner: p.Owner,
		Created: p.Created, Seen: p.Seen, Locked: p.Disabled, Passkeys: p.Passkeys,
	}
}

// absent makes a session that is not there a thing that is not found: who asks is
// known.
func absent(err error) error {
	if errors.Is(err, access.ErrNoSession) {
		return &describedError{errNotFound, "there is no such session", "rekey sessions list shows what there is"}
	}
	return err
}
