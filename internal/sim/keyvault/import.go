package keyvault

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"

	"software.sslmate.com/src/go-pkcs12"

	"rekey.example/rekey/internal/sim/world"
)

// importCertificate takes a certificate with its private key: PFX in base64, or
// PEM, as it is or in base64.
func (c *call) importCertificate(name string) (*answer, error) {
	var body struct {
		Value      string            `json:"value"`
		Password   string            `json:"pwd"`
		Policy     map[string]any    `json:"policy"`
		Attributes *wanted           `json:"attributes"`
		Tags       map[string]string `json:"tags"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	if err := checkSaid("", body.Attributes, body.Tags); err != nil {
		return nil, err
	}
	made, err := readImport(body.Value, body.Password, body.Policy)
	if err != nil {
		return nil, err
	}
	if c.strikes(world.SoftDeleted) {
		return nil, c.certificates().deletedButRecoverable(name)
	}
	made.Tags = body.Tags
	made.Enabled = body.Attributes.enabled(true)
	var b *certificateBundle
	c.w.Change(func() {
		if err = c.creatable(name); err != nil {
			return
		}
		made.ID, made.Created, made.Updated = c.newID(), now(), now()
		if err = c.w.Azure.PutCertificate(c.vault, name, made); err != nil {
			return
		}
		s := c.seen.Certificates[strings.ToLower(name)]
		if body.Policy != nil {
			s.Policy = body.Policy
		}
		c.record("importCertificate", s.Name, made.ID)
		b = c.certificateBundle(s, made)
	})
	if err != nil {
		return nil, err
	}
	return ok(b), nil
}

// readImport unpacks the value and packs it again without a password.
func readImport(value, password string, policy map[string]any) (*world.CertificateVersion, error) {
	content := []byte(value)
	if !isPEM(content) {
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
		if err != nil {
			return nil, badContent()
		}
		content = decoded
	}
	read, contentType := readPFX, pfxType
	if isPEM(content) {
		read, contentType = readPEM, pemType
	}
	key, leaf, chain, err := read(content, password)
	if err != nil {
		return nil, err
	}
	if !samePublic(key.Public(), leaf.PublicKey) {
		return nil, badParameter("The public key of the end-entity certificate in the specified X.509 certificate content does not match the public part of the specified private key.")
	}
	if policy != nil {
		p, err := readPolicy(policy)
		if err != nil {
			return nil, err
		}
		if _, said := policy["secret_props"]; said {
			contentType = p.Secret.ContentType
		}
	}
	return version(leaf.Raw, key, chain, contentType)
}

func isPEM(content []byte) bool { return bytes.Contains(content, []byte("-----BEGIN ")) }

func badContent() error {
	return badParameter("The specified X.509 certificate content can not be read. Please check if the certificate is in valid PEM or PKCS#12 format.")
}

func readPFX(content []byte, password string) (crypto.Signer, *x509.Certificate, []*x509.Certificate, error) {
	key, leaf, chain, err := pkcs12.DecodeChain(content, password)
	if err != nil {
		if err == pkcs12.ErrIncorrectPassword {
			return nil, nil, nil, badParameter("The specified PKCS#12 X.509 certificate content can not be read with the specified password.")
		}
		return nil, nil, nil, badContent()
	}
	signer, can := key.(crypto.Signer)
	if !can {
		return nil, nil, nil, badContent()
	}
	return signer, leaf, chain, nil
}

func readPEM(content []byte, _ string) (key crypto.Signer, leaf *x509.Certificate, chain []*x509.Certificate, err error) {
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			cert, bad := x509.ParseCertificate(block.Bytes)
			if bad != nil {
				return nil, nil, nil, badContent()
			}
			if leaf == nil {
				leaf = cert
			} else {
				chain = append(chain, cert)
			}
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
			if key = readKey(block.Bytes); key == nil {
				return nil, nil, nil, badContent()
			}
		}
	}
	if leaf == nil || key == nil {
		return nil, nil, nil, badContent()
	}
	return key, leaf, chain, nil
}

// readKey reads a private key in any of its forms, or returns nil.
func readKey(der []byte) crypto.Signer {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		signer, _ := key.(crypto.Signer)
		return signer
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key
	}
	return nil
}
