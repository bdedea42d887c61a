// Package azure is how rekey signs in to Microsoft's clouds as itself, and the
// wire that everything to them goes over.
//
// The identity comes from azidentity with its own chain and its own environment
// names, unless the configuration names a client. rekey has two: a reader that
// sees everything and a writer that changes only what it owns; each is one
// Config. A proxy and a CA file are all that differs between a tenant and the
// simulator.
package azure

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"rekey.example/rekey/internal/secret"
)

// Config names one of our own identities. With no Client it is whatever
// azidentity's chain finds (AZURE_* variables, workload identity, managed
// identity, az); AZURE_TOKEN_CREDENTIALS chooses among them.
type Config struct {
	Tenant              string       // id or domain; needed with Client
	Client              string       // client id
	Secret              secret.Value // of the client, or
	CertificateFile     string       // PEM or PFX with the private key
	CertificatePassword secret.Value
	Authority           string // login host; empty means AZURE_AUTHORITY_HOST, else the public cloud

	Wire
}

// Identity is an identity of ours. It is an azcore.TokenCredential and keeps
// tokens while they are good.
type Identity struct {
	credential azcore.TokenCredential
	config     Config
	options    azcore.ClientOptions
	name       string // of the only link, if there is no chain
}

// Open prepares an identity. Nothing is asked of the cloud yet.
func Open(c Config) (*Identity, error) {
	transport, err := c.Wire.Transport()
	if err != nil {
		return nil, err
	}
	i := &Identity{config: c, options: azcore.ClientOptions{
		Transport: &http.Client{Transport: transport, Timeout: tokenTimeout},
		Retry:     policy.RetryOptions{MaxRetries: 2, RetryDelay: 250 * time.Millisecond, MaxRetryDelay: 5 * time.Second},
	}}
	if c.Authority != "" {
		i.options.Cloud = cloud.Configuration{ActiveDirectoryAuthorityHost: c.Authority, Services: map[cloud.ServiceName]cloud.ServiceConfiguration{}}
	}
	if i.credential, i.name, err = i.open(); err != nil {
		return nil, fmt.Errorf("cannot use our own identity: %w", err)
	}
	return i, nil
}

func (i *Identity) open() (azcore.TokenCredential, string, error) {
	c := i.config
	switch {
	case c.Client == "":
		chain, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: i.options, TenantID: c.Tenant})
		return chain, "", err
	case c.Tenant == "":
		return nil, "", errors.New("a client is configured without its tenant")
	case !c.Secret.IsZero():
		credential, err := azidentity.NewClientSecretCredential(c.Tenant, c.Client, c.Secret.Reveal(), &azidentity.ClientSecretCredentialOptions{ClientOptions: i.options})
		return credential, "client secret from the configuration", err
	case c.CertificateFile != "":
		certificates, key, err := certificate(c.CertificateFile, c.CertificatePassword)
		if err != nil {
			return nil, "", err
		}
		credential, err := azidentity.NewClientCertificateCredential(c.Tenant, c.Client, certificates, key, &azidentity.ClientCertificateCredentialOptions{ClientOptions: i.options})
		return credential, "certificate from the configuration", err
	}
	return nil, "", fmt.Errorf("client %s is configured without a secret or a certificate", c.Client)
}

func certificate(file string, password secret.Value) ([]*x509.Certificate, crypto.PrivateKey, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the certificate: %w", err)
	}
	var word []byte
	if !password.IsZero() {
		word = []byte(password.Reveal())
	}
	certificates, key, err := azidentity.ParseCertificates(raw, word)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the certificate %s: it is no PEM or PFX with a private key, or its password is another", file)
	}
	return certificates, key, nil
}

// Unusable is an identity that could not be opened. It says why whenever a token
// is asked of it.
func Unusable(why error) *Identity { return &Identity{credential: unusable{why}, name: "none"} }

type unusable struct{ why error }

func (u unusable) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, u.why
}

// GetToken returns a token for the scopes. Its error is a *SignInError if Entra
// refused us.
func (i *Identity) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := i.credential.GetToken(ctx, o)
	if err != nil && ctx.Err() != nil {
		return token, fmt.Errorf("cannot sign in: %w", context.Cause(ctx)) // azidentity's own error does not say it
	}
	if err != nil {
		return token, explain(err)
	}
	return token, nil
}

// Standing reports whether a long-lived secret of ours is in use, which deserves
// a warning: rekey can renew everybody's but its own without a second identity.
func (i *Identity) Standing() bool {
	return !i.config.Secret.IsZero() || i.config.Client == "" && os.Getenv("AZURE_CLIENT_SECRET") != ""
}
