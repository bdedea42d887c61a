package keyvault

import (
	"fmt"
	"net/http"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// secretBundle is a secret on the wire, in the order the service writes it.
type secretBundle struct {
	Value       *string `json:"value,omitempty"`
	ContentType string  `json:"contentType,omitempty"`
	ID          string  `json:"id"`
	Managed     bool    `json:"managed,omitempty"`
	*deletion
	Attributes attributes        `json:"attributes"`
	Tags       map[string]string `json:"tags,omitzero"`
	KID        string            `json:"kid,omitempty"`
}

func (c *call) secretBundle(s *world.Secret, v *world.SecretVersion) *secretBundle {
	b := &secretBundle{
		ID: c.base() + "/secrets/" + s.Name + "/" + v.ID, ContentType: v.ContentType, Managed: s.Managed, Tags: v.Tags,
		Attributes: c.attributes(v.Enabled, v.NotBefore, v.Expires, v.Created, v.Updated),
	}
	if s.Managed {
		b.KID = c.base() + "/keys/" + s.Name + "/" + v.ID
	}
	return b
}

// secretItem is a secret in a list: no version in the id of the newest one, no kid.
func (c *call) secretItem(s *world.Secret, v *world.SecretVersion) *secretBundle {
	b := c.secretBundle(s, v)
	b.ID, b.KID = c.base()+"/secrets/"+s.Name, ""
	return b
}

func (c *call) setSecret(name string) (*answer, error) {
	var body struct {
		Value       *string           `json:"value"`
		ContentType string            `json:"contentType"`
		Attributes  *wanted           `json:"attributes"`
		Tags        map[string]string `json:"tags"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	if body.Value == nil {
		return nil, badParameter("The property 'value' is required.")
	}
	if len(*body.Value) > largestValue {
		return nil, badParameter("Secret value is too long; at most 25600 bytes are allowed.")
	}
	if err := checkSaid(body.ContentType, body.Attributes, body.Tags); err != nil {
		return nil, err
	}
	value := *body.Value
	if c.strikes(world.Mangled) {
		value += "\n"
	}
	blocked := c.strikes(world.SoftDeleted)

	var b *secretBundle
	var err error
	c.w.Change(func() {
		shelf := c.secrets()
		if blocked {
			err = shelf.deletedButRecoverable(name)
			return
		}
		if err = shelf.writable(name); err != nil {
			return
		}
		s := shelf.live[strings.ToLower(name)]
		if s != nil && s.Managed {
			err = managed("set")
			return
		}
		v := &world.SecretVersion{ID: c.newID(), Value: value, ContentType: body.ContentType, Enabled: true, Created: shelf.now, Updated: shelf.now, Tags: body.Tags}
		body.Attributes.apply(&v.Enabled, &v.NotBefore, &v.Expires)
		c.w.Azure.PutSecret(c.vault, name, v)
		s = shelf.live[strings.ToLower(name)]
		c.record("setSecret", s.Name, v.ID)
		b = c.secretBundle(s, v)
		b.Value = &value
	})
	if err != nil {
		return nil, err
	}
	return ok(b), nil
}

func checkSaid(contentType string, a *wanted, tags map[string]string) error {
	if len(contentType) > 255 {
		return badParameter("Property contentType has invalid value")
	}
	if err := a.check(); err != nil {
		return err
	}
	return checkTags(tags)
}

func managed(verb string) error {
	return forbidden("SecretManagedByKeyVault", fmt.Sprintf("Operation %q is not allowed on this secret, since it is associated with a certificate. "+
		"Perform the operation on the corresponding certificate. For more information refer to "+
		"https://docs.microsoft.com/en-us/azure/key-vault/certificates/about-certificates#composition-of-a-certificate", verb))
}

// newID draws the id of a version. The caller holds Change.
func (c *call) newID() string { return strings.ReplaceAll(c.w.GUID(), "-", "") }

// secretVersion finds a version, the newest one when none is named. A stale
// vault does not know the newest yet.
func (c *call) secretVersion(name, id string, stale bool) (*world.Secret, *world.SecretVersion, error) {
	if err := checkVersionID(id); err != nil {
		return nil, nil, err
	}
	s, err := c.secrets().find(name)
	if err != nil {
		return nil, nil, err
	}
	known := known(s.Versions, stale)
	if id == "" && len(known) > 0 {
		return s, known[len(known)-1], nil
	}
	for _, v := range known {
		if strings.EqualFold(v.ID, id) {
			return s, v, nil
		}
	}
	return nil, nil, notFound("Secret", name+"/"+id)
}

// known are the versions a reader sees: all but the last one when the vault is
// stale and there is one before it.
func known[V any](versions []V, stale bool) []V {
	if stale && len(versions) > 1 {
		return versions[:len(versions)-1]
	}
	return versions
}

func (c *call) getSecret(name, id string) (*answer, error) {
	stale := c.strikes(world.StaleVault)
	var b *secretBundle
	var err error
	c.w.Change(func() {
		var s *world.Secret
		var v *world.SecretVersion
		if s, v, err = c.secretVersion(name, id, stale); err != nil {
			return
		}
		if !v.Enabled {
			err = forbidden("SecretDisabled", "Operation get is not allowed on a disabled secret.")
			return
		}
		c.record("getSecret", s.Name, v.ID)
		b = c.secretBundle(s, v)
		b.Value = new(v.Value)
	})
	if err != nil {
		return nil, err
	}
	return ok(b), nil
}

func (c *call) updateSecret(name, id string) (*answer, error) {
	var body struct {
		ContentType *string           `json:"contentType"`
		Attributes  *wanted           `json:"attributes"`
		Tags        map[string]string `json:"tags"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	var contentType string
	if body.ContentType != nil {
		contentType = *body.ContentType
	}
	if err := checkSaid(contentType, body.Attributes, body.Tags); err != nil {
		return nil, err
	}
	return c.changeSecret(name, id, "updateSecret", func(s *world.Secret, v *world.SecretVersion) error {
		if s.Managed {
			return managed("update")
		}
		body.Attributes.apply(&v.Enabled, &v.NotBefore, &v.Expires)
		if body.ContentType != nil {
			v.ContentType = contentType
		}
		if body.Tags != nil {
			v.Tags = body.Tags
		}
		v.Updated = now()
		return nil
	})
}

// changeSecret answers with the bundle without value, after fn.
func (c *call) changeSecret(name, id, what string, fn func(*world.Secret, *world.SecretVersion) error) (*answer, error) {
	var b *secretBundle
	var err error
	c.w.Change(func() {
		var s *world.Secret
		var v *world.SecretVersion
		if s, v, err = c.secretVersion(name, id, false); err != nil {
			return
		}
		if err = fn(s, v); err != nil {
			return
		}
		c.record(what, s.Name, v.ID)
		b = c.secretBundle(s, v)
	})
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, body: b}, nil
}
