package azure

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Link is one link of the chain, as it was tried.
type Link struct {
	Name string // EnvironmentCredential, ...
	Err  error  // nil for the one that won
}

// linkTimeout bounds one link: the managed identity endpoint of a machine
// without one never answers.
const linkTimeout = 3 * time.Second

// Explain asks each link for a token, in the order of the chain, until one has
// it; the last Link with a nil Err is who we are. It is for people who want to
// know (rekey doctor) and signs in anew.
func (i *Identity) Explain(ctx context.Context, scope string) []Link {
	o := policy.TokenRequestOptions{Scopes: []string{scope}}
	if i.name != "" {
		_, err := i.GetToken(ctx, o)
		return []Link{{i.name, err}}
	}
	var tried []Link
	for _, l := range i.links() {
		credential, err := l.open()
		if err == nil {
			limited, cancel := context.WithTimeout(ctx, linkTimeout)
			_, err = credential.GetToken(limited, o)
			cancel()
		}
		if err != nil {
			err = explain(err)
		}
		tried = append(tried, Link{l.name, err})
		if err == nil {
			break
		}
	}
	return tried
}

type link struct {
	name string
	open func() (azcore.TokenCredential, error)
}

// links are those of azidentity.DefaultAzureCredential that
// AZURE_TOKEN_CREDENTIALS leaves, in its order.
func (i *Identity) links() []link {
	prod := []link{
		{"EnvironmentCredential", func() (azcore.TokenCredential, error) {
			return azidentity.NewEnvironmentCredential(&azidentity.EnvironmentCredentialOptions{ClientOptions: i.options})
		}},
		{"WorkloadIdentityCredential", func() (azcore.TokenCredential, error) {
			return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: i.options, TenantID: i.config.Tenant})
		}},
		{"ManagedIdentityCredential", func() (azcore.TokenCredential, error) {
			o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: i.options}
			if id := os.Getenv("AZURE_CLIENT_ID"); id != "" {
				o.ID = azidentity.ClientID(id)
			}
			return azidentity.NewManagedIdentityCredential(o)
		}},
	}
	dev := []link{
		{"AzureCLICredential", func() (azcore.TokenCredential, error) {
			return azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: i.config.Tenant})
		}},
		{"AzureDeveloperCLICredential", func() (azcore.TokenCredential, error) {
			return azidentity.NewAzureDeveloperCLICredential(&azidentity.AzureDeveloperCLICredentialOptions{TenantID: i.config.Tenant})
		}},
		{"AzurePowerShellCredential", func() (azcore.TokenCredential, error) {
			return azidentity.NewAzurePowerShellCredential(&azidentity.AzurePowerShellCredentialOptions{TenantID: i.config.Tenant})
		}},
	}
	all := append(prod[:len(prod):len(prod)], dev...)
	switch choice := os.Getenv("AZURE_TOKEN_CREDENTIALS"); choice {
	case "":
		return all
	case "prod":
		return prod
	case "dev":
		return dev
	default:
		var one []link
		for _, l := range all {
			if strings.EqualFold(l.name, choice) {
				one = append(one, l)
			}
		}
		return one
	}
}
