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
	"sync/atomic"
)

// Sealer encrypts values at rest (AES-256-GCM, random nonce). The label names
// the row and is bound to the ciphertext: a sealed value that was moved to
// another row, or taken from another installation, does not open.
//
// Its keys can be exchanged while it is used: the keyring gives it new ones.
type Sealer struct {
	keys atomic.Pointer[sealingKeys]

	// follow takes over what another process has changed in the keyring: at once
	// if that is urgent, else only if the last look is a while ago. It is nil if
	// no other process can have changed it.
	follow func(urgent bool) error
}

type sealingKeys struct {
	current string // id of the key that seals
	open    map[string]cipher.AEAD
}

// ErrSealed means that a sealed value does not open: it was changed or moved,
// or its key is not in the keyring.
var ErrSealed = errors.New("sealed value does not open")

// UnknownKeyError means that a value was sealed under a key that the keyring
// does not have. It is an ErrSealed.
type UnknownKeyError struct {
	ID  string
	Why error // that the keyring could not be read again; nil if it was, or needs not be
}

func (e *UnknownKeyError) Error() string {
	what := fmt.Sprintf("%v: its key %s is not in the keyring; if this is a copy of the data folder or a restored database, bring back the keyring.json that goes with it, and start rekey again", ErrSealed, e.ID)
	if e.Why != nil {
		what += fmt.Sprintf(" (the keyring could not be read again: %v)", e.Why)
	}
	return what
}

func (e *UnknownKeyError) Unwrap() error { return ErrSealed }

func newSealer(current string, keys map[string]Value) (*Sealer, error) {
	s := new(Sealer)
	return s, s.use(current, keys)
}

// use exchanges the keys.
func (s *Sealer) use(current string, keys map[string]Value) error {
	next := &sealingKeys{current: current, open: map[string]cipher.AEAD{}}
	for id, key := range keys {
		block, err := aes.NewCipher(key.bytes())
		if err != nil {
			return fmt.Errorf("cannot use sealing key %s: %w", id, err)
		}
		if next.open[id], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return fmt.Errorf("cannot use sealing key %s: %w", id, err)
		}
	}
	if next.open[current] == nil {
		return fmt.Errorf("sealing key %s is not in the keyring", current)
	}
	s.keys.Store(next)
	return nil
}

// Seal encrypts v under a label such as "rotation/<tenant>/<id>". The result is
// text: the key's id, a dot, hexadecimal ciphertext.
func (s *Sealer) Seal(label string, v Value) string {
	if s.follow != nil {
		_ = s.follow(false) // if the shared keyring cannot be read, neither can the value be written beside it
	}
	k := s.keys.Load()
	return k.current + "." + hex.EncodeToString(k.open[k.current].Seal(nil, nil, v.bytes(), []byte(label)))
}

// Open decrypts what Seal made with the same label. Its error is ErrSealed.
func (s *Sealer) Open(label, sealed string) (Value, error) {
	id, text, _ := strings.Cut(sealed, ".")
	aead := s.keys.Load().open[id]
	if aead == nil && sealingID(id) {
		unknown := &UnknownKeyError{ID: id}
		if s.follow != nil {
			unknown.Why = s.follow(true)
		}
		if aead = s.keys.Load().open[id]; aead == nil {
			return Value{}, fmt.Errorf("cannot open %q: %w", label, unknown)
		}
	}
	raw, err := hex.DecodeString(text)
	if aead == nil || err != nil || hex.EncodeToString(raw) != text {
		return Value{}, fmt.Errorf("cannot open %q: %w", label, ErrSealed)
	}
	b, err := aead.Open(nil, nil, raw, []byte(label))
	if err != nil {
		return Value{}, fmt.Errorf("cannot open %q: %w", label, ErrSealed)
	}
	return hold(b), nil
}

// Current reports whether a value is sealed under the key that seals now. What
// is empty holds no value and needs no key.
func (s *Sealer) Current(sealed string) bool {
	return sealed == "" || strings.HasPrefix(sealed, s.keys.Load().current+".")
}

// Reseal seals the same value again, under the key that seals now. What is
// empty, or sealed under that key already, comes back as it is.
func (s *Sealer) Reseal(label, sealed string) (string, error) {
	if s.Current(sealed) {
		return sealed, nil
	}
	v, err := s.Open(label, sealed)
	if err != nil {
		return sealed, err
	}
	defer v.Zero()
	return s.Seal(label, v), nil
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
