package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rekey.example/rekey/internal/secret"
)

// MasterKey says where the key comes from that all others are sealed under.
type MasterKey struct {
	Source         string // file, passphrase or pkcs11; empty: as the keyring says, a file for a new one
	PassphraseFile string // a file that holds the passphrase
	Module         string // the PKCS#11 library of the token's maker
	Token          string // the token's label
	Key            string // label of the AES key in it
	PINFile        string // a file that holds the token's PIN

	Passphrase secret.Value `koanf:"-"` // from REKEY_MASTER_PASSPHRASE
	PIN        secret.Value `koanf:"-"` // from REKEY_MASTER_KEY_PIN
}

// secrets takes the passphrase and the PIN from the environment or from their files.
func (m *MasterKey) secrets(env func(string) (string, bool)) (err error) {
	if m.Passphrase, err = hidden(env, "REKEY_MASTER_PASSPHRASE", m.PassphraseFile); err != nil {
		return fmt.Errorf("cannot read the master passphrase: %w", err)
	}
	if m.PIN, err = hidden(env, "REKEY_MASTER_KEY_PIN", m.PINFile); err != nil {
		return fmt.Errorf("cannot read the token's PIN: %w", err)
	}
	return nil
}

// hidden is the secret in a variable, or in the file that the same variable with
// _FILE behind its name holds, or in the given file.
func hidden(env func(string) (string, bool), variable, file string) (secret.Value, error) {
	if v, ok := env(variable); ok && v != "" {
		return secret.New(v), nil
	}
	if name, ok := env(variable + "_FILE"); ok && name != "" {
		file = name
	}
	if file == "" {
		return secret.Value{}, nil
	}
	return ReadHidden(file)
}

// ReadHidden reads a secret from a file of its own: one line, whose end does not
// belong to it.
func ReadHidden(file string) (secret.Value, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return secret.Value{}, err
	}
	defer clear(b)
	text := strings.TrimRight(string(b), "\r\n")
	if text == "" {
		return secret.Value{}, fmt.Errorf("%s is empty", file)
	}
	return secret.New(text), nil
}

func (m MasterKey) check() error {
	var errs []error
	if m.Source != "" && !slices.Contains(secret.Sources, secret.Source(m.Source)) {
		errs = append(errs, fmt.Errorf("masterKey.source %s is not file, passphrase or pkcs11", show(m.Source)))
	}
	if m.Source == string(secret.FromToken) && (m.Module == "" || m.Token == "") {
		errs = append(errs, errors.New("masterKey.source is pkcs11, so masterKey.module has to name the token's library, and masterKey.token its label"))
	}
	return errors.Join(errs...)
}

// Custody is where the master key is to be had.
func (c *Config) Custody() secret.Custody {
	m := c.MasterKey
	out := secret.Custody{
		Source: secret.Source(m.Source), File: c.MasterKeyFile, Passphrase: c.Ask,
		Token: secret.Token{Module: m.Module, Label: m.Token, Key: m.Key, PIN: m.PIN},
	}
	if out.File == "" {
		out.File = filepath.Join(c.Data, secret.MasterFile)
	}
	if !m.Passphrase.IsZero() {
		out.Passphrase = func(bool) (secret.Value, error) { return m.Passphrase, nil }
	}
	return out
}
