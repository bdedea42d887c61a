// Package issuer answers as the services that vouch for programs: GitHub
// Actions and Azure DevOps. Each publishes who it is and its signing keys, and
// signs what a test wants a job to say. Managed identities have theirs of the
// pretended Entra. See
// https://docs.github.com/actions/reference/security/oidc and
// https://learn.microsoft.com/azure/devops/pipelines/release/configure-workload-identity
package issuer

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"rekey.example/rekey/internal/sim/world"
)

// The hosts of the two services.
const (
	GitHub = "token.actions.githubusercontent.com"
	DevOps = "vstoken.dev.azure.com"
)

// Issuer is one of them.
type Issuer struct {
	host   string
	signer func() (*world.Signer, error) // made when it is first needed
}

// New returns the issuer at a host.
func New(host string) *Issuer { return &Issuer{host, sync.OnceValues(world.NewSigner)} }

// Sign returns a token that says this.
func (i *Issuer) Sign(claims map[string]any) (string, error) {
	s, err := i.signer()
	if err != nil {
		return "", err
	}
	return s.Sign(claims)
}

// ServeHTTP answers the two documents. Those of Azure DevOps stand below the id of
// an organization.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	org := ""
	path := r.URL.Path
	if i.host == DevOps {
		first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		org, path = "/"+first, "/"+rest
	}
	base := "https://" + i.host + org
	switch path {
	case "/.well-known/openid-configuration":
		write(w, map[string]any{
			"issuer": base, "jwks_uri": base + "/.well-known/jwks", "subject_types_supported": []string{"public", "pairwise"},
			"response_types_supported": []string{"id_token"}, "id_token_signing_alg_values_supported": []string{"RS256"}, "scopes_supported": []string{"openid"},
		})
	case "/.well-known/jwks":
		s, err := i.signer()
		if err != nil {
			http.Error(w, "no key", http.StatusServiceUnavailable)
			return
		}
		key := s.Key()
		key["alg"] = "RS256"
		write(w, map[string]any{"keys": []any{key}})
	default:
		http.NotFound(w, r)
	}
}

func write(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // the client has gone if this fails
}
