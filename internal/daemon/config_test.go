package daemon

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/secret"
)

const example = `# Contoso
listen: 0.0.0.0:9000
tenant:
  id: 11111111-2222-3333-4444-555555555555
  name: Contoso
vaults:
  - name: kv-contoso-prod
    readValues: true
  - name: kv-contoso-dev
defaultVault: kv-contoso-prod
rotation:
  lifetime: 90d
  overlap: 1d12h
bindings:
  - application: D365_Basware_Invoices
    consumer: Invoice export to Basware
    reference: kv-contoso-prod/basware-secret
policy:
  naming:
    systems: [D365, PBI]
  rules:
    - rule: name
      off: true
sync:
`

// load reads a configuration from a folder with that file and that environment.
func load(t *testing.T, file string, env map[string]string, flags map[string]string) (*Loaded, error) {
	t.Helper()
	folder := t.TempDir()
	if file != "" {
		if err := os.WriteFile(filepath.Join(folder, FileName), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Load(Given{Data: folder, Flags: flags, Env: func(k string) (string, bool) { v, ok := env[k]; return v, ok }})
}

func TestFlagsOverEnvironmentOverFileOverDefaults(t *testing.T) {
	got, err := load(t, example,
		map[string]string{"REKEY_LISTEN": ":1", "REKEY_ROTATION_OVERLAP": "2d", "REKEY_SYNC_EVERY": "1h"},
		map[string]string{"listen": ":2"})
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults(got.Config.Data)
	want.Listen = ":2"
	want.Tenant = Tenant{ID: "11111111-2222-3333-4444-555555555555", Name: "Contoso"}
	want.Vaults = []Vault{{Name: "kv-contoso-prod", ReadValues: true}, {Name: "kv-contoso-dev"}}
	want.DefaultVault = "kv-contoso-prod"
	want.Rotation.Lifetime, want.Rotation.Overlap = 90*day, 2*day
	want.Bindings = []Binding{{"D365_Basware_Invoices", "Invoice export to Basware", "kv-contoso-prod/basware-secret"}}
	want.Policy.Naming.Systems = []string{"D365", "PBI"}
	want.Policy.Rules = []policy.Setting{{Rule: "name", Off: true}}
	want.Sync.Every = time.Hour
	same := cmp.Comparer(func(a, b secret.Value) bool { return a.Equal(b) })
	if diff := cmp.Diff(want, got.Config, same); diff != "" {
		t.Errorf("configuration differs (-want +got):\n%s", diff)
	}
	from := map[string]string{}
	for _, s := range got.Settings {
		from[s.Key] = s.From
	}
	for key, want := range map[string]string{
		"data": "--data", "listen": "--listen", "rotation.overlap": "REKEY_ROTATION_OVERLAP", "rotation.lifetime": "rekey.yaml line 12",
		"rotation.watch": "default", "vaults": "rekey.yaml line 6", "sync.every": "REKEY_SYNC_EVERY",
	} {
		if from[key] != want {
			t.Errorf("%s comes from %q, want %q", key, from[key], want)
		}
	}
}

func TestMistakesInTheFileNameTheLineAndTheCure(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"typo", "rotation:\n  lifetme: 90d\n", "unknown key rotation.lifetme in rekey.yaml line 2; did you mean rotation.lifetime?"},
		{"typo in group", "rotaton:\n  lifetime: 90d\n", "unknown key rotaton in rekey.yaml line 1; did you mean rotation?"},
		{"case", "masterkeyfile: /x\n", "unknown key masterkeyfile in rekey.yaml line 1; did you mean masterKeyFile?"},
		{"wrong place", "lifetime: 90d\n", "unknown key lifetime in rekey.yaml line 1; did you mean rotation.lifetime?"},
		{"nothing like it", "kubernetes: yes\n", "unknown key kubernetes in rekey.yaml line 1; known here: data, listen"},
		{"in a list", "vaults:\n  - nam: kv-a\n", "unknown key vaults[].nam in rekey.yaml line 2; did you mean vaults[].name?"},
		{"duration", "sync:\n  every: soon\n", `sync.every in rekey.yaml line 2; "soon" is not a length of time`},
		{"bool", "vaults:\n  - name: kv-a\n    readValues: perhaps\n", "vaults[].readValues in rekey.yaml line 3; perhaps is neither true nor false"},
		{"twice", "listen: a:1\nlisten: b:2\n", "second listen in rekey.yaml line 2; say it once"},
		{"group as value", "tenant: contoso\n", "tenant is a group of keys, not a single value, in rekey.yaml line 1"},
		{"list as value", "vaults: kv-a\n", "vaults is a list, not a single value, in rekey.yaml line 1"},
		{"list of words", "vaults:\n  - kv-a\n", "an entry of vaults is a single value, in rekey.yaml line 2; write it as - name: ..."},
		{"secret", "reader:\n  clientSecret: abc8Q~not-to-be-printed\n", "unknown key reader.clientSecret in rekey.yaml line 2; secrets do not stand in the file"},
		{"password", "database: postgres://rekey:hunter2@db/rekey\n", "a password in database in rekey.yaml line 1; set it in the environment (REKEY_DATABASE"},
		{"alias", "tenant: &a\n  id: x\n", "an anchor or alias at tenant in rekey.yaml line 1"},
		{"two documents", "listen: a:1\n---\nlisten: b:2\n", "a second document (after ---) in rekey.yaml"},
		{"no mapping", "- a\n", "no key in rekey.yaml line 1"},
		{"broken", "tenant: [\n", "cannot read rekey.yaml"},
		{"tenant", "tenant:\n  id: contoso\n", "tenant.id contoso is neither a GUID nor a domain"},
		{"lifetime", "rotation:\n  lifetime: 5y\n", `rotation.lifetime in rekey.yaml line 2; "5y" is not a length of time`},
		{"long lifetime", "rotation:\n  lifetime: 1000d\n", "rotation.lifetime 1000d is not between one day and two years"},
		{"vault", "vaults:\n  - name: kv_contoso\n", "entry 1 of vaults: kv_contoso is not the name of a Key Vault"},
		{"default vault", "defaultVault: kv-b\n", "defaultVault kv-b is not among vaults"},
		{"words", "policy:\n  naming:\n    systems: D365\n", "policy.naming.systems is a list, not a single value, in rekey.yaml line 3"},
		{"policy", "policy:\n  naming:\n    expression: \"(\"\n", "policy.naming.expression"},
		{"binding", "bindings:\n  - application: X\n", "entry 1 of bindings lacks application or consumer"},
		{"control", "\"li\\x1b[31msten\": x\n", `unknown key "li\x1b[31msten" in rekey.yaml line 1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.file, nil, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want it to contain %q", err, c.want)
			}
			if strings.Contains(err.Error(), "not-to-be-printed") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error prints a secret: %v", err)
			}
		})
	}
}

func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	_, err := load(t, "lisen: x\ntenant:\n  idd: y\n", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "line 1") || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("got %v, want both mistakes", err)
	}
}

func TestSecretsComeFromEnvironmentOrFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("from the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	id := "99999999-2222-3333-4444-555555555555"
	got, err := load(t, "", map[string]string{
		"REKEY_READER_CLIENT_ID": id, "REKEY_READER_CLIENT_SECRET": "from the variable",
		"REKEY_WRITER_CLIENT_ID": id, "REKEY_WRITER_CLIENT_SECRET_FILE": file,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if v := got.Config.Reader.ClientSecret.Reveal(); v != "from the variable" {
		t.Errorf("the reader's secret is %q", v)
	}
	if v := got.Config.Writer.ClientSecret.Reveal(); v != "from the file" {
		t.Errorf("the writer's secret is %q", v)
	}
	for _, s := range got.Settings {
		if strings.Contains(s.Value, "from the") {
			t.Errorf("setting %s shows a secret", s.Key)
		}
	}
}

func TestPasswordsAreNotShown(t *testing.T) {
	got, err := load(t, "", map[string]string{"REKEY_DATABASE": "postgres://rekey:hunter2@db/rekey"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range got.Settings {
		if strings.Contains(s.Value, "hunter2") {
			t.Errorf("setting %s shows the password: %s", s.Key, s.Value)
		}
	}
}

func TestEveryKeyHasAMeaning(t *testing.T) {
	known := map[string]bool{}
	for _, k := range Keys() {
		known[k.Name] = true
		if k.Meaning == "" {
			t.Errorf("%s has no meaning", k.Name)
		}
	}
	for name := range meanings {
		if !known[name] {
			t.Errorf("meaning of %s, which is no key", name)
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "24h": day, "180d": 180 * day, "2w": 14 * day, "1w1d1h": 8*day + time.Hour, "0": 0,
	} {
		got, err := ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", text, got, err, want)
		}
		if back, err := ParseDuration(FormatDuration(got)); err != nil || back != got {
			t.Errorf("%q is written as %q, which reads as %v, %v", text, FormatDuration(got), back, err)
		}
	}
	for _, text := range []string{"", "d", "-1h", "1d-1h", "9999999d", "1.5d", "1x", "soon", "١d"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", text, got)
		}
	}
}

func TestNamesOfKeys(t *testing.T) {
	type names struct{ ID, ClientID, CAFile, Listen, ReadValues, SignIns int }
	var got []string
	for f := range fieldsOf(reflect.TypeFor[names]()) {
		got = append(got, keyName(f)+" "+variable(keyName(f)))
	}
	want := []string{"id REKEY_ID", "clientId REKEY_CLIENT_ID", "caFile REKEY_CA_FILE", "listen REKEY_LISTEN", "readValues REKEY_READ_VALUES", "signIns REKEY_SIGN_INS"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzConfigurationFile(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("tenant: {id: ~, name: !!binary aGk=}\nvaults: [{}]\n"))
	f.Add([]byte("? [a]\n: b\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parse("rekey.yaml", text)
		if err != nil {
			for _, r := range err.Error() {
				if r < ' ' && r != '\n' || r == 0x7f {
					t.Fatalf("the error holds the control character %q: %q", r, err)
				}
			}
			return
		}
		for key := range s.lines {
			if !isKnown(key) {
				t.Fatalf("accepted the unknown key %q", key)
			}
		}
	})
}

func isKnown(key string) bool {
	for _, k := range Keys() {
		if k.Name == key || strings.HasPrefix(k.Name, key+".") {
			return true
		}
	}
	return false
}
