package entra_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/sim/world"
)

// signed gives tokens of the pretended tenant.
type signed func() (azcore.AccessToken, error)

func (s signed) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return s()
}

// directory is the pretended tenant, seen by one of its identities.
func directory(t *testing.T, cloud *sim.Cloud, signer *world.Signer, as contoso.Identity, roles ...string) *entra.Directory {
	t.Helper()
	tenant := cloud.Tenant()
	token := signed(func() (azcore.AccessToken, error) {
		now := time.Now()
		text, err := signer.Sign(world.Claims{
			Audience: "https://graph.microsoft.com", Issuer: "https://sts.windows.net/" + tenant.ID + "/", IssuedAt: now.Unix(), NotBefore: now.Unix(), Expires: now.Add(time.Hour).Unix(),
			AppID: as.ClientID, AppIDACR: "1", IDType: "app", ObjectID: as.PrincipalID, Subject: as.PrincipalID, TenantID: tenant.ID, Roles: roles, Version: "1.0",
		})
		return azcore.AccessToken{Token: text, ExpiresOn: now.Add(time.Hour)}, err
	})
	client, err := rest.New(rest.Config{Base: "https://graph.microsoft.com", Transport: cloud.RoundTripper(sim.Hooks{}), Credential: token, Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	return &entra.Directory{Graph: client, Tenant: tenant.ID}
}

// invade is what somebody does who has stolen the right to write applications: a
// secret on the application and one on its principal, a federated credential, an
// owner of each.
func invade(t *testing.T, d *entra.Directory, tenant contoso.Tenant, principal, owner string) {
	t.Helper()
	demo := tenant.Demo
	app := "/v1.0/applications/" + demo.ApplicationID
	for _, q := range []struct{ path, body string }{
		{app + "/addPassword", `{"passwordCredential":{"displayName":"intruder"}}`},
		{"/v1.0/servicePrincipals/" + principal + "/addPassword", `{"passwordCredential":{"displayName":"hidden"}}`},
		{app + "/federatedIdentityCredentials", `{"name":"ci","issuer":"https://token.actions.githubusercontent.com","subject":"repo:evil/evil:ref:refs/heads/main","audiences":["api://AzureADTokenExchange"]}`},
		{app + "/owners/$ref", `{"@odata.id":"https://graph.microsoft.com/v1.0/directoryObjects/` + owner + `"}`},
		{"/v1.0/servicePrincipals/" + principal + "/owners/$ref", `{"@odata.id":"https://graph.microsoft.com/v1.0/directoryObjects/` + owner + `"}`},
	} {
		if err := d.Graph.Once(t.Context(), rest.Request{Method: http.MethodPost, Path: q.path, Body: []byte(q.body)}, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// Everybody who can act as an application is seen, on both of its objects, and
// can be shut out; rekey itself is not among them (SAFETY F50).
func TestEveryWayInIsSeenAndCanBeClosed(t *testing.T) {
	signer, err := world.NewSigner()
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := sim.New(sim.Config{World: world.Config{Seed: 7, Signer: signer}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	tenant := cloud.Tenant()
	var principal, owner string
	cloud.World().Read(func() {
		principal = cloud.World().Directory.ServicePrincipalByClient(tenant.Demo.ClientID).ID
		known := cloud.World().Directory.Applications[tenant.Demo.ApplicationID].Owners
		for id := range cloud.World().Directory.Users {
			if !slices.Contains(known, id) && (owner == "" || id < owner) {
				owner = id
			}
		}
	})
	admin := directory(t, cloud, signer, tenant.Admin, "Application.ReadWrite.All")
	holder := inventory.Application{
		Tenant: tenant.ID, ObjectID: inventory.ObjectID(tenant.Demo.ApplicationID), ClientID: inventory.ClientID(tenant.Demo.ClientID), Holder: inventory.InApplications, Name: tenant.Demo.Name,
		Owners: []inventory.Owner{{ObjectID: inventory.ObjectID(owner), Name: "Mallory", Mail: "mallory@contoso.com"}},
	}
	before, err := admin.Ways(t.Context(), holder)
	if err != nil {
		t.Fatal(err)
	}
	invade(t, admin, tenant, principal, owner)

	list, err := admin.Ways(t.Context(), holder)
	if err != nil {
		t.Fatal(err)
	}
	var new []connector.Way
	for _, w := range list {
		if !slices.Contains(before, w) {
			new = append(new, w)
		}
	}
	seen := map[string]int{}
	for _, w := range new {
		seen[string(w.Holder)+" "+string(w.Kind)]++
		if w.Label == "" {
			t.Errorf("%+v has no name", w)
		}
	}
	want := "map[applications clientSecret:1 applications federated:1 applications owner:1 servicePrincipals clientSecret:1 servicePrincipals owner:1]"
	if fmt.Sprint(seen) != want {
		t.Errorf("new are %v, want %s", seen, want)
	}
	same := holder
	same.Holder, same.ObjectID = inventory.InServicePrincipals, inventory.ObjectID(principal)
	other, err := admin.Ways(t.Context(), same)
	if err != nil || len(other) != len(list) {
		t.Errorf("from the principal %d are seen, want %d; %v", len(other), len(list), err)
	}
	for range 2 { // twice is as good as once
		for _, w := range new {
			if err := admin.Close(t.Context(), holder, w); err != nil {
				t.Errorf("%+v: %v", w, err)
			}
		}
	}
	if left, err := admin.Ways(t.Context(), holder); err != nil || !slices.Equal(left, before) {
		t.Errorf("left are %v, want %v; %v", left, before, err)
	}

	writer := directory(t, cloud, signer, tenant.Writer, "Application.ReadWrite.OwnedBy")
	mine, err := writer.Ways(t.Context(), holder)
	if err != nil {
		t.Fatal(err)
	}
	if has := func(w connector.Way) bool { return w.ID == tenant.Writer.PrincipalID }; slices.ContainsFunc(mine, has) || !slices.ContainsFunc(before, has) {
		t.Errorf("rekey is listed among the others: %v", mine)
	}
	invade(t, admin, tenant, principal, owner)
	hidden := connector.Way{Object: inventory.ObjectID(principal), Holder: inventory.InServicePrincipals, Kind: inventory.OwnerRight, ID: owner}
	if err := writer.Close(t.Context(), holder, hidden); !errors.Is(err, connector.ErrDenied) || !strings.Contains(err.Error(), owner) {
		t.Errorf("an owner of a principal that rekey does not own: %v", err)
	}
	if err := admin.Close(t.Context(), holder, connector.Way{Kind: inventory.SAMLSigning, ID: "x"}); err == nil {
		t.Error("a SAML key was removed")
	}
}
