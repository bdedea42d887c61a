package entra

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// self is the service principal that rekey signs in as, out of its own access
// token, which needs no right to read; empty if it carries none.
func (d *Directory) self(ctx context.Context) (inventory.ObjectID, error) {
	if d.Graph.Credential == nil {
		return "", nil
	}
	token, err := d.Graph.Credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{d.Graph.Scope}})
	if err != nil {
		return "", fmt.Errorf("cannot get an access token for Microsoft Graph: %w", err)
	}
	id, err := subject(secret.New(token.Token))
	if err != nil {
		return "", errors.New("cannot tell which owner rekey itself is: its access token names no object id")
	}
	return id, nil
}

// subject reads the object id out of an access token. It is our own, from the
// token endpoint, so that its signature says nothing new.
func subject(token secret.Value) (inventory.ObjectID, error) {
	defer token.Zero()
	_, rest, _ := strings.Cut(token.Reveal(), ".")
	payload, _, _ := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	var claims struct {
		ObjectID inventory.ObjectID `json:"oid"`
	}
	if err != nil || json.Unmarshal(raw, &claims) != nil || claims.ObjectID == "" {
		return "", errors.New("the token cannot be read")
	}
	return claims.ObjectID, nil
}
