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

// installed is an installation in a pretended tenant, and the variables that
// lead to it.
func installed(t *testing.T, apps int) (*sim.Cloud, map[string]string) {
	t.Helper()
	cloud, err := sim.New(sim.Config{World: world.Config{Seed: 1}, Apps: apps})
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
	env := cloudVariables(cloud, proxy.URL(), ca)
	env["REKEY_DATA"] = data
	return cloud, env
}

// typed is what a command prints, in a terminal or not, and how it ends.
func typed(t *testing.T, env map[string]string, terminal bool, args ...string) (exit int, out, problems string) {
	t.Helper()
	var o, p bytes.Buffer
	s := &session{in: strings.NewReader(""), out: &o, err: &p, terminal: terminal, watched: terminal, env: func(k string) (string, bool) { v, ok := env[k]; return v, ok }}
	exit = run(t.Context(), s, args)
	return exit, o.String(), p.String()
}

// TestNoCommandPrintsASecret runs every command, in a terminal and not, when all
// is well and when it is not, and looks for every secret there is on both outputs
// (SAFETY T22). The one exception is a token that was just made.
func TestNoCommandPrintsASecret(t *testing.T) {
	cloud, well := installed(t, 0)
	tokenFile := filepath.Join(t.TempDir(), "anna.token")
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
		"keys status", "keys rotate", "keys change-master --to passphrase", "keys change-master --to pkcs11 --key x",
		"audit log", "audit log --since 1h", "audit export", "audit verify", "audit verify nothing", "audit checkpoint", "init", "init --script az", "explain AADSTS7000215", "explain nothing",
		"version", "completion bash", "nonsense", "credentials list -o nonsense", "status --server http://127.0.0.1:1", "serve --listen nowhere", "serve --listen 0.0.0.0:0",
	}
	values := append(secretsOf(cloud), wrong, well["REKEY_DATABASE_PASSWORD"])
	for _, c := range commands {
		for _, env := range []map[string]string{well, sick, stranger} {
			for _, terminal := range []bool{true, false} {
				exit, out, problems := typed(t, env, terminal, strings.Fields(c)...)
				if raw, err := os.ReadFile(tokenFile); err == nil {
					values = append(values, strings.TrimSpace(string(raw)))
					if err := os.Remove(tokenFile); err != nil {
						t.Fatal(err)
					}
				}
				text := out + problems
				if i := slices.IndexFunc(values, func(v string) bool { return strings.Contains(text, v) }); i >= 0 {
					t.Errorf("rekey %s (terminal %v) prints the secret %.3s...", c, terminal, values[i])
				}
				if exit != 0 && problems == "" && exit != exitFindings {
					t.Errorf("rekey %s ends with %d and does not say why", c, exit)
				}
			}
		}
	}
	if len(commands) < 40 || len(values) < 50 {
		t.Errorf("only %d commands and %d values", len(commands), len(values))
	}
}

// TestHostileNamesFromTheDirectoryStayText gives every application, credential
// and vault entry's consumer a name that does something, and looks at what the
// commands print (SAFETY T41).
func TestHostileNamesFromTheDirectoryStayText(t *testing.T) {
	cloud, env := installed(t, 600)
	names := hostileNames()
	n, renamed := 0, 0
	name := func() string {
		n++
		s := strings.ToValidUTF8(names[n%len(names)], "?")
		return string([]rune(s)[:min(len([]rune(s)), 256)])
	}
	w := cloud.World()
	w.Change(func() {
		for _, a := range w.Directory.Applications {
			a.Name = name()
			renamed++
			for _, p := range a.Passwords {
				p.Name = name()
			}
		}
		for _, v := range w.Azure.Vaults {
			for _, s := range v.Secrets {
				for _, version := range s.Versions {
					version.Tags = map[string]string{"consumer": name()}
				}
			}
		}
	})
	if renamed < 500 {
		t.Fatalf("only %d applications were renamed", renamed)
	}
	if exit, _, problems := typed(t, env, false, "sync"); exit != exitOK {
		t.Fatalf("sync ends with %d: %s", exit, problems)
	}
	lists := []string{"applications list", "credentials list", "credentials list --expired", "policy check", "audit log --limit 0", "status", "rotate " + env["DEMO_KEY"] + " --dry-run", "credentials show " + env["DEMO_KEY"], "applications show " + env["DEMO_APP"]}
	for _, c := range lists {
		for _, format := range formats {
			exit, out, problems := typed(t, env, format == "table", append(strings.Fields(c), "-o", format, "--no-color")...)
			if exit != exitOK && exit != exitFindings {
				t.Errorf("rekey %s -o %s ends with %d: %s", c, format, exit, problems)
			}
			if format == "jsonc" { // the colours are ours
				out = strings.NewReplacer("\x1b[34m", "", "\x1b[0m", "").Replace(out)
			}
			out = strings.TrimPrefix(out, "\ufeff")
			text := out + strings.ReplaceAll(problems, "\r\x1b[K", "")
			for i, r := range text {
				if hostile(r) && r != '\n' && !(format == "tsv" && r == '\t') && !(format == "csv" && r == '\r') {
					t.Errorf("rekey %s -o %s lets %U through: %q", c, format, r, text[max(0, i-40):min(len(text), i+10)])
					break
				}
			}
		}
	}
}
