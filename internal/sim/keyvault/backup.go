package keyvault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// sealer locks backup blobs, so that they are opaque to clients. Any vault of
// the subscription can open them, also after the simulator was started again.
func (c *call) sealer() cipher.AEAD {
	key := sha256.Sum256([]byte("backup blobs of subscription " + c.w.Tenant.SubscriptionID))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return seal
}

// blob is the one field of both directions.
type blob struct {
	Value string `json:"value"`
}

func (c *call) backupSecret(name string) (*answer, error) {
	var text []byte
	var err error
	c.w.Change(func() {
		var s *world.Secret
		if s, err = c.secrets().find(name); err != nil {
			return
		}
		if s.Managed {
			err = managed("backup")
			return
		}
		if len(s.Versions) > 500 {
			err = badParameter("The secret has more than 500 versions and cannot be backed up.")
			return
		}
		c.record("backupSecret", s.Name, "")
		text, err = json.Marshal(s)
	})
	if err != nil {
		return nil, err
	}
	sealed := c.sealer().Seal(nil, nil, text, nil)
	clear(text)
	return ok(blob{base64.RawURLEncoding.EncodeToString(sealed)}), nil
}

func (c *call) restoreSecret() (*answer, error) {
	var body blob
	if err := c.read(&body); err != nil {
		return nil, err
	}
	s, err := c.unseal(body.Value)
	if err != nil {
		return nil, err
	}
	var b *secretBundle
	c.w.Change(func() {
		shelf := c.secrets()
		if err = shelf.writable(s.Name); err != nil {
			return
		}
		if _, has := shelf.live[strings.ToLower(s.Name)]; has {
			err = conflict("", "A secret with (name/id) "+s.Name+" already exists.")
			return
		}
		shelf.live[strings.ToLower(s.Name)] = s
		c.record("restoreSecret", s.Name, "")
		b = c.secretBundle(s, newest(s.Versions))
	})
	if err != nil {
		return nil, err
	}
	return ok(b), nil
}

func (c *call) unseal(value string) (*world.Secret, error) {
	bad := badParameter("The backup blob is not valid for this vault.")
	sealed, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(value, "="))
	if err != nil {
		return nil, bad
	}
	text, err := c.sealer().Open(nil, nil, sealed, nil)
	if err != nil {
		return nil, bad
	}
	var s world.Secret
	if json.Unmarshal(text, &s) != nil || len(s.Versions) == 0 {
		return nil, bad
	}
	return &s, nil
}
