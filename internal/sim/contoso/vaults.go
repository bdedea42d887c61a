package contoso

import (
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// seedVaults adds the four vaults: two with roles, an old one with access
// policies, and one behind a firewall that only the HR network passes.
func (s *seeder) seedVaults() {
	for _, v := range []*world.Vault{
		{Name: prod, Group: "rg-integration-prod", RBAC: true, PublicAccess: true, PurgeProtection: true, Created: s.ago(2400),
			Tags: map[string]string{"environment": "production", "team": "integration"}},
		{Name: test, Group: "rg-integration-test", PublicAccess: true, Created: s.ago(2390),
			Tags: map[string]string{"environment": "test", "team": "integration"}},
		{Name: finance, Group: "rg-finance", RBAC: true, PublicAccess: true, PurgeProtection: true, Created: s.ago(1500),
			Tags: map[string]string{"environment": "production", "team": "finance-systems"}},
		{Name: hr, Group: "rg-hr", RBAC: true, PublicAccess: true, FirewallDeny: true, PurgeProtection: true, Created: s.ago(1200),
			Tags: map[string]string{"environment": "production", "team": "hr-systems"}},
	} {
		s.a.AddVault(v)
	}
	s.seedOtherSecrets()
}

// seedOtherSecrets adds what else lives in the vaults: secrets that are no
// credentials of Entra and are none of a rotator's business.
func (s *seeder) seedOtherSecrets() {
	for _, o := range []struct {
		vault, name, value, kind, purpose string
		ends                              int
	}{
		{prod, "sql-wms-connection-string", "Server=tcp:sql-wms-prod.database.windows.net;Database=wms;User Id=wms_app;Password=", "text/plain", "Warehouse database", 0},
		{prod, "smtp-relay-password", "", "text/plain", "Mail relay", 0},
		{prod, "creditsafe-api-password", "", "text/plain", "Password at the partner, changed by letter", 60},
		{finance, "basware-sftp-private-key-passphrase", "", "text/plain", "Passphrase of the SFTP key at Basware", 0},
		{finance, "bank-file-encryption-password", "", "text/plain", "Encryption of payment files", 200},
		{test, "sql-test-password", "", "", "", 0},
	} {
		v := &world.SecretVersion{Value: o.value + s.w.SecretText()[6:30], ContentType: o.kind, Enabled: true, Created: s.ago(100 + s.rnd.IntN(600)), Tags: map[string]string{}}
		if o.purpose != "" {
			v.Tags["purpose"] = o.purpose
		}
		if o.ends > 0 {
			v.Expires = s.in(o.ends)
		}
		s.a.PutSecret(o.vault, o.name, v)
	}
}

// seedRoles lets the identities into the subscription and the vaults, long
// enough ago that nobody waits for it.
func (s *seeder) seedRoles() {
	at := s.ago(300)
	t := s.tenant
	for _, who := range []Identity{t.Reader, t.Writer} {
		s.a.Assign(who.PrincipalID, "Reader", "", at)
	}
	s.a.Assign(t.Reader.PrincipalID, "Access Key Lister", "", at)
	s.a.Assign(t.Writer.PrincipalID, "Access Key Operator", "", at)
	s.a.Assign(t.Admin.PrincipalID, "Owner", "", at)
	s.a.Assign(t.Admin.PrincipalID, "Key Vault Administrator", "", at)

	secrets := []string{"get", "list", "set", "delete", "recover", "backup", "restore"}
	for _, name := range []string{prod, test, finance, hr} {
		v := s.a.Vaults[strings.ToLower(name)]
		if v.RBAC {
			s.a.Assign(t.Reader.PrincipalID, "Key Vault Secrets User", s.a.VaultID(v), at)
			s.a.Assign(t.Reader.PrincipalID, "Key Vault Reader", s.a.VaultID(v), at)
			s.a.Assign(t.Writer.PrincipalID, "Key Vault Secrets Officer", s.a.VaultID(v), at)
			s.a.Assign(t.Writer.PrincipalID, "Key Vault Certificates Officer", s.a.VaultID(v), at)
			continue
		}
		v.Policies = []world.AccessPolicy{
			{ObjectID: t.Reader.PrincipalID, Secrets: []string{"get", "list"}, Certificates: []string{"get", "list"}, Keys: []string{"get", "list"}},
			{ObjectID: t.Writer.PrincipalID, Secrets: secrets, Certificates: []string{"get", "list", "import", "create", "delete"}},
			{ObjectID: t.Admin.PrincipalID, Secrets: append(secrets, "purge"), Certificates: append(secrets, "import", "create", "purge"), Keys: append(secrets, "import", "create", "purge")},
			{ObjectID: s.people["nora"], Secrets: []string{"get", "list", "set"}},
		}
	}
}
