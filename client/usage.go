package client

import (
	"context"

	"rekey.example/rekey/api"
)

// CredentialUse tells how a credential is used, and by whom since then: "30d". An
// empty since is the switch of the rotation that ends it, else 30 days.
func (c *Client) CredentialUse(ctx context.Context, keyID, since string) (api.CredentialUse, error) {
	return answer[api.CredentialUse](c.raw.GetCredentialUse(ctx, keyID, &api.GetCredentialUseParams{Since: since}))
}

// ApplicationAccess tells what an application may do: by object id, client id or name.
func (c *Client) ApplicationAccess(ctx context.Context, id string) (api.ApplicationAccess, error) {
	return answer[api.ApplicationAccess](c.raw.GetApplicationAccess(ctx, id))
}
