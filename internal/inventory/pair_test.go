package inventory_test

import (
	"testing"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/contoso"
)

// A certificate is found where it lies, as a certificate of the vault or pasted
// into a plain secret; a principal's secret as well.
func TestCertificatesAreFoundInVaults(t *testing.T) {
	both(t, sim.Config{}, func(t *testing.T, f *fixture) {
		_, s, by := read(f)
		tenant := f.cloud.Tenant()
		for how, d := range map[string]contoso.Demo{inventory.ByThumbprint: tenant.DemoPEM, inventory.ByTag: tenant.DemoCertificate} {
			c, err := s.Credential(t.Context(), by, d.KeyID)
			if err != nil {
				t.Fatal(err)
			}
			if c.Kind != inventory.Certificate || len(c.Places) != 1 || c.Places[0].Place.Name != d.Secret || c.Places[0].How != how {
				t.Errorf("%s: a %s in %+v, want %s/%s by %s", d.Name, c.Kind, c.Places, d.Vault, d.Secret, how)
			}
		}
		c, err := s.Credential(t.Context(), by, tenant.DemoPrincipal.KeyID)
		if err != nil || c.Application.Holder != inventory.InServicePrincipals || len(c.Places) != 1 || c.Places[0].Place.Name != tenant.DemoPrincipal.Secret {
			t.Errorf("a principal's secret is in %+v, %v", c.Places, err)
		}
	})
}
