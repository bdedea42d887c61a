package secret

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// said is somebody who knows one passphrase.
func said(text string) func(bool) (Value, error) {
	return func(bool) (Value, error) { return New(text), nil }
}

const phrase = "four random words suffice"

func TestAPassphraseOpensTheKeyring(t *testing.T) {
	folder := t.TempDir()
	custody := Custody{Source: FromPassphrase, Passphrase: said(phrase)}
	k := open(t, FileShelf{folder}, custody)
	sealed := k.Sealer.Seal("x", New(canary))
	if k.Source() != FromPassphrase {
		t.Error(k.Source())
	}
	opens(t, open(t, FileShelf{folder}, Custody{Passphrase: said(phrase)}), sealed) // as the keyring says

	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 1 {
		t.Errorf("%v, %v: only the keyring is to be there", files, err)
	}
	raw, err := os.ReadFile(filepath.Join(folder, KeyringFile))
	if err != nil || bytes.Contains(raw, []byte("random")) || !bytes.Contains(raw, []byte(`"memory": 65536`)) || !bytes.Contains(raw, []byte(`"salt"`)) {
		t.Errorf("%v\n%s", err, raw)
	}

	refusal := errors.New("closed")
	for name, c := range map[string]struct {
		custody Custody
		want    string
	}{
		"another":   {Custody{Passphrase: said(phrase + ".")}, "master key is not the one"},
		"none":      {Custody{}, "REKEY_MASTER_PASSPHRASE_FILE"},
		"nobody":    {Custody{Passphrase: func(bool) (Value, error) { return Value{}, refusal }}, "closed"},
		"a file":    {Custody{Source: FromFile, File: "x"}, "masterKey.source says file"},
		"as fresh":  {Custody{Passphrase: func(fresh bool) (Value, error) { return Value{}, map[bool]error{true: nil, false: refusal}[fresh] }}, "closed"},
		"of tokens": {Custody{Source: FromToken}, "masterKey.source says pkcs11"},
	} {
		if _, err := Open(t.Context(), FileShelf{folder}, c.custody); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), phrase) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestANewPassphraseIsNotShort(t *testing.T) {
	for name, c := range map[string]struct {
		custody Custody
		want    string
	}{
		"short":   {Custody{Source: FromPassphrase, Passphrase: said("correct horse")}, "shorter than 14"},
		"nobody":  {Custody{Source: FromPassphrase}, "REKEY_MASTER_PASSPHRASE"},
		"closed":  {Custody{Source: FromPassphrase, Passphrase: func(bool) (Value, error) { return Value{}, errors.New("closed") }}, "closed"},
		"unknown": {Custody{Source: "moon"}, "is not file, passphrase or pkcs11"},
	} {
		folder := t.TempDir()
		if _, err := Open(t.Context(), FileShelf{folder}, c.custody); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if files, err := os.ReadDir(folder); err != nil || len(files) != 0 {
			t.Errorf("%s: %v, %v: nothing is to be left", name, files, err)
		}
	}
}

// TestTwoSaltsTwoKeys: the same passphrase makes another key each time.
func TestTwoSaltsTwoKeys(t *testing.T) {
	c := Custody{Source: FromPassphrase, Passphrase: said(phrase)}
	a, _, err := c.fresh()
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := c.fresh()
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := a.Wrap("x", New(canary))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Unwrap("x", wrapped); !errors.Is(err, ErrSealed) {
		t.Errorf("%v", err)
	}
}

// TestTheMasterKeyIsChanged goes from each source to each, and nothing that was
// sealed is lost.
func TestTheMasterKeyIsChanged(t *testing.T) {
	folder := t.TempDir()
	shelf, file, other := FileShelf{folder}, filepath.Join(folder, MasterFile), filepath.Join(t.TempDir(), "other.key")
	k := open(t, shelf, Custody{File: file})
	if _, err := k.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	sealed := k.Sealer.Seal("x", New(canary))
	was := Custody{Source: FromFile, File: file}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []Custody{
		{Source: FromFile, File: file}, // in its place
		{Source: FromPassphrase, Passphrase: said(phrase)},
		{Source: FromPassphrase, Passphrase: said("another " + phrase)},
		{Source: FromFile, File: other},
		{Source: FromFile, File: file},
	} {
		old := was
		if old.Source == FromFile && old.File == to.File { // the file will be another
			old.File = filepath.Join(t.TempDir(), "old")
			raw, err := os.ReadFile(to.File)
			if err != nil {
				t.Fatal(err)
			}
			if err := WriteFile(old.File, raw); err != nil {
				t.Fatal(err)
			}
		}
		if err := k.ChangeMaster(t.Context(), to); err != nil {
			t.Fatal(err)
		}
		opens(t, k, sealed)
		opens(t, open(t, shelf, to), sealed)
		if _, err := Open(t.Context(), shelf, old); err == nil {
			t.Errorf("after the change to %s the former master key still opens the keyring", to.Source)
		}
		if _, err := k.Rotate(t.Context()); err != nil {
			t.Errorf("a rotation under the new master key: %v", err)
		}
		sealed = k.Sealer.Seal("x", New(canary))
		was = to
	}
	if after, err := os.ReadFile(file); err != nil || bytes.Equal(before, after) {
		t.Errorf("%v: the key in the file is the same", err)
	}
	if _, err := os.Stat(file + newSuffix); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v: the new key lies beside its file", err)
	}
	for name, to := range map[string]Custody{"none": {Source: FromPassphrase}, "nowhere": {Source: FromFile, File: filepath.Join(folder, "no", "where")}, "unknown": {Source: "moon"}} {
		if err := k.ChangeMaster(t.Context(), to); err == nil {
			t.Errorf("%s: it was changed", name)
		}
		opens(t, open(t, shelf, was), sealed)
	}
}

// TestAReplicaUnderAnotherMasterKeyGoesOn with the keys that it has, and says
// what to do when it needs one that it cannot open.
func TestAReplicaUnderAnotherMasterKeyGoesOn(t *testing.T) {
	shelf, custody := &table{}, Custody{File: filepath.Join(t.TempDir(), "m")}
	a, b := open(t, shelf, custody), open(t, shelf, custody)
	if err := a.ChangeMaster(t.Context(), Custody{Source: FromFile, File: filepath.Join(t.TempDir(), "n")}); err != nil {
		t.Fatal(err)
	}
	if err := b.Follow(t.Context()); err != nil {
		t.Errorf("%v", err)
	}
	opens(t, b, a.Sealer.Seal("x", New(canary)))
	if _, err := a.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Sealer.Open("x", a.Sealer.Seal("x", New(canary))); !errors.Is(err, ErrSealed) || !strings.Contains(err.Error(), "start rekey again") {
		t.Errorf("%v", err)
	}
}

func TestAMasterFileThatIsNone(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, MasterFile)
	open(t, FileShelf{folder}, Custody{File: file})
	for name, text := range map[string]string{"short": "AAAA", "no base64": "!", "long": strings.Repeat("A", 5000), "empty": ""} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenKeyring(folder, ""); err == nil || errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeyring(folder, ""); err == nil || !strings.Contains(err.Error(), "cannot read the master key") {
		t.Errorf("a folder: %v", err)
	}
}

func TestAKeyringThatCannotBeWritten(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ folder, master string }{
		"no folder":       {filepath.Join(blocked, "x"), ""},
		"no master key":   {t.TempDir(), filepath.Join(blocked, "x")},
		"no such keyring": {blocked, filepath.Join(t.TempDir(), "m")},
	} {
		if _, err := OpenKeyring(c.folder, c.master); err == nil {
			t.Errorf("%s: it was opened", name)
		}
	}
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, KeyringFile), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeyring(folder, ""); err == nil {
		t.Error("a folder was opened for a keyring")
	}
	if err := (FileShelf{folder}).Swap(t.Context(), nil, []byte("x")); err == nil {
		t.Error("a folder was replaced")
	}
	if err := (FileShelf{t.TempDir()}).Swap(t.Context(), []byte("x"), []byte("y")); !errors.Is(err, ErrMoved) {
		t.Errorf("%v", err)
	}
}
