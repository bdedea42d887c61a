package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
)

// TestNoCommandPrintsASecret runs every command, in a terminal and not, when all
// is well and when it is not, and looks for every secret there is on both outputs
// (SAFETY T22). The one exception is a token that was just made.
func TestNoCommandPrintsASecret(t *testing.T) {
	cloud, err := sim.New(sim.Config{World: world.Config{Seed: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	proxy, err := cloud.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Close() }) // nothing is left to be told
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := proxy.WriteCA(ca); err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "rekey.yaml"), []byte(cloudConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	tokenFile := filepath.Join(t.TempDir(), "anna.token")
	well := cloudVariables(cloud, proxy.URL(), ca)
	well["REKEY_DATA"] = data
	well["REKEY_DATABASE_PASSWORD"] = "not used, and not to be printed"
	const wrong = "wrong8Q~and-not-to-be-printed-either-0123456"
	sick := maps.Clone(well)
	sick["REKEY_READER_CLIENT_SECRET"], sick["REKEY_WRITER_CLIENT_SECRET"] = wrong, wrong
	stranger := maps.Clone(well)
	stranger["REKEY_TOKEN"] = "rk_" + wrong

	app, key := well["DEMO_APP"], well["DEMO_KEY"]
	commands := []string{
		"doctor", "config check", "config explain reader.clientSecretFile", "config explain database", "sync", "sync --full", "status",
		"credentials list", "credentials list --expired", "credentials list --expiring 90d", "credentials list --no-owner", "credentials list --unused", "credentials list --kind certificate",
		"credentials list --query [0]", "credentials show " + key, "credentials show nobody", "applications list", "applications list --no-owner", "applications show " + app, "applications show nobody",
		"policy check", "policy check --severity high", "policy try name", "rotate " + key + " --dry-run", "rotate nobody --dry-run", "rotate " + key + " --reason test", "rotate " + key,
		"rotations list", "rotations list --state open", "rotations show nobody", "approve nobody", "refuse nobody --reason x", "cancel nobody", "confirm nobody who --proof x",
		"token create anna --role administrator --person anna --output-file " + tokenFile, "token create anna --role nobody", "token list", "token revoke nobody",
		"audit log", "audit log --since 1h", "audit export", "audit verify", "audit verify nothing", "audit checkpoint", "init", "init --script az", "explain AADSTS7000215", "explain nothing",
		"version", "completion bash", "nonsense", "credentials list -o nonsense", "status --server http://127.0.0.1:1", "serve --listen nowhere", "serve --listen 0.0.0.0:0",
	}
	values := append(secretsOf(cloud), wrong, well["REKEY_DATABASE_PASSWORD"])
	for _, c := range commands {
		for _, env := range []map[string]string{well, sick, stranger} {
			for _, terminal := range []bool{true, false} {
				var out, problems bytes.Buffer
				s := &session{in: strings.NewReader(""), out: &out, err: &problems, terminal: terminal, watched: terminal, env: func(k string) (string, bool) { v, ok := env[k]; return v, ok }}
				exit := run(t.Context(), s, strings.Fields(c))
				if raw, err := os.ReadFile(tokenFile); err == nil {
					values = append(values, strings.TrimSpace(string(raw)))
					if err := os.Remove(tokenFile); err != nil {
						t.Fatal(err)
					}
				}
				text := out.String() + problems.String()
				if i := slices.IndexFunc(values, func(v string) bool { return strings.Contains(text, v) }); i >= 0 {
					t.Errorf("rekey %s (terminal %v) prints the secret %.3s...", c, terminal, values[i])
				}
				if exit != 0 && problems.Len() == 0 && exit != exitFindings {
					t.Errorf("rekey %s ends with %d and does not say why", c, exit)
				}
			}
		}
	}
	if len(commands) < 40 || len(values) < 50 {
		t.Errorf("only %d commands and %d values", len(commands), len(values))
	}
}
