package secret

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Keyring holds the installation's keys: those that seal values, one that
// fingerprints them, one that makes markers, one that signs the audit log.
//
// They live in keyring.json, each sealed under the master key. The master key
// is a file of its own (32 bytes, base64), so that it can be kept elsewhere
// than the data folder and its backups; without it they are of no use.
type Keyring struct {
	Sealer  *Sealer
	Values  *Hasher // fingerprints of values
	Markers *Hasher // markers of rotation attempts
	Signing []byte  // 32-byte seed of the audit log's Ed25519 key
}

type keyringFile struct {
	Version int             `json:"version"`
	Current string          `json:"current"` // id of the sealing key in use
	Keys    []keyringRecord `json:"keys"`
}

type keyringRecord struct {
	ID      string `json:"id"`
	Purpose string `json:"purpose"` // "seal" or "installation"
	Sealed  string `json:"sealed"`  // under the master key, label "keyring/<purpose>/<id>"
}

// OpenKeyring reads the keyring in folder, or makes a new one if there is none.
// masterFile is where the master key is; empty means folder/master.key. A
// missing master key beside an existing keyring is an error, never a new key.
func OpenKeyring(folder, masterFile string) (*Keyring, error) {
	if masterFile == "" {
		masterFile = filepath.Join(folder, "master.key")
	}
	file := filepath.Join(folder, "keyring.json")
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKeyring(folder, file, masterFile)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the keyring: %w", err)
	}
	master, err := readMaster(masterFile)
	if err != nil {
		return nil, err
	}
	return readKeyring(raw, master)
}

func makeKeyring(folder, file, masterFile string) (*Keyring, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the data folder: %w", err)
	}
	master, err := readMaster(masterFile)
	if errors.Is(err, fs.ErrNotExist) {
		master, err = makeMaster(masterFile)
	}
	if err != nil {
		return nil, err
	}
	wrap, err := newSealer("master", map[string][]byte{"master": master})
	if err != nil {
		return nil, err
	}
	k := keyringFile{Version: 1, Current: "k1"}
	for _, r := range []keyringRecord{{ID: "k1", Purpose: "seal"}, {ID: "i1", Purpose: "installation"}} {
		key := make([]byte, 32)
		rand.Read(key)
		r.Sealed = wrap.Seal(r.label(), hold(key))
		k.Keys = append(k.Keys, r)
	}
	raw, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("cannot encode the keyring: %w", err)
	}
	if err := WriteFile(file, raw); err != nil {
		return nil, fmt.Errorf("cannot write the keyring: %w", err)
	}
	return readKeyring(raw, master)
}

func (r keyringRecord) label() string { return "keyring/" + r.Purpose + "/" + r.ID }

func readKeyring(raw, master []byte) (*Keyring, error) {
	var k keyringFile
	if err := json.Unmarshal(raw, &k); err != nil {
		return nil, fmt.Errorf("cannot read the keyring: %w", err)
	}
	if k.Version != 1 {
		return nil, fmt.Errorf("keyring has version %d; this program knows version 1", k.Version)
	}
	wrap, err := newSealer("master", map[string][]byte{"master": master})
	if err != nil {
		return nil, err
	}
	seals, root := map[string][]byte{}, []byte(nil)
	for _, r := range k.Keys {
		v, err := wrap.Open(r.label(), r.Sealed)
		if err != nil {
			return nil, fmt.Errorf("the master key is not the one this keyring was made with: %w", err)
		}
		switch r.Purpose {
		case "seal":
			seals[r.ID] = v.bytes()
		case "installation":
			root = v.bytes()
		}
	}
	if root == nil {
		return nil, errors.New("keyring lacks the installation key; restore keyring.json from a backup")
	}
	sealer, err := newSealer(k.Current, seals)
	if err != nil {
		return nil, err
	}
	ring := &Keyring{Sealer: sealer, Values: &Hasher{}, Markers: &Hasher{}}
	for purpose, into := range map[string]*[]byte{"values": &ring.Values.key, "markers": &ring.Markers.key, "audit": &ring.Signing} {
		if *into, err = hkdf.Key(sha256.New, root, nil, "rekey "+purpose, 32); err != nil {
			return nil, fmt.Errorf("cannot derive the %s key: %w", purpose, err)
		}
	}
	return ring, nil
}

func readMaster(file string) ([]byte, error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("master key %s is missing; bring it back from where it is kept, nothing sealed opens without it: %w", file, err)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the master key: %w", err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the master key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("master key %s can be read by others (mode %04o); run: chmod 600 %s", file, info.Mode().Perm(), file)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(raw)))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("master key %s is not 32 bytes of base64", file)
	}
	return key, nil
}

func makeMaster(file string) ([]byte, error) {
	key := make([]byte, 32)
	rand.Read(key)
	if err := WriteFile(file, []byte(base64.StdEncoding.EncodeToString(key)+"\n")); err != nil {
		return nil, fmt.Errorf("cannot write the master key: %w", err)
	}
	return key, nil
}

// WriteFile writes a file that only its owner may read, whole or not at all:
// a temporary file, synced, renamed, its folder synced.
func WriteFile(name string, data []byte) error {
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, ".new-*") // CreateTemp uses mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
