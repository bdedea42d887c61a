package keyvault

import (
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// certificateBundle is a certificate on the wire.
type certificateBundle struct {
	ID          string `json:"id"`
	KID         string `json:"kid,omitempty"`
	SID         string `json:"sid,omitempty"`
	Thumbprint  string `json:"x5t,omitempty"`
	DER         []byte `json:"cer,omitempty"`
	ContentType string `json:"contentType,omitempty"`
	*deletion
	Attributes attributes        `json:"attributes"`
	Tags       map[string]string `json:"tags,omitzero"`
	Policy     map[string]any    `json:"policy,omitempty"`
	Pending    *pendingLink      `json:"pending,omitempty"`
	Subject    string            `json:"subject,omitempty"` // lists only
}

type pendingLink struct {
	ID string `json:"id"`
}

func (c *call) certificateBundle(s *world.Certificate, v *world.CertificateVersion) *certificateBundle {
	b := c.certificateItem(s, v)
	b.ID += "/" + v.ID
	b.KID, b.SID = c.base()+"/keys/"+s.Name+"/"+v.ID, c.base()+"/secrets/"+s.Name+"/"+v.ID
	b.DER, b.ContentType, b.Subject = v.DER, "", ""
	b.Policy = c.policyOf(s)
	if s.Pending != nil {
		b.Pending = &pendingLink{c.base() + "/certificates/" + s.Name + "/pending"}
	}
	return b
}

func (c *call) certificateItem(s *world.Certificate, v *world.CertificateVersion) *certificateBundle {
	sum := sha1.Sum(v.DER)
	return &certificateBundle{
		ID: c.base() + "/certificates/" + s.Name, Thumbprint: base64.RawURLEncoding.EncodeToString(sum[:]), Subject: v.Subject, Tags: v.Tags,
		Attributes: c.attributes(v.Enabled, v.NotBefore, v.Expires, v.Created, v.Updated),
	}
}

// findCertificate finds one that has a version.
func (c *call) findCertificate(name string) (*world.Certificate, error) {
	s, err := c.certificates().find(name)
	if err == nil && len(s.Versions) == 0 {
		err = notFound("Certificate", name)
	}
	return s, err
}

// certificateVersion finds a version, the newest one when none is named. A stale
// vault does not know the newest yet.
func (c *call) certificateVersion(name, id string, stale bool) (*world.Certificate, *world.CertificateVersion, error) {
	if err := checkVersionID(id); err != nil {
		return nil, nil, err
	}
	s, err := c.findCertificate(name)
	if err != nil {
		return nil, nil, err
	}
	known := known(s.Versions, stale)
	if id == "" {
		return s, newest(known), nil
	}
	for _, v := range known {
		if strings.EqualFold(v.ID, id) {
			return s, v, nil
		}
	}
	return nil, nil, notFound("Certificate", name+"/"+id)
}

func (c *call) getCertificate(name, id string) (a *answer, err error) {
	stale := c.strikes(world.StaleVault)
	c.w.Change(func() {
		var s *world.Certificate
		var v *world.CertificateVersion
		if s, v, err = c.certificateVersion(name, id, stale); err == nil {
			c.record("getCertificate", s.Name, v.ID)
			a = ok(c.certificateBundle(s, v))
		}
	})
	return a, err
}

func (c *call) listCertificates() (a *answer, err error) {
	pending := strings.EqualFold(c.r.URL.Query().Get("includePending"), "true")
	c.w.Read(func() {
		shelf := c.certificates()
		a, err = c.page(shelf.names(), func(key string) (any, bool) {
			s, has := shelf.live[key]
			switch {
			case !has || !shelf.shown(s):
				return nil, false
			case len(s.Versions) > 0:
				return c.certificateItem(s, newest(s.Versions)), true
			}
			return &certificateBundle{
				ID:         c.base() + "/certificates/" + s.Name,
				Attributes: c.attributes(false, fromUnix(0), fromUnix(0), s.Pending.Started, s.Pending.Started),
			}, pending
		})
	})
	return a, err
}

// noContacts answers for the contacts, which nobody can set here.
func (c *call) noContacts() (*answer, error) {
	return nil, &failure{status: http.StatusNotFound, code: "ContactsNotFound", message: "Contacts not found"}
}

func (c *call) listCertificateVersions(name string) (a *answer, err error) {
	c.w.Read(func() {
		var s *world.Certificate
		if s, err = c.findCertificate(name); err != nil {
			return
		}
		a, err = c.page(positions(len(s.Versions)), func(key string) (any, bool) {
			v := s.Versions[position(key)]
			item := c.certificateItem(s, v)
			item.ID += "/" + v.ID
			return item, true
		})
	})
	return a, err
}

// updateCertificate changes a version, and with it the secret and the key behind it.
func (c *call) updateCertificate(name, id string) (*answer, error) {
	var body struct {
		Attributes *wanted           `json:"attributes"`
		Tags       map[string]string `json:"tags"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	if err := checkSaid("", body.Attributes, body.Tags); err != nil {
		return nil, err
	}
	var a *answer
	var err error
	c.w.Change(func() {
		var s *world.Certificate
		var v *world.CertificateVersion
		if s, v, err = c.certificateVersion(name, id, false); err != nil {
			return
		}
		v.Enabled = body.Attributes.enabled(v.Enabled)
		if body.Tags != nil {
			v.Tags = body.Tags
		}
		v.Updated = now()
		c.mirror(s.Name, v)
		c.record("updateCertificate", s.Name, v.ID)
		a = ok(c.certificateBundle(s, v))
	})
	return a, err
}

// mirror makes the secret and the key of a certificate version say what it says.
func (c *call) mirror(name string, v *world.CertificateVersion) {
	if s := c.seen.Secrets[strings.ToLower(name)]; s != nil {
		for _, sv := range s.Versions {
			if sv.ID == v.ID {
				sv.Enabled, sv.Tags, sv.Updated = v.Enabled, v.Tags, v.Updated
			}
		}
	}
	if k := c.seen.Keys[strings.ToLower(name)]; k != nil {
		for _, kv := range k.Versions {
			if kv.ID == v.ID {
				kv.Enabled, kv.Tags, kv.Updated = v.Enabled, v.Tags, v.Updated
			}
		}
	}
}

func (c *call) deletedCertificate(s *world.Certificate, listed bool) (any, error) {
	b := c.certificateBundle(s, newest(s.Versions))
	if listed {
		b = c.certificateItem(s, newest(s.Versions))
	}
	b.deletion = c.deletion("certificates", s.Name, s.Deleted)
	return b, nil
}

func (c *call) deleteCertificate(name string) (a *answer, err error) {
	c.w.Change(func() {
		if _, err = c.findCertificate(name); err != nil {
			return
		}
		var s *world.Certificate
		if s, err = c.certificates().remove(name); err != nil {
			return
		}
		c.removeBacking(name)
		c.record("deleteCertificate", s.Name, "")
		b, _ := c.deletedCertificate(s, false)
		a = ok(b)
	})
	return a, err
}
