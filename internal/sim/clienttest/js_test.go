package clienttest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// TestJavaScriptSDKs runs js/clients.mjs, with some lag, since these clients
// wait for what is slow.
func TestJavaScriptSDKs(t *testing.T) {
	need(t, "node", "apt-get install nodejs, 20 or newer")
	installModules(t)
	d := open(t, world.Lag{Vault: time.Second})
	env := d.environment(t,
		"AZURE_TENANT_ID="+d.tenant.ID, "AZURE_CLIENT_ID="+d.tenant.Admin.ClientID, "AZURE_CLIENT_SECRET="+d.tenant.Admin.Secret,
		"AZURE_CLIENT_CERTIFICATE_PATH="+d.certify(t, d.tenant.Admin), "VAULT_URL=https://"+vault+".vault.azure.net")
	out, err := run(t, env, "js", "node", "clients.mjs")
	if err != nil {
		t.Fatal(err)
	}
	if want := "identity bySecret\nidentity byCertificate\nkeyvault-secrets\ngraph\n"; string(out) != want {
		t.Errorf("proved %q, want %q", out, want)
	}
}

// installModules installs what the lock file names, unless it is there already.
func installModules(t *testing.T) {
	t.Helper()
	installed, err := os.Stat("js/node_modules/.package-lock.json")
	if err == nil {
		if locked, err := os.Stat("js/package-lock.json"); err == nil && !locked.ModTime().After(installed.ModTime()) {
			return
		}
	}
	need(t, "npm", "apt-get install npm")
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	cmd.Dir = "js"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot install the JavaScript SDKs (npm ci in internal/sim/clienttest/js): %v\n%s", err, strings.TrimSpace(string(out)))
	}
}
