package contoso

import (
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// seedSites adds an app that reads the credential of the demonstration out of its
// vault by name, and so follows within a day or when it is asked, and a slot of it
// that somebody pinned to a version of another secret and forgot. It comes last,
// so that what was seeded before has the same ids with and without it.
func (s *seeder) seedSites() {
	at := s.ago(400)
	byName := "@Microsoft.KeyVault(VaultName=" + finance + ";SecretName=" + demoSecret + ")"
	const other = "bank-file-encryption-password"
	current := s.a.Vaults[strings.ToLower(finance)].Secrets[other].Versions
	pinned := "@Microsoft.KeyVault(SecretUri=https://" + finance + ".vault.azure.net/secrets/" + other + "/" + current[len(current)-1].ID + ")"
	for _, site := range []struct {
		name, slot, reference string
	}{
		{"func-basware-export", "", byName},
		{"func-basware-export", "staging", pinned},
	} {
		identity := s.w.GUID()
		r := s.a.AddSite("rg-finance", site.name, site.slot, "functionapp,linux", &world.Site{Identity: identity, Fetched: s.ago(0), Settings: map[string]string{
			"FUNCTIONS_EXTENSION_VERSION": "~4", "FUNCTIONS_WORKER_RUNTIME": "dotnet-isolated", "BASWARE_CLIENT_SECRET": site.reference,
		}})
		r.Tags = map[string]string{"team": "finance-systems"}
		s.a.Assign(identity, "Key Vault Secrets User", s.a.VaultID(s.a.Vaults[strings.ToLower(finance)]), at)
		s.a.Assign(s.tenant.Writer.PrincipalID, "Website Contributor", r.ID, at)
	}
}
