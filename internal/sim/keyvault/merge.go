package keyvault

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"net/http"

	"rekey.example/rekey/internal/sim/world"
)

// mergeCertificate takes the certificate somebody else has signed.
func (c *call) mergeCertificate(name string) (*answer, error) {
	var body struct {
		Chain []string          `json:"x5c"`
		Tags  map[string]string `json:"tags"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	chain, err := readChain(body.Chain)
	if err != nil {
		return nil, err
	}
	var a *answer
	c.w.Change(func() {
		var s *world.Certificate
		if s, err = c.pending(name); err != nil {
			return
		}
		if s.Pending.Done || s.Pending.Canceled {
			err = badParameter("The certificate operation is not in progress.")
			return
		}
		if !samePublic(s.Pending.Key.Public(), chain[0].PublicKey) {
			err = badParameter("The public key of the end-entity certificate in the specified X.509 certificate content does not match the public part of the specified private key.")
			return
		}
		p, bad := readPolicy(s.Policy)
		if bad != nil {
			err = bad
			return
		}
		made, bad := version(chain[0].Raw, s.Pending.Key, chain[1:], p.Secret.ContentType)
		if bad != nil {
			err = bad
			return
		}
		made.Tags = body.Tags
		if err = c.finish(s, made); err != nil {
			return
		}
		c.record("mergeCertificate", s.Name, made.ID)
		a = &answer{status: http.StatusCreated, body: c.certificateBundle(s, made)}
	})
	return a, err
}

func readChain(encoded []string) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for _, text := range encoded {
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, badParameter("Property x5c has invalid value")
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, badParameter("Property x5c has invalid value")
		}
		chain = append(chain, cert)
	}
	if len(chain) == 0 {
		return nil, badParameter("Property x5c is required.")
	}
	return chain, nil
}

// samePublic compares two public keys.
func samePublic(a, b any) bool {
	same, can := a.(interface{ Equal(x crypto.PublicKey) bool })
	return can && same.Equal(b)
}
