package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/embedded"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store/storetest"
)

// TestEveryTableWithSealedValuesIsSealedAgain reads the tables' columns: one
// that holds sealed values has to be in the list.
func TestEveryTableWithSealedValuesIsSealedAgain(t *testing.T) {
	tables := regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n?\);`)
	column := regexp.MustCompile(`(?m)^\s*(sealed\w*|previous|\w+_sealed)\s+TEXT`)
	var found []string
	for _, s := range schemas() {
		for _, m := range tables.FindAllStringSubmatch(s.SQL, -1) {
			if column.MatchString(m[2]) {
				found = append(found, m[1])
			}
		}
	}
	slices.Sort(found)
	if want := []string{"rotation", "vault_version"}; !slices.Equal(found, want) {
		t.Errorf("tables with sealed values: %q; those that are sealed again: %q", found, want)
	}
	if len(sealed()) != len(found) {
		t.Errorf("%d tables are sealed again", len(sealed()))
	}
}

// plain is an installation without a tenant.
func plain(t *testing.T) *town {
	t.Helper()
	w := &town{t: t, config: Defaults(t.TempDir())}
	w.open()
	t.Cleanup(w.close)
	return w
}

func (w *town) vault() *embedded.Vault {
	return &embedded.Vault{Store: w.daemon.store, Sealer: w.daemon.keys.Ring.Sealer, Tenant: "t"}
}

func (w *town) deposit(name string) {
	w.t.Helper()
	if _, err := w.vault().Put(w.t.Context(), name, connector.Deposit{Value: secret.New("va1ue~of." + name)}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *town) holds(name string) {
	w.t.Helper()
	d, err := w.vault().Get(w.t.Context(), name)
	if err != nil || d.Value.Reveal() != "va1ue~of."+name {
		w.t.Fatalf("%s: %v", name, err)
	}
}

func TestTheKeyIsExchangedOverTheAPI(t *testing.T) {
	w := plain(t)
	w.deposit("a")
	now, err := w.local().RotateKeys(t.Context())
	if err != nil || len(now.Keys) != 2 {
		t.Fatalf("%+v, %v", now, err)
	}
	for now.Resealing > 0 {
		if now, err = w.local().Keys(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.holds("a")
	w.close()
	w.open()
	for len(now.Keys) > 1 { // the first look makes it drop the old key
		if now, err = w.local().Keys(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if k := now.Keys[0]; k.ID != "k2" || k.Values != 1 || !k.Current || now.Shared || now.Source != "file" {
		t.Errorf("%+v", now)
	}
	w.holds("a")
}

func TestADatabaseWithoutItsKeyringIsNotGivenAnother(t *testing.T) {
	w := plain(t)
	if _, err := w.local().RotateKeys(t.Context()); err != nil { // something is on record
		t.Fatal(err)
	}
	w.close()
	file := filepath.Join(w.config.Data, secret.KeyringFile)
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), w.config); err == nil || !strings.Contains(err.Error(), "from a backup") {
		t.Fatalf("%v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a new keyring was made")
	}
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
	w.open()
}

// TestReplicasShareTheKeyring: two data folders, one database, one master key.
func TestReplicasShareTheKeyring(t *testing.T) {
	a := &town{t: t, config: Defaults(t.TempDir())}
	a.config.Database = storetest.Address(t)
	a.open()
	t.Cleanup(a.close)
	a.deposit("a")

	b := &town{t: t, config: a.config}
	b.config.Data = t.TempDir()
	if _, err := Open(t.Context(), b.config); err == nil || !strings.Contains(err.Error(), "master key") {
		t.Fatalf("without the master key: %v", err)
	}
	b.config.MasterKeyFile = filepath.Join(a.config.Data, secret.MasterFile)
	b.open()
	t.Cleanup(b.close)
	b.holds("a")
	now, err := a.local().RotateKeys(t.Context())
	if err != nil || !now.Shared {
		t.Fatalf("%+v, %v", now, err)
	}
	a.deposit("b")
	b.holds("b")
	if _, err := os.Stat(filepath.Join(a.config.Data, secret.KeyringFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v: the keyring is in the database", err)
	}
}

// TestAnInstallationMovesToPostgreSQL keeps its keys.
func TestAnInstallationMovesToPostgreSQL(t *testing.T) {
	w := plain(t)
	want := w.daemon.keys.Ring.Values.MAC("a", "b")
	w.close()
	w.config.Database = storetest.Address(t)
	w.open()
	if w.daemon.keys.Ring.Values.MAC("a", "b") != want {
		t.Error("the keys are others")
	}
}

func TestTheMasterKeyBecomesAPassphrase(t *testing.T) {
	w := plain(t)
	w.deposit("a")
	const phrase = "four random words suffice"
	to := secret.Custody{Source: secret.FromPassphrase, Passphrase: func(bool) (secret.Value, error) { return secret.New(phrase), nil }}
	if err := w.daemon.ChangeMaster(t.Context(), to); err != nil || w.daemon.MasterSource() != secret.FromPassphrase {
		t.Fatalf("%v", err)
	}
	w.holds("a")
	w.close()
	if _, err := Open(t.Context(), w.config); err == nil || !strings.Contains(err.Error(), "REKEY_MASTER_PASSPHRASE") {
		t.Errorf("without it: %v", err)
	}
	file := filepath.Join(t.TempDir(), "phrase")
	if err := os.WriteFile(file, []byte(phrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, env := range []map[string]string{{"REKEY_MASTER_PASSPHRASE": phrase}, {"REKEY_MASTER_PASSPHRASE_FILE": file}, {"REKEY_MASTER_KEY_PASSPHRASE_FILE": file}} {
		l, err := Load(Given{Data: w.config.Data, Env: func(k string) (string, bool) { v, ok := env[k]; return v, ok }})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range l.Settings {
			if strings.Contains(s.Value, phrase) {
				t.Errorf("config check shows it at %s", s.Key)
			}
		}
		w.config = l.Config
		w.open()
		w.holds("a")
		w.close()
	}
}

func TestWhatTheConfigurationSaysOfTheMasterKey(t *testing.T) {
	for text, want := range map[string]string{
		"masterKey: {source: moon}":              "is not file, passphrase or pkcs11",
		"masterKey: {source: pkcs11}":            "masterKey.module",
		"masterKey: {passphrase: x}":             "passphraseFile",
		"masterKey: {pin: 1}":                    "pinFile",
		"masterKey: {pinFile: /no/such/file}":    "cannot read the token's PIN",
		"masterKey: {passphraseFile: /dev/null}": "is empty",
	} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, FileName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(Given{Data: folder, Env: func(string) (string, bool) { return "", false }})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
