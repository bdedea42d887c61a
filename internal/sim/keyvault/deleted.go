package keyvault

import (
	"net/http"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// deletedSide is what can be done with soft-deleted objects of one kind.
type deletedSide struct {
	list              func() (*answer, error)
	get, bring, purge func(name string) (*answer, error)
}

func (c *call) deleted(kind string) deletedSide {
	switch kind {
	case "secrets":
		return deletedOf(c, c.secrets, "Secret", c.deletedSecret, func(s *world.Secret) any { return c.secretBundle(s, newest(s.Versions)) })
	case "certificates":
		return deletedOf(c, c.certificates, "Certificate", c.deletedCertificate, func(s *world.Certificate) any { return c.certificateBundle(s, newest(s.Versions)) })
	}
	return deletedOf(c, c.keys, "Key", c.deletedKey, func(k *world.VaultKey) any { return c.keyBundle(k, newest(k.Versions)) })
}

func newest[V any](versions []V) V { return versions[len(versions)-1] }

// deletedOf builds the side from the shelf, the bundle of a deleted object (in a
// list or alone) and that of a recovered one.
func deletedOf[T any](c *call, side func() shelf[T], kind string, bundle func(o T, listed bool) (any, error), recovered func(T) any) deletedSide {
	return deletedSide{
		list: func() (a *answer, err error) {
			c.w.Read(func() {
				s := side()
				a, err = c.page(s.names(), func(key string) (any, bool) {
					o, has := s.gone[key]
					if !has || !s.shownDeleted(o) {
						return nil, false
					}
					b, failed := bundle(o, true)
					return b, failed == nil
				})
			})
			return a, err
		},
		get: func(name string) (a *answer, err error) {
			c.w.Read(func() {
				var o T
				if o, err = side().findDeleted(name); err != nil {
					return
				}
				var b any
				if b, err = bundle(o, false); err == nil {
					a = ok(b)
				}
			})
			return a, err
		},
		bring: func(name string) (a *answer, err error) {
			c.w.Change(func() {
				if err = c.notBacking(kind, name, "recover"); err != nil {
					return
				}
				s := side()
				var o T
				if o, err = s.bring(name); err != nil {
					return
				}
				c.follow(kind, name, func() { c.bringBacking(name) })
				c.record("recover"+kind, s.life(o).name, "")
				a = ok(recovered(o))
			})
			return a, err
		},
		purge: func(name string) (a *answer, err error) {
			c.w.Change(func() {
				if err = c.notBacking(kind, name, "purge"); err != nil {
					return
				}
				s := side()
				if _, err = s.settledDeleted(name, "purge"); err != nil {
					return
				}
				if c.seen.PurgeProtection {
					err = forbidden("ForbiddenByPolicy", "Operation \"purge\" is not allowed because purge protection is enabled for this vault. "+
						"Key Vault service will automatically purge it after the retention period has passed.")
					return
				}
				var o T
				if o, err = s.purge(name); err != nil {
					return
				}
				c.follow(kind, name, func() { c.purgeBacking(name) })
				c.record("purge"+kind, s.life(o).name, "")
				a = &answer{status: http.StatusNoContent}
			})
			return a, err
		},
	}
}

// notBacking refuses to touch the secret or key behind a certificate directly.
func (c *call) notBacking(kind, name, verb string) error {
	key := strings.ToLower(name)
	if s, has := c.seen.DeletedSecrets[key]; kind == "Secret" && has && s.Managed {
		return managed(verb)
	}
	if k, has := c.seen.DeletedKeys[key]; kind == "Key" && has && k.Managed {
		return managedKey(verb)
	}
	return nil
}

// follow does to the secret and the key behind a certificate what was done to it.
func (c *call) follow(kind, name string, do func()) {
	if kind == "Certificate" {
		do()
	}
}

func (c *call) bringBacking(name string) {
	_, _ = c.secrets().bring(name) // a certificate that was never finished has neither
	_, _ = c.keys().bring(name)
}

func (c *call) purgeBacking(name string) {
	_, _ = c.secrets().purge(name)
	_, _ = c.keys().purge(name)
}

func (c *call) removeBacking(name string) {
	_, _ = c.secrets().remove(name)
	_, _ = c.keys().remove(name)
}

func (c *call) deletedSecret(s *world.Secret, listed bool) (any, error) {
	v := newest(s.Versions)
	if !v.Enabled && !listed {
		return nil, forbidden("SecretDisabled", "Operation get is not allowed on a disabled secret.")
	}
	b := c.secretBundle(s, v)
	if listed {
		b = c.secretItem(s, v)
	}
	b.deletion = c.deletion("secrets", s.Name, s.Deleted)
	return b, nil
}

func (c *call) deleteSecret(name string) (a *answer, err error) {
	c.w.Change(func() {
		shelf := c.secrets()
		if s := shelf.live[strings.ToLower(name)]; s != nil && s.Managed {
			err = managed("delete")
			return
		}
		var s *world.Secret
		if s, err = shelf.remove(name); err != nil {
			return
		}
		v := newest(s.Versions)
		c.record("deleteSecret", s.Name, v.ID)
		b := c.secretBundle(s, v)
		b.deletion = c.deletion("secrets", s.Name, s.Deleted)
		a = ok(b)
	})
	return a, err
}
