//go:build pkcs11 && cgo

package secret

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/miekg/pkcs11"
)

// token is a master key in a PKCS#11 token. Each use opens a session of its own
// and signs in: uses are few, and nothing has to survive a token that was
// unplugged or restarted in between.
type token struct {
	mu sync.Mutex // a module is initialised once in a process
	Token
}

const (
	nonceLength = 12
	tagBits     = 128
)

// openToken returns the token's AES key with that label. With fresh, one is made
// if there is none; it cannot be read out of the token.
func openToken(t Token, fresh bool) (Master, error) {
	switch {
	case t.Module == "" || t.Label == "":
		return nil, errors.New("masterKey.module and masterKey.token say which PKCS#11 library and which token; one of them is missing")
	case t.Key == "":
		return nil, errors.New("masterKey.key, the label of the key in the token, is missing")
	case t.PIN.IsZero():
		return nil, errors.New("the token's PIN is missing: set REKEY_MASTER_KEY_PIN, or masterKey.pinFile")
	}
	m := &token{Token: t}
	return m, m.session(func(p *pkcs11.Ctx, s pkcs11.SessionHandle) error {
		_, err := m.find(p, s)
		if fresh && errors.Is(err, errNoTokenKey) {
			return m.generate(p, s)
		}
		return err
	})
}

var errNoTokenKey = errors.New("the token has no such AES key")

// session runs fn while signed in to the token.
func (m *token) session(fn func(*pkcs11.Ctx, pkcs11.SessionHandle) error) (err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot use key %q of token %q: %w", m.Key, m.Label, err)
		}
	}()
	p := pkcs11.New(m.Module)
	if p == nil {
		return fmt.Errorf("cannot load the PKCS#11 library %s", m.Module)
	}
	defer p.Destroy()
	if err := p.Initialize(); err != nil {
		return fmt.Errorf("cannot start the library: %w", err)
	}
	defer p.Finalize()
	slot, err := m.slot(p)
	if err != nil {
		return err
	}
	s, err := p.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		return fmt.Errorf("cannot open a session: %w", err)
	}
	defer p.CloseSession(s)
	if err := p.Login(s, pkcs11.CKU_USER, m.PIN.Reveal()); err != nil {
		return fmt.Errorf("cannot sign in with the PIN: %w", err)
	}
	defer p.Logout(s)
	return fn(p, s)
}

func (m *token) slot(p *pkcs11.Ctx) (uint, error) {
	slots, err := p.GetSlotList(true)
	if err != nil {
		return 0, fmt.Errorf("cannot list the tokens: %w", err)
	}
	for _, s := range slots {
		info, err := p.GetTokenInfo(s)
		if err == nil && strings.TrimRight(info.Label, " \x00") == m.Label {
			return s, nil
		}
	}
	return 0, errors.New("there is no token with that label; pkcs11-tool --list-slots shows which there are")
}

// is describes the key; a token can hold several things of one name.
func (m *token) is() []*pkcs11.Attribute {
	return []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, m.Key),
	}
}

func (m *token) find(p *pkcs11.Ctx, s pkcs11.SessionHandle) (pkcs11.ObjectHandle, error) {
	if err := p.FindObjectsInit(s, m.is()); err != nil {
		return 0, fmt.Errorf("cannot look for the key: %w", err)
	}
	found, _, err := p.FindObjects(s, 2)
	if err = errors.Join(err, p.FindObjectsFinal(s)); err != nil {
		return 0, fmt.Errorf("cannot look for the key: %w", err)
	}
	switch len(found) {
	case 0:
		return 0, errNoTokenKey
	case 1:
		return found[0], nil
	}
	return 0, errors.New("the token has more than one AES key of that label; choose another label")
}

func (m *token) generate(p *pkcs11.Ctx, s pkcs11.SessionHandle) error {
	_, err := p.GenerateKey(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_GEN, nil)}, append(m.is(),
		pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
		pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
		pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, true),
		pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, true),
	))
	if err != nil {
		return fmt.Errorf("cannot make the key: %w", err)
	}
	return nil
}

// Wrap seals a key inside the token (AES-256-GCM). The result is "token.", then
// nonce and ciphertext in hexadecimal.
func (m *token) Wrap(label string, key Value) (wrapped string, err error) {
	nonce := make([]byte, nonceLength)
	rand.Read(nonce)
	err = m.session(func(p *pkcs11.Ctx, s pkcs11.SessionHandle) error {
		handle, err := m.find(p, s)
		if err != nil {
			return err
		}
		gcm := pkcs11.NewGCMParams(nonce, []byte(label), tagBits)
		defer gcm.Free()
		if err := p.EncryptInit(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_GCM, gcm)}, handle); err != nil {
			return fmt.Errorf("cannot seal %q: %w", label, err)
		}
		text, err := p.Encrypt(s, key.bytes())
		if err != nil {
			return fmt.Errorf("cannot seal %q: %w", label, err)
		}
		if own := gcm.IV(); len(own) == nonceLength { // some tokens insist on a nonce of their own
			copy(nonce, own)
		}
		wrapped = "token." + hex.EncodeToString(append(nonce, text...))
		return nil
	})
	return wrapped, err
}

// Unwrap opens what Wrap made.
func (m *token) Unwrap(label, wrapped string) (key Value, err error) {
	text, ours := strings.CutPrefix(wrapped, "token.")
	raw, err := hex.DecodeString(text)
	if !ours || err != nil || len(raw) < nonceLength || hex.EncodeToString(raw) != text {
		return Value{}, fmt.Errorf("cannot open %q: %w", label, ErrSealed)
	}
	err = m.session(func(p *pkcs11.Ctx, s pkcs11.SessionHandle) error {
		handle, err := m.find(p, s)
		if err != nil {
			return err
		}
		gcm := pkcs11.NewGCMParams(raw[:nonceLength], []byte(label), tagBits)
		defer gcm.Free()
		if err := p.DecryptInit(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_GCM, gcm)}, handle); err != nil {
			return fmt.Errorf("cannot open %q: %w", label, err)
		}
		b, err := p.Decrypt(s, raw[nonceLength:])
		if err != nil { // tokens do not agree on the code for a tag that does not fit
			return fmt.Errorf("cannot open %q: %w (%w)", label, ErrSealed, err)
		}
		key = hold(b)
		return nil
	})
	return key, err
}
