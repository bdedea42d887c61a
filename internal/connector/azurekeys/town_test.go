package azurekeys_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"rekey.example/rekey/internal/connector/azurekeys"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/sim/world"
)

// town is a pretended tenant and what was asked of it.
type town struct {
	*testing.T
	cloud *sim.Cloud

	mu    sync.Mutex
	asked []string // METHOD host/path
}

var signer = sync.OnceValues(world.NewSigner)

func settle(t *testing.T, c sim.Config) *town {
	t.Helper()
	var err error
	if c.World.Signer, err = signer(); err != nil {
		t.Fatal(err)
	}
	cloud, err := sim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	return &town{T: t, cloud: cloud}
}

// identity signs in as one of the tenant's own.
type identity struct {
	cloud *sim.Cloud
	who   contoso.Identity
}

func (i identity) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	now, t := time.Now(), i.cloud.Tenant()
	token, err := i.cloud.World().Signer.Sign(world.Claims{
		Audience: "https://management.azure.com", Issuer: "https://sts.windows.net/" + t.ID + "/", IssuedAt: now.Unix(), NotBefore: now.Unix(),
		Expires: now.Add(time.Hour).Unix(), AppID: i.who.ClientID, AppIDACR: "1", IDType: "app", ObjectID: i.who.PrincipalID, TenantID: t.ID, Version: "1.0",
	})
	return azcore.AccessToken{Token: token, ExpiresOn: now.Add(time.Hour)}, err
}

func (t *town) wire() http.RoundTripper {
	return t.cloud.RoundTripper(sim.Hooks{Before: func(r *http.Request) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.asked = append(t.asked, r.Method+" "+r.URL.Host+r.URL.Path)
	}})
}

func (t *town) manager(who contoso.Identity) *rest.Client {
	t.Helper()
	c, err := rest.New(rest.Config{Base: "https://management.azure.com", Transport: t.wire(), Credential: identity{t.cloud, who}, Scope: "https://management.azure.com/.default", Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (t *town) keys(who contoso.Identity) *azurekeys.Keys {
	return &azurekeys.Keys{ARM: t.manager(who), Wire: t.wire()}
}

func (t *town) writer() *azurekeys.Keys { return t.keys(t.cloud.Tenant().Writer) }

// count is how many requests had this in their path.
func (t *town) count(part string) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.asked {
		if strings.Contains(strings.ToLower(a), strings.ToLower(part)) {
			n++
		}
	}
	return n
}

// resource is one whose keys are renewed here.
type resource struct{ kind, group, name string }

// resources are one of every type, rules with and without the right to manage.
var resources = []resource{
	{"Microsoft.EventGrid/topics", "rg-integration-prod", "evgt-fno-business-events-prod"},
	{"Microsoft.Storage/storageAccounts", "rg-finance", "stcontosobankfiles"},
	{"Microsoft.ServiceBus/namespaces/authorizationRules", "rg-warehouse", "sb-contoso-wms/RootManageSharedAccessKey"},
	{"Microsoft.ServiceBus/namespaces/authorizationRules", "rg-warehouse", "sb-contoso-wms/d365-orders"},
	{"Microsoft.ServiceBus/namespaces/queues/authorizationRules", "rg-warehouse", "sb-contoso-wms/orders/wms-listener"},
	{"Microsoft.ServiceBus/namespaces/topics/authorizationRules", "rg-warehouse", "sb-contoso-wms/stock/publisher"},
	{"Microsoft.EventHub/namespaces/authorizationRules", "rg-integration-prod", "evhns-contoso-telemetry/RootManageSharedAccessKey"},
	{"Microsoft.EventHub/namespaces/eventhubs/authorizationRules", "rg-integration-prod", "evhns-contoso-telemetry/telemetry/grafana"},
	{"Microsoft.DocumentDB/databaseAccounts", "rg-data", "cosmos-contoso-pricing"},
}

// holder is the resource as the inventory has it.
func (t *town) holder(r resource) inventory.Application {
	t.Helper()
	var id string
	w := t.cloud.World()
	w.Change(func() {
		found := w.Azure.Find(r.group, r.kind, r.name)
		if found == nil {
			found = &world.Resource{Type: r.kind, Group: r.group, Name: r.name, Properties: map[string]any{"rights": []any{"Manage", "Listen", "Send"}},
				Keys: []*world.ResourceKey{{Name: "primary", Value: "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}, {Name: "secondary", Value: "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="}}}
			w.Azure.AddResource(found)
		}
		id = found.ID
	})
	return inventory.Application{Tenant: t.cloud.Tenant().ID, Holder: inventory.InResources, ObjectID: inventory.ObjectID(strings.ToLower(id)), Kind: r.kind, Name: r.name}
}

// each runs fn for a resource of every type, each in a tenant and a time of its own.
func each(t *testing.T, c sim.Config, fn func(t *town, h inventory.Application)) {
	for _, r := range resources {
		t.Run(r.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := settle(t, c)
				fn(s, s.holder(r))
			})
		})
	}
}

func value(text string) secret.Value { return secret.New(text) }

// vaultReader signs in to Key Vault as the tenant's reader.
type vaultReader struct{ *town }

func (v vaultReader) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	now, t := time.Now(), v.cloud.Tenant()
	token, err := v.cloud.World().Signer.Sign(world.Claims{
		Audience: "https://vault.azure.net", Issuer: "https://sts.windows.net/" + t.ID + "/", IssuedAt: now.Unix(), NotBefore: now.Unix(),
		Expires: now.Add(time.Hour).Unix(), AppID: t.Reader.ClientID, AppIDACR: "1", IDType: "app", ObjectID: t.Reader.PrincipalID, TenantID: t.ID, Version: "1.0",
	})
	return azcore.AccessToken{Token: token, ExpiresOn: now.Add(time.Hour)}, err
}
