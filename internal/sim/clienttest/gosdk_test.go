package clienttest

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"rekey.example/rekey/internal/sim/world"
)

func TestGoSDKs(t *testing.T) {
	d := open(t, world.Lag{})
	options := azcore.ClientOptions{Transport: d.client(t)}
	admin := d.tenant.Admin

	bySecret, err := azidentity.NewClientSecretCredential(d.tenant.ID, admin.ClientID, admin.Secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(d.certify(t, admin))
	if err != nil {
		t.Fatal(err)
	}
	certs, key, err := azidentity.ParseCertificates(pem, nil)
	if err != nil {
		t.Fatal(err)
	}
	byCertificate, err := azidentity.NewClientCertificateCredential(d.tenant.ID, admin.ClientID, certs, key, &azidentity.ClientCertificateCredentialOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	for name, credential := range map[string]azcore.TokenCredential{"secret": bySecret, "certificate": byCertificate} {
		t.Run(name, func(t *testing.T) {
			trySecrets(t, credential, options, "go-"+name)
			tryKeys(t, credential, options, "go-"+name)
		})
	}

	t.Run("wrong secret", func(t *testing.T) {
		wrong, err := azidentity.NewClientSecretCredential(d.tenant.ID, admin.ClientID, "not-"+admin.Secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: options})
		if err != nil {
			t.Fatal(err)
		}
		_, err = wrong.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://vault.azure.net/.default"}})
		if _, is := errors.AsType[*azidentity.AuthenticationFailedError](err); !is || !strings.Contains(err.Error(), "AADSTS7000215") {
			t.Errorf("got %v", err)
		}
	})
}

func trySecrets(t *testing.T, credential azcore.TokenCredential, options azcore.ClientOptions, name string) {
	t.Helper()
	ctx := t.Context()
	client, err := azsecrets.NewClient("https://"+vault+".vault.azure.net", credential, &azsecrets.ClientOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	set, err := client.SetSecret(ctx, name, azsecrets.SetSecretParameters{Value: new("one")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.GetSecret(ctx, name, set.ID.Version(), nil)
	if err != nil || *got.Value != "one" {
		t.Errorf("read back %v, %v", got.Secret.ID, err)
	}
	found := false
	for pager := client.NewListSecretPropertiesPager(nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Value {
			found = found || item.ID.Name() == name
		}
	}
	if !found {
		t.Errorf("%s is not in the list", name)
	}
	if _, err := client.DeleteSecret(ctx, name, nil); err != nil {
		t.Error(err)
	}
	if _, err := client.PurgeDeletedSecret(ctx, name, nil); err != nil {
		t.Error(err)
	}
}

func tryKeys(t *testing.T, credential azcore.TokenCredential, options azcore.ClientOptions, name string) {
	t.Helper()
	ctx := t.Context()
	client, err := azkeys.NewClient("https://kv-contoso-finance.vault.azure.net", credential, &azkeys.ClientOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateKey(ctx, name, azkeys.CreateKeyParameters{Kty: new(azkeys.KeyTypeEC), Curve: new(azkeys.CurveNameP256)}, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := client.GetKey(ctx, name, "", nil); err != nil || got.Key.KID.Name() != name {
		t.Errorf("read back %v, %v", got, err)
	}
	if _, err := client.DeleteKey(ctx, name, nil); err != nil {
		t.Error(err)
	}
}
