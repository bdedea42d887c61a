package keyfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/keyfile"
	"rekey.example/rekey/internal/secret"
)

func open(t *testing.T) (*keyfile.Vault, string) {
	t.Helper()
	ring, err := secret.OpenKeyring(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "writer.secret")
	return &keyfile.Vault{Files: map[string]string{"writer.clientSecretFile": path}, Values: ring.Values}, path
}

func TestWhatIsPutIsReadBack(t *testing.T) {
	v, path := open(t)
	if _, err := v.Get(t.Context(), "writer.clientSecretFile"); !errors.Is(err, connector.ErrNotFound) {
		t.Errorf("without a file: %v", err)
	}
	d := connector.Deposit{Value: secret.New("first-value-0123456789"), Tags: map[string]string{"a": "b"}}
	version, err := v.Put(t.Context(), "writer.clientSecretFile", d)
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Get(t.Context(), "writer.clientSecretFile")
	if err != nil || !got.Value.Equal(d.Value) || got.Version != version || got.Tags["a"] != "b" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, name := range []string{path, path + ".rekey"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if beside, _ := os.ReadFile(path + ".rekey"); strings.Contains(string(beside), "first-value") {
		t.Error("the file beside it holds the value")
	}
}

func TestEditByHandIsAnotherVersion(t *testing.T) {
	v, path := open(t)
	version, err := v.Put(t.Context(), "writer.clientSecretFile", connector.Deposit{Value: secret.New("first-value-0123456789"), Tags: map[string]string{"a": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("typed-by-somebody-else\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := v.Get(t.Context(), "writer.clientSecretFile")
	if err != nil || got.Version == version || len(got.Tags) != 0 || got.Value.Reveal() != "typed-by-somebody-else" {
		t.Errorf("got version %s with tags %v, %v", got.Version, got.Tags, err)
	}
}

func TestOnlyConfiguredFilesAreTouched(t *testing.T) {
	v, _ := open(t)
	if _, err := v.Get(t.Context(), "/etc/passwd"); !errors.Is(err, connector.ErrNotFound) {
		t.Errorf("read: %v", err)
	}
	if _, err := v.Put(t.Context(), "../../x", connector.Deposit{}); !errors.Is(err, connector.ErrNotApplied) {
		t.Errorf("write: %v", err)
	}
}
