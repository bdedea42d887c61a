package keyvault

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// keyBundle is a key on the wire: only its public half.
type keyBundle struct {
	Key *jsonWebKey `json:"key,omitempty"`
	KID string      `json:"kid,omitempty"` // lists only
	*deletion
	Attributes attributes        `json:"attributes"`
	Tags       map[string]string `json:"tags,omitzero"`
	Managed    bool              `json:"managed,omitempty"`
}

type jsonWebKey struct {
	KID        string   `json:"kid"`
	Type       string   `json:"kty"`
	Operations []string `json:"key_ops"`
	N          string   `json:"n,omitempty"`
	E          string   `json:"e,omitempty"`
	Curve      string   `json:"crv,omitempty"`
	X          string   `json:"x,omitempty"`
	Y          string   `json:"y,omitempty"`
}

func (c *call) keyBundle(k *world.VaultKey, v *world.KeyVersion) *keyBundle {
	jwk := &jsonWebKey{KID: c.base() + "/keys/" + k.Name + "/" + v.ID, Type: v.Type, Operations: v.Operations}
	switch public := v.Public.(type) {
	case *rsa.PublicKey:
		jwk.N, jwk.E = b64(public.N.Bytes()), b64(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		jwk.Curve = public.Params().Name
		if point, err := public.Bytes(); err == nil { // 4, X, Y
			half := (len(point) - 1) / 2
			jwk.X, jwk.Y = b64(point[1:1+half]), b64(point[1+half:])
		}
	}
	b := &keyBundle{Key: jwk, Tags: v.Tags, Managed: k.Managed, Attributes: c.attributes(v.Enabled, v.NotBefore, v.Expires, v.Created, v.Updated)}
	b.Attributes.Exportable = new(false)
	return b
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// keyItem is a key in a list, with the version in its id or without.
func (c *call) keyItem(k *world.VaultKey, v *world.KeyVersion, version bool) *keyBundle {
	b := c.keyBundle(k, v)
	b.KID, b.Key = c.base()+"/keys/"+k.Name, nil
	if version {
		b.KID += "/" + v.ID
	}
	return b
}

func (c *call) listKeys() (a *answer, err error) {
	c.w.Read(func() {
		shelf := c.keys()
		a, err = c.page(shelf.names(), func(key string) (any, bool) {
			k, has := shelf.live[key]
			if !has || !shelf.shown(k) {
				return nil, false
			}
			return c.keyItem(k, newest(k.Versions), false), true
		})
	})
	return a, err
}

func (c *call) listKeyVersions(name string) (a *answer, err error) {
	c.w.Read(func() {
		var k *world.VaultKey
		if k, err = c.keys().find(name); err != nil {
			return
		}
		a, err = c.page(positions(len(k.Versions)), func(key string) (any, bool) {
			return c.keyItem(k, k.Versions[position(key)], true), true
		})
	})
	return a, err
}

func (c *call) getKey(name, id string) (a *answer, err error) {
	if err := checkVersionID(id); err != nil {
		return nil, err
	}
	c.w.Read(func() {
		var k *world.VaultKey
		if k, err = c.keys().find(name); err != nil {
			return
		}
		for i := len(k.Versions) - 1; i >= 0; i-- {
			if v := k.Versions[i]; id == "" || strings.EqualFold(v.ID, id) {
				a = ok(c.keyBundle(k, v))
				return
			}
		}
		err = notFound("Key", name+"/"+id)
	})
	return a, err
}

func (c *call) createKey(name string) (*answer, error) {
	var body struct {
		Type       string            `json:"kty"`
		Size       int               `json:"key_size"`
		Curve      string            `json:"crv"`
		Operations []string          `json:"key_ops"`
		Attributes *wanted           `json:"attributes"`
		Tags       map[string]string `json:"tags"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	if err := checkSaid("", body.Attributes, body.Tags); err != nil {
		return nil, err
	}
	if body.Size == 0 {
		body.Size = 2048
	}
	if body.Curve == "" {
		body.Curve = "P-256"
	}
	made, err := newKey(body.Type, body.Size, body.Curve)
	if err != nil {
		return nil, err
	}
	if body.Operations == nil {
		body.Operations = usualOperations(body.Type)
	}
	var b *keyBundle
	c.w.Change(func() {
		if err = c.keys().writable(name); err != nil {
			return
		}
		k := c.seen.Keys[strings.ToLower(name)]
		if k != nil && k.Managed {
			err = managedKey("create")
			return
		}
		if k == nil {
			k = &world.VaultKey{Name: name}
			c.seen.Keys[strings.ToLower(name)] = k
		}
		v := &world.KeyVersion{ID: c.newID(), Public: made.Public(), Type: body.Type, Operations: body.Operations, Enabled: true, Created: now(), Updated: now(), Tags: body.Tags}
		body.Attributes.apply(&v.Enabled, &v.NotBefore, &v.Expires)
		k.Versions = append(k.Versions, v)
		c.record("createKey", k.Name, v.ID)
		b = c.keyBundle(k, v)
	})
	if err != nil {
		return nil, err
	}
	return ok(b), nil
}

func usualOperations(kty string) []string {
	if strings.HasPrefix(kty, "EC") {
		return []string{"sign", "verify"}
	}
	return []string{"encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"}
}

func managedKey(verb string) error {
	return forbidden("KeyManagedByKeyVault", fmt.Sprintf("Operation %q is not allowed on this key, since it is associated with a certificate. "+
		"Perform the operation on the corresponding certificate.", verb))
}

func (c *call) deletedKey(k *world.VaultKey, listed bool) (any, error) {
	b := c.keyBundle(k, newest(k.Versions))
	if listed {
		b = c.keyItem(k, newest(k.Versions), false)
	}
	b.deletion = c.deletion("keys", k.Name, k.Deleted)
	return b, nil
}

func (c *call) deleteKey(name string) (a *answer, err error) {
	c.w.Change(func() {
		if k := c.seen.Keys[strings.ToLower(name)]; k != nil && k.Managed {
			err = managedKey("delete")
			return
		}
		var k *world.VaultKey
		if k, err = c.keys().remove(name); err != nil {
			return
		}
		c.record("deleteKey", k.Name, "")
		b, _ := c.deletedKey(k, false)
		a = ok(b)
	})
	return a, err
}
