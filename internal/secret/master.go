package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Master seals the keys of the keyring. What it seals them with is the one key
// that is not in it.
type Master interface {
	// Wrap seals a key under a label.
	Wrap(label string, key Value) (string, error)
	// Unwrap opens what Wrap made with the same label. Its error is ErrSealed if
	// that was another master key, or another label.
	Unwrap(label, wrapped string) (Value, error)
}

// Source is where a master key comes from.
type Source string

// The sources.
const (
	FromFile       Source = "file"
	FromPassphrase Source = "passphrase"
	FromToken      Source = "pkcs11"
)

// Sources lists them, for people.
var Sources = []Source{FromFile, FromPassphrase, FromToken}

// Custody says where the master key is to be had.
type Custody struct {
	Source Source // empty: as the keyring says; for a new keyring a file
	File   string // FromFile: 32 bytes in base64

	// Passphrase, for FromPassphrase, asks for it; fresh means that a new one is
	// chosen. Nil: there is nobody to ask.
	Passphrase func(fresh bool) (Value, error)

	Token Token // FromToken
}

// Token is a key in an HSM, a smart card or a program that pretends to be one,
// spoken to over PKCS#11. The key never leaves it.
type Token struct {
	Module string // the maker's library: /usr/lib/softhsm/libsofthsm2.so
	Label  string // of the token
	Key    string // label of the AES key in it; the keyring's own word comes before this
	PIN    Value  // of the user
}

// open returns the master key that a record is about. fits tells whether it is.
func (c Custody) open(r masterRecord, fits func(Master) error) (Master, error) {
	if c.Source != "" && c.Source != r.Source {
		return nil, fmt.Errorf("the keyring is sealed under a %s, and masterKey.source says %s; correct the configuration, or change the master key with rekey keys change-master", r.Source.Words(), c.Source)
	}
	var m Master
	var err error
	switch r.Source {
	case FromFile:
		return openFile(c.File, fits)
	case FromPassphrase:
		m, err = c.openPassphrase(r.Argon2id)
	case FromToken:
		c.Token.Key = r.Key
		m, err = openToken(c.Token, false)
	default:
		return nil, fmt.Errorf("the keyring is sealed under a %q, which this program does not know", r.Source)
	}
	if err != nil {
		return nil, err
	}
	return m, fits(m)
}

// Words name the source in a sentence.
func (s Source) Words() string {
	return map[Source]string{FromFile: "key file", FromPassphrase: "passphrase", FromToken: "PKCS#11 token"}[s]
}

// fresh returns a master key for a keyring that has none: the file that is
// there or a new one, the passphrase that somebody chooses, the token's key.
func (c Custody) fresh() (Master, masterRecord, error) {
	r := masterRecord{Source: c.Source}
	var m Master
	var err error
	switch c.Source {
	case FromFile, "":
		r.Source = FromFile
		m, err = readFile(c.File)
		if errors.Is(err, fs.ErrNotExist) {
			m, err = makeFile(c.File)
		}
	case FromPassphrase:
		m, r.Argon2id, err = c.choosePassphrase()
	case FromToken:
		r.Key = c.Token.Key
		m, err = openToken(c.Token, true)
	default:
		err = fmt.Errorf("masterKey.source %q is not file, passphrase or pkcs11", c.Source)
	}
	return m, r, err
}

// local is a master key in this process's memory.
type local struct{ sealer *Sealer }

func newLocal(key Value) (local, error) {
	s, err := newSealer("master", map[string]Value{"master": key})
	return local{s}, err
}

func (l local) Wrap(label string, key Value) (string, error) { return l.sealer.Seal(label, key), nil }

func (l local) Unwrap(label, wrapped string) (Value, error) { return l.sealer.Open(label, wrapped) }

// MasterFile is the master key's name in the data folder, where nothing else is said.
const MasterFile = "master.key"

// inFolder is the custody of a data folder whose master key is in a file.
func inFolder(folder, masterFile string) Custody {
	if masterFile == "" {
		masterFile = filepath.Join(folder, MasterFile)
	}
	return Custody{File: masterFile}
}
