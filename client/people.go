package client

import (
	"context"

	"rekey.example/rekey/api"
)

// People lists who can sign in.
func (c *Client) People(ctx context.Context) ([]api.Person, error) {
	list, err := answer[api.PersonList](c.raw.ListPeople(ctx))
	return list.Value, err
}

// InvitePerson lets somebody sign in with a passkey or a password of the installation.
func (c *Client) InvitePerson(ctx context.Context, q api.PersonRequest) (api.Invitation, error) {
	return answer[api.Invitation](c.raw.InvitePerson(ctx, q))
}

// InvitePersonAgain makes another token for somebody who has lost password and passkeys.
func (c *Client) InvitePersonAgain(ctx context.Context, id string) (api.Invitation, error) {
	return answer[api.Invitation](c.raw.InvitePersonAgain(ctx, id))
}

// LockPerson keeps somebody out; locked false lets them in again.
func (c *Client) LockPerson(ctx context.Context, id string, locked bool) (api.Person, error) {
	if locked {
		return answer[api.Person](c.raw.LockPerson(ctx, id))
	}
	return answer[api.Person](c.raw.UnlockPerson(ctx, id))
}

// Sessions lists open sessions.
func (c *Client) Sessions(ctx context.Context) ([]api.Session, error) {
	list, err := answer[api.SessionList](c.raw.ListSessions(ctx))
	return list.Value, err
}

// EndSession ends a session.
func (c *Client) EndSession(ctx context.Context, id string) error {
	_, err := answer[struct{}](c.raw.EndSession(ctx, id))
	return err
}
