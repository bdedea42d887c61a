package entra

import (
	"context"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// Proves shows that a value of one of rekey's own identities lets it work: a
// token for it, and a call to Graph with that token, which only reads. A token
// alone proves little, for Entra gives one to an identity without any right
// (SAFETY F33). The errors are those of SignIn, and those of a read.
func (d *Directory) Proves(ctx context.Context, own inventory.Application, v secret.Value) error {
	token, err := d.token(ctx, own.ClientID, v)
	if err != nil {
		return err
	}
	defer token.Zero()
	config := d.Graph.Config
	config.Credential = bearer{token}
	graph, err := rest.New(config)
	if err != nil {
		return err
	}
	var seen struct {
		AppID string `json:"appId"`
	}
	if err := graph.Get(ctx, object(own)+"?$select=appId", &seen); err != nil {
		return fmt.Errorf("cannot read %q with its own new credential: %w", own.Name, err)
	}
	if inventory.ClientID(seen.AppID) != own.ClientID {
		return fmt.Errorf("object %s is not that of client %s", own.ObjectID, own.ClientID)
	}
	return nil
}

// bearer is one token, used for one call.
type bearer struct{ token secret.Value }

func (b bearer) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: b.token.Reveal(), ExpiresOn: time.Now().Add(time.Minute)}, nil
}
