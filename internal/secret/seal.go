package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Sealer encrypts values at rest (AES-256-GCM, random nonce). The label names
// the row and is bound to the ciphertext: a sealed value that was moved to
// another row, or taken from another installation, does not open.
type Sealer struct {
	current string // id of the key that seals
	keys    map[string]cipher.AEAD
}

// ErrSealed means that a sealed value does not open: it was changed or moved,
// or its key is not in the keyring.
var ErrSealed = errors.New("sealed value does not open")

func newSealer(current string, keys map[string][]byte) (*Sealer, error) {
	s := &Sealer{current: current, keys: map[string]cipher.AEAD{}}
	for id, key := range keys {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("cannot use sealing key %s: %w", id, err)
		}
		if s.keys[id], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, fmt.Errorf("cannot use sealing key %s: %w", id, err)
		}
	}
	if s.keys[current] == nil {
		return nil, fmt.Errorf("sealing key %s is not in the keyring", current)
	}
	return s, nil
}

// Seal encrypts v under a label such as "rotation/<tenant>/<id>". The result is
// text: the key's id, a dot, hexadecimal ciphertext.
func (s *Sealer) Seal(label string, v Value) string {
	return s.current + "." + hex.EncodeToString(s.keys[s.current].Seal(nil, nil, v.bytes(), []byte(label)))
}

// Open decrypts what Seal made with the same label. Its error is ErrSealed.
func (s *Sealer) Open(label, sealed string) (Value, error) {
	id, text, _ := strings.Cut(sealed, ".")
	aead := s.keys[id]
	raw, err := hex.DecodeString(text)
	if aead == nil || err != nil {
		return Value{}, fmt.Errorf("cannot open %q: %w", label, ErrSealed)
	}
	b, err := aead.Open(nil, nil, raw, []byte(label))
	if err != nil {
		return Value{}, fmt.Errorf("cannot open %q: %w", label, ErrSealed)
	}
	return hold(b), nil
}

// Hasher recognises a value again without keeping it (HMAC-SHA-256 with a key
// of this installation).
type Hasher struct{ key []byte }

// Fingerprint is 32 hexadecimal characters that are the same for the same value.
func (h *Hasher) Fingerprint(v Value) string { return h.MAC("fingerprint", string(v.bytes()))[:32] }

// MAC is the hexadecimal HMAC of a purpose and a text.
func (h *Hasher) MAC(purpose, text string) string {
	m := hmac.New(sha256.New, h.key)
	fmt.Fprintf(m, "%d:%s:%s", len(purpose), purpose, text)
	return hex.EncodeToString(m.Sum(nil))
}
