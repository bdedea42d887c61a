package azure_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
)

const scope = "https://graph.microsoft.com/.default"

// Every mistake of a configuration is answered by one line that says what to do.
func TestMistakesAgainstTheSimulator(t *testing.T) {
	cloud, err := sim.New(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	server, err := cloud.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := server.WriteCA(ca); err != nil {
		t.Fatal(err)
	}
	tenant := cloud.Tenant()
	good := azure.Config{Tenant: tenant.ID, Client: tenant.Reader.ClientID, Secret: secret.New(tenant.Reader.Secret), Wire: azure.Wire{Proxy: server.URL(), CAFile: ca}}
	if err := signIn(t.Context(), good); err != nil {
		t.Fatalf("the right configuration: %v", err)
	}
	for name, tt := range map[string]struct {
		change func(*azure.Config)
		want   string
	}{
		"wrong tenant":    {func(c *azure.Config) { c.Tenant = "11111111-2222-4333-8444-555555555555" }, "check the tenant id"},
		"wrong client":    {func(c *azure.Config) { c.Client = "11111111-2222-4333-8444-555555555555" }, "check the client id"},
		"wrong secret":    {func(c *azure.Config) { c.Secret = secret.New("this-is-not-the-secret-of-the-reader-at-all") }, "check the client secret"},
		"CA not trusted":  {func(c *azure.Config) { c.CAFile = "" }, "give its CA file"},
		"nobody listens":  {func(c *azure.Config) { c.Proxy = "http://127.0.0.1:1" }, "check the network and the proxy"},
		"secret is an id": {func(c *azure.Config) { c.Secret = secret.New(tenant.Demo.KeyID) }, "must be the value, not its id"},
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			tt.change(&c)
			err := signIn(t.Context(), c)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.ContainsAny(err.Error(), "\r\n") || len(err.Error()) > 600 {
				t.Errorf("got %v, want one line that says %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), c.Secret.Reveal()) {
				t.Error("the error shows the secret")
			}
			if _, ok := errors.AsType[*azure.SignInError](err); !ok {
				t.Errorf("got a %T", err)
			}
		})
	}
}

func signIn(ctx context.Context, c azure.Config) error {
	id, err := azure.Open(c)
	if err != nil {
		return err
	}
	_, err = id.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
	return err
}

// A real server and its proxy in between: reads and writes arrive.
func TestGraphThroughTheProxy(t *testing.T) {
	cloud, err := sim.New(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	server, err := cloud.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := server.WriteCA(ca); err != nil {
		t.Fatal(err)
	}
	wire := azure.Wire{Proxy: server.URL(), CAFile: ca}
	tenant := cloud.Tenant()
	id, err := azure.Open(azure.Config{Tenant: tenant.ID, Client: tenant.Admin.ClientID, Secret: secret.New(tenant.Admin.Secret), Wire: wire})
	if err != nil {
		t.Fatal(err)
	}
	transport, err := wire.Transport()
	if err != nil {
		t.Fatal(err)
	}
	graph, err := rest.New(rest.Config{Base: "https://graph.microsoft.com", Transport: transport, Credential: id, Scope: scope})
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Value []struct{ ID string } }
	if err := graph.Get(t.Context(), "/v1.0/applications?$top=5&$select=id", &list); err != nil || len(list.Value) != 5 {
		t.Errorf("got %d applications, %v", len(list.Value), err)
	}
	var made struct{ SecretText secret.Value }
	err = graph.Once(t.Context(), rest.Request{Method: "POST", Path: rest.Path("v1.0", "applications", tenant.Demo.ApplicationID, "addPassword"), Body: []byte(`{}`)}, &made)
	if err != nil || made.SecretText.IsZero() {
		t.Errorf("no secret: %v", err)
	}
	if n := len(cloud.World().Facts("addPassword")); n != 1 {
		t.Errorf("%d secrets were made", n)
	}
}
