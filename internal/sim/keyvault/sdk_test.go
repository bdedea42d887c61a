package keyvault

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"rekey.example/rekey/internal/sim/world"
)

// TestTheSecretsSDK drives the service with Microsoft's own client.
func TestTheSecretsSDK(t *testing.T) {
	ctx := t.Context()
	c := as(t, newWorld(t, world.Lag{}), officer)
	client, err := azsecrets.NewClient("https://kv-pay.vault.azure.net", c, &azsecrets.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: c}})
	if err != nil {
		t.Fatal(err)
	}
	ends := time.Now().AddDate(0, 6, 0).Truncate(time.Second)
	set, err := client.SetSecret(ctx, "pay", azsecrets.SetSecretParameters{
		Value: new("one"), Tags: map[string]*string{"owner": new("ann")}, SecretAttributes: &azsecrets.SecretAttributes{Expires: &ends},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := client.GetSecret(ctx, "pay", set.ID.Version(), nil); err != nil || *got.Value != "one" || !got.Attributes.Expires.Equal(ends) || *got.Tags["owner"] != "ann" {
		t.Errorf("get: %+v, %v", got, err)
	}
	if _, err := client.UpdateSecretProperties(ctx, "pay", set.ID.Version(), azsecrets.UpdateSecretPropertiesParameters{ContentType: new("text/plain")}, nil); err != nil {
		t.Error(err)
	}
	for i := range 30 {
		if _, err := client.SetSecret(ctx, fmt.Sprintf("more-%d", i), azsecrets.SetSecretParameters{Value: new("v")}, nil); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for pager := client.NewListSecretPropertiesPager(nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.Value)
	}
	if n != 31 {
		t.Errorf("listed %d secrets", n)
	}
	backup, err := client.BackupSecret(ctx, "pay", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.DeleteSecret(ctx, "pay", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := client.RecoverDeletedSecret(ctx, "pay", nil); err != nil {
		t.Error(err)
	}
	if _, err := client.DeleteSecret(ctx, "pay", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PurgeDeletedSecret(ctx, "pay", nil); err != nil {
		t.Error(err)
	}
	if got, err := client.RestoreSecret(ctx, azsecrets.RestoreSecretParameters{SecretBackup: backup.Value}, nil); err != nil || got.ID.Name() != "pay" {
		t.Errorf("restore: %+v, %v", got, err)
	}
	_, err = client.GetSecret(ctx, "nobody", "", nil)
	if failed, is := errors.AsType[*azcore.ResponseError](err); !is || failed.ErrorCode != "SecretNotFound" {
		t.Errorf("get of nobody: %v", err)
	}
}

func TestTheKeysSDK(t *testing.T) {
	ctx := t.Context()
	c := as(t, newWorld(t, world.Lag{}), officer)
	client, err := azkeys.NewClient("https://kv-pay.vault.azure.net", c, &azkeys.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: c}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateKey(ctx, "rsa", azkeys.CreateKeyParameters{Kty: new(azkeys.KeyTypeRSA), KeySize: new(int32(2048))}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateKey(ctx, "ec", azkeys.CreateKeyParameters{Kty: new(azkeys.KeyTypeEC), Curve: new(azkeys.CurveNameP256)}, nil); err != nil {
		t.Fatal(err)
	}
	got, err := client.GetKey(ctx, "rsa", "", nil)
	if err != nil || len(got.Key.N) != 256 || string(got.Key.E) != "\x01\x00\x01" {
		t.Errorf("get: %+v, %v", got, err)
	}
	if n := countKeys(ctx, t, client); n != 2 {
		t.Errorf("listed %d keys", n)
	}
	if _, err := client.DeleteKey(ctx, "rsa", nil); err != nil {
		t.Error(err)
	}
	if n := countKeys(ctx, t, client); n != 1 {
		t.Errorf("listed %d keys after one was deleted", n)
	}
}

func countKeys(ctx context.Context, t *testing.T, client *azkeys.Client) (n int) {
	t.Helper()
	for pager := client.NewListKeyPropertiesPager(nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.Value)
	}
	return n
}
