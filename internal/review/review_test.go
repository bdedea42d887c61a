package review_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/rbac"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/review"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/sim/world"
)

// town is the pretended tenant and a reviewer in it.
type town struct {
	*testing.T
	cloud *sim.Cloud
	*review.Reviewer
}

// identity signs in as one of the tenant's own, with what Graph is to let it do.
type identity struct {
	cloud    *sim.Cloud
	who      contoso.Identity
	audience string
	roles    []string
}

func (i identity) GetToken(context.Context, azpolicy.TokenRequestOptions) (azcore.AccessToken, error) {
	now, t := time.Now(), i.cloud.Tenant()
	text, err := i.cloud.World().Signer.Sign(world.Claims{
		Audience: i.audience, Issuer: "https://sts.windows.net/" + t.ID + "/", IssuedAt: now.Unix(), NotBefore: now.Unix(), Expires: now.Add(time.Hour).Unix(),
		AppID: i.who.ClientID, AppIDACR: "1", IDType: "app", ObjectID: i.who.PrincipalID, TenantID: t.ID, Version: "1.0", Roles: i.roles,
	})
	return azcore.AccessToken{Token: text, ExpiresOn: now.Add(time.Hour)}, err
}

func newTown(t *testing.T, roles ...string) *town {
	t.Helper()
	cloud, err := sim.New(sim.Config{World: world.Config{Seed: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	w := &town{T: t, cloud: cloud}
	wire := cloud.RoundTripper(sim.Hooks{})
	w.Reviewer = &review.Reviewer{
		Directory: &entra.Reach{Graph: w.client(wire, "https://graph.microsoft.com", roles)},
		Azure:     &rbac.Reader{ARM: w.client(wire, "https://management.azure.com", nil)}, Tenant: cloud.Tenant().ID,
	}
	return w
}

func (w *town) client(wire http.RoundTripper, base string, roles []string) *rest.Client {
	w.Helper()
	c, err := rest.New(rest.Config{Base: base, Transport: wire, Credential: identity{w.cloud, w.cloud.Tenant().Reader, base, roles}, Tries: 1})
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// permit gives the demo application rights, and returns it.
func (w *town) permit(change func(d *world.Directory, a *world.Azure, sp *world.ServicePrincipal)) inventory.Application {
	w.Helper()
	demo := w.cloud.Tenant().Demo
	w.cloud.World().Change(func() {
		d := &w.cloud.World().Directory
		change(d, &w.cloud.World().Azure, d.ServicePrincipalByClient(demo.ClientID))
	})
	return inventory.Application{Tenant: w.Tenant, ObjectID: "object", ClientID: inventory.ClientID(demo.ClientID), Holder: inventory.InApplications, Name: demo.Name}
}

var auditor = access.Actor{ID: "x", Role: access.Auditor, Tenant: "t"}

func (w *town) of(a inventory.Application, consumers ...inventory.Binding) review.Review {
	w.Helper()
	r, err := w.Of(w.Context(), auditor, a, consumers)
	if err != nil {
		w.Fatal(err)
	}
	return r
}

func TestEveryRightIsToldAndTheWideOnesAreNamed(t *testing.T) {
	w := newTown(t, "Application.Read.All", "Directory.Read.All")
	subscription := "/subscriptions/" + w.cloud.World().Tenant.SubscriptionID
	long := time.Now().Add(-240 * time.Hour)
	a := w.permit(func(d *world.Directory, az *world.Azure, sp *world.ServicePrincipal) {
		sp.Roles, sp.MemberOf = []string{"Sites.FullControl.All", "Sites.Selected", "Application.ReadWrite.All"}, []string{"Global Administrator", "Reports Reader"}
		graph := d.ServicePrincipalByClient(world.GraphAppID)
		d.Delegated = append(d.Delegated,
			&world.DelegatedGrant{ID: "g1", ClientID: sp.ID, ConsentType: "AllPrincipals", ResourceID: graph.ID, Scope: " User.Read Mail.ReadWrite"},
			&world.DelegatedGrant{ID: "g2", ClientID: sp.ID, ConsentType: "Principal", PrincipalID: "p", ResourceID: graph.ID, Scope: "Mail.ReadWrite"})
		for i, r := range []struct{ role, scope string }{
			{"Owner", subscription}, {"Contributor", "/"}, {"Key Vault Administrator", subscription + "/resourceGroups/rg"},
			{"Key Vault Secrets User", subscription + "/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/v"}, {"Reader", subscription},
		} {
			az.Assignments = append(az.Assignments, world.Assignment{ID: "00000000-0000-4000-8000-00000000000" + string(rune('1'+i)), PrincipalID: sp.ID, Role: r.role, Scope: r.scope, Created: long})
		}
		for _, v := range az.Vaults {
			if !v.RBAC {
				v.Policies = append(v.Policies, world.AccessPolicy{ObjectID: sp.ID, Secrets: []string{"get", "list", "purge"}, Keys: []string{"get"}})
			}
		}
	})
	r := w.of(a)
	if len(r.Unread) > 0 {
		t.Errorf("not read: %+v", r.Unread)
	}
	for _, c := range []struct {
		kind review.Kind
		what string
		wide bool
	}{
		{review.Permission, "Sites.FullControl.All", true}, {review.Permission, "Application.ReadWrite.All", true}, {review.Permission, "Sites.Selected", false},
		{review.Delegated, "Mail.ReadWrite", true}, {review.Delegated, "Mail.ReadWrite (for one person)", false}, {review.Delegated, "User.Read", false},
		{review.DirectoryRole, "Global Administrator", true}, {review.DirectoryRole, "Reports Reader", false},
		{review.AzureRole, "Owner", true}, {review.AzureRole, "Contributor", true}, {review.AzureRole, "Key Vault Administrator", true},
		{review.AzureRole, "Key Vault Secrets User", false}, {review.AzureRole, "Reader", false}, {review.VaultPolicy, "get, list, purge secrets", true}, {review.VaultPolicy, "get keys", false},
	} {
		i := slices.IndexFunc(r.Grants, func(g review.Grant) bool { return g.Kind == c.kind && g.What == c.what })
		if i < 0 {
			t.Errorf("%s %s is not told", c.kind, c.what)
			continue
		}
		if g := r.Grants[i]; g.Wide() != c.wide || c.wide && g.Instead == "" || g.On == "" && c.kind != review.DirectoryRole {
			t.Errorf("got %+v, want wide %v", g, c.wide)
		}
	}
	if first, last := r.Grants[0], r.Grants[len(r.Grants)-1]; !first.Wide() || last.Wide() {
		t.Errorf("the wide ones are not first: %+v ... %+v", first, last)
	}
}

func TestWhatCannotBeReadIsNamedWithTheReason(t *testing.T) {
	w := newTown(t) // without any permission in Graph
	a := w.permit(func(*world.Directory, *world.Azure, *world.ServicePrincipal) {})
	r := w.of(a)
	if len(r.Unread) != 1 || !strings.Contains(r.Unread[0].Why, "403") || !strings.Contains(r.Unread[0].Needs, "Application.Read.All") {
		t.Errorf("got %+v", r.Unread)
	}

	w = newTown(t, "Application.Read.All")
	reader := w.cloud.Tenant().Reader.PrincipalID
	a = w.permit(func(_ *world.Directory, az *world.Azure, _ *world.ServicePrincipal) {
		az.Assignments = slices.DeleteFunc(az.Assignments, func(x world.Assignment) bool { return x.PrincipalID == reader })
	})
	r = w.of(a)
	if len(r.Unread) == 0 || !strings.Contains(r.Unread[0].Needs, "Reader") {
		t.Errorf("without a role in Azure: %+v", r.Unread)
	}
	if _, err := w.Of(t.Context(), access.Actor{ID: "u", Role: access.User}, a, nil); err == nil {
		t.Error("a user may review")
	}
	gone := inventory.Application{ClientID: "11111111-2222-4333-8444-555555555555", Name: "gone", Holder: inventory.InApplications}
	if r := w.of(gone); len(r.Grants)+len(r.Unread) != 0 || r.Principal != "" {
		t.Errorf("of one without a service principal: %+v", r)
	}
}

func TestASecretDietForEachConsumer(t *testing.T) {
	w := newTown(t, "Application.Read.All")
	a := w.permit(func(*world.Directory, *world.Azure, *world.ServicePrincipal) {})
	site := "app:/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/rg/providers/Microsoft.Web/sites/billing"
	for _, c := range []struct {
		consumer, reference, runs, instead, step string
	}{
		{"billing", site, "App Service or Functions", review.ManagedIdentity, "az webapp identity assign"},
		{"GitHub Actions of contoso/shop", "", "GitHub Actions", review.FederatedCredential, "token.actions.githubusercontent.com"},
		{"Azure DevOps release pipeline", "", "Azure DevOps", review.FederatedCredential, "workload identity federation"},
		{"orders in AKS", "", "AKS", review.FederatedCredential, "system:serviceaccount"},
		{"Invoice export (F&O business events)", "kv/basware", "Finance and Operations", review.Keep, ""},
		{"what breaks tea breaks", "", "", review.Keep, ""},
		{"Payroll partner", "person:nora", "", review.Keep, ""},
	} {
		d := w.of(a, inventory.Binding{Consumer: c.consumer, Reference: c.reference}).Diets
		if len(d) != 1 || d[0].Runs != c.runs || d[0].Instead != c.instead {
			t.Errorf("%s: got %+v", c.consumer, d)
			continue
		}
		steps := strings.Join(d[0].Steps, "\n")
		if c.step == "" && steps != "" || !strings.Contains(steps, c.step) || strings.Contains(steps, "{client}") {
			t.Errorf("%s: steps %q", c.consumer, steps)
		}
		if c.step != "" && !strings.Contains(steps, "rekey credentials use") {
			t.Errorf("%s: nobody looks whether the secret is silent", c.consumer)
		}
	}
	if d := w.of(a).Diets; len(d) != 1 || d[0].Instead != review.Keep {
		t.Errorf("without consumers: %+v", d)
	}
}

// FuzzReview: names, roles and consumers are foreign text.
func FuzzReview(f *testing.F) {
	f.Add("Contributor", "/subscriptions/x", "aks", "app:")
	f.Add("Owner", "/", "GitHub", "")
	f.Add("", "/providers/Microsoft.Management/managementGroups/root", "\x00", "\xff/")
	f.Fuzz(func(t *testing.T, role, scope, consumer, reference string) {
		review.Judge(role, scope, inventory.Binding{Consumer: consumer, Reference: reference})
	})
}
