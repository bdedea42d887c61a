package clienttest

import (
	"testing"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// TestPythonSDK runs clients.py with the SDKs that Debian installs with the Azure
// CLI; newer CLIs do their vault work with the same ones.
func TestPythonSDK(t *testing.T) {
	const python = "/usr/bin/python3" // Debian's own, which sees Debian's packages
	need(t, python, "apt-get install azure-cli")
	d := open(t, world.Lag{Vault: time.Second})
	w := d.cloud.World()
	w.Change(func() {
		w.Azure.AddVault(&world.Vault{Name: "kv-python", Group: "rg-test", RBAC: true, PublicAccess: true}) // the admin has the role in the whole subscription
	})
	env := d.environment(t,
		"AZURE_TENANT_ID="+d.tenant.ID, "AZURE_CLIENT_ID="+d.tenant.Admin.ClientID, "AZURE_CLIENT_SECRET="+d.tenant.Admin.Secret,
		"AZURE_CLIENT_CERTIFICATE_PATH="+d.certify(t, d.tenant.Admin), "VAULT_URL=https://kv-python.vault.azure.net")
	out, err := run(t, env, "", python, "clients.py")
	if err != nil {
		t.Fatal(err)
	}
	if want := "identity\nkeyvault-secrets\nkeyvault-certificates\nkeyvault-keys\n"; string(out) != want {
		t.Errorf("proved %q, want %q", out, want)
	}
}
