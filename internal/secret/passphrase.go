package secret

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// stretch says how a master key is made of a passphrase: Argon2id with these
// costs. It is kept beside the keyring and is no secret.
type stretch struct {
	Time    uint32 `json:"time"`   // passes
	Memory  uint32 `json:"memory"` // KiB
	Threads uint8  `json:"threads"`
	Salt    string `json:"salt"` // hexadecimal
}

// The second of the two choices that RFC 9106, section 4, recommends.
const (
	stretchTime    = 3
	stretchMemory  = 64 << 10 // KiB
	stretchThreads = 4
	saltLength     = 16
)

// shortest is the least that a new passphrase may have. Nobody can guess fast
// against Argon2id, but everybody can guess short ones.
const shortest = 14

// check keeps a keyring from asking for all memory there is.
func (s *stretch) check() (salt []byte, err error) {
	if s == nil {
		return nil, fmt.Errorf("%w: it does not say how its passphrase is stretched", errDamaged)
	}
	salt, err = hex.DecodeString(s.Salt)
	if err != nil || len(salt) < saltLength || len(salt) > 64 ||
		s.Time < 1 || s.Time > 64 || s.Threads < 1 || s.Threads > 64 || s.Memory < 8*uint32(s.Threads) || s.Memory > 1<<20 {
		return nil, fmt.Errorf("%w: it asks for an impossible stretching of its passphrase", errDamaged)
	}
	return salt, nil
}

func (s *stretch) key(passphrase Value, salt []byte) (local, error) {
	return newLocal(hold(argon2.IDKey(passphrase.bytes(), salt, s.Time, s.Memory, s.Threads, 32)))
}

var errNoPassphrase = errors.New("the keyring is sealed under a passphrase, and there is none: set REKEY_MASTER_PASSPHRASE_FILE or REKEY_MASTER_PASSPHRASE, or run rekey in a terminal")

func (c Custody) openPassphrase(s *stretch) (Master, error) {
	salt, err := s.check() // before anybody is asked for anything
	if err != nil {
		return nil, err
	}
	if c.Passphrase == nil {
		return nil, errNoPassphrase
	}
	p, err := c.Passphrase(false)
	if err != nil {
		return nil, err
	}
	return s.key(p, salt)
}

func (c Custody) choosePassphrase() (Master, *stretch, error) {
	if c.Passphrase == nil {
		return nil, nil, errNoPassphrase
	}
	p, err := c.Passphrase(true)
	if err != nil {
		return nil, nil, err
	}
	if utf8.RuneCount(p.bytes()) < shortest {
		return nil, nil, fmt.Errorf("the passphrase is shorter than %d characters; four random words are easy to remember and long enough", shortest)
	}
	salt := make([]byte, saltLength)
	rand.Read(salt)
	s := &stretch{Time: stretchTime, Memory: stretchMemory, Threads: stretchThreads, Salt: hex.EncodeToString(salt)}
	m, err := s.key(p, salt)
	return m, s, err
}
