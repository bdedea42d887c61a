//go:build pkcs11 && cgo

package secret

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const pin = "0648219375"

// softToken makes a token of SoftHSM in a folder of its own. A machine without
// SoftHSM fails the test: whoever builds with the tag means to use tokens.
func softToken(t *testing.T, label string) Token {
	t.Helper()
	folder := t.TempDir()
	file := filepath.Join(folder, "softhsm2.conf")
	if err := os.WriteFile(file, []byte("directories.tokendir = "+folder+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", file)
	if out, err := exec.CommandContext(t.Context(), "softhsm2-util", "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "55667788").CombinedOutput(); err != nil {
		t.Fatalf("cannot make a token (Debian: apt-get install softhsm2 opensc): %v\n%s", err, out)
	}
	return Token{Module: module(t), Label: label, Key: "rekey-master", PIN: New(pin)}
}

func module(t *testing.T) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/*/softhsm/libsofthsm2.so", "/usr/lib*/pkcs11/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[0]
		}
	}
	t.Fatal("there is no libsofthsm2.so (Debian: apt-get install softhsm2)")
	return ""
}

// TestTokenKeepsTheMasterKey goes through all that is done with a master key,
// with the key in a token.
func TestTokenKeepsTheMasterKey(t *testing.T) {
	token := softToken(t, "rekey test")
	shelf := FileShelf{t.TempDir()}
	custody := Custody{Source: FromToken, Token: token}
	k := open(t, shelf, custody)
	if k.Source() != FromToken {
		t.Error(k.Source())
	}
	sealed := k.Sealer.Seal("x", New(canary))
	if _, err := k.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	opens(t, open(t, shelf, custody), sealed)
	unnamed := custody
	unnamed.Source, unnamed.Token.Key = "", "" // the keyring knows both
	opens(t, open(t, shelf, unnamed), sealed)

	// From a token to another key of it, to a file, and back.
	if err := k.ChangeMaster(t.Context(), custody); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("to the same key: %v", err)
	}
	second := custody
	second.Token.Key = "rekey-master-2"
	file := Custody{Source: FromFile, File: filepath.Join(t.TempDir(), "m")}
	for _, to := range []Custody{second, file, custody} {
		if err := k.ChangeMaster(t.Context(), to); err != nil {
			t.Fatal(err)
		}
		opens(t, open(t, shelf, to), sealed)
	}

	// opensc's tool, which knows nothing of rekey, sees a key that cannot be read out.
	out, err := exec.CommandContext(t.Context(), "pkcs11-tool", "--module", token.Module, "--token-label", token.Label, "--login", "--pin", pin, "--list-objects", "--type", "secrkey").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "rekey-master") || !strings.Contains(string(out), "never extractable") {
		t.Errorf("pkcs11-tool: %v\n%s", err, out)
	}
}

func TestTokenBindsTheLabel(t *testing.T) {
	m, err := openToken(softToken(t, "binding"), true)
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := m.Wrap("keyring/seal/k1", New(canary))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := m.Unwrap("keyring/seal/k1", wrapped); err != nil || v.Reveal() != canary {
		t.Errorf("%v", err)
	}
	changed := wrapped[:len(wrapped)-1] + string(wrapped[len(wrapped)-1]^1)
	for name, c := range map[string][2]string{
		"another label": {"keyring/seal/k2", wrapped}, "changed": {"keyring/seal/k1", changed}, "none": {"keyring/seal/k1", ""},
		"capitals": {"keyring/seal/k1", "token." + strings.ToUpper(wrapped[6:])}, "short": {"keyring/seal/k1", "token.00"}, "a file's": {"keyring/seal/k1", "master" + wrapped[5:]},
	} {
		if _, err := m.Unwrap(c[0], c[1]); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if again, err := m.Wrap("keyring/seal/k1", New(canary)); err != nil || again == wrapped {
		t.Errorf("%v: the same nonce twice", err)
	}
}

func TestTokenThatCannotBeUsedSaysWhy(t *testing.T) {
	token := softToken(t, "refusing")
	if _, err := openToken(token, true); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Token)
		want   string
	}{
		"no module":      {func(t *Token) { t.Module = "" }, "masterKey.module"},
		"another module": {func(t *Token) { t.Module = "/no/such.so" }, "cannot load"},
		"no token":       {func(t *Token) { t.Label = "" }, "masterKey.token"},
		"another token":  {func(t *Token) { t.Label = "elsewhere" }, "no token with that label"},
		"no key":         {func(t *Token) { t.Key = "" }, "masterKey.key"},
		"another key":    {func(t *Token) { t.Key = "elsewhere" }, "no such AES key"},
		"no PIN":         {func(t *Token) { t.PIN = Value{} }, "REKEY_MASTER_KEY_PIN"},
		"another PIN":    {func(t *Token) { t.PIN = New("9999999999") }, "PIN_INCORRECT"},
	} {
		bad := token
		c.change(&bad)
		_, err := openToken(bad, false)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), pin) || strings.Contains(err.Error(), "9999999999") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Two keys of one label: which is meant, nobody can say.
	if err := exec.CommandContext(t.Context(), "pkcs11-tool", "--module", token.Module, "--token-label", token.Label, "--login", "--pin", pin, "--keygen", "--key-type", "AES:32", "--label", token.Key).Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := openToken(token, false); err == nil || !strings.Contains(err.Error(), "more than one") {
		t.Errorf("two of a label: %v", err)
	}
}
