package secret

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// document is the keyring as it is kept: JSON that a person can read, each key
// sealed under the master key. Its MAC is made with a key of the installation,
// so that no part of it can change unseen, those that are not sealed included.
type document struct {
	Version int          `json:"version"`
	Master  masterRecord `json:"master,omitzero"`
	Current string       `json:"current"` // id of the sealing key in use
	Keys    []keyRecord  `json:"keys"`
	MAC     string       `json:"mac,omitempty"`
}

// masterRecord says what the master key is, without saying it.
type masterRecord struct {
	Source   Source   `json:"source"`
	Argon2id *stretch `json:"argon2id,omitempty"` // FromPassphrase: how the key is made of it
	Key      string   `json:"key,omitempty"`      // FromToken: its label in the token
}

type keyRecord struct {
	ID      string    `json:"id"`
	Purpose string    `json:"purpose"` // "seal" or "installation"
	Made    time.Time `json:"made,omitzero"`
	Sealed  string    `json:"sealed"` // under the master key, label "keyring/<purpose>/<id>"
}

func (r keyRecord) label() string { return "keyring/" + r.Purpose + "/" + r.ID }

const (
	documentVersion = 2
	maxKeyring      = 1 << 20 // bytes
	maxSealing      = 16      // sealing keys; each change of the key adds one, and the chore takes it away again
)

// errDamaged is about a keyring that is not what rekey wrote.
var errDamaged = errors.New("the keyring is not as rekey wrote it; restore it from a backup")

// readDocument parses a keyring and looks whether every byte of it is as encode
// writes it: there is one way to write a keyring, so a changed byte is seen even
// where a lenient reader would not mind. Whether it is this installation's is
// said by its MAC, which needs the master key.
func readDocument(raw []byte) (document, error) {
	var d document
	if len(raw) > maxKeyring {
		return d, fmt.Errorf("%w: it has %d bytes", errDamaged, len(raw))
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return d, fmt.Errorf("%w: %w", errDamaged, err)
	}
	switch d.Version {
	case 1: // written before the keyring had a MAC
		d.Master, d.MAC = masterRecord{Source: FromFile}, ""
	case documentVersion:
		text, err := d.encode()
		if err != nil || !bytes.Equal(text, bytes.TrimSuffix(raw, []byte("\n"))) {
			return d, errDamaged
		}
	default:
		return d, fmt.Errorf("the keyring has version %d; this program knows versions 1 and %d", d.Version, documentVersion)
	}
	return d, d.check()
}

func (d *document) check() error {
	seen := map[string]bool{}
	sealing, roots := 0, 0
	for _, r := range d.Keys {
		switch {
		case r.Purpose == "seal" && sealingID(r.ID):
			sealing++
		case r.Purpose == "installation":
			roots++
		default:
			return fmt.Errorf("%w: it has a key for %q", errDamaged, r.Purpose)
		}
		if seen[r.ID] {
			return fmt.Errorf("%w: it has two keys %q", errDamaged, r.ID)
		}
		seen[r.ID] = true
	}
	if sealing == 0 || sealing > maxSealing || roots != 1 {
		return fmt.Errorf("%w: it has %d sealing keys and %d of the installation", errDamaged, sealing, roots)
	}
	return nil
}

func (d document) encode() ([]byte, error) { return json.MarshalIndent(d, "", "  ") }

// sign returns the keyring's text, with its MAC.
func (d *document) sign(root Value) ([]byte, error) {
	d.Version = documentVersion
	var err error
	if d.MAC, err = d.mac(root); err != nil {
		return nil, err
	}
	text, err := d.encode()
	return append(text, '\n'), err
}

// verify looks whether the keyring is what an installation with that root wrote.
func (d document) verify(root Value) error {
	if d.Version == 1 {
		return nil
	}
	mac, err := d.mac(root)
	if err == nil && !hmac.Equal([]byte(mac), []byte(d.MAC)) {
		err = errDamaged
	}
	return err
}

func (d document) mac(root Value) (string, error) {
	key, err := derive(root, "keyring")
	if err != nil {
		return "", err
	}
	d.MAC = ""
	text, err := d.encode()
	if err != nil {
		return "", fmt.Errorf("cannot encode the keyring: %w", err)
	}
	m := hmac.New(sha256.New, key)
	m.Write(text)
	return hex.EncodeToString(m.Sum(nil)), nil
}

// derive makes the 32-byte key for a purpose out of the installation's.
func derive(root Value, purpose string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, root.bytes(), nil, "rekey "+purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("cannot derive the %s key: %w", purpose, err)
	}
	return key, nil
}

// sealingID reports whether a text is the id of a sealing key: k1, k2, ...
func sealingID(id string) bool {
	if len(id) < 2 || len(id) > 10 || id[0] != 'k' || id[1] == '0' {
		return false
	}
	for _, c := range id[1:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
