package clienttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// TestJavaScriptSDKs runs js/clients.mjs, with some lag, since these clients
// wait for what is slow.
func TestJavaScriptSDKs(t *testing.T) {
	node := nodeJS(t)
	installModules(t)
	d := open(t, world.Lag{Vault: time.Second})
	env := d.environment(t,
		"AZURE_TENANT_ID="+d.tenant.ID, "AZURE_CLIENT_ID="+d.tenant.Admin.ClientID, "AZURE_CLIENT_SECRET="+d.tenant.Admin.Secret,
		"AZURE_CLIENT_CERTIFICATE_PATH="+d.certify(t, d.tenant.Admin), "VAULT_URL=https://"+vault+".vault.azure.net")
	out, err := run(t, env, "js", node, "clients.mjs")
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

// nodeJS is a Node.js that the SDKs run on: the machine's, or, where that is
// older than 20 (Debian 12 has 18), the one that npm carries as a package.
func nodeJS(t *testing.T) string {
	t.Helper()
	need(t, "node", "apt-get install nodejs npm")
	out, err := exec.CommandContext(t.Context(), "node", "--version").Output()
	if err != nil {
		t.Fatalf("cannot ask node for its version: %v", err)
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(out)), "v"), ".")
	if n, err := strconv.Atoi(major); err == nil && n >= 20 {
		return "node"
	}
	arch, ok := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	if !ok {
		t.Fatalf("node %s is too old for the SDKs; install 20 or newer", strings.TrimSpace(string(out)))
	}
	need(t, "npm", "apt-get install npm")
	folder, name := t.TempDir(), "node-linux-"+arch
	cmd := exec.CommandContext(t.Context(), "npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", name+"@22.23.3")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node is older than 20 and npm cannot bring a newer one: %v\n%s", err, strings.TrimSpace(string(out)))
	}
	return filepath.Join(folder, "node_modules", name, "bin", "node")
}
